"""Reads the log in its order and in bulk, raw or decoded, without holding it up."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import attrs
import msgspec
from attrs import frozen
from sqlalchemy import Connection

from adapters.persistence.codec import FactMapper
from adapters.persistence.facts import FACTS
from adapters.persistence.milestones import Milestones
from adapters.persistence.recorder import EventRecorder
from application.log import Logged

Row = tuple[int, str, int, str, bytes]
"""Position, stream (32 hexadecimal digits), version, name, and the stored bytes."""

PAGE = 5_000
"""Rows of one statement: a server's time limits are for a statement."""

MOST_SHARDS = 16

SECRET = ("pin_digest", "key_digest")
"""Fields that leave the ledger for nobody: keyed digests of what opens something."""

_HIDDEN = {
    name: re.compile(
        b"|".join(
            b'(?<="%s":)"[^"]*"' % each.name.encode()
            for each in attrs.fields(kind)
            if each.name in SECRET
        )
    )
    for name, kind in FACTS.items()
    if any(each.name in SECRET for each in attrs.fields(kind))
}
_HEAD = re.compile(rb'\{"v":(\d+),"at":"([0-9T:.-]+)Z","fact":')
_LINE = (
    b'{"stream":"%s","position":%d,"time":"%sZ","name":"%s","version":%d,"shape":%s,"fields":%s}\n'
)


_END_OF_PAGE = (
    "SELECT max(position) FROM (SELECT position FROM events"
    " WHERE position > {} AND position <= {} ORDER BY position LIMIT {}) AS page"
)


@frozen
class Shard:
    """One of several parts of the log that together are all of it: whole streams."""

    number: int
    of: int

    def has(self, stream: str) -> bool:
        return int(stream[31], 16) % self.of == self.number


class _Envelope(msgspec.Struct):
    v: int
    at: str
    fact: msgspec.Raw


class LogReader:
    """The port ``Log`` on an event recorder, and the rows behind it."""

    def __init__(
        self,
        recorder: EventRecorder,
        mapper: FactMapper,
        *,
        page: int = PAGE,
        milestones: Milestones | None = None,
    ) -> None:
        self._recorder = recorder
        self._mapper = mapper
        self._page = page
        self._milestones = milestones or Milestones()

    def end(self) -> int:
        return self._recorder.max_notification_id() or 0

    def count(self, *, after: int = 0, until: int | None = None) -> int:
        """How many facts lie between two positions."""
        end = self.end() if until is None else until
        with self._recorder.reading() as connection:
            query = "SELECT count(*) FROM events WHERE position > {} AND position <= {}"
            return int(ask(connection, query, (after, end))[0][0])

    def pages(
        self, *, after: int = 0, until: int | None = None, shard: Shard | None = None
    ) -> Iterator[list[Row]]:
        """The rows behind a position up to another one, in order, some thousands at a time."""
        end = self.end() if until is None else until
        if shard is not None:
            yield from self._sharded(after, end, shard)
            return
        while True:
            with self._recorder.reading() as connection:
                rows = ask(connection, _select(connection), (after, end, self._page))
            if rows:
                yield rows
                after = rows[-1][0]
            if len(rows) < self._page:
                return

    def _sharded(self, after: int, end: int, shard: Shard) -> Iterator[list[Row]]:
        """The end of each page is found without the shard: how large that is a database can only
        guess, and PostgreSQL would rather read and sort all of the log for every page."""
        page = self._page * shard.of
        while True:
            with self._recorder.reading() as connection:
                ((upto,),) = ask(connection, _END_OF_PAGE, (after, end, page))
                if upto is None:
                    return
                rows = ask(connection, _select(connection, shard), (after, upto, page))
            if rows:
                yield rows
            after = upto

    def lines(
        self, *, after: int = 0, until: int | None = None, names: Collection[str] = ()
    ) -> Iterator[bytes]:
        """The facts as JSON lines, page by page: ``stream``, ``position``, ``time``, ``name``,
        ``version`` in its stream, ``shape`` of the fields, ``fields``.

        Stored bytes pass through undecoded. What cannot be read has ``fields`` null and its bytes
        in hexadecimal digits under ``unreadable``; keyed digests of secrets are null.
        """
        for rows in self.pages(after=after, until=until):
            yield b"".join([_line(row) for row in rows if not names or row[3] in names])

    def position_at(self, moment: datetime) -> int:
        end = self.end()

        def page_after(position: int) -> list[tuple[int, bytes]]:
            with self._recorder.reading() as connection:
                rows = ask(connection, _heads(connection), (position, end, self._page))
            return [(place, _recorded(head)) for place, head in rows]

        return self._milestones.before(_text_of(moment), page_after, self._page)

    def facts(
        self, wanted: Collection[type] | None = None, *, until: int | None = None
    ) -> Iterator[Logged]:
        names = None if wanted is None else {n for n, kind in FACTS.items() if kind in wanted}
        for rows in self.pages(until=until):
            for row in rows:
                if names is None or row[3] in names:
                    yield self.logged(row)

    def stream(self, stream_id: UUID, *, until: int | None = None) -> Sequence[Logged]:
        end = self.end() if until is None else until
        with self._recorder.reading() as connection:
            rows = ask(connection, _of_stream(connection), (end, _key(connection, stream_id)))
        return [self.logged(row) for row in rows]

    def logged(self, row: Row) -> Logged:
        """Raises ValueError for what this program cannot read."""
        position, stream, version, name, data = row
        try:
            recorded_at, fact = self._mapper.decode(name, data)
        except (ValueError, TypeError, KeyError) as error:
            raise ValueError(f"fact {position} ({name}) cannot be read: {error}") from error
        return Logged(position, UUID(stream), version, recorded_at, name, fact)


