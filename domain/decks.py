"""The price list of a tariff: the longest prefix of a dialled number decides its price.

A deck of a million prefixes is four sorted columns of machine numbers, not a tree of objects: some
20 bytes a prefix, and a binary search a lookup.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from heapq import merge

from attrs import field, frozen

from domain.rating import RateTerms

LONGEST_PREFIX = 15
"""Digits in the longest number of ITU-T E.164, so in the longest prefix."""

MOST_PREFIXES = 10_000_000
"""No deck holds more prefixes: about 160 MB."""

_LONGEST_DESTINATION = 200
_CHUNK = 65_536
_WIDTHS: list[int] = [10**places for places in range(LONGEST_PREFIX, -1, -1)]
_LENGTH_BITS, _LENGTH_MASK = 4, 15
_NONE = -1

_Run = tuple["array[int]", "array[int]"]


def _destination(_: object, __: object, value: str) -> None:
    if not isinstance(value, str) or not 1 <= len(value) <= _LONGEST_DESTINATION:
        raise ValueError(
            f"a destination is a name of 1 to {_LONGEST_DESTINATION} characters, not {value!r}"
        )


@frozen
class Rate:
    """What calls to one destination cost, whichever of its prefixes was dialled."""

    destination: str = field(validator=_destination)
    terms: RateTerms


@frozen
class Match:
    """The longest prefix of a number that has a price, and the price."""

    prefix: str
    rate: Rate


@frozen(eq=False, repr=False)
class Deck:
    """A price list that is searched by dialled digits.

    A key is a prefix aligned left in fifteen digits, with its length beside it. In order of keys a
    prefix comes before the longer ones that begin with it, so the last key not above the dialled
    number is the match or lies below it: ``parents`` lead from a prefix to the next shorter one.
    """

    _keys: array[int]
    _parents: array[int]
    _places: array[int]
    _rates: tuple[Rate, ...]

    @classmethod
    def build(cls, rows: Iterable[tuple[str, Rate]]) -> Deck:
        """A deck of rows in any order; each holds a prefix of at most fifteen digits, and its rate.

        The empty prefix is the price of everything without another. Needs at most twice the memory
        of the finished deck. Raises ValueError for a prefix that is not digits or comes twice.
        """
        distinct: dict[Rate, int] = {}
        keys, parents, places = array("q"), array("i"), array("i")
        open_prefixes: list[int] = []
        for key, place in merge(*(zip(*run, strict=True) for run in _runs(rows, distinct))):
            if keys and keys[-1] == key:
                raise ValueError(f"the prefix {_prefix(key)!r} comes twice: a prefix has one price")
            while open_prefixes and not _begins(keys[open_prefixes[-1]], key >> _LENGTH_BITS):
                open_prefixes.pop()
            parents.append(open_prefixes[-1] if open_prefixes else _NONE)
            open_prefixes.append(len(keys))
            keys.append(key)
            places.append(place)
        return cls(keys, parents, places, tuple(distinct))

    def find(self, digits: str) -> Match | None:
        """The longest prefix of the dialled digits, or None when no prefix has a price for them.

        Digits beyond the fifteenth make no difference. Raises ValueError for anything but digits.
        """
        entry = self._entry(digits)
        return None if entry == _NONE else self._match(entry)

    def rate(self, digits: str) -> Rate | None:
        """The rate that ``find`` would give, for those who do not ask by which prefix."""
        entry = self._entry(digits)
        return None if entry == _NONE else self._rates[self._places[entry]]

    def __len__(self) -> int:
        return len(self._keys)

    def __iter__(self) -> Iterator[Match]:
        """All prefixes with their rates, a prefix before the longer ones that begin with it."""
        return map(self._match, range(len(self._keys)))

    def __repr__(self) -> str:
        return f"Deck({len(self._keys)} prefixes, {len(self._rates)} rates)"

    def _entry(self, digits: str) -> int:
        number = _key(_checked(digits, "a dialled number")[:LONGEST_PREFIX])
        entry = bisect_right(self._keys, number) - 1
        while entry != _NONE and not _begins(self._keys[entry], number >> _LENGTH_BITS):
            entry = self._parents[entry]
        return entry

    def _match(self, entry: int) -> Match:
        return Match(_prefix(self._keys[entry]), self._rates[self._places[entry]])


def _runs(rows: Iterable[tuple[str, Rate]], distinct: dict[Rate, int]) -> list[_Run]:
    """The rows as sorted runs of keys and places of rates. Rows that come in order are one run."""
    runs: list[_Run] = []
    chunk: list[tuple[int, int]] = []
    for row, (prefix, rate) in enumerate(rows):
        if len(prefix) > LONGEST_PREFIX:
            raise ValueError(f"a prefix is at most {LONGEST_PREFIX} digits, not {prefix!r}")
        if row == MOST_PREFIXES:
            raise ValueError(f"a deck holds at most {MOST_PREFIXES} prefixes")
        key = _key(_checked(prefix, "a prefix"))
        chunk.append((key, distinct.setdefault(rate, len(distinct))))
        if len(chunk) == _CHUNK:
            _add(runs, chunk)
            chunk = []
    _add(runs, chunk)
    return runs


def _add(runs: list[_Run], chunk: list[tuple[int, int]]) -> None:
    chunk.sort()
    if not chunk:
        return
    if not runs or runs[-1][0][-1] > chunk[0][0]:
        runs.append((array("q"), array("i")))
    keys, places = runs[-1]
    keys.extend(key for key, _ in chunk)
    places.extend(place for _, place in chunk)


def _checked(digits: str, what: str) -> str:
    if not digits or (digits.isascii() and digits.isdigit()):
        return digits
    raise ValueError(f"{what} is the digits 0 to 9 alone, such as 4822, not {digits!r}")


def _key(prefix: str) -> int:
    length = len(prefix)
    return (int(prefix or 0) * _WIDTHS[length]) << _LENGTH_BITS | length


def _prefix(key: int) -> str:
    length = key & _LENGTH_MASK
    return f"{key >> _LENGTH_BITS:015d}"[:length]


def _begins(key: int, aligned: int) -> bool:
    """Whether the prefix of a key begins a number that is aligned left in fifteen digits."""
    width = _WIDTHS[key & _LENGTH_MASK]
    return (key >> _LENGTH_BITS) // width == aligned // width
