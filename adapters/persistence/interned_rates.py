"""The rows of one rate sheet in little memory: equal names and terms once, the rest as a number."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

import msgspec

from application.rate_files import MOST_ROWS, Seal
from domain.decks import LONGEST_PREFIX, Rate
from domain.rating import RateTerms

MOST_NAMES = 500_000
"""Different destinations in one sheet."""

MOST_TERMS = 200_000
"""Different prices in one sheet."""

_ENCODE = msgspec.json.Encoder()
_BITS = 21
_MASK = (1 << _BITS) - 1
_MOST_LINE = _MASK
_WIDTHS = [10**places for places in range(LONGEST_PREFIX, -1, -1)]


class InternedRates:
    """Gathers rows in any order, and gives them back in the order of their prefixes.

    A row is one integer: the prefix aligned left in fifteen digits and its length, the line, the
    number of its name and the number of its terms, so sorting integers sorts the rows.
    """

    def __init__(self, unit: str) -> None:
        self._unit = unit
        self._rows: list[int] = []
        self._names: dict[str, int] = {}
        self._terms: dict[tuple[RateTerms, date | None], int] = {}
        self._same: dict[tuple[int, date | None], int] = {}
        self._kept: list[RateTerms] = []
        self._seal = Seal()

    def __len__(self) -> int:
        return len(self._rows)

    @property
    def digest(self) -> str:
        """Of the rows that ``numbered_rows`` has given."""
        return self._seal.digest

    def add(
        self,
        prefix: str,
        destination: str,
        terms: RateTerms,
        line: int = 0,
        effective_on: date | None = None,
    ) -> None:
        """Raises ValueError that names the prefix and what is accepted."""
        length = len(prefix)
        if not (prefix.isascii() and prefix.isdigit() and length <= LONGEST_PREFIX):
            raise ValueError(f"a prefix is 1 to {LONGEST_PREFIX} digits, not {prefix!r}")
        if len(self._rows) >= MOST_ROWS:
            raise ValueError(f"a rate sheet has at most {MOST_ROWS} prefixes")
        name = self._names.get(destination)
        if name is None:
            name = self._new_name(prefix, destination, terms)
        # Equal terms mostly come as one object, and an id is found sooner than fields compared.
        number = self._same.get((id(terms), effective_on))
        if number is None:
            number = self._new_terms(prefix, terms, effective_on)
        key = int(prefix) * _WIDTHS[length] << 4 | length
        self._rows.append(
            ((key << _BITS | min(line, _MOST_LINE)) << _BITS | name) << _BITS | number
        )

    def sort(self) -> str | None:
        """Puts the rows in order; gives the first prefix that comes twice."""
        self._rows.sort()
        before = -1
        for row in self._rows:
            key = row >> 3 * _BITS
            if key == before:
                return _prefix(key)
            before = key
        return None

    def numbered_names(self) -> Iterator[tuple[int, str]]:
        return ((number, name) for name, number in self._names.items())

    def numbered_terms(self) -> Iterator[tuple[int, str, date | None]]:
        for (terms, effective_on), number in self._terms.items():
            yield number, _text(terms), effective_on

    def numbered_rows(self) -> Iterator[tuple[str, int, int, int]]:
        """Prefix, line, number of the name, number of the terms; once, digested as they go."""
        names = list(self._names)
        texts = [_text(terms) for terms, _ in self._terms]
        for row in self._rows:
            number, name = row & _MASK, row >> _BITS & _MASK
            prefix = _prefix(row >> 3 * _BITS)
            self._seal.add(prefix, names[name], texts[number])
            yield prefix, row >> 2 * _BITS & _MASK, name, number

    def _new_name(self, prefix: str, destination: str, terms: RateTerms) -> int:
        try:
            Rate(destination, terms)  # what would only fail when calls are priced by it
        except ValueError as error:
            raise ValueError(f"prefix {prefix}: {error}") from error
        if not destination.isprintable():
            raise ValueError(f"prefix {prefix}: a destination is printable, on one line")
        if len(self._names) >= MOST_NAMES:
            raise ValueError(f"a rate sheet has at most {MOST_NAMES} different destinations")
        return self._names.setdefault(destination, len(self._names))

    def _new_terms(self, prefix: str, terms: RateTerms, effective_on: date | None) -> int:
        if terms.unit != self._unit:
            raise ValueError(f"prefix {prefix} is in {terms.unit}, the tariff in {self._unit}")
        if len(self._same) >= MOST_TERMS:
            # Many equal objects: the ids are only a short way, so they may be forgotten.
            self._same.clear()
            self._kept.clear()
        number = self._terms.setdefault((terms, effective_on), len(self._terms))
        if number >= MOST_TERMS:
            raise ValueError(f"a rate sheet has at most {MOST_TERMS} different prices")
        self._kept.append(terms)  # an object that lives keeps its id
        self._same[id(terms), effective_on] = number
        return number


def _text(terms: RateTerms) -> str:
    return _ENCODE.encode(terms).decode()


def _prefix(key: int) -> str:
    return f"{key >> 4:015d}"[: key & 15]