def _line(row: Row) -> bytes:
    position, stream, version, name, data = row
    hidden = _HIDDEN.get(name)
    if hidden is not None:
        data = hidden.sub(b"null", data)
    found = _HEAD.match(data)
    if found is None or not data.endswith(b"}}"):
        return _unusual(row)
    shape, at = found.groups()
    told = f"{stream[:8]}-{stream[8:12]}-{stream[12:16]}-{stream[16:20]}-{stream[20:]}".encode()
    return _LINE % (told, position, at, name.encode(), version, shape, data[found.end() : -1])


def _unusual(row: Row) -> bytes:
    """The line of a fact that is not written as this program writes: edited, or damaged."""
    position, stream, version, name, data = row
    told: dict[str, Any] = {
        "stream": str(UUID(stream)), "position": position, "time": None, "name": name,
        "version": version, "shape": None, "fields": None,
    }  # fmt: skip
    try:
        envelope = msgspec.json.decode(data, type=_Envelope)
        fields = msgspec.json.decode(envelope.fact)
        for secret in SECRET:
            if isinstance(fields, dict) and secret in fields:
                fields[secret] = None
        told |= {"time": envelope.at, "shape": envelope.v, "fields": fields}
    except (msgspec.DecodeError, UnicodeDecodeError):
        told["unreadable"] = data.hex()
    return msgspec.json.encode(told) + b"\n"


def _text_of(moment: datetime) -> bytes:
    """A moment as it is stored, without its Z: so texts compare as the moments do."""
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat().encode()


def _recorded(head: bytes) -> bytes:
    found = _HEAD.match(head)
    if found is not None:
        return found[2]
    text = re.search(rb'"at": *"([^"]+)"', head)
    if text is None:
        return b""
    try:
        return _text_of(datetime.fromisoformat(text[1].decode()))
    except ValueError:
        return b""


def ask(connection: Connection, query: str, values: Sequence[Any]) -> list[Any]:
    """Plain tuples of the driver: what SQLAlchemy does around a row costs more than the row.

    ``{}`` in the query stands for a value.
    """
    driver = driver_of(connection)
    if connection.dialect.name == "postgresql":
        rows = driver.execute(query.format(*["%s"] * len(values)), values, binary=True)
    else:
        rows = driver.execute(query.format(*["?"] * len(values)), values)
    found: list[Any] = rows.fetchall()
    return found


def driver_of(connection: Connection) -> Any:
    driver = connection.connection.driver_connection
    assert driver is not None, "a borrowed connection is open"
    return driver


def hexadecimal(connection: Connection, column: str) -> str:
    """An id as 32 hexadecimal digits, whatever the database keeps it as."""
    if connection.dialect.name == "postgresql":
        return f"encode(uuid_send({column}), 'hex')"
    return column


def _columns(connection: Connection) -> str:
    return f"position, {hexadecimal(connection, 'stream_id')}, version, name, data"


def _select(connection: Connection, shard: Shard | None = None) -> str:
    part = ""
    if shard is not None:
        if not 0 <= shard.number < shard.of <= MOST_SHARDS:
            raise ValueError(f"a log is read in 1 to {MOST_SHARDS} parts, not {shard}")
        last = "(get_byte(uuid_send(stream_id), 15) & 15)"
        if connection.dialect.name != "postgresql":
            last = "(instr('0123456789abcdef', substr(stream_id, 32)) - 1)"
        operator = "%%" if connection.dialect.name == "postgresql" else "%"
        part = f" AND {last} {operator} {shard.of:d} = {shard.number:d}"
    return (
        f"SELECT {_columns(connection)} FROM events WHERE position > {{}} AND position <= {{}}"  # noqa: S608 - constants and numbers
        f"{part} ORDER BY position LIMIT {{}}"
    )


def _heads(connection: Connection) -> str:
    head = "substr(data, 1, 80)"
    return (
        f"SELECT position, {head} FROM events WHERE position > {{}} AND position <= {{}}"  # noqa: S608 - constants
        " ORDER BY position LIMIT {}"
    )


def _of_stream(connection: Connection) -> str:
    return (
        f"SELECT {_columns(connection)} FROM events WHERE position <= {{}}"  # noqa: S608 - constants
        " AND stream_id = {} ORDER BY version"
    )


def _key(connection: Connection, stream_id: UUID) -> UUID | str:
    return stream_id if connection.dialect.name == "postgresql" else stream_id.hex
