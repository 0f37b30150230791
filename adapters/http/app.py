"""The HTTP door: health and numbers for machines, the first resources for operators."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from adapters.http import accounts, calls, cards, legs, problems
from adapters.http.asking import MOST_BODY, Action, Answer, Handler, answer_of
from adapters.http.health import Readiness, live, metrics
from adapters.http.keys import Scope
from adapters.http.metrics import HttpMetrics
from adapters.http.observed import Observed, notes_of, response_of
from adapters.http.problems import KINDS, Problem, asked_wrongly
from adapters.http.resources import Endpoint, Guarded, Pool, Resource
from adapters.http.services import HttpServices


def _look(handler: Handler) -> Action:
    return Action(handler, Scope.READ)


def _change(handler: Handler) -> Action:
    return Action(handler, Scope.ADMIN, MOST_BODY)


RESOURCES: Mapping[str, Mapping[str, Action]] = {
    "/v1/accounts": {"GET": _look(accounts.listed)},
    "/v1/accounts/{id}": {"GET": _look(accounts.one)},
    "/v1/accounts/{id}/events": {"GET": _look(accounts.events)},
    "/v1/cards": {"GET": _look(cards.listed), "POST": _change(cards.generate)},
    "/v1/cards/{id}": {"GET": _look(cards.one)},
    "/v1/cards/{id}/events": {"GET": _look(cards.events)},
    "/v1/cards/{id}/status": {"POST": _change(cards.change_status)},
    "/v1/cards/{id}/top-ups": {"POST": _change(cards.top_up)},
    "/v1/calls": {"GET": _look(calls.listed)},
    "/v1/calls/{id}": {"GET": _look(calls.one)},
    "/v1/calls/{id}/attempts": {"GET": _look(calls.attempts)},
    "/v1/calls/{id}/events": {"GET": _look(calls.events)},
    "/v1/legs": {"POST": Action(legs.record, Scope.NODE, legs.MOST_BATCH)},
    "/v1/nodes/{node}/open-attempts": {"GET": Action(legs.open_attempts, Scope.NODE)},
}


def create_app(services: HttpServices) -> Starlette:
    """The whole door. It registers what it measures in the services' registry, once."""
    pool = Pool(services.workers, services.most_waiting)
    # Their own thread, so that a busy door can still be looked at.
    numbers = Pool(1, 8)
    open_to_all: dict[str, Endpoint] = {
        "/health/live": live,
        "/health/ready": Readiness(services.ready, services.ready_seconds),
        "/metrics": metrics(services.registry, numbers),
        "/problems/{slug}": _explained,
    }
    resources = [
        *(Resource(path, {"GET": endpoint}) for path, endpoint in open_to_all.items()),
        *(
            Resource(
                path,
                {name: Guarded(services, pool, action) for name, action in actions.items()},
            )
            for path, actions in RESOURCES.items()
        ),
    ]
    app = Starlette(
        routes=[Route(each.path, each, name=each.path) for each in resources],
        middleware=[Middleware(Observed, metrics=HttpMetrics(services.registry))],
        exception_handlers={HTTPException: _nothing_here},
    )
    # A path with a slash too many is another path: no redirect ever carries an API key along.
    app.router.redirect_slashes = False
    return app


async def _explained(request: Request) -> Answer:
    """What the type of a problem stands for."""
    slug = request.path_params["slug"]
    if (kind := KINDS.get(slug)) is None:
        raise asked_wrongly(problems.NO_RESOURCE, f"there is no problem called {slug[:80]!r}")
    return Answer({"type": kind.type, "title": kind.title, "status": kind.status})


async def _nothing_here(request: Request, _: Exception) -> Response:
    detail = f"there is nothing at {request.url.path[:200]!r}"
    notes = notes_of(request.scope)
    return response_of(answer_of(Problem(problems.NO_RESOURCE, detail), notes.request_id))
