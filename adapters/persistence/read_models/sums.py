"""Sums in a table: a page of facts is added up in memory, then added to what is stored."""

from __future__ import annotations

from collections.abc import Sequence
from operator import add

from sqlalchemy import Table

from adapters.persistence.view_store import Key, ViewStore, sum_names

__all__ = ["Key", "Sums"]


class Sums:
    """Rows that only ever grow by what is added to them.

    A row begins with the first addition to its key, be it of nothing: which rows there are does
    not depend on where a page of facts ends.
    """

    def __init__(self, views: ViewStore, table: Table) -> None:
        self._views = views
        self._table = table
        names = sum_names(table)
        self._places = {name: place for place, name in enumerate(names)}
        self._nothing = [0] * len(names)
        self._sums: dict[Key, Sequence[int]] = {}

    def amounts(self, **amounts: int) -> list[int]:
        """Amounts in the order of the columns, for ``add_all``."""
        row = self._nothing.copy()
        for name, amount in amounts.items():
            row[self._places[name]] = amount
        return row

    def add(self, key: Key, **amounts: int) -> None:
        self.add_all((key,), self.amounts(**amounts))

    def add_all(self, keys: Sequence[Key], amounts: Sequence[int]) -> None:
        """Adds the same to several rows."""
        sums = self._sums
        for key in keys:
            known = sums.get(key)
            sums[key] = amounts if known is None else list(map(add, known, amounts))

    def write(self) -> None:
        if self._sums:
            self._views.add(self._table, self._sums)
            self._sums = {}
