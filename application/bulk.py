"""Many streams at once: a million new cards, or a hundred thousand that change their status."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Generic, Protocol, TypeVar
from uuid import UUID

from attrs import frozen

from application.ports import Claim, ConcurrencyConflict
from application.streams import Fact, Kind, State

T = TypeVar("T")
A = TypeVar("A")

TRIES = 12
"""How often a single stream is decided anew before it gives way to others."""


@frozen
class Loaded(Generic[State]):
    """A state, and after how many facts it is that: what the next append builds on."""

    state: State | None
    version: int


@frozen
class Addition:
    """New facts of one stream behind the ``after`` that it has, and the names they claim."""

    kind: Kind[Any, Any]
    stream_id: UUID
    after: int
    facts: Sequence[Any]
    claims: Sequence[Claim] = ()


class Overtaken(Exception):
    """Others recorded in one of the streams first, or took a name. Nothing was stored."""


class BulkAppends(Protocol):
    """Facts of many streams in one transaction, past the caches, with the guarantees of a unit of
    work: a version exists once, a name has one holder, all or nothing."""

    def load(
        self, kind: Kind[State, Fact], stream_ids: Collection[UUID]
    ) -> Mapping[UUID, Loaded[State]]:
        """The states of the streams; one without facts has the state None and version 0."""
        ...

    def histories(
        self, stream_ids: Collection[UUID]
    ) -> Mapping[UUID, Sequence[tuple[datetime, Any]]]:
        """All facts of the streams with the moments they were recorded."""
        ...

    def holders(self, kind: str, keys: Collection[str]) -> Mapping[str, UUID]:
        """The streams that hold these names, as of the last append."""
        ...

    def append(self, additions: Sequence[Addition]) -> None:
        """Raises Overtaken, and LedgerUnavailable if it is unknown whether they were stored."""
        ...


def stored_in_parts(
    bulk: BulkAppends,
    items: Sequence[T],
    decide: Callable[[Sequence[T]], tuple[Sequence[Addition], A]],
) -> Iterator[A]:
    """Decides about the items and stores what follows, with the answer of each part stored.

    If others came first, the items are decided anew in two halves, so that a busy card holds up
    itself only. ``decide`` looks at the states anew each time. Raises ConcurrencyConflict if one
    item alone never comes through.
    """
    for attempt in range(TRIES if len(items) == 1 else 1):
        additions, answer = decide(items)
        try:
            if additions:
                bulk.append(additions)
        except Overtaken as overtaken:
            if len(items) == 1 and attempt == TRIES - 1:
                raise ConcurrencyConflict(str(overtaken)) from overtaken
        else:
            yield answer
            return
    half = len(items) // 2
    yield from stored_in_parts(bulk, items[:half], decide)
    yield from stored_in_parts(bulk, items[half:], decide)


def parts(items: Sequence[T], most: int) -> Iterator[Sequence[T]]:
    return (items[at : at + most] for at in range(0, len(items), most))
