"""given(facts) · when(decision) · then(facts), and the whole product on a ledger in memory."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import reduce
from typing import Any, TypeVar
from uuid import UUID

from attrs import evolve as changed
from attrs import field, frozen

from adapters.sheets.files import SheetFiles
from application import kinds
from application.access_numbers import AccessNumbers
from application.administration import Administration, Chance
from application.caller_id_binding import CallerIdBindings
from application.calling import Arrival, Call, Calls, Payer
from application.configuration import Configuration
from application.dialling import Dialling
from application.legs import LegRecord
from application.persons import Persons
from application.pins import PinDigests
from application.ports import Price, Route
from application.settlement import Settlement
from application.tariffs import Tariffs
from application.throttle import Throttle
from domain.access_numbers import AccessTerms
from domain.accounts import Account
from domain.call_sessions import AttemptSettled, CallSession
from domain.caller_ids import CallerId
from domain.card_groups import GroupTerms
from domain.cards import Card
from domain.login import LoginMode
from domain.money import Money
from domain.rating import RateTerms
from tests.support.memory import MemoryUnitsOfWork, SetClock
from tests.support.persons import MemoryPersons
from tests.support.rates import MemorySheets

S = TypeVar("S")

NOON = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
ACCESS = "18005550100"
ALICE, BOB = "+48600316058", "+14155550123"
WARSAW, ROME = "48221234567", "390612345678"
TEN_CENTS = RateTerms("USD", 100_000, initial_block=60, increment=60)
CENT_A_SECOND = RateTerms("USD", 600_000)


def given(evolve: Callable[[S | None, Any], S], *facts: Any) -> S:
    """The state after these facts."""
    state = reduce(evolve, facts, None)
    assert state is not None, "a story begins with a fact"
    return state


def usd(micros: int) -> Money:
    return Money(micros, "USD")


def dollars(units: int, cents: int = 0) -> Money:
    return usd(units * 1_000_000 + cents * 10_000)


@frozen
class PrintedCard:
    """What its buyer reads on a card."""

    card_id: UUID
    number: str
    pin: str = field(repr=False)


class PriceList:
    """Prices by prefix, the longest that fits; the same in every tariff."""

    def __init__(self, terms: RateTerms) -> None:
        self.by_prefix: dict[str, RateTerms] = {"": terms}

    def find(self, tariff: str, number: str, now: datetime) -> Price | None:
        digits = number.removeprefix("+")
        for length in range(len(digits), -1, -1):
            if (terms := self.by_prefix.get(digits[:length])) is not None:
                return Price(digits[:length], f"to {digits[:length]}", terms)
        return None

    def at(self, tariff: str, now: datetime) -> Callable[[str], RateTerms | None]:
        def terms_of(digits: str) -> RateTerms | None:
            price = self.find(tariff, digits, now)
            return price.terms if price is not None else None

        return terms_of


class OneRoute:
    """Every number is reached over these trunks."""

    def __init__(self) -> None:
        self.trunks: tuple[str, ...] = ("cheap",)

    def to(self, number: str) -> Sequence[Route]:
        return [Route(trunk, number.removeprefix("+")) for trunk in self.trunks]


class Story:
    """The use cases on one empty ledger, with an access number and the words to tell a call."""

    def __init__(self, *, price: RateTerms = CENT_A_SECOND, access: AccessTerms | None = None):
        self.clock = SetClock(NOON)
        self.units = MemoryUnitsOfWork(self.clock)
        self.prices = PriceList(price)
        self.routes = OneRoute()
        self.sheets = MemorySheets()
        self.random = random.Random(7)
        self.pins = PinDigests(b"k" * 32)
        self.throttle = Throttle(monotonic=self.clock.seconds)
        self.persons: Persons = MemoryPersons()
        chance = Chance(self.random.randrange, self.random.randbytes)
        self.admin = Administration(self.units, self.pins, self.clock, chance)
        self.access_numbers = AccessNumbers(self.units)
        self.tariffs = Tariffs(self.units, self.sheets, SheetFiles(), self.clock, chance)
        # Asked at moments an hour apart, it remembers nothing: a change counts at once.
        self.configuration = Configuration(self.units, itertools.count(step=3600).__next__)
        self.calls = Calls(
            self.units, self.configuration, self.pins, self.throttle, self.clock, self.persons
        )
        self.bindings = CallerIdBindings(self.units)
        self.dialling = Dialling(self.units, self.prices, self.routes, self.clock)
        self.settlement = Settlement(self.units, self.clock)
        self.access_numbers.add(ACCESS, access or AccessTerms())
        self._calls = itertools.count(1)
        self._top_ups = itertools.count(1)

    # What an operator sets up

    def group(self, name: str = "Gold", **terms: Any) -> str:
        told: dict[str, Any] = {"unit": "USD", "face_value": dollars(10), "tariff": "retail"}
        self.admin.create_group(name, GroupTerms(**told | terms))
        return name

    def change(self, name: str = "Gold", **terms: Any) -> None:
        self.admin.change_group(name, changed(self.admin.group(name).terms, **terms), "ann")

    def new_card(self, group: str = "Gold", pin: str | None = None) -> PrintedCard:
        """A card that is not active yet."""
        new = self.admin.generate_card(group, pin=pin)
        assert new.pin is not None, "a new card tells its PIN"
        return PrintedCard(new.card_id, new.number, new.pin)

    def card(self, group: str = "Gold") -> PrintedCard:
        """An active card of a group with its face value on it."""
        new = self.new_card(group)
        self.admin.issue_card(new.card_id, "ann", "sold")
        return new

    def top_up(self, card: PrintedCard, amount: Money) -> Money:
        top_up_id = UUID(int=next(self._top_ups))
        return self.admin.top_up_card(card.card_id, top_up_id, amount, "cash", "ann")

    def daily_fee(self, card: PrintedCard, day: datetime, fee: Money) -> None:
        account_id = kinds.account_id_of_card(card.card_id)

        def decide(unit: Any) -> None:
            account = unit.get(kinds.ACCOUNTS, account_id)
            facts = account.charge_daily_fee(day.date(), fee)
            unit.record(kinds.ACCOUNTS, account_id, facts)

        self.units.run(decide, writes=(account_id,))

    # What a caller does

    def arrival(self, caller_id: str | None = ALICE, **told: Any) -> Arrival:
        reference = f"pbx1-{1_763_765_000 + next(self._calls)}.42"
        return changed(Arrival(reference, "pbx1", ACCESS, caller_id, "carrier"), **told)

    def call(self, caller_id: str | None = ALICE, **told: Any) -> Call:
        return self.calls.arrive(self.arrival(caller_id, **told))

    def login(
        self,
        call: Call,
        card: PrintedCard,
        mode: LoginMode = LoginMode.NUMBER_AND_PIN,
        **keyed: str,
    ) -> Payer:
        """Logs in as the conversation does: the binding follows a right login."""
        number, pin = keyed.get("number", card.number), keyed.get("pin", card.pin)
        payer = self.calls.login(call, mode, number, pin)
        self.bindings.after_login(call, payer)
        return payer

    def caller(self, card: PrintedCard, caller_id: str | None = ALICE) -> Call:
        """Somebody who calls, is asked for a PIN, and may dial."""
        call = self.call(caller_id)
        self.calls.login_by_caller_id(call)
        self.login(call, card)
        return call

    def leg(
        self,
        call: Call,
        seconds: float | None,
        attempt: int = 1,
        leg: int = 1,
        after: float = 5,
        cause: int | None = 16,
    ) -> LegRecord:
        """The record of a leg that was answered some seconds from now; None: nobody answered."""
        now = int(self.clock.time.timestamp() * 1000)
        answered = None if seconds is None else now + int(after * 1000)
        ended = now + int((after + (seconds or 0)) * 1000)
        unique_id = f"1763765000.{attempt}{leg}"
        return LegRecord(call.reference, attempt, leg, answered, ended, cause, unique_id)

    def come_between(self, does: Callable[[], object], *, after: int = 0) -> None:
        """Somebody else does something between a decision and its storing: in the next unit of
        work, or so many units later."""
        left = itertools.count(after, -1)

        def before_storing() -> None:
            if next(left) == 0:
                self.units.before_storing = lambda: None
                does()

        self.units.before_storing = before_storing

    # What is known afterwards

    def card_state(self, card: PrintedCard) -> Card:
        return self.admin.card(card.card_id)

    def account(self, card: PrintedCard) -> Account:
        state = self.units.state(kinds.ACCOUNTS, kinds.account_id_of_card(card.card_id))
        assert state is not None, "the card was never activated"
        return state

    def session(self, call: Call) -> CallSession:
        state = self.units.state(kinds.CALL_SESSIONS, call.session_id)
        assert state is not None, "the call left no fact"
        return state

    def facts_of(self, call: Call, kind: type[S]) -> list[S]:
        return [each for each in self.units.facts(call.session_id) if isinstance(each, kind)]

    def settled(self, call: Call) -> list[AttemptSettled]:
        return self.facts_of(call, AttemptSettled)

    def owner_of(self, number: str) -> UUID | None:
        caller_id_id = kinds.caller_id_id(self.persons.seal(number))
        state = self.units.state(kinds.CALLER_IDS, caller_id_id)
        return state.card_id if isinstance(state, CallerId) else None
