"""The sessions of people who are signed in, by the digests of their tokens."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import Column, Index, String, Table, Uuid, delete, insert, select, update

from adapters.persistence.read_models.tables import Moment
from adapters.persistence.recorder import EventRecorder
from adapters.persistence.tables import metadata
from application.signing_in import LONGEST, Session

sessions = Table(
    "sessions",
    metadata,
    Column("token_digest", String(64), primary_key=True),
    Column("person_id", Uuid, nullable=False),
    Column("credential_id", Uuid, nullable=False),
    Column("source", String(100), nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("seen_at", Moment, nullable=False),
    Column("confirmed_at", Moment, nullable=False),
    Index("sessions_person", "person_id"),
)


class StoredSessions:
    """The port ``Sessions`` on the ledger's database."""

    def __init__(self, recorder: EventRecorder) -> None:
        self._recorder = recorder

    def add(self, session: Session) -> None:
        over = sessions.c.created_at < session.seen_at - LONGEST
        with self._recorder.writing() as connection:
            connection.execute(delete(sessions).where(over))
            connection.execute(
                insert(sessions).values(
                    token_digest=session.token_digest,
                    person_id=session.person_id,
                    credential_id=session.credential_id,
                    source=session.source[:100],
                    created_at=session.created_at,
                    seen_at=session.seen_at,
                    confirmed_at=session.confirmed_at,
                )
            )

    def find(self, token_digest: str) -> Session | None:
        query = select(sessions).where(sessions.c.token_digest == token_digest)
        with self._recorder.reading() as connection:
            row = connection.execute(query).mappings().first()
        return Session(**row) if row is not None else None

    def seen(self, token_digest: str, at: datetime) -> None:
        mine = sessions.c.token_digest == token_digest
        with self._recorder.writing() as connection:
            connection.execute(update(sessions).where(mine).values(seen_at=at))

    def end(self, token_digest: str) -> None:
        with self._recorder.writing() as connection:
            connection.execute(delete(sessions).where(sessions.c.token_digest == token_digest))

    def end_all(self, person_id: UUID) -> None:
        with self._recorder.writing() as connection:
            connection.execute(delete(sessions).where(sessions.c.person_id == person_id))
