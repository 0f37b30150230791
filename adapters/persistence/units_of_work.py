"""Units of work: decide on cached states, store all or nothing, never answer from a stale one."""

from __future__ import annotations

import random
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import groupby
from time import sleep
from typing import Any, NoReturn, TypeVar
from uuid import UUID

from eventsourcing.persistence import (
    DataError,
    IntegrityError,
    NotSupportedError,
    PersistenceError,
    ProgrammingError,
)

from adapters.persistence.cache import Cached, ClaimCache, StateCache, StreamLocks
from adapters.persistence.codec import FactMapper, RecordedFact
from adapters.persistence.errors import ClaimConflict
from adapters.persistence.group_commit import StoredClaim
from adapters.persistence.recorder import MOST_EVENTS, EventRecorder
from application.ports import Claim, ClaimTaken, Clock, ConcurrencyConflict, LedgerUnavailable, Unit
from application.streams import Fact, Kind, State

T = TypeVar("T")

ATTEMPTS = 16
"""How often a unit of work is decided before it gives way to others."""

MOST_STREAMS = 2_000
"""How many streams one unit of work may declare."""

_LONGEST_PAUSE = 0.25
"""Seconds: longer than a decision takes where there is too much to do, so those who met part."""


class LedgerUnitsOfWork:
    """The port ``UnitsOfWork`` on an event recorder.

    Streams that a unit writes are locked in this process, so a hot account is decided in turn on
    its cached state; between processes the unique version of each fact decides who was first.
    """

    def __init__(
        self,
        recorder: EventRecorder,
        mapper: FactMapper,
        clock: Clock,
        *,
        cached_states: int = 20_000,
        cached_claims: int = 20_000,
        appended: Callable[[], None] = lambda: None,
    ) -> None:
        """``appended`` is called after each append, to wake who follows the log in this process."""
        self._recorder = recorder
        self._mapper = mapper
        self._clock = clock
        self._cache = StateCache(cached_states)
        self._claims = ClaimCache(cached_claims)
        self._locks = StreamLocks()
        self._appended = appended
        recorder.when_lost += [self._cache.clear, self._claims.clear]

    def run(
        self,
        decide: Callable[[Unit], T],
        *,
        writes: Collection[UUID],
        reads: Collection[UUID] = (),
    ) -> T:
        own = {each.int: each for each in writes}
        declared = own | {each.int: each for each in reads} if reads else own
        if len(declared) > MOST_STREAMS:
            raise ValueError(f"a unit of work declares {MOST_STREAMS} streams at most")
        if not own:
            return self._run(decide, own, declared, refreshed=bool(reads))
        taken = self._locks.take(own.values())
        try:
            return self._run(decide, own, declared, refreshed=bool(reads))
        finally:
            self._locks.give_back(taken)

    def find(self, kind: str, key: str) -> UUID | None:
        return self.find_many(kind, (key,)).get(key)

    def find_many(self, kind: str, keys: Collection[str]) -> dict[str, UUID]:
        found: dict[str, UUID] = {}
        unknown: list[str] = []
        for key in keys:
            holder = self._claims.get(kind, key)
            if holder is None:
                unknown.append(key)
            else:
                found[key] = holder
        if unknown:
            try:
                held = self._recorder.select_claims(kind, unknown)
            except PersistenceError as error:
                _raise_outside(error)
            for key, holder in held.items():
                self._claims.put(kind, key, holder)
            found.update(held)
        return found

    def _run(
        self,
        decide: Callable[[Unit], T],
        writes: dict[int, UUID],
        declared: dict[int, UUID],
        *,
        refreshed: bool,
    ) -> T:
        held: set[StoredClaim] = set()
        for attempt in range(ATTEMPTS):
            if attempt:
                _pause(attempt)
            unit, answer = self._decide(decide, writes, declared, refreshed=refreshed)
            if not unit.recorded:
                return answer
            claims = [each for each in unit.claims if each not in held]
            try:
                self._append(unit, claims)
            except ClaimConflict:
                held |= self._already_held(claims)
            except IntegrityError:
                pass
            else:
                return answer
            refreshed = True
        raise ConcurrencyConflict(
            f"decided {ATTEMPTS} times, and others always recorded first in one of the streams "
            + ", ".join(sorted(map(str, writes.values()))[:5])
        )

    def _decide(
        self,
        decide: Callable[[Unit], T],
        writes: dict[int, UUID],
        declared: dict[int, UUID],
        *,
        refreshed: bool,
    ) -> tuple[_LedgerUnit, T]:
        """Decides on cached states if the versions of the new facts will prove them right."""
        if not refreshed and all(each in self._cache for each in writes.values()):
            unit = _LedgerUnit(self, writes)
            try:
                answer = decide(unit)
            except LedgerUnavailable:
                raise
            except Exception:
                # A refusal is an answer as well, and nothing will be stored to test it.
                if not unit.unproven:
                    raise
            else:
                if unit.changed >= unit.unproven:
                    return unit, answer
        unit = _LedgerUnit(self, writes)
        unit.refresh(declared.values())
        return unit, decide(unit)

    def _append(self, unit: _LedgerUnit, claims: Sequence[StoredClaim]) -> None:
        now = self._clock.now()
        stored = [
            self._mapper.to_stored_event(RecordedFact(stream_id, version, now, fact))
            for stream_id, version, fact in unit.recorded
        ]
        try:
            self._recorder.insert_events(stored, claims=claims, losses=unit.losses)
        except BaseException as error:
            # The states may be old, and of an unknown append nobody knows how old.
            self._cache.evict(unit.seen)
            if isinstance(error, PersistenceError):
                _raise_outside(error)
            raise
        for stream_id, seen in unit.results():
            self._cache.put(stream_id, seen)
        self._appended()

    def _already_held(self, claims: Sequence[StoredClaim]) -> set[StoredClaim]:
        """Those of the claims that their own stream holds; ClaimTaken if another one has one."""
        own: set[StoredClaim] = set()
        for kind, group in groupby(sorted(claims), key=lambda each: each.kind):
            wanted = {each.key: each for each in group}
            for key, holder in self.find_many(kind, wanted.keys()).items():
                if holder != wanted[key].stream_id:
                    raise ClaimTaken(kind, key)
                own.add(wanted[key])
        return own


