"""What the use cases need from outside. Adapters implement these; tests may use small fakes."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from typing import Protocol, TypeVar
from uuid import UUID

from attrs import frozen

from application.streams import Fact, Kind, State
from domain.rating import RateTerms

T = TypeVar("T")


class Clock(Protocol):
    def now(self) -> datetime:
        """The time, aware and in UTC."""
        ...


@frozen
class Claim:
    """A name that belongs to one stream only, such as ``Claim("card-number", "4711000042")``."""

    kind: str
    key: str


class Unit(Protocol):
    """One unit of work: everything recorded in it is stored together or not at all."""

    def get(self, kind: Kind[State, Fact], stream_id: UUID) -> State | None:
        """The state of the stream, or None if nothing was ever recorded in it.

        What this unit recorded itself is already seen. A stream that was not declared is loaded
        from the store; only declared ones are guarded against a decision on a stale state.
        """
        ...

    def record(
        self,
        kind: Kind[State, Fact],
        stream_id: UUID,
        facts: Sequence[Fact],
        claims: Sequence[Claim] = (),
    ) -> None:
        """Facts to be stored in the stream, and the names it claims with them.

        Raises ValueError if the stream was not declared in ``writes``, and if claims come without
        a fact that explains them.
        """
        ...


class UnitsOfWork(Protocol):
    def run(
        self,
        decide: Callable[[Unit], T],
        *,
        writes: Collection[UUID],
        reads: Collection[UUID] = (),
    ) -> T:
        """Lets ``decide`` look at states and record facts, stores them, and gives its answer.

        ``decide`` may be called several times and must do nothing but use its unit: a decision on
        a state that turns out to be old is thrown away and made again. ``writes`` are the streams
        it may record in, ``reads`` the others its answer depends on.

        Raises whatever ``decide`` raises, ClaimTaken, ConcurrencyConflict and LedgerUnavailable.
        """
        ...

    def find(self, kind: str, key: str) -> UUID | None:
        """The stream that holds a claim. Exact at once: never older than the last append."""
        ...

    def find_many(self, kind: str, keys: Collection[str]) -> dict[str, UUID]:
        """The streams that hold these claims; a key that nobody claimed is left out."""
        ...


class ConcurrencyConflict(Exception):
    """Others kept recording in the same streams first, however often we decided again.

    Nothing was stored. The same command may be tried again later.
    """


class LedgerUnavailable(Exception):
    """The ledger cannot be reached, or it is unknown whether it stored the facts.

    Try again with the same ids, which is safe if they were stored after all; never compensate.
    """


class ClaimTaken(Exception):
    """Another stream already holds this claim. Nothing was stored."""

    def __init__(self, kind: str, key: str) -> None:
        super().__init__(f"{kind} {key} is already taken")
        self.kind = kind
        self.key = key


@frozen
class Route:
    """One way to a number: the trunk to dial through, and the digits to send there.

    ``terms`` are what its provider asks for the call, in the provider's unit; None: unknown.
    """

    trunk: str
    number: str
    provider: str | None = None
    terms: RateTerms | None = None
    capacity: int | None = None
    """Calls at once that the trunk carries; None: nobody counts."""
    caller_id: str | None = None
    """The number to present; None: the caller's own."""


@frozen
class Price:
    """What a tariff says of a number: the longest prefix that fits, its name and its terms."""

    prefix: str
    destination: str
    terms: RateTerms


class Prices(Protocol):
    def find(self, tariff: str, number: str, now: datetime) -> Price | None:
        """The price of an E.164 number in the version of the tariff in force at a moment."""
        ...

    def at(self, tariff: str, now: datetime) -> Callable[[str], RateTerms | None]:
        """The terms for E.164 digits, looked up in that version for very many of them."""
        ...


class Routes(Protocol):
    def to(self, number: str) -> Sequence[Route]:
        """The ways to an E.164 number, cheapest first; none: the number is not sold.

        Raises DestinationNotSold, with the reason, for a number that may not be dialled.
        """
        ...


class RouteCosts(Protocol):
    def cheapest(self, number_or_prefix: str, unit: str | None = None) -> int | None:
        """What the cheapest route costs now, in micros of a unit for sixty seconds.

        Fees are counted, spread over a call of the nominal length. A prefix is priced as the
        numbers that begin with it and have no rate of their own. ``unit`` is that of the answer,
        None for the one that routes are compared in. None: no route, or no cost is known.
        """
        ...

    def costs_now(self, unit: str | None = None) -> Callable[[str], int | None]:
        """``cheapest`` for very many prefixes, digits alone, all as of this moment."""
        ...


class OpenAttempts(Protocol):
    """A read model: the attempts whose holds are open, so that none is forgotten."""

    def of_node(self, node: str, most: int) -> Sequence[OpenAttempt]:
        """The open attempts of the calls of one Asterisk, oldest first."""
        ...

    def overdue(self, now: datetime, most: int) -> Sequence[UUID]:
        """Sessions with an open attempt whose deadline has passed."""
        ...


@frozen
class OpenAttempt:
    session_id: UUID
    reference: str
    attempt: int
    placed_at: datetime
    deadline: datetime
