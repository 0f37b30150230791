"""The blocks of the log, in a table beside it."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import starmap
from typing import Any, TypeVar
from uuid import UUID

from eventsourcing.persistence import IntegrityError
from sqlalchemy import (
    BigInteger,
    Column,
    Integer,
    LargeBinary,
    Row,
    Select,
    Table,
    Text,
    UniqueConstraint,
    cast,
    func,
    insert,
    select,
)

from adapters.persistence.recorder import EventRecorder
from adapters.persistence.sqlite import SqliteRecorder
from adapters.persistence.tables import events, metadata
from adapters.persistence.units_of_work import outside_errors
from domain.merkle import HASH_BYTES, Frontier
from domain.seals import Block, LoggedFact, Sealed, entries_of, microseconds, moment_of

PAGE = 200
"""Blocks that are read at a time."""

HEADERS_PAGE = 5_000

T = TypeVar("T")
_Row = tuple[int, bytes, int, str, bytes]

seal_blocks = Table(
    "seal_blocks",
    metadata,
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("previous", LargeBinary, nullable=False),
    Column("root", LargeBinary, nullable=False),
    Column("facts", Integer, nullable=False),
    Column("total", BigInteger, nullable=False),
    Column("first_position", BigInteger, nullable=False),
    Column("last_position", BigInteger, nullable=False),
    Column("sealed_at", BigInteger, nullable=False),
    Column("peaks", LargeBinary, nullable=False),
    Column("note", Text, nullable=False),
    Column("entries", LargeBinary, nullable=False),
    UniqueConstraint("last_position", name="seal_blocks_last_position"),
)
"""The unique number is what lets one process make a block. ``entries`` is the block's index."""


_SQLITE_FACTS = (
    "SELECT position, stream_id, version, name, data FROM events"
    " WHERE position > ? ORDER BY position LIMIT ?"
)
# The bytes of every column, or its number, whatever is kept there.
_SQLITE_BYTES = (
    "SELECT position, CAST(stream_id AS BLOB), CAST(version AS INTEGER), CAST(name AS BLOB),"
    " CAST(data AS BLOB) FROM events WHERE position > ? ORDER BY position LIMIT ?"
)
_POSTGRES_FACTS = (
    "SELECT position, uuid_send(stream_id), version, name, data FROM events"
    " WHERE position > %s AND {settled} ORDER BY position LIMIT %s"
)


