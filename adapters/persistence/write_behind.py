"""Rows that are being made from all facts: kept in memory while they change, stored once."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from itertools import islice
from operator import add

from attrs import define, field
from sqlalchemy import Connection, Executable, Table

from adapters.persistence.new_tables import ROWS_AT_ONCE, NewTables
from adapters.persistence.view_store import Key, Row, StoredViews, Sum, loaded, summed_rows

MOST_ROWS = 100_000
"""Rows in memory, about a kilobyte each."""


@define
class _Held:
    """What is in memory of one table."""

    new: dict[Key, Row] = field(factory=dict)
    """Rows that the table does not have yet, oldest first."""
    stored: dict[Key, Row] = field(factory=dict)
    """Rows that it has, or may have."""
    changed: set[Key] = field(factory=set)
    """Those of ``stored`` that it has otherwise."""
    gone: set[Key] = field(factory=set)
    """Rows that it still has."""
    sums: dict[Key, Sum] = field(factory=dict)
    begun: bool = False
    """Something was stored."""

    @property
    def size(self) -> int:
        return len(self.new) + len(self.stored) + len(self.sums)


class WriteBehind:
    """A ViewStore on new tables. Most rows change soon after they are made and then never again,
    so of those in memory the older half is stored whenever there are too many."""

    def __init__(
        self, connection: Connection, new: NewTables, *, most_rows: int = MOST_ROWS
    ) -> None:
        """``connection`` reads what others have committed."""
        self.connection = connection
        self._new = new
        self._most_rows = most_rows
        self._held: dict[Table, _Held] = {table: _Held() for table in new.instead}

    def table(self, table: Table) -> Table:
        return self._new.instead[table]

    def load(self, table: Table, keys: Collection[Key]) -> dict[Key, Row]:
        held = self._held[table]
        found: dict[Key, Row] = {}
        missing: list[Key] = []
        for key in keys:
            row = held.new.get(key) or held.stored.get(key)
            if row is not None:
                found[key] = row
            elif held.begun and key not in held.gone:
                missing.append(key)
        if missing:
            there = loaded(self.connection, self.table(table), missing)
            held.stored |= there
            found |= there
        return found

    def write(
        self,
        table: Table,
        changed: Mapping[Key, Row],
        gone: Collection[Key],
        new: Collection[Key],
    ) -> None:
        held = self._held[table]
        for key, row in changed.items():
            fresh = key in new or not held.begun
            if key in held.new or (fresh and key not in held.stored and key not in held.gone):
                held.new[key] = row
            else:
                held.gone.discard(key)
                held.stored[key] = row
                held.changed.add(key)
        for key in gone:
            if held.new.pop(key, None) is None and held.begun:
                held.stored.pop(key, None)
                held.changed.discard(key)
                held.gone.add(key)

    def add(self, table: Table, sums: Mapping[Key, Sum]) -> None:
        held = self._held[table].sums
        for key, amounts in sums.items():
            known = held.get(key)
            held[key] = amounts if known is None else list(map(add, known, amounts))

    def execute(self, statement: Executable, rows: Sequence[Row] | None = None) -> None:
        with self._new.writing() as connection:
            connection.execute(statement, rows)

    def make_room(self) -> None:
        """To be called between pages."""
        if sum(held.size for held in self._held.values()) > self._most_rows:
            for table, held in self._held.items():
                self._store(table, held, len(held.new) // 2)
                for key in list(islice(held.stored, len(held.stored) // 2)):
                    del held.stored[key]

    def store_all(self) -> None:
        for table, held in self._held.items():
            self._store(table, held, len(held.new))
            held.stored.clear()

    def _store(self, table: Table, held: _Held, oldest: int) -> None:
        """Everything but the newer ones of those rows that are new."""
        if oldest:
            keys = list(islice(held.new, oldest))
            self._new.insert(table, (held.new.pop(key) for key in keys))
        if held.sums and not held.begun:
            self._new.insert(table, summed_rows(table, held.sums))
        elif held.sums:
            for some in _parts(list(held.sums)):
                with self._new.writing() as connection:
                    views = StoredViews(connection, self._new.instead)
                    views.add(table, {key: held.sums[key] for key in some})
        held.begun = held.begun or bool(oldest or held.sums)
        held.sums.clear()
        for some in _parts([*held.changed, *held.gone]):
            changed = {key: held.stored[key] for key in some if key in held.changed}
            gone = [key for key in some if key in held.gone]
            with self._new.writing() as connection:
                StoredViews(connection, self._new.instead).write(table, changed, gone, ())
        held.changed.clear()
        held.gone.clear()


def _parts(keys: Sequence[Key]) -> Sequence[Sequence[Key]]:
    return [keys[at : at + ROWS_AT_ONCE] for at in range(0, len(keys), ROWS_AT_ONCE)]
