"""The server: calls and requests are answered, read models follow, what is overdue is settled."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

import structlog
from prometheus_client import CollectorRegistry

from adapters.agi.server import FastAgiServer
from adapters.http.app import create_app
from adapters.http.keys import ApiKey, ApiKeys, Scope
from adapters.http.lots import resume_all
from adapters.http.metrics import Reading, number, register
from adapters.http.server import HttpServer
from adapters.http.services import HttpServices
from adapters.sealing.webhook import CheckpointWebhook
from application.node_reports import DirectReports
from application.ports import ConcurrencyConflict, LedgerUnavailable
from talktime import node
from talktime.sealing import sealing
from talktime.settings import Agi, Http, SettingsError
from talktime.system import System

FOLLOW_SECONDS = 0.05
"""How often the log is looked at for facts that another process recorded."""

SWEEP_SECONDS = 60.0

FEES_SECONDS = 3600.0
"""How often daily fees and expiries are looked after: a day may begin at any hour, in some zone."""

_log = structlog.get_logger("talktime.serve")


class Repeated:
    """A thread that does something again and again until it is stopped, whatever goes wrong."""

    def __init__(self, name: str, work: Callable[[], object], pause: Callable[[], object]) -> None:
        self._work = work
        self._pause = pause
        self._stop = threading.Event()
        self._failing = False
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def stop(self, wake: Callable[[], None]) -> None:
        self._stop.set()
        wake()
        self._thread.join(30)

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self._work()
                self._failing = False
            except Exception as fault:
                # Told once, not at every try while a database is away.
                if not self._failing:
                    known = isinstance(fault, LedgerUnavailable | ConcurrencyConflict)
                    _log.error(
                        "work_failed",
                        work=self._thread.name,
                        fault=str(fault),
                        exc_info=None if known else fault,
                    )
                self._failing = True
                self._stop.wait(1.0)
            self._pause()


@contextmanager
def servers(system: System) -> Iterator[tuple[FastAgiServer, HttpServer]]:
    """Everything that ``talktime serve`` runs, started, and stopped at the end."""
    settings = system.settings
    with ExitStack() as stack:
        with _listening("agi", settings.agi):
            agi = FastAgiServer(
                (settings.agi.host, settings.agi.port),
                {"card": system.answer},
                most_calls=settings.agi.most_calls,
                allow=settings.agi.allow,
            )
        # Its socket is bound already, and must not stay so when something below fails.
        stack.callback(agi.stop, 0.0)
        services = http_services(system, agi)
        with _listening("http", settings.http):
            http = HttpServer(
                create_app(services),
                settings.http.host,
                settings.http.port,
                trusted_proxies=settings.http.trusted_proxies,
            )
        stack.callback(http.stop)
        # Two, so that a change of some cards does not wait until a million others are made.
        for turn in (_first_unfinished(system, services), _next_task(services)):
            worker = Repeated("work", turn, lambda: None)
            stack.callback(worker.stop, services.work.stop)
        follow = Repeated("follow the log", system.catch_up, _following(system))
        stack.callback(follow.stop, system.appended.set)
        due = threading.Event()
        sweep = Repeated("sweep", lambda: _sweep(system), lambda: due.wait(SWEEP_SECONDS))
        stack.callback(sweep.stop, due.set)
        fees_due = threading.Event()
        fees = Repeated("fees", lambda: _fees(system), lambda: fees_due.wait(FEES_SECONDS))
        stack.callback(fees.stop, fees_due.set)
        if settings.seals.key_file:
            stack.enter_context(_sealed(system))
        if settings.asterisk.spool:
            reports = DirectReports(system.settlement, system.views)
            shipper = stack.enter_context(node.shipper(settings.asterisk, reports, system.clock))
            thread = threading.Thread(target=shipper.run, name="ship", daemon=True)
            thread.start()
            stack.callback(thread.join, 30)
            stack.callback(shipper.stop)
        http.start()
        agi.start()
        stack.callback(agi.stop, 5.0)
        yield agi, http


@contextmanager
def _sealed(system: System) -> Iterator[None]:
    """The log is sealed for as long as this is open."""
    settings = system.settings.seals
    with ExitStack() as stack:
        webhook = CheckpointWebhook(settings.webhook) if settings.webhook else None
        if webhook:
            stack.callback(webhook.stop)
        tell = webhook.tell if webhook else lambda note: None
        job = sealing(settings, system.seals, system.clock, tell)
        end = threading.Event()
        thread = Repeated("seal", job.run, lambda: end.wait(settings.seconds))
        stack.callback(thread.stop, end.set)
        yield


@contextmanager
def _listening(section: str, at: Agi | Http) -> Iterator[None]:
    """Raises SettingsError that names the address which cannot be listened at."""
    try:
        yield
    except OSError as error:
        raise SettingsError(f"{section}: {at.host}:{at.port}: {error.strerror or error}") from error


class Ending:
    """The end of the program, told by SIGTERM or SIGINT from the moment this is made.

    Made before anything is started, so that a signal during the start ends it in order as well. A
    pipe that the interpreter writes to, because a signal may reach any thread, and the Python code
    of a handler would wait until the main thread, which waits here, is woken by something else.
    """

    _ENDS = (signal.SIGTERM, signal.SIGINT)

    def __init__(self) -> None:
        self._told, tell = os.pipe()
        os.set_blocking(tell, False)
        signal.set_wakeup_fd(tell, warn_on_full_buffer=False)
        for number_ in self._ENDS:
            signal.signal(number_, lambda *_: None)

    def wait(self) -> None:
        while os.read(self._told, 1)[0] not in self._ENDS:
            pass


def http_services(system: System, agi: FastAgiServer) -> HttpServices:
    registry = CollectorRegistry()
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
        business=system.business,
        registry=registry,
    )


def _following(system: System) -> Callable[[], None]:
    def pause() -> None:
        system.appended.wait(FOLLOW_SECONDS)
        system.appended.clear()

    return pause


def _fees(system: System) -> None:
    report = system.business.fees.run()
    if report.charged:
        _log.info("daily_fees", cards=report.charged, days=report.days, emptied=report.emptied)
    taken = system.business.breakage.run()
    if taken.forfeited:
        _log.info("breakage", cards=taken.forfeited, amounts=[str(each) for each in taken.sums])


def _next_task(services: HttpServices) -> Callable[[], object]:
    return lambda: services.work.run_next(None)


def _first_unfinished(system: System, services: HttpServices) -> Callable[[], object]:
    """Before anything else, lots that were being made when the program ended are gone on with."""
    to_do = [True]

    def work() -> None:
        if to_do:
            system.catch_up()
            if resumed := resume_all(services):
                _log.info("lots_resumed", lots=resumed)
            to_do.clear()
        services.work.run_next(None)

    return work


def _sweep(system: System) -> None:
    if settled := system.sweep():
        _log.warning("attempts_given_up", settled=settled)
