"""The ledger in one file, for a single machine.

SQLite before 3.51.3 has the WAL-reset bug (https://sqlite.org/wal.html): connections that write
and checkpoint at the same instant can lose commits. Several processes, the server and the command
line, share this file, so everything that writes or checkpoints (every transaction, and the end of
the writing connection, which checkpoints too) happens through one connection a process and under
an exclusive lock on ``<file>.lock``. Readers open the file read-only and cannot checkpoint.
"""

from __future__ import annotations

import sqlite3
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from uuid import UUID

from eventsourcing.persistence import StoredEvent
from sqlalchemy import Connection, Engine, create_engine
from sqlalchemy.pool import QueuePool

from adapters.persistence.errors import library_errors
from adapters.persistence.file_lock import FileLock
from adapters.persistence.group_commit import Append
from adapters.persistence.recorder import EventRecorder

_INSERT_EVENTS = (
    "INSERT INTO events (position, stream_id, version, name, data) VALUES (?, ?, ?, ?, ?)"
)
_INSERT_CLAIMS = "INSERT INTO claims (kind, key, stream_id) VALUES (?, ?, ?)"
_SELECT_STREAMS = (
    "WITH wanted (id, after) AS (VALUES {})"
    " SELECT stream_id, version, name, data FROM wanted CROSS JOIN events"
    " ON stream_id = id AND version > after ORDER BY stream_id, version"
)
_LAST_POSITION = "SELECT seq FROM sqlite_sequence WHERE name = 'events'"

_BUSY_SECONDS = 5.0
_READERS = 8
_STREAMS_AT_ONCE = 500


class SqliteRecorder(EventRecorder):
    """The log in a file, in WAL mode with ``synchronous=FULL``.

    Positions count up inside a write transaction, one at a time, so readers never miss a fact.
    """

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path = path.absolute()
        self._lock = FileLock(self.path.with_name(self.path.name + ".lock"))
        self._writer = _engine(partial(_open_to_write, self.path), pool_size=1)
        self._readers = _engine(partial(_open_to_read, self.path), pool_size=_READERS)
        # Also at the end of the program: an implicit close would checkpoint without the lock.
        self._end = weakref.finalize(self, _close, self._lock, self._writer, self._readers)

    def close(self) -> None:
        self._end()

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        with library_errors(), self._readers.connect() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        with library_errors(), self._lock.held(), self._writer.connect() as connection:
            connection.exec_driver_sql("BEGIN IMMEDIATE")
            try:
                yield connection
                connection.exec_driver_sql("COMMIT")
            except BaseException:
                _roll_back(connection)
                raise

    @contextmanager
    def migrating(self) -> Iterator[Connection]:
        with self.writing() as connection:
            yield connection

    def select_streams(self, after: Mapping[UUID, int]) -> Sequence[StoredEvent]:
        wanted = list(after.items())
        found: list[StoredEvent] = []
        with self.reading() as connection:
            for at in range(0, len(wanted), _STREAMS_AT_ONCE):
                some = wanted[at : at + _STREAMS_AT_ONCE]
                # CROSS JOIN makes SQLite look every stream up in the index, in this order.
                rows = connection.exec_driver_sql(
                    _SELECT_STREAMS.format(", ".join(["(?, ?)"] * len(some))),
                    tuple(value for key, version in some for value in (key.hex, version)),
                )
                found.extend(StoredEvent(UUID(row[0]), *row[1:]) for row in rows)
        return found

    def _flush(self, appends: Sequence[Append]) -> int:
        with self.writing() as connection:
            last = connection.exec_driver_sql(_LAST_POSITION).scalar() or 0
            stored = [each for append in appends for each in append.events]
            rows = [
                (
                    last + ordinal,
                    _hex(each.originator_id),
                    each.originator_version,
                    each.topic,
                    each.state,
                )
                for ordinal, each in enumerate(stored, start=1)
            ]
            connection.exec_driver_sql(_INSERT_EVENTS, rows)
            claimed = [
                (claim.kind, claim.key, claim.stream_id.hex)
                for append in appends
                for claim in append.claims
            ]
            if claimed:
                connection.exec_driver_sql(_INSERT_CLAIMS, claimed)
        return int(last) + 1


def _open_to_write(path: Path) -> sqlite3.Connection:
    # The pool opens it inside ``writing`` only, so this is under the lock too.
    connection = sqlite3.connect(
        path, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False
    )
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    return connection


def _open_to_read(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(
        f"{path.as_uri()}?mode=ro",
        uri=True,
        timeout=_BUSY_SECONDS,
        isolation_level=None,
        check_same_thread=False,
    )
    connection.execute("PRAGMA query_only = ON")
    return connection


def _engine(opened: Callable[[], sqlite3.Connection], *, pool_size: int) -> Engine:
    return create_engine(
        "sqlite://",
        creator=opened,
        poolclass=QueuePool,
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=_BUSY_SECONDS,
        isolation_level="AUTOCOMMIT",
    )


def _roll_back(connection: Connection) -> None:
    """After an error SQLite may have rolled back by itself; a broken connection is dropped."""
    raw = connection.connection.driver_connection
    assert isinstance(raw, sqlite3.Connection)
    try:
        if raw.in_transaction:
            raw.execute("ROLLBACK")
    except sqlite3.Error:
        connection.invalidate()


def _close(lock: FileLock, writer: Engine, readers: Engine) -> None:
    readers.dispose()
    with lock.held():
        writer.dispose()
    lock.close()


def _hex(stream_id: UUID | str) -> str:
    return stream_id.hex if isinstance(stream_id, UUID) else UUID(stream_id).hex