class _LedgerUnit:
    """What one decision has seen and recorded so far, by the number in the stream's id."""

    def __init__(self, ledger: LedgerUnitsOfWork, writes: dict[int, UUID]) -> None:
        self._ledger = ledger
        self.losses = ledger._recorder.losses
        self._writes = writes
        self._fresh: dict[int, tuple[Cached | None, list[RecordedFact]]] = {}
        self._claimed: dict[Claim, UUID] = {}
        self._seen: dict[int, Cached] = {}
        self._ids: dict[int, UUID] = {}
        self.unproven: set[int] = set()
        self.changed: set[int] = set()
        self.recorded: list[tuple[UUID, int, Any]] = []

    @property
    def seen(self) -> Collection[UUID]:
        return self._ids.values()

    @property
    def claims(self) -> Sequence[StoredClaim]:
        return [StoredClaim(each.kind, each.key, by) for each, by in self._claimed.items()]

    def results(self) -> Sequence[tuple[UUID, Cached]]:
        """The streams with new facts, and their states after them."""
        return [(self._ids[key], self._seen[key]) for key in self.changed]

    def get(self, kind: Kind[State, Fact], stream_id: UUID) -> State | None:
        state: State | None = self._look(kind, stream_id).state
        return state

    def record(
        self,
        kind: Kind[State, Fact],
        stream_id: UUID,
        facts: Sequence[Fact],
        claims: Sequence[Claim] = (),
    ) -> None:
        key = stream_id.int
        if key not in self._writes:
            raise ValueError(f"a {kind.name} was recorded that the unit of work did not declare")
        if not facts:
            if claims:
                raise ValueError("a claim is stored together with a fact that explains it")
            return
        for claim in claims:
            if self._claimed.setdefault(claim, stream_id) != stream_id:
                raise ClaimTaken(claim.kind, claim.key)
        seen = self._look(kind, stream_id)
        state, version = seen.state, seen.version
        for fact in facts:
            version += 1
            state = kind.evolve(state, fact)
            self.recorded.append((stream_id, version, fact))
        if len(self.recorded) > MOST_EVENTS:
            raise ValueError(f"a unit of work records {MOST_EVENTS} facts at most")
        self._seen[key] = Cached(kind.name, version, state)
        self.changed.add(key)

    def refresh(self, stream_ids: Iterable[UUID]) -> None:
        """Reads with one select what was recorded in these streams since they were cached."""
        after: dict[UUID, int] = {}
        for each in stream_ids:
            known = self._ledger._cache.get(each)
            after[each] = known.version if known else 0
            self._fresh[each.int] = (known, [])
        try:
            found = self._ledger._recorder.select_streams(after)
        except PersistenceError as error:
            _raise_outside(error)
        for stored in found:
            fact = self._ledger._mapper.to_domain_event(stored)
            self._fresh[fact.originator_id.int][1].append(fact)

    def _look(self, kind: Kind[Any, Any], stream_id: UUID) -> Cached:
        seen = self._seen.get(stream_id.int) or self._look_up(kind, stream_id)
        if seen.kind != kind.name:
            raise TypeError(f"stream {stream_id} is of kind {seen.kind}, not {kind.name}")
        return seen

    def _look_up(self, kind: Kind[Any, Any], stream_id: UUID) -> Cached:
        key = stream_id.int
        self._ids[key] = stream_id
        if key not in self._fresh:
            cached = self._ledger._cache.get(stream_id)
            if cached is not None and key in self._writes:
                self.unproven.add(key)
                self._seen[key] = cached
                return cached
            self.refresh((stream_id,))
        known, tail = self._fresh[key]
        seen = known or Cached(kind.name, 0, None)
        if tail and seen.kind == kind.name:
            state = seen.state
            for recorded in tail:
                state = kind.evolve(state, recorded.fact)
            seen = Cached(kind.name, tail[-1].originator_version, state)
            self._ledger._cache.put(stream_id, seen)
        self._seen[key] = seen
        return seen


@contextmanager
def outside_errors() -> Iterator[None]:
    """What callers of a port see instead of the errors of the database."""
    try:
        yield
    except PersistenceError as error:
        _raise_outside(error)


def _raise_outside(error: PersistenceError) -> NoReturn:
    """LedgerUnavailable for trouble with the database; what is our own fault stays itself."""
    if isinstance(error, IntegrityError | DataError | ProgrammingError | NotSupportedError):
        raise error
    raise LedgerUnavailable(str(error)) from error


def _pause(attempt: int) -> None:
    longest = min(_LONGEST_PAUSE, 0.001 * 2**attempt)
    sleep(random.uniform(0, longest))  # noqa: S311 - spreads those who met
