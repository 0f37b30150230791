"""The composition root: builds the program from its settings. It alone knows every adapter."""

from __future__ import annotations

import os
import secrets
import threading
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path

import structlog
from attrs import define, field, frozen
from eventsourcing.persistence import PersistenceError

from adapters.agi.card_call import CardCallServices
from adapters.agi.session import Session
from adapters.agi.telephone import Telephone
from adapters.persistence.books_process import LedgerBooks
from adapters.persistence.codec import FactMapper
from adapters.persistence.connecting import connect
from adapters.persistence.facts import FACTS, UPCASTS
from adapters.persistence.log_audit import LedgerAuditor
from adapters.persistence.log_reader import LogReader
from adapters.persistence.migrations import NewerLedger, upgrade
from adapters.persistence.milestones import Milestones
from adapters.persistence.person_rotation import PersonKeyRotation
from adapters.persistence.persons import StoredPersons
from adapters.persistence.projections import Projections
from adapters.persistence.rate_sheets import StoredRateSheets, TariffDecks
from adapters.persistence.read_models import ALL
from adapters.persistence.rebuild_check import RebuildCheck
from adapters.persistence.recorder import EventRecorder
from adapters.persistence.report_views import LedgerReportViews
from adapters.persistence.route_views import LedgerRouteViews
from adapters.persistence.seals import StoredSeals
from adapters.persistence.tariff_views import LedgerTariffViews
from adapters.persistence.units_of_work import LedgerUnitsOfWork
from adapters.persistence.views import LedgerViews
from adapters.sheets.files import SheetFiles
from adapters.voice import voice as voices
from application.access_numbers import AccessNumbers
from application.administration import Administration, Chance
from application.as_of import Histories
from application.bookkeeping import Bookkeeping
from application.caller_id_binding import CallerIdBindings
from application.calling import Calls
from application.card_business import CardBusiness
from application.configuration import Configuration
from application.correcting import Correcting
from application.dialling import Dialling
from application.erasure import PersonsDesk
from application.explaining import Explanations
from application.kinds import CARD_NUMBER
from application.margins import BelowCost, MarginGuard
from application.patience import Patience
from application.people import People
from application.persons import OpenedLog
from application.pins import PinDigests
from application.ports import Clock, ConcurrencyConflict, LedgerUnavailable, UnitsOfWork
from application.price_explanation import PriceExplanations
from application.reports import Reports
from application.route_preview import RoutePreviews, fresh
from application.routes import LedgerRoutes
from application.routing import Routing
from application.settlement import Settlement
from application.speech import Voice
from application.tariffs import Tariffs
from application.throttle import Throttle
from talktime.card_business import card_business
from talktime.correcting import correcting
from talktime.persons import rotation, stored_persons
from talktime.routes import LossWarnings, routes_of
from talktime.settings import Settings, SettingsError
from talktime.staffing import Staffing, staffing

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
    patience: Patience
    calls: CardCallServices
    routes: LedgerRoutes
    routing: Routing
    route_views: LedgerRouteViews
    access_numbers: AccessNumbers
    tariffs: Tariffs
    tariff_views: LedgerTariffViews
    price_explanations: PriceExplanations
    route_previews: RoutePreviews
    voice: Voice
    staffing: Staffing
    business: CardBusiness
    seals: StoredSeals
    persons: StoredPersons
    appended: threading.Event = field(factory=threading.Event)
    milestones: Milestones = field(factory=Milestones)

    @property
    def people(self) -> People:
        return self.staffing.people

    @property
    def person_keys(self) -> PersonKeyRotation:
        return rotation(self.settings, self.recorder, self.clock)

    @property
    def persons_desk(self) -> PersonsDesk:
        return PersonsDesk(self.units, self.persons, self.views)

    @property
    def reports(self) -> Reports:
        views = LedgerReportViews(self.recorder, self.mapper, self.persons)
        return Reports(views, self.clock)

    @cached_property
    def correcting(self) -> Correcting:
        bulk, approvals = self.business.changes.bulk, self.business.approvals
        return correcting(
            self.units,
            bulk,
            self.recorder,
            self.tariffs,
            approvals,
            self.clock,
            self.catch_up,
        )

    @property
    def checks(self) -> RebuildCheck:
        return RebuildCheck(self.recorder, self.mapper)

    @property
    def log(self) -> LogReader:
        return LogReader(self.recorder, self.mapper, milestones=self.milestones)

    @property
    def books(self) -> Bookkeeping:
        return Bookkeeping(self.log, self.settings.cards.time_zone)

    @property
    def asked_books(self) -> LedgerBooks:
        return LedgerBooks(self.settings.ledger.url, self.log, self.settings.cards.time_zone)

    @property
    def auditor(self) -> LedgerAuditor:
        return LedgerAuditor(self.settings.ledger.url, self.recorder, self.mapper, self.clock)

    @property
    def explanations(self) -> Explanations:
        return Explanations(OpenedLog(self.log, self.persons))

    @property
    def histories(self) -> Histories:
        return Histories(OpenedLog(self.log, self.persons))

    def replay(
        self, *, after: int = 0, until: int | None = None, names: Collection[str] = ()
    ) -> Iterator[bytes]:
        return self.log.lines(after=after, until=until, names=names)

    def answer(self, session: Session) -> None:
        """The FastAGI script of a calling-card call."""
        self.calls.answer(Telephone(session))

    def catch_up(self) -> int:
        """Moves all read models forward; gives the number of facts applied."""
        return self.projections.catch_up_all(ALL)

    def rebuild(self, progress: Callable[[int, int], object] = lambda applied, of: None) -> int:
        """Makes all read models again; gives the number of facts they are made of."""
        return self.projections.rebuild(*ALL, progress=progress)

    def sweep(self) -> int:
        """Settles attempts that are long past their deadline (charging rule 5)."""
        settled = 0
        for session_id in self.views.overdue(self.patience.now(), 1_000):
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
    monotonic: Callable[[], float] | None = None,
    lost_keys: bool = False,
) -> System:
    """Connects the parts. The ledger is brought to its newest shape first.

    ``lost_keys``: although the master key of persons that is in use may be lost. A clock that is
    given without a monotonic one is taken for a steady one, which never leaps.
    Raises SettingsError for a setting that cannot be used, LedgerUnavailable for a ledger that
    cannot be reached.
    """
    steady = _steady(clock, monotonic)
    clock, monotonic = clock or SystemClock(), monotonic or time.monotonic
    pins = _pin_digests(Path(settings.secrets.pin_key_file))
    recorder = open_ledger(settings.ledger.url)
    mapper = FactMapper(FACTS, UPCASTS)
    appended = threading.Event()
    units = LedgerUnitsOfWork(recorder, mapper, clock, appended=appended.set)
    try:
        persons = stored_persons(settings, recorder, clock, monotonic, lost_keys=lost_keys)
    except BaseException:
        recorder.close()
        raise
    views = LedgerViews(recorder, mapper, persons)
    sheets = StoredRateSheets(recorder)
    configuration = Configuration(units, monotonic)
    patience = Patience(clock, steady)
    settlement = Settlement(units, patience)
    voice = voices.load()
    prices = TariffDecks(configuration, sheets)
    routes = routes_of(settings, configuration, prices, clock)
    margins = MarginGuard(
        routes.exchange,
        BelowCost(settings.routing.below_cost),
        settings.routing.nominal_seconds,
        LossWarnings().tell,
    )
    explanations = PriceExplanations(units, sheets, settings.calls.ring_seconds)
    calls = CardCallServices(
        Calls(units, configuration, pins, Throttle(monotonic=monotonic), clock, persons),
        CallerIdBindings(units),
        Dialling(
            units,
            prices,
            routes,
            clock,
            settings.calls.ring_seconds,
            margins,
        ),
        settlement,
        voice,
        settings.calls.card_call(),
        routes.load,
    )
    chance = Chance(secrets.randbelow, secrets.token_bytes)
    administration = Administration(units, pins, clock, chance)
    return System(
        settings=settings,
        clock=clock,
        recorder=recorder,
        mapper=mapper,
        units=units,
        views=views,
        projections=Projections(recorder, mapper, url=settings.ledger.url),
        administration=administration,
        settlement=settlement,
        patience=patience,
        calls=calls,
        routes=routes,
        routing=Routing(units),
        route_views=LedgerRouteViews(recorder),
        access_numbers=AccessNumbers(units),
        tariffs=Tariffs(units, sheets, SheetFiles(), clock, chance, routes),
        tariff_views=LedgerTariffViews(recorder),
        price_explanations=explanations,
        route_previews=RoutePreviews(fresh(routes, units, sheets), explanations, margins),
        voice=voice,
        staffing=staffing(units, recorder, mapper, clock, pins.key),
        business=card_business(settings.cards, units, recorder, mapper, pins, clock, appended.set),
        seals=StoredSeals(recorder),
        persons=persons,
        appended=appended,
    )


@contextmanager
def running(settings: Settings, *, lost_keys: bool = False) -> Iterator[System]:
    system = build(settings, lost_keys=lost_keys)
    try:
        yield system
    finally:
        system.close()


def open_ledger(url: str) -> EventRecorder:
    """The ledger in its newest shape. Raises SettingsError and LedgerUnavailable."""
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
        if isinstance(error, NewerLedger):
            raise SettingsError(f"ledger.url: {error}") from error
        raise
    return recorder


def _steady(clock: Clock | None, monotonic: Callable[[], float] | None) -> Callable[[], float]:
    if monotonic is not None or clock is None:
        return monotonic or time.monotonic
    return lambda: clock.now().timestamp()


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
