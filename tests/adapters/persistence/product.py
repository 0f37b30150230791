"""The whole product on a stored ledger, and histories of it that follow from a list of numbers."""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from attrs import evolve as changed

from adapters.persistence.breakage_views import LedgerBreakageViews
from adapters.persistence.bulk import LedgerBulkAppends
from adapters.persistence.codec import FactMapper, RecordedFact
from adapters.persistence.connecting import connect
from adapters.persistence.facts import FACTS, UPCASTS
from adapters.persistence.persons import StoredPersons
from adapters.persistence.projections import Projections
from adapters.persistence.rate_sheets import StoredRateSheets
from adapters.persistence.read_models import ALL
from adapters.persistence.recorder import EventRecorder
from adapters.persistence.units_of_work import LedgerUnitsOfWork
from adapters.persistence.views import LedgerViews
from adapters.sheets.files import SheetFiles
from application import kinds
from application.access_numbers import AccessNumbers
from application.administration import Administration, Chance
from application.breakage import Breakage
from application.caller_id_binding import CallerIdBindings
from application.calling import Call, Calls
from application.configuration import Configuration
from application.dialling import Dialling
from application.settlement import Settlement
from application.tariffs import Tariffs
from application.throttle import Rate, Throttle
from domain.access_numbers import AccessTerms
from domain.cards import Status
from domain.errors import Refused
from tests.support.persons import KEYS
from tests.support.postgres import PostgresServer
from tests.support.story import ACCESS, ALICE, BOB, ROME, WARSAW, PrintedCard, Story, dollars

NewLedger = Callable[[], Any]


def mapper() -> FactMapper:
    return FactMapper(FACTS, UPCASTS)


@pytest.fixture
def new_ledger(store_kind: str, tmp_path: Path, request: pytest.FixtureRequest) -> NewLedger:
    """Opens another empty ledger each time, in a store of each kind."""
    numbers = itertools.count()

    @contextmanager
    def opened() -> Iterator[EventRecorder]:
        if store_kind == "sqlite":
            empty = request.getfixturevalue("sqlite_template")
            file = shutil.copy(empty, tmp_path / f"{next(numbers)}.db")
            with connect(f"sqlite:///{file}") as recorder:
                yield recorder
            return
        server: PostgresServer = request.getfixturevalue("postgres_server")
        name = server.create_database(request.getfixturevalue("_postgres_template"))
        with connect(server.url(name)) as recorder:
            yield recorder
        server.drop_database(name)

    return opened


class Product(Story):
    """The use cases of a story on a stored ledger, with its read models."""

    def __init__(self, recorder: EventRecorder) -> None:
        super().__init__()
        self.recorder = recorder
        self.ledger = LedgerUnitsOfWork(recorder, mapper(), self.clock)
        units, clock = self.ledger, self.clock
        self.stored_sheets = StoredRateSheets(recorder)
        self.projections = Projections(recorder, mapper())
        self.persons = StoredPersons(recorder, lambda: KEYS, clock)
        self.views = LedgerViews(recorder, mapper(), self.persons)
        self.throttle = Throttle(dict.fromkeys(self.throttle.rates, Rate(10_000, 1)))
        chance = Chance(self.random.randrange, self.random.randbytes)
        self.admin = Administration(units, self.pins, clock, chance)
        self.access_numbers = AccessNumbers(units)
        self.tariffs = Tariffs(units, self.stored_sheets, SheetFiles(), clock, chance)
        self.configuration = Configuration(units, itertools.count(step=3600).__next__)
        self.calls = Calls(units, self.configuration, self.pins, self.throttle, clock, self.persons)
        self.bindings = CallerIdBindings(units)
        self.dialling = Dialling(units, self.prices, self.routes, clock)
        self.settlement = Settlement(units, clock)
        bulk = LedgerBulkAppends(recorder, mapper(), clock)
        self.breakage = Breakage(bulk, LedgerBreakageViews(recorder), clock)
        self.access_numbers.add(ACCESS, AccessTerms())

    def catch_up(self, page: int = 1_000) -> None:
        projections = Projections(self.recorder, mapper(), page=page)
        for model in ALL:
            projections.catch_up(model)

    def log(self) -> list[RecordedFact]:
        """Every fact of the ledger, in order."""
        stored = self.recorder.select_notifications(None, 100_000)
        return [mapper().to_domain_event(each) for each in stored]

    def states(self, kind: kinds.Kind[Any, Any], first: type) -> Mapping[UUID, Any]:
        """The states of all streams that begin with a fact of this class: a fold of the log."""
        found: dict[UUID, Any] = {}
        for recorded in self.log():
            stream_id = recorded.originator_id
            if isinstance(recorded.fact, first) or stream_id in found:
                found[stream_id] = kind.evolve(found.get(stream_id), recorded.fact)
        return found


