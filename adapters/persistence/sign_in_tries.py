"""Tries to sign in, counted once for all processes that answer requests."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Float,
    Index,
    Select,
    String,
    Table,
    delete,
    select,
    text,
    tuple_,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite

from adapters.persistence.recorder import EventRecorder
from adapters.persistence.sqlite import SqliteRecorder
from adapters.persistence.tables import metadata
from adapters.persistence.units_of_work import outside_errors
from application.throttle import Rate

KEPT_SECONDS = 24 * 3600
"""What was not tried from for so long is forgotten: by then it has all its tries again."""

LONGEST_VALUE = 300

sign_in_tries = Table(
    "sign_in_tries",
    metadata,
    Column("kind", String(20), primary_key=True),
    Column("value", String(LONGEST_VALUE), primary_key=True),
    Column("tokens", Float, nullable=False),
    Column("seen_at", Float, nullable=False),
    Index("sign_in_tries_seen", "seen_at"),
)
"""``seen_at`` is in seconds of the database's clock, the same for all processes."""

Source = tuple[str, str]


class StoredTries:
    """The port ``Tries`` on the ledger's database: token buckets as in ``application.throttle``.

    Raises LedgerUnavailable: without the database nobody signs in anyway.
    """

    def __init__(self, recorder: EventRecorder, rates: Mapping[str, Rate]) -> None:
        self._recorder = recorder
        self._rates = rates
        of_sqlite = isinstance(recorder, SqliteRecorder)
        self._now = text(
            "SELECT (julianday('now') - 2440587.5) * 86400.0"
            if of_sqlite
            else "SELECT extract(epoch FROM clock_timestamp())::float8"
        )
        self._insert = sqlite.insert if of_sqlite else postgresql.insert

    def take(self, sources: Iterable[Source]) -> bool:
        """Takes a try from every source, or, if one of them has none left, from none."""
        known = [_stored(each) for each in sources]
        if self._none_left(known):
            return False
        # By itself: together with the rows below it might wait for somebody who waits for us.
        with outside_errors(), self._recorder.writing() as connection:
            old = sign_in_tries.c.seen_at < self._seconds(connection) - KEPT_SECONDS
            connection.execute(delete(sign_in_tries).where(old))
        with outside_errors(), self._recorder.writing() as connection:
            now = self._seconds(connection)
            self._make(connection, known, now)
            self._put_back(connection, known, now)
            left = self._left(connection, known, now)
            if min(left.values(), default=1.0) < 1:
                return False
            for source, tokens in left.items():
                self._put(connection, source, tokens - 1, now)
        return True

    def give_back(self, sources: Iterable[Source]) -> None:
        """The try was a right one: only failed ones count."""
        known = [_stored(each) for each in sources]
        with outside_errors(), self._recorder.writing() as connection:
            now = self._seconds(connection)
            for source, tokens in self._left(connection, known, now).items():
                most = float(self._rates[source[0]].burst)
                self._put(connection, source, min(most, tokens + 1), now)

    def has(self, source: Source) -> bool:
        found = select(sign_in_tries.c.kind).where(_is(_stored(source)))
        with outside_errors(), self._recorder.reading() as connection:
            return connection.execute(found).first() is not None

    def add(self, source: Source) -> None:
        with outside_errors(), self._recorder.writing() as connection:
            self._make(connection, [_stored(source)], self._seconds(connection))

    def _seconds(self, connection: Connection) -> float:
        return float(connection.execute(self._now).scalar_one())

    def _make(self, connection: Connection, sources: list[Source], now: float) -> None:
        # In one order everywhere, so that two processes never wait for each other.
        rows = [
            {"kind": kind, "value": value, "tokens": float(self._rates[kind].burst), "seen_at": now}
            for kind, value in sorted(sources)
        ]
        for row in rows:
            connection.execute(self._insert(sign_in_tries).values(row).on_conflict_do_nothing())

    def _none_left(self, sources: list[Source]) -> bool:
        """Looked at before anything is written: whoever goes on, under ever new names, must neither
        fill the disk nor keep calls from being recorded."""
        with outside_errors(), self._recorder.reading() as connection:
            now = self._seconds(connection)
            rows = connection.execute(_rows(sources)).all()
        # A row that is ahead of the clock is put back first.
        return any(
            seen_at <= now and self._tokens(kind, tokens, seen_at, now) < 1
            for kind, _, tokens, seen_at in rows
        )

    def _left(
        self, connection: Connection, sources: list[Source], now: float
    ) -> dict[Source, float]:
        """The tries of each source, kept from others until the end of the transaction."""
        return {
            (kind, value): self._tokens(kind, tokens, seen_at, now)
            for kind, value, tokens, seen_at in connection.execute(_rows(sources).with_for_update())
        }

    def _tokens(self, kind: str, tokens: float, seen_at: float, now: float) -> float:
        rate = self._rates[kind]
        # A clock that was put back refills nothing.
        hours = max(0.0, (now - seen_at) / 3600)
        return min(float(rate.burst), tokens + hours * rate.per_hour)

    def _put_back(self, connection: Connection, sources: list[Source], now: float) -> None:
        """Nobody is kept out for as long as a clock that was ahead went back."""
        columns = sign_in_tries.c
        ahead = tuple_(columns.kind, columns.value).in_(sources) & (columns.seen_at > now)
        connection.execute(update(sign_in_tries).where(ahead).values(seen_at=now))

    def _put(self, connection: Connection, source: Source, tokens: float, now: float) -> None:
        row = update(sign_in_tries).where(_is(source))
        connection.execute(row.values(tokens=tokens, seen_at=now))


def _stored(source: Source) -> Source:
    kind, value = source
    return kind, value[:LONGEST_VALUE]


def _rows(sources: list[Source]) -> Select[Any]:
    columns = sign_in_tries.c
    return (
        select(columns.kind, columns.value, columns.tokens, columns.seen_at)
        .where(tuple_(columns.kind, columns.value).in_(sources))
        .order_by(columns.kind, columns.value)
    )


def _is(source: Source) -> ColumnElement[bool]:
    return (sign_in_tries.c.kind == source[0]) & (sign_in_tries.c.value == source[1])
