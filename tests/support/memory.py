"""A ledger in memory: units of work that keep every promise of the port until the program ends."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from datetime import UTC, datetime, timedelta
from threading import Lock
from typing import Any, TypeVar
from uuid import UUID

from attrs import define, field, frozen

from application.ports import (
    Claim,
    ClaimTaken,
    Clock,
    ConcurrencyConflict,
    LedgerUnavailable,
    Unit,
)
from application.streams import Fact, Kind, State

T = TypeVar("T")

ATTEMPTS = 12
MOST_STREAMS = 2_000


@define
class SetClock:
    """A clock that shows what it was set to."""

    time: datetime = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)

    def now(self) -> datetime:
        return self.time

    def pass_by(self, **duration: float) -> None:
        self.time += timedelta(**duration)

    def seconds(self) -> float:
        """As a monotonic clock would count them, for as long as nobody sets this one back."""
        return self.time.timestamp()


@frozen
class Remembered:
    """One recorded fact: its stream and kind, its place there from 1, and when."""

    stream_id: UUID
    kind: str
    version: int
    recorded_at: datetime
    fact: Any


@define
class _Stream:
    kind: str
    facts: list[Remembered] = field(factory=list)
    state: Any = None


class MemoryUnitsOfWork:
    """The port ``UnitsOfWork`` without a database, for as many threads as like.

    A unit decides on what it sees, and is decided again if others recorded meanwhile in a stream
    that it declared. For tests: ``unavailable`` makes every use LedgerUnavailable;
    ``lose_next_answer`` stores the next facts and raises LedgerUnavailable nevertheless;
    ``before_storing`` is called between a decision and its storing, to come first from a test.
    """

    def __init__(self, clock: Clock | None = None) -> None:
        self.clock = clock or SetClock()
        self.unavailable = False
        self.lose_next_answer = False
        self.before_storing: Callable[[], None] = lambda: None
        self._streams: dict[UUID, _Stream] = {}
        self._claims: dict[Claim, UUID] = {}
        self._log: list[Remembered] = []
        self._lock = Lock()

    def run(
        self,
        decide: Callable[[Unit], T],
        *,
        writes: Collection[UUID],
        reads: Collection[UUID] = (),
    ) -> T:
        declared = {*writes, *reads}
        if len(declared) > MOST_STREAMS:
            raise ValueError(f"a unit of work declares {MOST_STREAMS} streams at most")
        for _ in range(ATTEMPTS):
            self._check_available()
            with self._lock:
                versions = {each: self._version(each) for each in declared}
            unit = MemoryUnit(self, frozenset(writes))
            try:
                answer = decide(unit)
            except Exception:
                # A refusal counts only if what it was decided on still holds.
                with self._lock:
                    if self._unchanged(versions):
                        raise
                continue
            self.before_storing()
            if self._stored(unit, versions):
                return answer
        raise ConcurrencyConflict(f"decided {ATTEMPTS} times, and others always recorded first")

    def find(self, kind: str, key: str) -> UUID | None:
        return self.find_many(kind, (key,)).get(key)

    def find_many(self, kind: str, keys: Collection[str]) -> dict[str, UUID]:
        self._check_available()
        with self._lock:
            held = {key: self._claims.get(Claim(kind, key)) for key in keys}
        return {key: holder for key, holder in held.items() if holder is not None}

    def facts(self, stream_id: UUID) -> list[Any]:
        """What was recorded in a stream, in order."""
        return [each.fact for each in self.history(stream_id)]

    def history(self, stream_id: UUID) -> list[Remembered]:
        with self._lock:
            stream = self._streams.get(stream_id)
            return list(stream.facts) if stream else []

    def log(self) -> list[Remembered]:
        """Everything that was ever recorded, in the order it was stored."""
        with self._lock:
            return list(self._log)

    def streams(self, kind: str) -> list[UUID]:
        """The streams of a kind, ordered by id."""
        with self._lock:
            return sorted(each for each, stream in self._streams.items() if stream.kind == kind)

    def state(self, kind: Kind[State, Fact], stream_id: UUID) -> State | None:
        with self._lock:
            return self._state(kind, stream_id)

    def _state(self, kind: Kind[State, Fact], stream_id: UUID) -> State | None:
        stream = self._streams.get(stream_id)
        if stream is None:
            return None
        if stream.kind != kind.name:
            raise TypeError(f"stream {stream_id} is of kind {stream.kind}, not {kind.name}")
        state: State | None = stream.state
        return state

    def _check_available(self) -> None:
        if self.unavailable:
            raise LedgerUnavailable("the memory was told to be unavailable")

    def _version(self, stream_id: UUID) -> int:
        stream = self._streams.get(stream_id)
        return len(stream.facts) if stream else 0

    def _unchanged(self, versions: dict[UUID, int]) -> bool:
        return all(self._version(each) == version for each, version in versions.items())

    def _stored(self, unit: MemoryUnit, versions: dict[UUID, int]) -> bool:
        """Stores all that the unit recorded, or nothing and False if it decided on old states."""
        self._check_available()
        with self._lock:
            if not self._unchanged(versions):
                return False
            for claim, claimant in unit.claims.items():
                if self._claims.get(claim, claimant) != claimant:
                    raise ClaimTaken(claim.kind, claim.key)
            self._claims.update(unit.claims)
            now = self.clock.now()
            for kind, stream_id, fact in unit.recorded:
                stream = self._streams.setdefault(stream_id, _Stream(kind.name))
                stream.state = kind.evolve(stream.state, fact)
                stored = Remembered(stream_id, kind.name, len(stream.facts) + 1, now, fact)
                stream.facts.append(stored)
                self._log.append(stored)
            lost = self.lose_next_answer and bool(unit.recorded)
            self.lose_next_answer = self.lose_next_answer and not lost
        if lost:
            raise LedgerUnavailable("stored, but nobody knows")
        return True


class MemoryUnit:
    """One unit of work: what it saw and recorded."""

    def __init__(self, ledger: MemoryUnitsOfWork, writes: frozenset[UUID]) -> None:
        self._ledger = ledger
        self._writes = writes
        self._states: dict[UUID, tuple[str, Any]] = {}
        self.recorded: list[tuple[Kind[Any, Any], UUID, Any]] = []
        self.claims: dict[Claim, UUID] = {}

    def get(self, kind: Kind[State, Fact], stream_id: UUID) -> State | None:
        if stream_id not in self._states:
            self._states[stream_id] = (kind.name, self._ledger.state(kind, stream_id))
        name, state = self._states[stream_id]
        if name != kind.name:
            raise TypeError(f"stream {stream_id} is of kind {name}, not {kind.name}")
        seen: State | None = state
        return seen

    def record(
        self,
        kind: Kind[State, Fact],
        stream_id: UUID,
        facts: Sequence[Fact],
        claims: Sequence[Claim] = (),
    ) -> None:
        if stream_id not in self._writes:
            raise ValueError(f"a {kind.name} was recorded that the unit of work did not declare")
        if not facts:
            if claims:
                raise ValueError("a claim is stored together with a fact that explains it")
            return
        for claim in claims:
            if self.claims.setdefault(claim, stream_id) != stream_id:
                raise ClaimTaken(claim.kind, claim.key)
        state = self.get(kind, stream_id)
        for fact in facts:
            state = kind.evolve(state, fact)
            self.recorded.append((kind, stream_id, fact))
        self._states[stream_id] = (kind.name, state)