class History:
    """What people did, step by step: every number of a step decides something in it."""

    def __init__(self, product: Product) -> None:
        self.product = product
        self.cards: list[PrintedCard] = []
        self.calls: list[Call] = []
        product.group("Gold")
        product.group("Tin", setup_fee=dollars(0, 5), simultaneous_calls=3, most_held=dollars(2))
        self._does: Sequence[Callable[[int], object]] = (
            self.sells,
            self.sells,
            self.prints,
            self.changes,
            self.tops_up,
            self.calls_in,
            self.calls_in,
            self.keys_star_32,
            self.dials,
            self.dials,
            self.dials,
            self.talks,
            self.talks,
            self.talks,
            self.is_seen,
            self.is_not_connected,
            self.leaves,
            self.passes,
            self.pays_a_fee,
            self.expires,
            self.forfeits,
        )

    def play(self, steps: Sequence[int]) -> None:
        if not self.cards:
            self.sells(0)
            self.calls_in(0)
        for step in steps:
            what, how = step % len(self._does), step // len(self._does)
            try:
                self._does[what](how)
            except Refused:
                continue

    def sells(self, how: int) -> None:
        self.cards.append(self.product.card(("Gold", "Tin")[how % 2]))

    def prints(self, how: int) -> None:
        self.cards.append(self.product.new_card(("Gold", "Tin")[how % 2]))

    def changes(self, how: int) -> None:
        status = list(Status)[how % len(Status)]
        self.product.admin.change_status(self._card(how).card_id, status, "ann", "history")

    def tops_up(self, how: int) -> None:
        self.product.top_up(self._card(how), dollars(1 + how % 7))

    def calls_in(self, how: int) -> None:
        call = self.product.call((ALICE, BOB, None)[how % 3])
        self.calls.append(call)
        if self.product.calls.login_by_caller_id(call) is None:
            keyed = {"pin": "00000000"} if how % 11 == 7 else {}
            self.product.login(call, self._card(how), **keyed)

    def keys_star_32(self, how: int) -> None:
        call = self._call(how)
        if call.payer is not None:
            self.product.bindings.toggle(call, call.payer)

    def dials(self, how: int) -> None:
        call = self._call(how)
        if call.payer is not None:
            self.product.dialling.dial(call, (WARSAW, ROME)[how % 2])

    def talks(self, how: int) -> None:
        call = self._call(how)
        attempt = 1 + how % max(call.attempts, 1)
        leg = self.product.leg(call, (0, 3, 65, 400, 5_000)[how % 5], attempt)
        self.product.settlement.record_leg(leg)

    def is_seen(self, how: int) -> None:
        call = self._call(how)
        now = int(self.product.clock.now().timestamp() * 1000)
        self.product.settlement.seen_alive(call.reference, max(call.attempts, 1), now, how % 90)

    def is_not_connected(self, how: int) -> None:
        call = self._call(how)
        self.product.settlement.not_connected(call.reference, max(call.attempts, 1), 17)

    def leaves(self, how: int) -> None:
        call = self._call(how)
        if how % 2:
            self.product.calls.end(call, "caller left")
        else:
            self.product.settlement.call_ended(call.reference)

    def passes(self, how: int) -> None:
        self.product.clock.pass_by(seconds=how % 5_000, milliseconds=how % 1_000)

    def pays_a_fee(self, how: int) -> None:
        card = self._card(how)
        account_id = kinds.account_id_of_card(card.card_id)
        day = self.product.clock.now().date()

        def decide(unit: Any) -> None:
            account = unit.get(kinds.ACCOUNTS, account_id)
            if account is not None:
                fee = dollars(0, how % 50)
                unit.record(kinds.ACCOUNTS, account_id, account.charge_daily_fee(day, fee))

        self.product.ledger.run(decide, writes=(account_id,))

    def expires(self, how: int) -> None:
        end = self.product.clock.now() + timedelta(hours=how % 9 - 4) if how % 3 else None
        self.product.change(("Gold", "Tin")[how % 2], expires_on=end)

    def forfeits(self, _: int) -> None:
        """Looks at every card, without the lists: they are what is tested with these histories."""
        changed(self.product.breakage, views=self).run()

    def groups(self) -> Sequence[tuple[UUID, str]]:
        return [(kinds.card_group_id(name), name) for name in ("Gold", "Tin")]

    def left_over(
        self, group_id: UUID, *, after: UUID | None, limit: int, **_: object
    ) -> Sequence[UUID]:
        ids = sorted(card.card_id for card in self.cards)
        mine = [each for each in ids if self.product.admin.card(each).group_id == group_id]
        return [each for each in mine if after is None or each > after][:limit]

    def _card(self, how: int) -> PrintedCard:
        return self.cards[how % len(self.cards)]

    def _call(self, how: int) -> Call:
        return self.calls[how % len(self.calls)]
