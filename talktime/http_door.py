"""The door for people and programs: HTTP, alone in its process or beside the others."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from threading import Event

import structlog
from prometheus_client import CollectorRegistry

from adapters.agi.server import FastAgiServer
from adapters.http.app import create_app
from adapters.http.book_work import BookAnswers
from adapters.http.keys import ApiKey, ApiKeys, Scope
from adapters.http.metrics import Reading, number, register
from adapters.http.server import HttpServer
from adapters.http.services import HttpServices
from adapters.http.work import STILL_HERE_SECONDS, Work
from adapters.persistence.kept_tasks import StoredTasks
from talktime.listening import listening
from talktime.repeating import Repeated
from talktime.system import System

_log = structlog.get_logger("talktime.serve")


@contextmanager
def http_bound(system: System, services: HttpServices) -> Iterator[HttpServer]:
    """The HTTP server with its address taken, and its work behind the door; ``start`` it.

    Raises SettingsError.
    """
    settings = system.settings.http
    with ExitStack() as stack:
        with listening("http", settings):
            http = HttpServer(
                create_app(services),
                settings.host,
                settings.port,
                trusted_proxies=settings.trusted_proxies,
            )
        stack.callback(http.stop)
        # Two, so that a change of some cards does not wait until a million others are made.
        stack.enter_context(work_done(services.work, threads=2))
        yield http


@contextmanager
def work_done(work: Work, *, threads: int) -> Iterator[None]:
    """What is asked for behind the door is done for as long as this is open."""
    with ExitStack() as stack:
        workers = [
            Repeated("work", lambda: work.run_next(None), lambda: None) for _ in range(threads)
        ]
        for worker in workers:
            stack.callback(worker.stop, work.stop)
        # All before one is waited for: once the work has stopped, it lets nobody wait for more.
        for worker in workers:
            stack.callback(worker.end)
        ended = Event()
        here = Repeated("work, alive", work.still_here, lambda: ended.wait(STILL_HERE_SECONDS))
        stack.callback(here.stop, ended.set)
        yield


@contextmanager
def requests_answered(system: System) -> Iterator[HttpServer]:
    """Everything that ``talktime http`` runs."""
    with http_bound(system, http_services(system)) as http:
        start(http)
        yield http


def start(http: HttpServer) -> None:
    http.start()
    _log.info("http_listening", host=http.host, port=http.port)


def http_services(system: System, agi: FastAgiServer | None = None) -> HttpServices:
    """``agi``: the server of calls of the same process, whose numbers are told as well."""
    registry = CollectorRegistry()
    if agi is not None:
        _measure(registry, agi)
    keys = [
        ApiKey(key.name, key.sha256, [Scope(scope) for scope in key.scopes])
        for key in system.settings.http.keys
    ]
    return HttpServices(
        administration=system.administration,
        settlement=system.settlement,
        views=system.views,
        directory=system.staffing.trail,
        open_attempts=system.views,
        people=system.staffing.people,
        machine_keys=system.staffing.machine_keys,
        signing_in=system.staffing.signing_in,
        audit=system.staffing.audit,
        trail=system.staffing.trail,
        own_cards=system.staffing.own_cards,
        reports=system.reports,
        access_numbers=system.access_numbers,
        tariffs=system.tariffs,
        price_explanations=system.price_explanations,
        routing=system.routing,
        route_views=system.route_views,
        route_previews=system.route_previews,
        clock=system.clock,
        keys=ApiKeys(keys),
        ready=system.check_ledger,
        checkpoints=system.seals,
        persons=system.persons_desk,
        business=system.business,
        work=Work(StoredTasks(system.recorder)),
        correcting=system.correcting,
        explanations=system.explanations,
        histories=system.histories,
        books=BookAnswers(system.asked_books, system.clock),
        registry=registry,
    )


def _measure(registry: CollectorRegistry, agi: FastAgiServer) -> None:
    register(
        registry,
        Reading("talktime_calls_active", "Calls up.", number(lambda: agi.calls_active)),
        Reading("talktime_calls", "Calls.", number(lambda: agi.calls_total), kind="counter"),
        Reading(
            "talktime_calls_refused",
            "Calls refused: too many, not allowed, or unknown.",
            number(lambda: agi.calls_refused),
            kind="counter",
        ),
        Reading(
            "talktime_calls_failed",
            "Calls that ended by a fault.",
            number(lambda: agi.calls_failed),
            kind="counter",
        ),
    )
