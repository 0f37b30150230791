"""Facts that a page of facts refers to, looked up in the log: they never change."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any
from uuid import UUID

from eventsourcing.persistence import StoredEvent
from sqlalchemy import Connection, select

from adapters.persistence.codec import FactMapper, RecordedFact
from adapters.persistence.facts import FACTS, UPCASTS
from adapters.persistence.tables import events
from adapters.persistence.view_store import is_one_of

_MAPPER = FactMapper(FACTS, UPCASTS)
_AT_ONCE = 400
_FIRST = 1

Place = tuple[UUID, int]
"""A stream and a version in it."""


def firsts(connection: Connection, stream_ids: Iterable[UUID]) -> dict[UUID, Any]:
    """The first facts of streams: what each was made as."""
    places = ((stream_id, _FIRST) for stream_id in stream_ids)
    return {stream_id: fact for (stream_id, _), fact in facts_at(connection, places).items()}


def facts_at(connection: Connection, places: Iterable[Place]) -> dict[Place, Any]:
    """The facts in these places; a place that is empty is left out."""
    found: dict[Place, Any] = {}
    columns = (events.c.stream_id, events.c.version, events.c.name, events.c.data)
    for part in _parts(set(places)):
        query = select(*columns).where(is_one_of(connection, columns[:2], part))
        for row in connection.execute(query):
            recorded = _MAPPER.to_domain_event(StoredEvent(*row))
            found[recorded.originator_id, recorded.originator_version] = recorded.fact
    return found


def streams(connection: Connection, stream_ids: Iterable[UUID]) -> dict[UUID, list[RecordedFact]]:
    """All facts of streams, as far as they are in the log by now."""
    found: dict[UUID, list[RecordedFact]] = {}
    for stream_id in stream_ids:
        query = select(events).where(events.c.stream_id == stream_id).order_by(events.c.version)
        found[stream_id] = [
            _MAPPER.to_domain_event(StoredEvent(row.stream_id, row.version, row.name, row.data))
            for row in connection.execute(query)
        ]
    return found


def _parts(places: Iterable[Place]) -> Iterator[list[Place]]:
    source = iter(places)
    while part := list(islice(source, _AT_ONCE)):
        yield part
