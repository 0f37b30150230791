"""The ledger's log behind the interface of the eventsourcing library."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, NoReturn, Self
from uuid import UUID

from eventsourcing.persistence import (
    ApplicationRecorder,
    Notification,
    NotSupportedError,
    StoredEvent,
)
from sqlalchemy import Connection, TextClause, func, select, text

from adapters.persistence.group_commit import Append, GroupCommit, StoredClaim
from adapters.persistence.tables import claims as held
from adapters.persistence.tables import events

MOST_EVENTS = 10_000
"""The facts that one append may hold."""

_KEYS_AT_ONCE = 500


class EventRecorder(ApplicationRecorder):
    """Stores facts and claims together, and reads them by stream, by position and by claim."""

    settled: str | None = None
    """A condition in SQL that says which positions are safe to read; None when all are."""

    def __init__(self) -> None:
        self._appends = GroupCommit(self._flush)

    @abstractmethod
    def reading(self) -> AbstractContextManager[Connection]:
        """A connection to look things up with. Raises the library's PersistenceErrors."""

    @abstractmethod
    def writing(self) -> AbstractContextManager[Connection]:
        """A connection in a transaction that commits at the end, and rolls back on any error."""

    @abstractmethod
    def migrating(self) -> AbstractContextManager[Connection]:
        """Like ``writing``, while no other process migrates, and with time for long changes."""

    @abstractmethod
    def select_streams(self, after: Mapping[UUID, int]) -> Sequence[StoredEvent]:
        """The facts of several streams beyond the given versions, each stream in order."""

    @abstractmethod
    def close(self) -> None:
        """Gives the connections back."""

    @abstractmethod
    def _flush(self, appends: Sequence[Append]) -> int:
        """Stores the appends in one transaction; returns the position of the first fact."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def insert_events(
        self,
        stored_events: Sequence[StoredEvent],
        *,
        claims: Sequence[StoredClaim] = (),
        **kwargs: Any,
    ) -> Sequence[int] | None:
        """Stores facts and claims, all or nothing, and returns their positions.

        Raises IntegrityError if a version exists, ClaimConflict if a claim is held, and
        OperationalError if the ledger cannot be reached or it is unknown whether it stored them.
        """
        # The library passes ``tracking=None`` where there is nothing to track.
        if others := sorted(name for name, value in kwargs.items() if value is not None):
            raise ValueError(f"an append takes facts and claims, not {', '.join(others)}")
        if not stored_events:
            if claims:
                raise ValueError("a claim is stored together with a fact that explains it")
            return []
        if len(stored_events) > MOST_EVENTS:
            raise ValueError(f"an append holds {MOST_EVENTS} facts at most")
        first = self._appends.append(Append(stored_events, claims))
        return range(first, first + len(stored_events))

    def select_events(
        self,
        originator_id: UUID | str,
        *,
        gt: int | None = None,
        lte: int | None = None,
        desc: bool = False,
        limit: int | None = None,
    ) -> Sequence[StoredEvent]:
        wanted = select(events.c.stream_id, events.c.version, events.c.name, events.c.data).where(
            events.c.stream_id == _uuid(originator_id)
        )
        if gt is not None:
            wanted = wanted.where(events.c.version > gt)
        if lte is not None:
            wanted = wanted.where(events.c.version <= lte)
        wanted = wanted.order_by(events.c.version.desc() if desc else events.c.version)
        with self.reading() as connection:
            return [StoredEvent(*row) for row in connection.execute(wanted.limit(limit))]

    def select_notifications(
        self,
        start: int | None,
        limit: int,
        stop: int | None = None,
        topics: Sequence[str] = (),
        *,
        inclusive_of_start: bool = True,
    ) -> Sequence[Notification]:
        wanted = (
            select(
                events.c.stream_id,
                events.c.version,
                events.c.name,
                events.c.data,
                events.c.position,
            )
            .where(*self._settled())
            .order_by(events.c.position)
            .limit(limit)
        )
        if start is not None:
            first = events.c.position
            wanted = wanted.where(first >= start if inclusive_of_start else first > start)
        if stop is not None:
            wanted = wanted.where(events.c.position <= stop)
        if topics:
            wanted = wanted.where(events.c.name.in_(topics))
        with self.reading() as connection:
            return [Notification(*row) for row in connection.execute(wanted)]

    def max_notification_id(self) -> int | None:
        """The highest position that is safe to read, or None while there is none."""
        wanted = select(func.max(events.c.position)).where(*self._settled())
        with self.reading() as connection:
            highest: int | None = connection.execute(wanted).scalar()
        return highest

    def subscribe(self, gt: int | None = None, topics: Sequence[str] = ()) -> NoReturn:
        """Not offered on purpose: followers ask for pages, which works on every database."""
        raise NotSupportedError(
            "this log is followed by asking for pages (select_notifications), not by subscribing"
        )

    def select_claims(self, kind: str, keys: Collection[str]) -> dict[str, UUID]:
        """The streams that hold these claims, as of the last append."""
        found: dict[str, UUID] = {}
        with self.reading() as connection:
            for some in _chunks(sorted(set(keys))):
                wanted = select(held.c.key, held.c.stream_id).where(
                    held.c.kind == kind, held.c.key.in_(some)
                )
                found.update((row.key, row.stream_id) for row in connection.execute(wanted))
        return found

    def _settled(self) -> Sequence[TextClause]:
        # The text is a constant of the position strategy, never anything from outside.
        return [] if self.settled is None else [text(self.settled)]


def _uuid(stream_id: UUID | str) -> UUID:
    return stream_id if isinstance(stream_id, UUID) else UUID(stream_id)


def _chunks(keys: Sequence[str]) -> Iterable[Sequence[str]]:
    return (keys[at : at + _KEYS_AT_ONCE] for at in range(0, len(keys), _KEYS_AT_ONCE))
