"""Rows of a page: read once, changed in memory as the facts tell, written back together."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

from sqlalchemy import Table

from adapters.persistence.view_store import Key, Row, ViewStore, key_names

__all__ = ["Key", "Row", "Rows"]


class Rows:
    """The rows of one table that the facts of one page touch."""

    def __init__(
        self, views: ViewStore, table: Table, keys: Iterable[Key], *, new: Collection[Key] = ()
    ) -> None:
        """``new``: keys that the facts of the page begin, so that no row can be there."""
        self._views = views
        self._table = table
        self._key = key_names(table)
        self._changed: set[Key] = set()
        self._gone: set[Key] = set()
        wanted = set(keys).difference(new)
        self._rows: dict[Key, Row] = views.load(table, wanted) if wanted else {}
        self._absent = wanted.difference(self._rows).union(new)

    def put(self, row: Row) -> None:
        key = tuple([row[name] for name in self._key])
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
        if key not in self._absent:
            self._gone.add(key)
        return self._rows.pop(key)

    def write(self) -> None:
        if self._changed or self._gone:
            changed = {key: self._rows[key] for key in self._changed}
            self._views.write(self._table, changed, self._gone, self._absent & self._changed)
