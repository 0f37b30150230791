"""What is asked of the audit trail and of the directory of names."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from eventsourcing.persistence import StoredEvent
from sqlalchemy import ColumnElement, Select, select

from adapters.persistence.codec import FactMapper
from adapters.persistence.hints import unindexed
from adapters.persistence.read_models.trail import entries, names
from adapters.persistence.recorder import EventRecorder
from adapters.persistence.tables import events
from application.audit import EntriesAsked, Entry
from application.views import MOST_ROWS

CLOCKS_APART = timedelta(hours=1)
"""How far the clocks of machines that write to one ledger may be apart, at the very most."""


class LedgerTrail:
    """The ports ``Trail`` and ``Directory`` on the ledger's database."""

    def __init__(self, recorder: EventRecorder, mapper: FactMapper) -> None:
        self._recorder = recorder
        self._mapper = mapper

    def entries(self, asked: EntriesAsked) -> Sequence[Entry]:
        at = entries.c.recorded_at
        with self._recorder.reading() as connection:
            after, before = asked.after, None
            if asked.since is not None:
                earlier = _place(at < asked.since - CLOCKS_APART, at.desc())
                after = max(after, connection.execute(earlier).scalar() or 0)
            if asked.until is not None:
                later = _place(at >= asked.until + CLOCKS_APART, at)
                before = connection.execute(later).scalar()
            rows = connection.execute(_asked(asked, after, before)).all()
        return [
            Entry(
                row.position,
                row.recorded_at,
                row.by,
                row.action,
                row.target,
                row.stream_id,
                row.version,
                self._mapper.to_domain_event(
                    StoredEvent(row.stream_id, row.version, row.name, row.data)
                ).fact,
            )
            for row in rows
        ]

    def listed(
        self, kind: str, after: UUID | None, limit: int, *, name: str | None = None
    ) -> Sequence[UUID]:
        query = select(names.c.id).where(names.c.kind == kind)
        if after is not None:
            query = query.where(names.c.id > after)
        if name is not None:
            query = query.where(names.c.name == name)
        query = query.order_by(names.c.id).limit(min(limit, MOST_ROWS))
        with self._recorder.reading() as connection:
            return [row.id for row in connection.execute(query)]


def _place(condition: ColumnElement[bool], order: ColumnElement[object]) -> Select[int]:
    """The position of the entry beside a moment. Entries lie in the order of their time, but for
    clocks that differ, so what was recorded since then lies behind it."""
    return select(entries.c.position).where(condition).order_by(order).limit(1)


def _asked(asked: EntriesAsked, after: int, before: int | None) -> Select[Any]:
    at, position = entries.c.recorded_at, entries.c.position
    query = select(entries, events.c.name, events.c.data)
    query = query.join(events, events.c.position == position).where(position > after)
    if before is not None:
        query = query.where(position < before)
    if asked.by is not None:
        query = query.where(entries.c.by == asked.by)
    if asked.action is not None:
        query = query.where(entries.c.action == asked.action)
    if asked.target is not None:
        query = query.where(entries.c.target == asked.target)
    # The positions have found the place already.
    if asked.since is not None:
        query = query.where(unindexed(at) >= asked.since)
    if asked.until is not None:
        query = query.where(unindexed(at) < asked.until)
    return query.order_by(position).limit(min(asked.limit, MOST_ROWS))
