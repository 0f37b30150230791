"""Sums in a table: a page of facts is added up in memory, then added to what is stored."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from sqlalchemy import Connection, Table
from sqlalchemy.dialects import postgresql, sqlite

Key = tuple[Any, ...]


class Sums:
    """Rows that only ever grow by what is added to them.

    A row begins with the first addition to its key, be it of nothing: which rows there are does
    not depend on where a page of facts ends.
    """

    def __init__(self, connection: Connection, table: Table) -> None:
        self._connection = connection
        self._table = table
        self._key = [column.name for column in table.primary_key]
        self._names = [c.name for c in table.columns if c.name not in self._key]
        self._sums: defaultdict[Key, dict[str, int]] = defaultdict(dict)

    def add(self, key: Key, **amounts: int) -> None:
        row = self._sums[key]
        for name, amount in amounts.items():
            row[name] = row.get(name, 0) + amount

    def write(self) -> None:
        if not self._sums:
            return
        dialect = self._connection.dialect.name
        insert = postgresql.insert if dialect == "postgresql" else sqlite.insert
        statement = insert(self._table)
        added = {name: self._table.c[name] + statement.excluded[name] for name in self._names}
        rows = [
            dict(zip(self._key, key, strict=True))
            | {name: amounts.get(name, 0) for name in self._names}
            for key, amounts in self._sums.items()
        ]
        self._connection.execute(
            statement.on_conflict_do_update(index_elements=self._key, set_=added), rows
        )
        self._sums.clear()
