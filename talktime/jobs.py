"""What is done beside the answers: read models follow, overdue calls are settled, fees, seals."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager

import structlog
from attrs import define, field

from adapters.http.lots import resume_all
from adapters.http.services import HttpServices
from adapters.persistence.leases import Leases, leases_of
from adapters.sealing.webhook import CheckpointWebhook
from application.ports import ConcurrencyConflict, LedgerUnavailable
from talktime.http_door import http_services, work_done
from talktime.persons import rotates_by_itself
from talktime.repeating import Repeated
from talktime.sealing import sealing
from talktime.system import System

FOLLOW_SECONDS = 0.05
"""How often the log is looked at for facts that another process recorded."""

SWEEP_SECONDS = 60.0

FEES_SECONDS = 3600.0
"""How often daily fees and expiries are looked after: a day may begin at any hour, in some zone."""

LOTS_SECONDS = 10.0
"""How often lots are looked for that nobody makes any more."""

TAKE_OVER_SECONDS = 1.0
"""How often a job that another process does is asked for, and one that this process does kept."""

PASSED_ON_AFTER = 5
"""Failures in a row after which a job is left to another process, whose disk may be better."""

REST_SECONDS = 3.0
"""How long a job that was passed on is not asked for, so that another process can take it."""

PERSONS_SECONDS = 6 * 3600.0
"""How often it is looked whether the master key of persons has to be replaced."""

_log = structlog.get_logger("talktime.serve")


@contextmanager
def jobs(system: System, services: HttpServices) -> Iterator[None]:
    """All jobs of the ledger, started, and stopped at the end. Lots are made by ``services.work``.

    Of several processes one does each job, and another takes it over when that one is gone.
    """
    found = [
        Job("follow", system.catch_up, FOLLOW_SECONDS, system.appended),
        Job("sweep", lambda: _sweep(system), SWEEP_SECONDS),
        Job("fees", lambda: _fees(system), FEES_SECONDS),
        Job("lots", lambda: _lots(system, services), LOTS_SECONDS),
        Job("persons", lambda: _persons(system), PERSONS_SECONDS),
    ]
    with ExitStack() as stack:
        if system.settings.seals.key_file:
            found.append(stack.enter_context(_sealing(system)))
        leases = stack.enter_context(leases_of(system.settings.ledger.url))
        ended = threading.Event()
        keeper = Repeated(
            "leases", lambda: keep(leases, found), lambda: ended.wait(TAKE_OVER_SECONDS)
        )
        stack.callback(keeper.stop, ended.set)
        for job in found:
            repeated = Repeated(job.name, job.turn, job.pause)
            stack.callback(repeated.stop, job.due.set)
        yield


@contextmanager
def working(system: System) -> Iterator[None]:
    """Everything that ``talktime worker`` runs."""
    services = http_services(system)
    with work_done(services.work, threads=1), jobs(system, services):
        _log.info("worker_ready")
        yield


@define(eq=False)
class Job:
    """Done again after so many seconds, or when it is ``due``, while it is this process's."""

    name: str
    work: Callable[[], object]
    seconds: float
    due: threading.Event = field(factory=threading.Event)
    ours: bool = False
    failures: int = 0
    rests_until: float = 0.0

    def turn(self) -> None:
        if not self.ours:
            return
        try:
            self.work()
        except (LedgerUnavailable, ConcurrencyConflict):
            # The ledger is the same for everybody.
            raise
        except Exception:
            self.failures += 1
            raise
        self.failures = 0

    def pause(self) -> None:
        self.due.wait(self.seconds)
        self.due.clear()


def keep(
    leases: Leases, found: Sequence[Job], monotonic: Callable[[], float] = time.monotonic
) -> None:
    """Looks after the leases beside the jobs themselves, which may take long."""
    for job in found:
        if monotonic() < job.rests_until:
            continue
        try:
            if job.ours and job.failures >= PASSED_ON_AFTER:
                job.ours, job.failures = False, 0
                job.rests_until = monotonic() + REST_SECONDS
                leases.give_back(job.name)
                _log.warning("job_passed_on", job=job.name)
                continue
            has = leases.take(job.name)
        except LedgerUnavailable:
            for each in found:
                each.ours = False
            raise
        had, job.ours = job.ours, has
        if has and not had:
            _log.info("job_taken", job=job.name)
            job.due.set()
        elif had and not has:
            _log.warning("job_lost", job=job.name)


@contextmanager
def _sealing(system: System) -> Iterator[Job]:
    """The job that seals the log. Raises SettingsError."""
    settings = system.settings.seals
    with ExitStack() as stack:
        webhook = CheckpointWebhook(settings.webhook) if settings.webhook else None
        if webhook:
            stack.callback(webhook.stop)
        tell = webhook.tell if webhook else lambda note: None
        job = sealing(settings, system.seals, system.clock, tell)
        yield Job("seal", job.run, settings.seconds)


def _sweep(system: System) -> None:
    if settled := system.sweep():
        _log.warning("attempts_given_up", settled=settled)


def _fees(system: System) -> None:
    report = system.business.fees.run()
    if report.charged:
        _log.info("daily_fees", cards=report.charged, days=report.days, emptied=report.emptied)
    taken = system.business.breakage.run()
    if taken.forfeited:
        _log.info("breakage", cards=taken.forfeited, amounts=[str(each) for each in taken.sums])


def _persons(system: System) -> None:
    """What was erased is to open in no backup after some weeks: master keys do not live longer."""
    keys = system.person_keys
    if rotates_by_itself(system.settings, system.recorder):
        rotated = keys.rotate(due=True)
        if rotated.moved or rotated.dropped:
            _log.info("master_key_replaced", moved=rotated.moved, dropped=len(rotated.dropped))
    elif keys.is_due():
        _log.warning("master_key_overdue", mend="talktime persons rotate")


def _lots(system: System, services: HttpServices) -> None:
    """Lots whose maker has ended are gone on with."""
    system.catch_up()
    if resumed := resume_all(services):
        _log.info("lots_resumed", lots=resumed)
