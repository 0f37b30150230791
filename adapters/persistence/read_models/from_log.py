"""Facts that a page of facts refers to, looked up in the log: they never change."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any
from uuid import UUID

from eventsourcing.persistence import StoredEvent
from sqlalchemy import Connection, select, tuple_

from adapters.persistence.codec import FactMapper
from adapters.persistence.facts import FACTS, UPCASTS
from adapters.persistence.tables import events

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
        query = select(*columns).where(tuple_(events.c.stream_id, events.c.version).in_(part))
        for row in connection.execute(query):
            recorded = _MAPPER.to_domain_event(StoredEvent(*row))
            found[recorded.originator_id, recorded.originator_version] = recorded.fact
    return found


def _parts(places: Iterable[Place]) -> Iterator[list[Place]]:
    source = iter(places)
    while part := list(islice(source, _AT_ONCE)):
        yield part
