"""The ledger's log behind the interface of the eventsourcing library."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from types import TracebackType
from typing import Any, NoReturn, Self
from uuid import UUID

from eventsourcing.persistence import (
    ApplicationRecorder,
    Notification,
    NotSupportedError,
    StoredEvent,
)
from sqlalchemy import Connection, Engine, PoolProxiedConnection, TextClause, func, select, text
from sqlalchemy.exc import DBAPIError

from adapters.persistence.errors import library_errors
from adapters.persistence.group_commit import Append, GroupCommit, StoredClaim
from adapters.persistence.tables import events

MOST_EVENTS = 10_000
"""The facts that one append may hold."""

MOST_BULK_EVENTS = 60_000
"""The facts that one bulk append may hold: below the number of positions in a transaction."""


class EventRecorder(ApplicationRecorder):
    """Stores facts and claims together, and reads them by stream, by position and by claim."""

    settled: str | None = None
    """A condition in SQL that says which positions are safe to read; None when all are."""

    def __init__(self) -> None:
        self._appends = GroupCommit(self._flush)
        self.losses = 0
        """How many connections broke: the next one may lead to another server, a standby that was
        promoted and never had what was read from the first."""
        self.when_lost: list[Callable[[], object]] = []
        """Called when one breaks."""

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
    def select_claims(self, kind: str, keys: Collection[str]) -> dict[str, UUID]:
        """The streams that hold these claims, as of the last append."""

    @abstractmethod
    def ask(self, statement: str, values: Sequence[Any]) -> Sequence[tuple[Any, ...]]:
        """The rows of a statement of every call, in the words of the driver."""

    @abstractmethod
    def change(self, statement: str, values: Sequence[Any]) -> int:
        """The same for one that is a transaction by itself; gives the number of rows it changed.

        Whatever is stored after it is lost rather than this one.
        """

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
        losses: int | None = None,
        **kwargs: Any,
    ) -> Sequence[int] | None:
        """Stores facts and claims, all or nothing, and returns their positions.

        Raises IntegrityError if a version exists, ClaimConflict if a claim is held, and
        OperationalError if the ledger cannot be reached or it is unknown whether it stored them.
        What was decided when there were fewer ``losses`` than now is an IntegrityError too.
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
        first = self._appends.append(Append(stored_events, claims, losses))
        return range(first, first + len(stored_events))

    def insert_many(
        self, stored_events: Sequence[StoredEvent], claims: Sequence[StoredClaim] = ()
    ) -> None:
        """Like ``insert_events`` for many streams at once, in a transaction of its own.

        Calls in progress do not wait in one batch with it, only for its turn at the database.
        """
        if len(stored_events) > MOST_BULK_EVENTS:
            raise ValueError(f"a bulk append holds {MOST_BULK_EVENTS} facts at most")
        if stored_events:
            self._flush([Append(stored_events, claims)])

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

    def _settled(self) -> Sequence[TextClause]:
        # The text is a constant of the position strategy, never anything from outside.
        return [] if self.settled is None else [text(self.settled)]


def _uuid(stream_id: UUID | str) -> UUID:
    return stream_id if isinstance(stream_id, UUID) else UUID(stream_id)


class Borrowed:
    """A connection of the pool for the statements of every call, spoken to as its driver wants.

    What SQLAlchemy does around a statement costs several times the statement itself. The pool,
    the dropping of broken connections and the errors are the same as everywhere: a context
    manager that raises the library's PersistenceErrors.
    """

    __slots__ = ("_connection", "_engine")

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def __enter__(self) -> PoolProxiedConnection:
        try:
            with library_errors():
                self._connection = self._engine.pool.connect()
        except self._engine.dialect.loaded_dbapi.Error as error:
            self._translate(error)
        return self._connection

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if error is None:
            self._connection.close()
            return
        try:
            if isinstance(error, self._engine.dialect.loaded_dbapi.Error):
                driver = self._connection.dbapi_connection
                if self._engine.dialect.is_disconnect(error, driver, None):
                    self._connection.invalidate(error)
                self._translate(error)
        finally:
            self._connection.close()

    def _translate(self, error: Exception) -> NoReturn:
        with library_errors():
            raise DBAPIError.instance(
                None, None, error, self._engine.dialect.loaded_dbapi.Error
            ) from error
        raise AssertionError("an error of the driver is an error of the library")
