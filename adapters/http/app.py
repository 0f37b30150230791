"""The HTTP door: health and numbers for machines, the resources for people and programs."""

from __future__ import annotations

from functools import cache

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from adapters.http import (
    access_numbers,
    accounts,
    adjustments,
    approvals,
    as_of,
    audit,
    books,
    calls,
    card_changes,
    card_imports,
    cards,
    checkpoints,
    corrections,
    distributors,
    explanations,
    groups,
    legs,
    lot_contents,
    lot_exports,
    lots,
    machine_keys,
    people,
    persons,
    prices,
    problems,
    providers,
    publications,
    rate_sheets,
    rate_work,
    reports,
    sessions,
    tariffs,
    trunks,
)
from adapters.http import routes as routes_
from adapters.http.asking import Answer, answer_of
from adapters.http.docs_page import PAGES, page
from adapters.http.files import Slots
from adapters.http.health import Readiness, live, metrics
from adapters.http.metrics import HttpMetrics
from adapters.http.observed import Observed, notes_of, response_of
from adapters.http.openapi import document
from adapters.http.operations import Routes
from adapters.http.pages.frame import mount
from adapters.http.problems import Problem, asked_wrongly
from adapters.http.refusals import KINDS
from adapters.http.resources import Endpoint, Guarded, Pool, Resource
from adapters.http.services import HttpServices
from adapters.http.wire import encode

TOPICS = (
    accounts,
    cards,
    calls,
    groups,
    lots,
    lot_contents,
    lot_exports,
    card_changes,
    card_imports,
    adjustments,
    corrections,
    distributors,
    approvals,
    access_numbers,
    tariffs,
    rate_sheets,
    publications,
    rate_work,
    prices,
    providers,
    trunks,
    routes_,
    legs,
    sessions,
    people,
    persons,
    machine_keys,
    audit,
    reports,
    checkpoints,
    explanations,
    as_of,
    books,
)
"""The resources, each a module with its ``ROUTES``, in the order of the OpenAPI document."""

_MOST_WAITING_FOR_PASSWORDS = 32


def routes() -> Routes:
    """Every operation behind a permission, by path and method."""
    return {path: methods for topic in TOPICS for path, methods in topic.ROUTES.items()}


def create_app(services: HttpServices) -> Starlette:
    """The whole door. It registers what it measures in the services' registry, once."""
    pool = Pool(services.workers, services.most_waiting)
    passwords = Pool(services.password_workers, _MOST_WAITING_FOR_PASSWORDS)
    uploads = Slots()
    # Their own thread, so that a busy door can still be looked at.
    numbers = Pool(1, 8)
    open_to_all: dict[str, Endpoint] = {
        "/health/live": live,
        "/health/ready": Readiness(services.ready, services.ready_seconds),
        "/metrics": metrics(services.registry, numbers),
        "/problems/{slug}": _explained,
        "/openapi.json": _described(),
        **{path: page(name) for path, name in PAGES.items()},
    }
    resources = [
        *(Resource(path, {"GET": endpoint}) for path, endpoint in open_to_all.items()),
        *(
            Resource(
                path,
                {
                    name: Guarded(services, pool, passwords, operation, uploads)
                    for name, operation in operations.items()
                },
            )
            for path, operations in routes().items()
        ),
    ]
    app = Starlette(
        routes=[Route(each.path, each, name=each.path) for each in resources],
        middleware=[Middleware(Observed, metrics=HttpMetrics(services.registry))],
        exception_handlers={HTTPException: _nothing_here},
    )
    # A path with a slash too many is another path: no redirect ever carries an API key along.
    app.router.redirect_slashes = False
    mount(app, services, routes(), pool, passwords)
    return app


@cache
def _described() -> Endpoint:
    """The document follows from the code alone, so it is the same for every door."""
    content = encode(document(routes()))

    async def described(_: Request) -> Answer:
        return Answer(content)

    return described


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
