"""What is asked of the audit trail and of the directory of names."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from eventsourcing.persistence import StoredEvent
from sqlalchemy import select

from adapters.persistence.codec import FactMapper
from adapters.persistence.read_models.trail import entries, names
from adapters.persistence.recorder import EventRecorder
from adapters.persistence.tables import events
from application.audit import EntriesAsked, Entry
from application.views import MOST_ROWS


class LedgerTrail:
    """The ports ``Trail`` and ``Directory`` on the ledger's database."""

    def __init__(self, recorder: EventRecorder, mapper: FactMapper) -> None:
        self._recorder = recorder
        self._mapper = mapper

    def entries(self, asked: EntriesAsked) -> Sequence[Entry]:
        query = (
            select(entries, events.c.name, events.c.data)
            .join(events, events.c.position == entries.c.position)
            .where(entries.c.position > asked.after)
            .order_by(entries.c.position)
            .limit(min(asked.limit, MOST_ROWS))
        )
        if asked.by is not None:
            query = query.where(entries.c.by == asked.by)
        if asked.action is not None:
            query = query.where(entries.c.action == asked.action)
        if asked.target is not None:
            query = query.where(entries.c.target == asked.target)
        if asked.since is not None:
            query = query.where(entries.c.recorded_at >= asked.since)
        if asked.until is not None:
            query = query.where(entries.c.recorded_at < asked.until)
        with self._recorder.reading() as connection:
            rows = connection.execute(query).all()
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
