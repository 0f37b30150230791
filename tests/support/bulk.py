"""Bulk appends without a database, on the same memory as the units of work of a test."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from application.bulk import Addition, Loaded, Overtaken
from application.ports import ClaimTaken, Unit
from application.streams import Fact, Kind, State
from tests.support.memory import MemoryUnitsOfWork


class MemoryBulkAppends:
    """The port ``BulkAppends``. ``before_storing`` is called before each append, to come first."""

    def __init__(self, units: MemoryUnitsOfWork) -> None:
        self._units = units
        self.before_storing: Callable[[], None] = lambda: None

    def load(
        self, kind: Kind[State, Fact], stream_ids: Collection[UUID]
    ) -> Mapping[UUID, Loaded[State]]:
        return {
            each: Loaded(self._units.state(kind, each), len(self._units.facts(each)))
            for each in stream_ids
        }

    def histories(
        self, stream_ids: Collection[UUID]
    ) -> Mapping[UUID, Sequence[tuple[datetime, Any]]]:
        return {
            each: [(one.recorded_at, one.fact) for one in self._units.history(each)]
            for each in stream_ids
        }

    def holders(self, kind: str, keys: Collection[str]) -> Mapping[str, UUID]:
        return self._units.find_many(kind, keys)

    def append(self, additions: Sequence[Addition]) -> None:
        self.before_storing()

        def decide(unit: Unit) -> None:
            for each in additions:
                if len(self._units.facts(each.stream_id)) != each.after:
                    raise Overtaken(f"stream {each.stream_id} moved on")
                unit.record(each.kind, each.stream_id, each.facts, each.claims)

        try:
            self._units.run(decide, writes={each.stream_id for each in additions})
        except ClaimTaken as taken:
            raise Overtaken(str(taken)) from taken
