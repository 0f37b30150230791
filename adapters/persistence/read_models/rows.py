"""Rows of a page: read once, changed in memory as the facts tell, written back together."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Connection, Table, delete, select, tuple_
from sqlalchemy.dialects import postgresql, sqlite

Row = dict[str, Any]
Key = tuple[Any, ...]

_AT_ONCE = 400


class Rows:
    """The rows of one table that the facts of one page touch."""

    def __init__(self, connection: Connection, table: Table, keys: Iterable[Key]) -> None:
        self._connection = connection
        self._table = table
        self._key = [column.name for column in table.primary_key]
        self._rows: dict[Key, Row] = {}
        self._changed: set[Key] = set()
        self._gone: set[Key] = set()
        self._load(list(dict.fromkeys(keys)))

    def put(self, row: Row) -> None:
        key = tuple(row[name] for name in self._key)
        self._rows[key] = row
        self._gone.discard(key)
        self._changed.add(key)

    def get(self, *key: Any) -> Row | None:
        return self._rows.get(key)

    def all(self) -> Iterable[Row]:
        """The rows that are there, as they are now."""
        return self._rows.values()

    def change(self, *key: Any) -> Row:
        """A row to be changed in place. The facts of a stream begin with the one that puts it."""
        self._changed.add(key)
        return self._rows[key]

    def remove(self, *key: Any) -> Row:
        self._changed.discard(key)
        self._gone.add(key)
        return self._rows.pop(key)

    def write(self) -> None:
        changed = [self._rows[key] for key in self._changed]
        if changed:
            dialect = self._connection.dialect.name
            insert = postgresql.insert if dialect == "postgresql" else sqlite.insert
            statement = insert(self._table)
            others = [c.name for c in self._table.columns if c.name not in self._key]
            statement = statement.on_conflict_do_update(
                index_elements=self._key,
                set_={name: statement.excluded[name] for name in others},
            )
            self._connection.execute(statement, changed)
        for part in _parts(sorted(self._gone, key=str)):
            self._connection.execute(delete(self._table).where(self._is_one_of(part)))

    def _load(self, keys: list[Key]) -> None:
        for part in _parts(keys):
            query = select(self._table).where(self._is_one_of(part))
            for found in self._connection.execute(query).mappings():
                self._rows[tuple(found[name] for name in self._key)] = dict(found)

    def _is_one_of(self, keys: list[Key]) -> Any:
        columns = [self._table.c[name] for name in self._key]
        if len(columns) == 1:
            return columns[0].in_([key[0] for key in keys])
        return tuple_(*columns).in_(keys)


def _parts(keys: list[Key]) -> Iterable[list[Key]]:
    for start in range(0, len(keys), _AT_ONCE):
        yield keys[start : start + _AT_ONCE]
