"""Where the rows of read models are: what a model reads and writes while it applies facts."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from functools import cache
from typing import Any, Protocol

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Executable,
    Integer,
    String,
    Table,
    Uuid,
    bindparam,
    delete,
    select,
    text,
    tuple_,
)
from sqlalchemy.dialects import postgresql, sqlite

Row = dict[str, Any]
Key = tuple[Any, ...]
Sum = Sequence[int]
"""Amounts in the order of ``sum_names``."""

_AT_ONCE = 400
_KINDS = ((String, "TEXT"), (Uuid, "TEXT"), (Integer, "INTEGER"))


class ViewStore(Protocol):
    """The tables of read models: those that everybody reads, or new ones that are being made."""

    @property
    def connection(self) -> Connection:
        """To look things up in the log, and in ``table``."""
        ...

    def table(self, table: Table) -> Table:
        """The table that stands for this one here."""
        ...

    def load(self, table: Table, keys: Collection[Key]) -> dict[Key, Row]:
        """The rows that are there. They may be changed in place, and are then to be written."""
        ...

    def write(
        self,
        table: Table,
        changed: Mapping[Key, Row],
        gone: Collection[Key],
        new: Collection[Key],
    ) -> None:
        """Stores rows and takes others away. Of those in ``new`` it is sure that there is none."""
        ...

    def add(self, table: Table, sums: Mapping[Key, Sum]) -> None:
        """Adds to what is stored under these keys, or stores it."""
        ...

    def execute(self, statement: Executable, rows: Sequence[Row] | None = None) -> None:
        """Changes ``table`` in ways that nothing else here offers."""
        ...


class StoredViews:
    """The tables in the database, in one transaction of the caller's."""

    def __init__(
        self, connection: Connection, instead: Mapping[Table, Table] | None = None
    ) -> None:
        """``instead``: tables that are written in place of others of the same columns."""
        self.connection = connection
        self._instead = instead or {}

    def table(self, table: Table) -> Table:
        return self._instead.get(table, table)

    def load(self, table: Table, keys: Collection[Key]) -> dict[Key, Row]:
        return loaded(self.connection, self.table(table), keys)

    def write(
        self,
        table: Table,
        changed: Mapping[Key, Row],
        gone: Collection[Key],
        new: Collection[Key],
    ) -> None:
        own = self.table(table)
        if changed:
            put = _putting(own, self.connection.dialect.name)
            self.connection.execute(put, list(changed.values()))
        for part in _parts(sorted(gone, key=str)):
            self.connection.execute(delete(own).where(_has_key(self.connection, own, part)))

    def add(self, table: Table, sums: Mapping[Key, Sum]) -> None:
        if sums:
            own = self.table(table)
            adding = _adding(own, self.connection.dialect.name)
            self.connection.execute(adding, list(summed_rows(table, sums)))

    def execute(self, statement: Executable, rows: Sequence[Row] | None = None) -> None:
        self.connection.execute(statement, rows)


def loaded(connection: Connection, table: Table, keys: Collection[Key]) -> dict[Key, Row]:
    """The rows of a table that have these keys."""
    names = key_names(table)
    found: dict[Key, Row] = {}
    for part in _parts(keys):
        query = select(table).where(_has_key(connection, table, part))
        for row in connection.execute(query).mappings():
            found[tuple([row[name] for name in names])] = dict(row)
    return found


def summed_rows(table: Table, sums: Mapping[Key, Sum]) -> Iterator[Row]:
    names = (*key_names(table), *sum_names(table))
    for key, amounts in sums.items():
        yield dict(zip(names, (*key, *amounts), strict=True))


@cache
def key_names(table: Table) -> Sequence[str]:
    return tuple(column.name for column in table.primary_key)


@cache
def sum_names(table: Table) -> Sequence[str]:
    """The columns that are no part of the key."""
    keys = key_names(table)
    return tuple(column.name for column in table.columns if column.name not in keys)


@cache
def _putting(table: Table, dialect: str) -> Any:
    statement = _insert(table, dialect)
    return statement.on_conflict_do_update(
        index_elements=key_names(table),
        set_={name: statement.excluded[name] for name in sum_names(table)},
    )


@cache
def _adding(table: Table, dialect: str) -> Any:
    statement = _insert(table, dialect)
    return statement.on_conflict_do_update(
        index_elements=key_names(table),
        set_={name: table.c[name] + statement.excluded[name] for name in sum_names(table)},
    )


def _insert(table: Table, dialect: str) -> Any:
    return postgresql.insert(table) if dialect == "postgresql" else sqlite.insert(table)


def is_one_of(
    connection: Connection, columns: Sequence[Column[Any]], keys: Sequence[Key]
) -> ColumnElement[bool]:
    """A condition that these columns together are one of the keys, looked up in their index."""
    if len(columns) == 1:
        return columns[0].in_([key[0] for key in keys])
    if connection.dialect.name != "sqlite":
        return tuple_(*columns).in_(keys)
    # A plain list of rows has no types, and SQLite reads a whole table rather than guess them.
    named = ", ".join(column.name for column in columns)
    typed = ", ".join(_typed(column, place) for place, column in enumerate(columns, start=1))
    given = [
        bindparam(f"k{number}_{place}", value, type_=column.type)
        for number, key in enumerate(keys)
        for place, (column, value) in enumerate(zip(columns, key, strict=True))
    ]
    row = ", ".join(f":k{{0}}_{place}" for place in range(len(columns)))
    rows = ", ".join(f"({row.format(number)})" for number in range(len(keys)))
    condition = text(f"({named}) IN (SELECT {typed} FROM (VALUES {rows}))")  # noqa: S608 - names
    return condition.bindparams(*given)  # type: ignore[return-value]


def _typed(column: Column[Any], place: int) -> str:
    for kind, affinity in _KINDS:
        if isinstance(column.type, kind):
            return f"CAST(column{place} AS {affinity})"
    return f"column{place}"


def _has_key(connection: Connection, table: Table, keys: Sequence[Key]) -> ColumnElement[bool]:
    return is_one_of(connection, [table.c[name] for name in key_names(table)], keys)


def _parts(keys: Iterable[Key]) -> Iterator[list[Key]]:
    listed = list(keys)
    for start in range(0, len(listed), _AT_ONCE):
        yield listed[start : start + _AT_ONCE]
