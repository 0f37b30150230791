"""Which distributor a card number was with, at the moment of each fact."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable

from sqlalchemy import delete, func, insert, select

from adapters.persistence.read_models import report_tables
from adapters.persistence.view_store import ViewStore
from domain.distributors import NumberRange

_Held = list[tuple[str, str, str]]
"""First number, last number, distributor; in the order of the numbers."""


class Ranges:
    """The ranges around the numbers that the facts of one page are about."""

    def __init__(self, views: ViewStore) -> None:
        self._views = views
        self._table = views.table(report_tables.ranges)
        self._numbers: set[str] = set()
        self._loaded: dict[int, _Held] | None = None

    def about(self, numbers: Iterable[str]) -> None:
        self._numbers |= {number for number in numbers if number}
        self._loaded = None

    def holder(self, number: str) -> str:
        """The distributor of a number, empty if it has none."""
        if self._loaded is None:
            self._loaded = self._load()
        held = self._loaded.get(len(number), [])
        at = bisect_right(held, number, key=lambda each: each[0]) - 1
        return held[at][2] if at >= 0 and held[at][1] >= number else ""

    def assign(self, distributor: str, cards: NumberRange) -> None:
        self._put(distributor, [cards])

    def take_back(self, distributor: str, cards: NumberRange) -> None:
        ranges = self._table
        length = len(cards.first)
        touched = (
            ranges.c.length == length,
            ranges.c.distributor == distributor,
            ranges.c.first <= cards.last,
            ranges.c.last >= cards.first,
        )
        query = select(ranges.c.first, ranges.c.last).where(*touched)
        before = [NumberRange(*row) for row in self._views.connection.execute(query)]
        self._views.execute(delete(ranges).where(*touched))
        self._put(distributor, [part for each in before for part in each.without(cards)])

    def _put(self, distributor: str, parts: list[NumberRange]) -> None:
        rows = [
            {
                "length": len(each.first),
                "first": each.first,
                "last": each.last,
                "distributor": distributor,
            }
            for each in parts
        ]
        if rows:
            self._views.execute(insert(self._table), rows)
        self._loaded = None

    def _load(self) -> dict[int, _Held]:
        ranges, connection = self._table, self._views.connection
        there = connection.execute(select(func.count()).select_from(ranges)).scalar_one()
        found: dict[int, _Held] = {}
        lengths = {len(number) for number in self._numbers} if there else set()
        for length in lengths:
            numbers = [number for number in self._numbers if len(number) == length]
            query = (
                select(ranges.c.first, ranges.c.last, ranges.c.distributor)
                .where(
                    ranges.c.length == length,
                    ranges.c.first <= max(numbers),
                    ranges.c.last >= min(numbers),
                )
                .order_by(ranges.c.first)
            )
            found[length] = [tuple(row) for row in connection.execute(query)]
        return found
