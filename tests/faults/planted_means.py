"""The means of the bug-hunting story: what its people do, and what they must be told."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from fractions import Fraction
from functools import partial
from math import ceil
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID

from attrs import define, field, frozen
from eventsourcing.persistence import OperationalError

from adapters.persistence.group_commit import Append, GroupCommit
from adapters.persistence.projections import Projections
from adapters.persistence.read_models import ALL
from adapters.persistence.recorder import EventRecorder
from application.calling import Call
from application.dialling import Grant
from application.legs import LegRecord
from application.ports import LedgerUnavailable
from application.sealing import Sealing
from domain.errors import Refused
from domain.money import Money
from domain.rating import RateTerms
from tests.faults import acknowledged
from tests.faults.acknowledged import Acknowledged, Command, hold_of
from tests.faults.oracle import Oracle, OracleFailed, SealFiles
from tests.faults.parallel import (
    WARSAW,
    Crowd,
    PaidCard,
    Systems,
    patiently,
    usd,
)
from tests.support.stores import FixedClock

T = TypeVar("T")

RATE, CONNECT, DISCONNECT, BLOCK, STEP = 599_999, 50_000, 7, 30, 6
SETUP, DAILY = 150_000, 100_000
FACE = 10_000_000
ALICE, BOB = "+48600316058", "+14155550123"

PRICE = RateTerms(
    "USD",
    RATE,
    connect_fee=CONNECT,
    disconnect_fee=DISCONNECT,
    initial_block=BLOCK,
    increment=STEP,
)
_PAGE = 60
_MOST_TRIES = 3


def price(seconds: int) -> int:
    """What a call costs in micros: whole blocks, the talk rounded up once."""
    if not seconds:
        return 0
    billed = BLOCK
    while billed < seconds:
        billed += STEP
    return CONNECT + DISCONNECT + ceil(Fraction(RATE * billed, 60))


@frozen
class Finding:
    """Something that is not as it must be: who noticed it, and what."""

    by: str
    what: str

    def __str__(self) -> str:
        return f"{self.by}: {self.what}"


class Wrong(AssertionError):
    """An answer of the ledger that is not the one expected."""


@define
class Purse:
    """What must be on a card: millionths, by what was done with it."""

    card: PaidCard
    balance: int
    used: bool = False
    holds: dict[UUID, int] = field(factory=dict)
    """By the id of the hold, for the calls that are up."""

    @property
    def held(self) -> int:
        return sum(self.holds.values())


class FailingCommits:
    """Makes chosen commits of one system fail: before anything is stored, or after all of it."""

    def __init__(self, recorder: EventRecorder) -> None:
        self._store: Callable[[Sequence[Append]], int] = recorder._flush
        self._plan: list[str] = []
        recorder._appends = GroupCommit(self._flush)

    def plan(self, *outcomes: str) -> None:
        """What becomes of the next commits: ``stored``, ``lost`` or ``unanswered``."""
        self._plan = list(outcomes)

    def _flush(self, appends: Sequence[Append]) -> int:
        outcome = self._plan.pop(0) if self._plan else "stored"
        if outcome == "lost":
            raise OperationalError("the disk is full")
        first = self._store(appends)
        if outcome == "unanswered":
            raise OperationalError("the answer to a commit was lost")
        return first


@define
class Means:
    """People at two systems. ``found`` is what was wrong."""

    folder: Path
    systems: Systems
    clock: FixedClock
    record: Acknowledged
    commits: FailingCommits
    seal: Sealing
    crowd: Crowd
    chance: random.Random
    found: list[Finding] = field(factory=list)
    up: set[UUID] = field(factory=set)
    purses: list[Purse] = field(factory=list)

    # The means

    @contextmanager
    def chapter(self, name: str) -> Iterator[None]:
        """Whatever is raised in a chapter is found."""
        try:
            yield
        except Exception as error:
            what = str(error) if isinstance(error, Wrong) else f"{type(error).__name__}: {error}"
            self.found.append(Finding(name, what))

    def follow(self) -> None:
        """Read models and seals keep up, in small pages, now in one system and now in the other."""
        system = self.systems[self.chance.randrange(2)]
        try:
            Projections(system.recorder, system.mapper, page=_PAGE).catch_up_all(ALL)
            self.seal.run()
        except Exception as error:
            self.found.append(Finding("following", f"{type(error).__name__}: {error}"))

    def purse(self, group: str = "Gold", balance: int = FACE) -> Purse:
        card = self.systems.card(group)
        purse = Purse(card, balance)
        self.purses.append(purse)
        return purse

    def ask(self, wanted: Command, action: Callable[[], Any]) -> Any:
        """Asks until there is an answer, as every client does, and keeps what was promised."""
        with self.record.asking(wanted) as asked:
            try:
                answer = until_answered(action)
            except Refused:
                asked.refuse()
                raise
            asked.acknowledge()
            return answer

    def dial(
        self, purse: Purse, system: int = 0, caller_id: str | None = None
    ) -> tuple[Call, Grant]:
        call = self.systems.caller(self.systems[system], purse.card, caller_id)
        do = self.systems[system].calls.dialling
        grant = self.ask(acknowledged.hold(call.reference), partial(do.dial, call, WARSAW))
        self.is_up(purse, call, grant)
        return call, grant

    def is_up(self, purse: Purse, call: Call, grant: Grant) -> None:
        """What is held for a call: all that its whole time can cost, and no more than there is."""
        hold_id = hold_of(call.reference)
        hold = self._account(purse).holds.get(hold_id)
        if hold is None:
            raise Wrong("nothing is held for a call that may be dialled")
        least = price(grant.limit_seconds) + (0 if purse.used else SETUP)
        if hold.micros < least:
            raise Wrong(f"{hold} is held for {grant.limit_seconds} s, which cost {usd(least)}")
        if purse.held + hold.micros > purse.balance:
            raise Wrong(f"{hold} is held, and {usd(purse.balance - purse.held)} is there")
        purse.holds[hold_id] = hold.micros
        self.up.add(hold_id)

    def is_over(self, purse: Purse, call: Call) -> None:
        purse.holds.pop(hold_of(call.reference))
        self.up.discard(hold_of(call.reference))

    def talk(
        self, purse: Purse, call: Call, grant: Grant, seconds: int | None, system: int = 0
    ) -> None:
        """A leg ends after so many seconds, None: nobody answered; it is told to both systems, and
        then the caller's channel ends as well."""
        answered = None if seconds is None else int(self.clock.time.timestamp() * 1000)
        ended = None if answered is None or seconds is None else answered + seconds * 1000 - 400
        record = LegRecord(call.reference, 1, 1, answered, ended, 16, "1763765000.9")
        cost = self._charge(purse, min(seconds or 0, grant.limit_seconds))
        if seconds is None:
            tell = partial(self.systems[system].settlement.not_connected, call.reference, 1, 17)
        else:
            tell = partial(self.systems[system].settlement.record_leg, record)
        self.ask(acknowledged.settlement(call.reference), tell)
        self.is_over(purse, call)
        purse.balance -= cost
        for other in self.systems.all:
            until_answered(partial(other.settlement.record_leg, record))
            until_answered(partial(other.settlement.call_ended, call.reference))
        self.check(purse)

    def _charge(self, purse: Purse, seconds: int) -> int:
        setup = SETUP if seconds and not purse.used else 0
        purse.used = purse.used or bool(seconds)
        return price(seconds) + setup

    def top_up(self, purse: Purse, micros: int, system: int = 0) -> UUID:
        top_up_id = UUID(int=self.chance.getrandbits(128))
        self.ask(
            acknowledged.top_up(top_up_id, usd(micros)), self.pay(purse, top_up_id, micros, system)
        )
        purse.balance += micros
        return top_up_id

    def pay(self, purse: Purse, top_up_id: UUID, micros: int, system: int) -> Callable[[], Money]:
        do = self.systems[system].administration
        card_id = purse.card.card_id
        return partial(do.top_up_card, card_id, top_up_id, usd(micros), "cash", "ann")

    def _account(self, purse: Purse) -> Any:
        return self.systems.account(purse.card, self.systems[1])

    def check(self, purse: Purse) -> None:
        """What the ledger says of a card is what was worked out here."""
        for system in self.systems.all:
            account = self.systems.account(purse.card, system)
            expect("balance", account.balance.micros, purse.balance)
            expect("held", account.held.micros, purse.held)
            expect("available", account.available.micros, purse.balance - purse.held)

    def judge(self) -> None:
        files = SealFiles(self.folder / "seal.key.pub", self.folder / "checkpoints")
        try:
            Oracle(self.systems.url, files, self.clock).check(self.record, live=self.up)
        except OracleFailed as failed:
            self.found += [
                Finding(f"oracle, {each.check.name.lower()}", each.why) for each in failed.breaches
            ]


def expect(what: str, told: object, wanted: object) -> None:
    if told != wanted:
        raise Wrong(f"{what}: {told}, and it must be {wanted}")


def must_refuse(what: str, action: Callable[[], object]) -> None:
    try:
        action()
    except Refused:
        return
    raise Wrong(f"{what} was not refused")


def until_answered(action: Callable[[], T]) -> T:
    """Asks again while the ledger is away, as every client does."""
    for _ in range(_MOST_TRIES):
        try:
            return patiently(action, _MOST_TRIES)
        except LedgerUnavailable:
            continue
    raise Wrong("the ledger never answered")
