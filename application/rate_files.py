"""Rate sheets as files: what is asked of whoever reads and writes them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Protocol

from attrs import define, frozen

from domain.rate_checks import PricedPrefix

Progress = Callable[[str, int, int], None]
"""Told now and then: what is being done, how much of it, and of how much (bytes or rows)."""

MOST_ROWS = 2_000_000
"""Prefixes in one sheet, ranges counted out. They fit into memory while they are sorted."""


def no_progress(what: str, done: int, total: int) -> None:
    """For those who do not watch."""


class Seal:
    """SHA-256 over rows as they go by: prefix, destination and stored terms, a line each."""

    def __init__(self) -> None:
        self._hash = hashlib.sha256()

    def add(self, prefix: str, destination: str, terms: str) -> None:
        self._hash.update(f"{prefix}\t{destination}\t{terms}\n".encode())

    @property
    def digest(self) -> str:
        return self._hash.hexdigest()


@frozen
class Reading:
    """How a file is to be read; what is None is found out from the file."""

    unit: str
    encoding: str | None = None
    """utf-8, utf-16 or latin-1."""
    delimiter: str | None = None
    """A comma, a semicolon or a tab."""
    decimal_comma: bool = False
    """All amounts are written 0,05."""
    worksheet: str | None = None
    """The name of a worksheet of an XLSX file; else the first."""
    ignore: frozenset[str] = frozenset()
    """Columns of the file that are not looked at; ``*`` for all that are not known."""


class RateFiles(Protocol):
    def read(
        self, path: Path, reading: Reading, progress: Progress = no_progress
    ) -> Iterator[PricedPrefix]:
        """The prefixes of a CSV or XLSX file, in its order.

        Raises ValueError that names the line or the cell, and says what is accepted.
        """
        ...

    def write(self, path: Path, rows: Iterable[PricedPrefix]) -> int:
        """A CSV file that ``read`` takes back and a spreadsheet does not execute; gives the rows.

        Raises FileExistsError rather than replace a file.
        """
        ...


TOLD_EVERY = 10_000


@define
class Watched:
    """Rows that tell how many went by."""

    rows: Iterable[PricedPrefix]
    what: str
    total: int
    progress: Progress

    def __iter__(self) -> Iterator[PricedPrefix]:
        for number, row in enumerate(self.rows):
            if number % TOLD_EVERY == 0:
                self.progress(self.what, number, self.total)
            yield row
        self.progress(self.what, self.total, self.total)
