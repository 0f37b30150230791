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
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache, partial
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID

from eventsourcing.persistence import StoredEvent
from sqlalchemy import Connection, Engine, PoolProxiedConnection, create_engine
from sqlalchemy.pool import QueuePool

from adapters.persistence.errors import library_errors
from adapters.persistence.file_lock import FileLock
from adapters.persistence.group_commit import Append
from adapters.persistence.recorder import Borrowed, EventRecorder

T = TypeVar("T")

_INSERT_EVENTS = "INSERT INTO events (stream_id, version, name, data) VALUES {}"
_INSERT_CLAIMS = "INSERT INTO claims (kind, key, stream_id) VALUES (?, ?, ?)"
_SELECT_STREAMS = (
    "WITH wanted (id, after) AS (VALUES {})"
    " SELECT stream_id, version, name, data FROM wanted CROSS JOIN events"
    " ON stream_id = id AND version > after ORDER BY stream_id, version"
)
_SELECT_CLAIMS = "SELECT key, stream_id FROM claims WHERE kind = ? AND key IN ({})"

_BUSY_SECONDS = 5.0
_READERS = 8
_WRITER_KILOBYTES = 32_768
_STREAMS_AT_ONCE = 500
_KEYS_AT_ONCE = 500
_FACTS_AT_ONCE = 64


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
                _roll_back(_driver(connection.connection), connection.invalidate)
                raise

    @contextmanager
    def migrating(self) -> Iterator[Connection]:
        with self.writing() as connection:
            yield connection

    def select_streams(self, after: Mapping[UUID, int]) -> Sequence[StoredEvent]:
        ids = {key.hex: key for key in after}
        wanted = [each for key, id_ in ids.items() for each in (key, after[id_])]
        found: list[StoredEvent] = []
        with Borrowed(self._readers) as connection:
            ask = _driver(connection).execute
            for some in _slices(wanted, 2 * _STREAMS_AT_ONCE):
                rows = ask(_select_streams(len(some) // 2), some)
                found += [
                    StoredEvent(ids[key], version, name, data)
                    for key, version, name, data in rows.fetchall()
                ]
        return found

    def select_claims(self, kind: str, keys: Collection[str]) -> dict[str, UUID]:
        found: dict[str, UUID] = {}
        with Borrowed(self._readers) as connection:
            ask = _driver(connection).execute
            for some in _slices(sorted(set(keys)), _KEYS_AT_ONCE):
                rows = ask(_select_claims(len(some)), (kind, *some))
                found.update((key, UUID(stream_id)) for key, stream_id in rows.fetchall())
        return found

    def ask(self, statement: str, values: Sequence[Any]) -> Sequence[tuple[Any, ...]]:
        with Borrowed(self._readers) as connection:
            return _driver(connection).execute(statement, values).fetchall()

    def change(self, statement: str, values: Sequence[Any]) -> int:
        with self._lock.held(), Borrowed(self._writer) as connection:
            driver = _driver(connection)
            # The log is one file, synced as a whole: what was written to it before a fact is on
            # the disk when the fact is, and alone it may be lost with the machine.
            driver.execute("PRAGMA synchronous = NORMAL")
            try:
                return driver.execute(statement, values).rowcount
            finally:
                driver.execute("PRAGMA synchronous = FULL")

    def _flush(self, appends: Sequence[Append]) -> int:
        facts = [
            value
            for append in appends
            for each in append.events
            for value in (
                _hex(each.originator_id),
                each.originator_version,
                each.topic,
                each.state,
            )
        ]
        claims = [
            (claim.kind, claim.key, claim.stream_id.hex)
            for append in appends
            for claim in append.claims
        ]
        with self._lock.held(), Borrowed(self._writer) as connection:
            if not claims and len(facts) <= 4 * _FACTS_AT_ONCE:
                # One statement is a transaction by itself, without the cost of saying so.
                return _insert(_driver(connection), facts)
            return self._store(connection, facts, claims)

    def _store(
        self,
        connection: PoolProxiedConnection,
        facts: Sequence[str | int | bytes],
        claims: Sequence[tuple[str, str, str]],
    ) -> int:
        driver = _driver(connection)
        driver.execute("BEGIN IMMEDIATE")
        try:
            # Nobody else writes meanwhile, so the positions follow each other without a gap.
            first, *_ = [_insert(driver, some) for some in _slices(facts, 4 * _FACTS_AT_ONCE)]
            driver.executemany(_INSERT_CLAIMS, claims)
            driver.execute("COMMIT")
        except BaseException:
            _roll_back(driver, connection.invalidate)
            raise
        return first


@cache
def _select_streams(number: int) -> str:
    # CROSS JOIN makes SQLite look every stream up in the index, in this order.
    return _SELECT_STREAMS.format(", ".join(["(?, ?)"] * number))


@cache
def _select_claims(number: int) -> str:
    return _SELECT_CLAIMS.format(", ".join(["?"] * number))


@cache
def _insert_events(number: int) -> str:
    return _INSERT_EVENTS.format(", ".join(["(?, ?, ?, ?)"] * number))


def _insert(driver: sqlite3.Connection, facts: Sequence[str | int | bytes]) -> int:
    """Stores facts with one statement; gives the position of the first."""
    number = len(facts) // 4
    last = driver.execute(_insert_events(number), facts).lastrowid
    assert last is not None, "a row was inserted"
    return last - number + 1


def _slices(values: Sequence[T], most: int) -> Iterator[Sequence[T]]:
    return (values[at : at + most] for at in range(0, len(values), most))


def _driver(connection: PoolProxiedConnection) -> sqlite3.Connection:
    driver = connection.driver_connection
    assert isinstance(driver, sqlite3.Connection)
    return driver


def _open_to_write(path: Path) -> sqlite3.Connection:
    # The pool opens it inside ``writing`` only, so this is under the lock too.
    connection = sqlite3.connect(
        path, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False
    )
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    # The PINs of a chunk of new cards fall into thousands of pages: with room for fewer, they
    # would be written to the log before the commit, read back and written once more.
    connection.execute(f"PRAGMA cache_size = -{_WRITER_KILOBYTES}")
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
        # Nothing is left to roll back: a reader never begins, the writer always ends.
        pool_reset_on_return=None,
    )


def _roll_back(driver: sqlite3.Connection, drop: Callable[[], object]) -> None:
    """After an error SQLite may have rolled back by itself; a broken connection is dropped."""
    try:
        if driver.in_transaction:
            driver.execute("ROLLBACK")
    except sqlite3.Error:
        drop()


def _close(lock: FileLock, writer: Engine, readers: Engine) -> None:
    readers.dispose()
    with lock.held():
        writer.dispose()
    lock.close()


def _hex(stream_id: UUID | str) -> str:
    return stream_id.hex if isinstance(stream_id, UUID) else UUID(stream_id).hex
