"""The composition root: builds the program from its settings. It alone knows every adapter."""

from __future__ import annotations

import os
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import structlog
from attrs import define, field, frozen
from eventsourcing.persistence import PersistenceError

from adapters.agi.card_call import CardCallServices
from adapters.agi.session import Session
from adapters.agi.telephone import Telephone
from adapters.persistence.codec import FactMapper
from adapters.persistence.connecting import connect
from adapters.persistence.facts import FACTS, UPCASTS
from adapters.persistence.migrations import upgrade
from adapters.persistence.projections import Projections
from adapters.persistence.rate_sheets import StoredRateSheets, TariffDecks
from adapters.persistence.read_models import ALL
from adapters.persistence.recorder import EventRecorder
from adapters.persistence.units_of_work import LedgerUnitsOfWork
from adapters.persistence.views import LedgerViews
from adapters.voice import voice as voices
from application.administration import Administration, Chance
from application.caller_id_binding import CallerIdBindings
from application.calling import Calls
from application.configuration import Configuration
from application.dialling import Dialling
from application.kinds import CARD_NUMBER
from application.pins import PinDigests
from application.ports import Clock, ConcurrencyConflict, LedgerUnavailable, UnitsOfWork
from application.routes import TrunkList
from application.settlement import Settlement
from application.speech import Voice
from application.throttle import Throttle
from talktime.settings import Settings, SettingsError

_log = structlog.get_logger("talktime.system")


@frozen
class SystemClock:
    def now(self) -> datetime:
        return datetime.now(UTC)


@define(slots=False)
class System:
    """Everything one process needs, made once. Close it at the end."""

    settings: Settings
    clock: Clock
    recorder: EventRecorder
    mapper: FactMapper
    units: UnitsOfWork
    views: LedgerViews
    projections: Projections
    administration: Administration
    settlement: Settlement
    calls: CardCallServices
    voice: Voice
    appended: threading.Event = field(factory=threading.Event)

    def answer(self, session: Session) -> None:
        """The FastAGI script of a calling-card call."""
        self.calls.answer(Telephone(session))

    def catch_up(self) -> int:
        """Moves all read models forward; gives the number of facts applied."""
        return sum(self.projections.catch_up(model) for model in ALL)

    def rebuild(self) -> int:
        return sum(self.projections.rebuild(model) for model in ALL)

    def sweep(self) -> int:
        """Settles attempts that are long past their deadline (charging rule 5)."""
        settled = 0
        for session_id in self.views.overdue(self.clock.now(), 1_000):
            try:
                settled += self.settlement.give_up_waiting(session_id)
            except (LedgerUnavailable, ConcurrencyConflict):
                raise
            except Exception:
                # One call that trips over a fault must not keep all others from being settled.
                _log.exception("sweep_failed_on_one_call", session_id=str(session_id))
        return settled

    def check_ledger(self) -> None:
        """Raises LedgerUnavailable if nothing can be looked up."""
        self.units.find(CARD_NUMBER, "")

    def close(self) -> None:
        self.recorder.close()


def build(
    settings: Settings,
    *,
    clock: Clock | None = None,
    monotonic: Callable[[], float] = time.monotonic,
) -> System:
    """Connects the parts. The ledger is brought to its newest shape first.

    Raises SettingsError for a setting that cannot be used, LedgerUnavailable for a ledger that
    cannot be reached.
    """
    clock = clock or SystemClock()
    pins = _pin_digests(Path(settings.secrets.pin_key_file))
    recorder = _ledger(settings.ledger.url)
    mapper = FactMapper(FACTS, UPCASTS)
    appended = threading.Event()
    units = LedgerUnitsOfWork(recorder, mapper, clock, appended=appended.set)
    views = LedgerViews(recorder, mapper)
    sheets = StoredRateSheets(recorder)
    configuration = Configuration(units, monotonic)
    settlement = Settlement(units, clock)
    voice = voices.load()
    calls = CardCallServices(
        Calls(units, configuration, pins, Throttle(), clock),
        CallerIdBindings(units),
        Dialling(
            units,
            TariffDecks(configuration, sheets),
            TrunkList(tuple((trunk.name, trunk.prefix) for trunk in settings.trunks)),
            clock,
            settings.calls.ring_seconds,
        ),
        settlement,
        voice,
        settings.calls.card_call(),
    )
    chance = Chance(secrets.randbelow, secrets.token_bytes)
    return System(
        settings=settings,
        clock=clock,
        recorder=recorder,
        mapper=mapper,
        units=units,
        views=views,
        projections=Projections(recorder, mapper),
        administration=Administration(units, pins, clock, chance, sheets),
        settlement=settlement,
        calls=calls,
        voice=voice,
        appended=appended,
    )


@contextmanager
def running(settings: Settings) -> Iterator[System]:
    system = build(settings)
    try:
        yield system
    finally:
        system.close()


def _ledger(url: str) -> EventRecorder:
    """The ledger in its newest shape."""
    try:
        recorder = connect(url)
    except ValueError as error:
        raise SettingsError(f"ledger.url: {error}") from error
    except OSError as error:
        raise SettingsError(f"ledger.url: {error.filename}: {error.strerror}") from error
    try:
        upgrade(recorder)
    except BaseException as error:
        recorder.close()
        if isinstance(error, PersistenceError):
            raise LedgerUnavailable(str(error)) from error
        raise
    return recorder


def _pin_digests(path: Path) -> PinDigests:
    """The key is never made here: a new one would lock every card."""
    try:
        return PinDigests(path.read_bytes())
    except ValueError as error:
        raise SettingsError(f"secrets.pin_key_file: {path}: {error}") from error
    except OSError as error:
        raise SettingsError(
            f"secrets.pin_key_file: {path}: {error.strerror}; "
            "`talktime keys pin` makes the file, once for each ledger"
        ) from error


def make_pin_key(path: Path) -> None:
    """Raises FileExistsError rather than replace a key."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "xb", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
        file.write(secrets.token_bytes(32))