class StoredSeals:
    """The port ``SealStore`` on the ledger's database.

    Reads whatever is there, however it got there: SQLite keeps any value in any column, and a log
    that somebody edited has to be read to find out what was edited.
    """

    def __init__(self, recorder: EventRecorder) -> None:
        self._recorder = recorder
        if isinstance(recorder, SqliteRecorder):
            self._blocks = [_plain(each) for each in seal_blocks.c]
            self._facts = [_plain(each) for each in events.c]
        else:
            stream = func.uuid_send(events.c.stream_id, type_=LargeBinary)
            self._blocks = list(seal_blocks.c)
            self._facts = [each if each.name != "stream_id" else stream for each in events.c]
        self._headers = self._blocks[:-1]

    def last(self) -> Sealed | None:
        newest = select(*self._headers).order_by(seal_blocks.c.number.desc()).limit(1)
        return self._one(newest)

    def facts_after(self, position: int, most: int) -> Sequence[LoggedFact]:
        return self._after(position, most, lambda rows: list(map(LoggedFact._make, rows)))

    def entries_after(self, position: int, most: int) -> Sequence[bytes]:
        return self._after(position, most, entries_of)

    def _after(
        self, position: int, most: int, made_of: Callable[[Iterable[_Row]], list[T]]
    ) -> list[T]:
        """What is made of the rows, one by one as the driver gives them.

        What SQLAlchemy does around a row costs more than its hash, and so does the garbage
        collector when it is given thousands of rows to look through.
        """
        with outside_errors(), self._recorder.reading() as connection:
            driver = connection.connection.driver_connection
            assert driver is not None, "a borrowed connection is open"
            if not isinstance(self._recorder, SqliteRecorder):
                asked = _POSTGRES_FACTS.format(settled=self._recorder.settled or "TRUE")
                return made_of(driver.execute(asked, (position, most), binary=True))
            try:
                rows = driver.execute(_SQLITE_FACTS, (position, most))
                return made_of(starmap(_as_written, rows))
            except (sqlite3.OperationalError, TypeError, ValueError):
                # Some of it was not written by this program, so look at bytes only.
                rows = driver.execute(_SQLITE_BYTES, (position, most))
                return made_of(starmap(_of_bytes, rows))

    def add(self, sealed: Sealed) -> bool:
        block = sealed.block
        row = {
            "number": block.number,
            "previous": block.previous,
            "root": block.root,
            "facts": block.facts,
            "total": block.total,
            "first_position": block.first,
            "last_position": block.last,
            "sealed_at": microseconds(block.sealed_at),
            "peaks": b"".join(sealed.tree.peaks),
            "note": sealed.note,
            "entries": sealed.index,
        }
        try:
            with outside_errors(), self._recorder.writing() as connection:
                connection.execute(insert(seal_blocks).values(row))
        except IntegrityError:
            return False
        return True

    def blocks(self, first: int = 0, *, headers: bool = False) -> Iterator[Sealed]:
        columns, page_size = (self._headers, HEADERS_PAGE) if headers else (self._blocks, PAGE)
        wanted = select(*columns).order_by(seal_blocks.c.number).limit(page_size)
        number: int | None = None
        while True:
            beyond = seal_blocks.c.number > number if number is not None else None
            page = wanted.where(seal_blocks.c.number >= first if beyond is None else beyond)
            with outside_errors(), self._recorder.reading() as connection:
                rows = connection.execute(page).all()
            if not rows:
                return
            yield from map(_sealed, rows)
            number = rows[-1][0]

    def block_of(self, position: int) -> Sealed | None:
        covering = (
            select(*self._blocks)
            .where(seal_blocks.c.last_position >= position)
            .order_by(seal_blocks.c.last_position)
            .limit(1)
        )
        return self._one(covering)

    def newest_note(self) -> str | None:
        newest = select(seal_blocks.c.note).order_by(seal_blocks.c.number.desc()).limit(1)
        with outside_errors(), self._recorder.reading() as connection:
            note: str | None = connection.execute(newest).scalar()
        return note

    def notes(self, first: int, most: int) -> Sequence[tuple[int, str]]:
        wanted = (
            select(seal_blocks.c.number, seal_blocks.c.note)
            .where(seal_blocks.c.number >= first)
            .order_by(seal_blocks.c.number)
            .limit(most)
        )
        with outside_errors(), self._recorder.reading() as connection:
            return [(row.number, row.note) for row in connection.execute(wanted)]

    def facts_of(self, stream_id: UUID, versions: Sequence[int] | None = None) -> list[LoggedFact]:
        wanted = select(*self._facts).where(events.c.stream_id == stream_id)
        wanted = wanted.order_by(events.c.version)
        if versions is not None:
            wanted = wanted.where(events.c.version.in_(versions))
        return self._logged(wanted)

    def _logged(self, wanted: Select[Any]) -> list[LoggedFact]:
        with outside_errors(), self._recorder.reading() as connection:
            rows = connection.execute(wanted).all()
        if isinstance(self._recorder, SqliteRecorder):
            return [LoggedFact(*_of_bytes(*row)) for row in rows]
        return [LoggedFact(*row) for row in rows]

    def _one(self, wanted: Select[Any]) -> Sealed | None:
        with outside_errors(), self._recorder.reading() as connection:
            row = connection.execute(wanted).first()
        return _sealed(row) if row else None


def _plain(column: Column[Any]) -> Any:
    """The bytes of a column, or its number, whatever SQLite keeps there."""
    kind = BigInteger if isinstance(column.type, Integer) else LargeBinary
    return cast(column, kind).label(column.name)


def _as_written(position: int, stream: str, version: int, name: str, data: bytes) -> _Row:
    """Raises TypeError or ValueError for a row that this program did not write so."""
    found = bytes.fromhex(stream)
    if (
        type(version) is not int
        or type(name) is not str
        or type(data) is not bytes
        or found.hex() != stream
    ):
        raise TypeError(f"the fact at position {position} is not as it was written")
    return position, found, version, name, data


def _of_bytes(position: int, stream: bytes, version: int, name: bytes, data: bytes) -> _Row:
    return position, _stream(stream), version, _text(name), data


def _stream(stored: bytes) -> bytes:
    """A stream's id, if it is written as the program writes it; else the very bytes."""
    try:
        stream = bytes.fromhex(stored.decode("ascii"))
    except ValueError:
        return stored
    return stream if stream.hex().encode() == stored else stored


def _text(stored: str | bytes) -> str:
    return stored if isinstance(stored, str) else stored.decode(errors="backslashreplace")


def _sealed(row: Row[Any]) -> Sealed:
    number, previous, root, facts, total, first, last, sealed_at, peaks, note, *index = tuple(row)
    try:
        moment = moment_of(sealed_at)
    except OverflowError:
        moment = moment_of(0)
    block = Block(number, previous, root, facts, total, first, last, moment)
    hashes = tuple(peaks[at : at + HASH_BYTES] for at in range(0, len(peaks), HASH_BYTES))
    return Sealed(block, index[0] if index else b"", Frontier(number + 1, hashes), _text(note))
