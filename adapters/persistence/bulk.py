"""Bulk appends on the ledger's log: many streams in one transaction, past caches and queues."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from itertools import groupby
from operator import attrgetter
from typing import Any
from uuid import UUID

from eventsourcing.persistence import IntegrityError, StoredEvent

from adapters.persistence.codec import FactMapper
from adapters.persistence.group_commit import StoredClaim
from adapters.persistence.recorder import EventRecorder
from adapters.persistence.units_of_work import outside_errors
from application.bulk import Addition, Loaded, Overtaken
from application.ports import Clock
from application.streams import Fact, Kind, State

_ID: Callable[[StoredEvent], UUID] = attrgetter("originator_id")


class LedgerBulkAppends:
    """The port ``BulkAppends`` on an event recorder.

    The unique stream and version of each fact and the unique key of each claim decide who was
    first, as between processes. Cached states of this process are not told: their next append is
    refused by its version, and then they are read anew.
    """

    def __init__(
        self,
        recorder: EventRecorder,
        mapper: FactMapper,
        clock: Clock,
        *,
        appended: Callable[[], None] = lambda: None,
    ) -> None:
        self._recorder = recorder
        self._mapper = mapper
        self._clock = clock
        self._appended = appended

    def load(
        self, kind: Kind[State, Fact], stream_ids: Collection[UUID]
    ) -> Mapping[UUID, Loaded[State]]:
        found: dict[UUID, Loaded[State]] = dict.fromkeys(stream_ids, Loaded(None, 0))
        read, evolve = self._mapper.read, kind.evolve
        for stream_id, facts in groupby(self._stored(stream_ids), _ID):
            state: Any = None
            for stored in facts:
                state = evolve(state, read(stored)[1])
            found[stream_id] = Loaded(state, stored.originator_version)
        return found

    def histories(
        self, stream_ids: Collection[UUID]
    ) -> Mapping[UUID, Sequence[tuple[datetime, Any]]]:
        found: dict[UUID, list[tuple[datetime, Any]]] = {each: [] for each in stream_ids}
        for stored in self._stored(stream_ids):
            found[_ID(stored)].append(self._mapper.read(stored))
        return found

    def holders(self, kind: str, keys: Collection[str]) -> Mapping[str, UUID]:
        with outside_errors():
            return self._recorder.select_claims(kind, keys)

    def append(self, additions: Sequence[Addition]) -> None:
        now = self._clock.now()
        translate = self._mapper.stored
        stored = [
            translate(each.stream_id, version, now, fact)
            for each in additions
            for version, fact in enumerate(each.facts, each.after + 1)
        ]
        claims = [
            StoredClaim(claim.kind, claim.key, each.stream_id)
            for each in additions
            for claim in each.claims
        ]
        # Sorted, the rows of an index lie together: fewer pages are written.
        claims.sort()
        try:
            with outside_errors():
                self._recorder.insert_many(stored, claims)
        except IntegrityError as error:
            raise Overtaken(str(error)) from error
        self._appended()

    def _stored(self, stream_ids: Collection[UUID]) -> Sequence[StoredEvent]:
        """The facts of each stream behind one another, in their order."""
        with outside_errors():
            return self._recorder.select_streams(dict.fromkeys(stream_ids, 0))
