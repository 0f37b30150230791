"""Tables that are made beside the ones everybody reads, and then take their place (ADR 0031)."""

from __future__ import annotations

import secrets
import sqlite3
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from itertools import islice
from operator import itemgetter
from typing import Any

import psycopg
from sqlalchemy import Connection, Executable, Index, MetaData, Table, select, text
from sqlalchemy.engine import Dialect
from sqlalchemy.schema import CreateIndex, CreateTable, DropTable
from sqlalchemy.sql.elements import quoted_name

from adapters.persistence.recorder import EventRecorder
from adapters.persistence.tables import projection_positions
from adapters.persistence.view_store import Row
from application.ports import ConcurrencyConflict

PREFIX = "new_"

ROWS_AT_ONCE = 5_000
"""Rows in one transaction: some tens of milliseconds of SQLite's only write lock."""

_LOCK_MILLISECONDS = 500
"""Less than it takes PostgreSQL to look for deadlocks: we give way to those who read."""

_MARK = "rebuild"


class NewTables:
    """An empty table beside each of some tables, for the rebuild that was begun last.

    Each rebuild has a mark of its own, which is kept where the positions of read models are. Who
    does not find its mark there any more was overtaken, and writes nothing.
    """

    def __init__(
        self, recorder: EventRecorder, tables: Iterable[Table], *, mark: int | None = None
    ) -> None:
        """``mark``: of a rebuild that another process began, and of which this one is a part."""
        self._recorder = recorder
        self.mark = secrets.randbits(62) if mark is None else mark
        self._shape: object = None
        copies = MetaData()
        self.instead: Mapping[Table, Table] = {
            table: table.to_metadata(copies, name=PREFIX + table.name) for table in tables
        }

    def begin(self) -> None:
        """What a rebuild that was killed left behind is gone after this."""
        with self._recorder.migrating() as connection:
            self._shape = _shape(connection)
            set_mark = text(
                "INSERT INTO projection_positions (name, position) VALUES (:name, :mark)"
                " ON CONFLICT (name) DO UPDATE SET position = excluded.position"
            )
            connection.execute(set_mark, {"name": _MARK, "mark": self.mark})
            for new in self.instead.values():
                connection.execute(DropTable(new, if_exists=True))
                # The indexes come at the end: in order and at once they cost a fraction.
                connection.execute(CreateTable(new))

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A transaction. Raises ConcurrencyConflict if another rebuild was begun meanwhile."""
        with self._recorder.writing() as connection:
            self._check(connection)
            yield connection

    def insert(self, table: Table, rows: Iterable[Row]) -> None:
        """Rows that are new, in many transactions and the drivers' own ways: what SQLAlchemy does
        for each row takes longer than storing it."""
        source = iter(rows)
        while part := list(islice(source, ROWS_AT_ONCE)):
            with self.writing() as connection:
                _insert(connection, self.instead[table], part)

    def prepare(self) -> None:
        """Makes the indexes, as far as that can be done beside the old ones, and counts."""
        for table, new in self.instead.items():
            statements: list[Executable] = [CreateIndex(index) for index in _indexes(table, new)]
            for statement in (*statements, text(f"ANALYZE {new.name}")):
                # A transaction each: who follows the log waits for the oldest one that writes.
                with self._recorder.migrating() as connection:
                    self._check(connection)
                    if connection.dialect.name == "postgresql":
                        connection.execute(statement)

    def lock(self, connection: Connection, tables: Sequence[Table]) -> None:
        """Waits for those who read the tables, for a moment only; ``is_busy`` tells of its error.

        All at once and before anything else, because readers take them in any order.
        """
        self._check(connection)
        if _shape(connection) != self._shape:
            raise ConcurrencyConflict("the ledger was given a new shape during the rebuild")
        if connection.dialect.name == "postgresql":
            named = ", ".join(table.name for table in tables)
            connection.execute(text(f"SET LOCAL lock_timeout = {_LOCK_MILLISECONDS}"))
            connection.execute(text(f"LOCK TABLE {named} IN ACCESS EXCLUSIVE MODE"))

    def swap(self, connection: Connection, tables: Sequence[Table]) -> None:
        """Puts the new tables in the place of the old ones, in the transaction that locked them."""
        for table in tables:
            new = self.instead[table]
            connection.execute(DropTable(table))
            connection.execute(text(f"ALTER TABLE {new.name} RENAME TO {table.name}"))
            if connection.dialect.name == "postgresql":
                for name in _index_names(connection, table):
                    own = name.replace(PREFIX, "", 1)
                    connection.execute(text(f'ALTER INDEX "{name}" RENAME TO "{own}"'))
            else:
                # SQLite cannot rename an index: they are made here, in a tenth of a second for a
                # hundred thousand rows.
                for index in sorted(table.indexes, key=lambda each: str(each.name)):
                    connection.execute(CreateIndex(index))

    def _check(self, connection: Connection) -> None:
        table = projection_positions
        mark = select(table.c.position).where(table.c.name == _MARK).with_for_update(read=True)
        if connection.execute(mark).scalar() != self.mark:
            raise ConcurrencyConflict("another rebuild was begun, and goes on instead of this one")


def hold_tables(connection: Connection, names: Sequence[str]) -> None:
    """Keeps these tables from being swapped until the transaction ends. To be called before its
    snapshot is taken, that is before its first look at any table."""
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(f"LOCK TABLE {', '.join(names)} IN ACCESS SHARE MODE")


def is_busy(error: BaseException) -> bool:
    """Whether somebody read the tables for longer than a swap waits."""
    original = getattr(error.__cause__, "orig", None)
    return isinstance(original, psycopg.errors.LockNotAvailable)


def _shape(connection: Connection) -> object:
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()


def _indexes(table: Table, new: Table) -> Collection[Index]:
    """The indexes of a new table, under names that do not meet those of the old one."""
    own = {index.name for index in table.indexes}
    for index in new.indexes:
        if index.name in own:
            index.name = quoted_name(f"{PREFIX}{index.name}", None)
    return new.indexes


def _index_names(connection: Connection, table: Table) -> Sequence[str]:
    query = text(
        "SELECT relname FROM pg_index JOIN pg_class ON oid = indexrelid"
        " WHERE indrelid = to_regclass(:name)"
    )
    return [row.relname for row in connection.execute(query, {"name": table.name})]


def _insert(connection: Connection, table: Table, rows: Sequence[Row]) -> None:
    driver = connection.connection.driver_connection
    own = _driver_rows(table, connection.dialect, rows)
    names = ", ".join(f'"{column.name}"' for column in table.columns)
    if isinstance(driver, sqlite3.Connection):
        places = ", ".join("?" * len(table.columns))
        driver.executemany(f"INSERT INTO {table.name} ({names}) VALUES ({places})", own)  # noqa: S608 - own names
        return
    assert isinstance(driver, psycopg.Connection), "there are two kinds of ledgers"
    statement = f"COPY {table.name} ({names}) FROM STDIN"
    with driver.cursor() as cursor, cursor.copy(statement.encode()) as copying:
        for row in own:
            copying.write_row(row)


def _driver_rows(table: Table, dialect: Dialect, rows: Sequence[Row]) -> Iterator[list[Any]]:
    """The rows as the driver wants them, by the same translations that SQLAlchemy does."""
    values_of, translated = _translation(table, dialect.name, dialect)
    for row in rows:
        values = list(values_of(row))
        for place, translate in translated:
            values[place] = translate(values[place])
        yield values


@cache
def _translation(table: Table, name: str, dialect: Dialect) -> tuple[Any, Sequence[Any]]:
    columns = list(table.columns)
    translated = []
    for place, column in enumerate(columns):
        if translate := column.type.dialect_impl(dialect).bind_processor(dialect):
            translated.append((place, translate))
    if len(columns) == 1:
        (only,) = columns
        return lambda row: (row[only.name],), translated
    return itemgetter(*(column.name for column in columns)), translated
