"""Several systems on one ledger, and threads that act at the same moment.

Each system has caches and locks of its own, as processes have: what keeps them apart is the
database alone.
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID

from attrs import define, evolve, field, frozen

from application import kinds
from application.calling import Arrival, Call
from application.dialling import Grant
from application.ports import Clock, ConcurrencyConflict
from domain.access_numbers import AccessTerms
from domain.accounts import Account
from domain.card_groups import GroupTerms
from domain.errors import Refused
from domain.login import LoginMode
from domain.money import Money
from domain.rate_checks import PricedPrefix
from domain.rating import RateTerms
from talktime.settings import check
from talktime.system import System, build, make_pin_key

T = TypeVar("T")

ACCESS = "18005550100"
WARSAW = "48221234567"
CENT_A_SECOND = RateTerms("USD", 600_000)

_STARTED = 1_763_765_000
"""When the Asterisk was started: its unique ids begin with seconds of its own clock."""

_PATIENCE = 60.0
"""Seconds for which threads wait for each other, so that a test ends in any case."""


def usd(micros: int) -> Money:
    return Money(micros, "USD")


@frozen
class PaidCard:
    """What its buyer reads on a card."""

    card_id: UUID
    number: str
    pin: str

    @property
    def account_id(self) -> UUID:
        return kinds.account_id_of_card(self.card_id)


@define
class Systems:
    """Some systems on one ledger, and what they are asked for by way of a turn of each."""

    url: str
    clock: Clock
    all: Sequence[System]
    _references: Iterator[int] = field(factory=itertools.count, init=False)

    def __getitem__(self, number: int) -> System:
        return self.all[number % len(self.all)]

    def sell_at(self, price: RateTerms, *, prefix: str = "48") -> None:
        """One tariff, ``retail``, from a month ago on, and the access number that callers dial."""
        since = self.clock.now() - timedelta(days=30)
        rows = [PricedPrefix(prefix, "Poland", price)]
        self[0].tariffs.publish_rows("retail", price.unit, rows, since, "ann")
        self[0].access_numbers.add(ACCESS, AccessTerms())

    def group(self, name: str, face_value: Money, **terms: Any) -> None:
        told = GroupTerms(face_value.unit, face_value, "retail")
        self[0].administration.create_group(name, evolve(told, **terms))

    def card(self, group: str, *, issued: bool = True) -> PaidCard:
        made = self[0].administration.generate_card(group)
        assert made.pin is not None, "a new card tells its PIN"
        if issued:
            self[0].administration.issue_card(made.card_id, "ann", "sold")
        return PaidCard(made.card_id, made.number, made.pin)

    def arrive(self, system: System, caller_id: str | None = None) -> Call:
        """A call of its own, on a channel that no other call was on."""
        reference = f"pbx1-{_STARTED}.{next(self._references)}"
        arrival = Arrival(reference, "pbx1", ACCESS, caller_id, "carrier")
        return system.calls.calls.arrive(arrival)

    def caller(self, system: System, card: PaidCard, caller_id: str | None = None) -> Call:
        """Somebody who keyed in a card, and may dial."""
        call = self.arrive(system, caller_id)
        system.calls.calls.login(call, LoginMode.NUMBER_AND_PIN, card.number, card.pin)
        return call

    def account(self, card: PaidCard, system: System | None = None) -> Account:
        """As the database has it."""
        found: Account | None = (system or self[0]).units.run(
            lambda unit: unit.get(kinds.ACCOUNTS, card.account_id),
            writes=(),
            reads=(card.account_id,),
        )
        assert found is not None, "the card was never activated"
        return found

    def facts(self, stream_id: UUID, kind: type[T]) -> list[T]:
        log = self[0].log.stream(stream_id)
        return [each.fact for each in log if isinstance(each.fact, kind)]


@contextmanager
def systems_on(
    url: str,
    folder: Path,
    clock: Clock,
    count: int = 2,
    *,
    monotonic: Callable[[], float] | None = None,
    **sections: object,
) -> Iterator[Systems]:
    """So many systems with one PIN key, closed at the end."""
    key = folder / "pin.key"
    if not key.exists():
        make_pin_key(key)
    settings = check(
        {
            "ledger": {"url": url},
            "secrets": {"pin_key_file": str(key)},
            "trunks": [{"name": "carrier", "prefix": "00"}],
            **sections,
        }
    )
    with ExitStack() as stack:
        built = []
        for _ in range(count):
            built.append(build(settings, clock=clock, monotonic=monotonic))
            stack.callback(built[-1].close)
        yield Systems(url, clock, built)


@contextmanager
def crowd_of(most: int) -> Iterator[Crowd]:
    with ThreadPoolExecutor(most) as pool:
        yield Crowd(pool, most)


@frozen
class Crowd:
    """Threads that wait for each other and then all act at once."""

    _pool: ThreadPoolExecutor
    _most: int

    def act(self, actions: Sequence[Callable[[], T]]) -> list[T | Refused]:
        """What came of each action: its answer, or what it was refused with. Anything else that
        is raised is raised here."""
        if len(actions) > self._most:
            raise ValueError(f"{self._most} act at once, not {len(actions)}")
        together = threading.Barrier(len(actions), timeout=_PATIENCE)

        def acted(action: Callable[[], T]) -> T | Refused:
            together.wait()
            try:
                return patiently(action)
            except Refused as refusal:
                return refusal

        futures = [self._pool.submit(acted, action) for action in actions]
        return [each.result(_PATIENCE) for each in futures]


def patiently(action: Callable[[], T], tries: int = 50) -> T:
    """Asks again where others came first too often, as every client of the ledger may."""
    for _ in range(tries - 1):
        try:
            return action()
        except ConcurrencyConflict:
            continue
    return action()


def dialled(systems: Systems, number: int, call: Call) -> Grant:
    return systems[number].calls.dialling.dial(call, WARSAW)
