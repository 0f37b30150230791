"""Who sells which cards: ranges of card numbers, each with one distributor at a time."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from typing import assert_never

from attrs import field, frozen

from domain.cards import check_words
from domain.errors import AlreadyExists, NotFound, RangeTaken, SettingNotAllowed

MOST_RANGES = 100_000
"""Ranges that are assigned at one time."""

MOST_DISTRIBUTORS = 10_000


@frozen(order=True)
class NumberRange:
    """Card numbers from ``first`` to ``last``, both included and of one length."""

    first: str
    last: str

    def __attrs_post_init__(self) -> None:
        for number in (self.first, self.last):
            if not (number.isascii() and number.isdigit() and len(number) <= 20):
                raise ValueError(f"a card number is up to 20 digits, not {number[:40]!r}")
        if len(self.first) != len(self.last) or self.first > self.last:
            raise ValueError(
                "a range goes from a number to a higher one of the same length,"
                f" not from {self.first} to {self.last}"
            )

    def __contains__(self, number: str) -> bool:
        return len(number) == len(self.first) and self.first <= number <= self.last

    @property
    def count(self) -> int:
        return int(self.last) - int(self.first) + 1

    def numbers(self) -> Iterator[str]:
        width = len(self.first)
        return (f"{n:0{width}d}" for n in range(int(self.first), int(self.last) + 1))

    @property
    def key(self) -> tuple[int, str]:
        """Shorter numbers come first, then lower ones."""
        return (len(self.first), self.first)

    def overlap(self, other: NumberRange) -> NumberRange | None:
        if len(self.first) != len(other.first):
            return None
        first, last = max(self.first, other.first), min(self.last, other.last)
        return NumberRange(first, last) if first <= last else None

    def without(self, other: NumberRange) -> list[NumberRange]:
        """What is left of this range: nothing, one part or two."""
        both = self.overlap(other)
        if both is None:
            return [self]
        width = len(self.first)
        parts = []
        if self.first < both.first:
            parts.append(NumberRange(self.first, f"{int(both.first) - 1:0{width}d}"))
        if both.last < self.last:
            parts.append(NumberRange(f"{int(both.last) + 1:0{width}d}", self.last))
        return parts


# Facts.


@frozen
class DistributorAdded:
    distributor: str
    by: str


@frozen
class CardRangeAssigned:
    distributor: str
    cards: NumberRange
    by: str
    why: str


@frozen
class CardRangeTakenBack:
    """Whatever of the range was with the distributor is with nobody now."""

    distributor: str
    cards: NumberRange
    by: str
    why: str


DistributionFact = DistributorAdded | CardRangeAssigned | CardRangeTakenBack

# State and decisions.


@frozen
class Assigned:
    cards: NumberRange
    distributor: str


@frozen
class Distribution:
    """All distributors and what each has, in one stream: so no card has two of them."""

    distributors: tuple[str, ...] = ()
    assigned: tuple[Assigned, ...] = field(default=(), repr=False)
    """In the order of the numbers; ranges never overlap."""
    _keys: tuple[tuple[int, str], ...] = field(default=(), repr=False)

    def holder(self, number: str) -> str | None:
        """The distributor of a card number, None if it has none."""
        at = bisect_right(self._keys, (len(number), number)) - 1
        if at < 0 or number not in self.assigned[at].cards:
            return None
        return self.assigned[at].distributor

    def ranges_of(self, distributor: str) -> list[NumberRange]:
        """Raises NotFound."""
        self._check_known(distributor)
        return [each.cards for each in self.assigned if each.distributor == distributor]

    def add(self, distributor: str, by: str) -> list[DistributionFact]:
        check_words(by, "adds")
        if not (distributor.strip() and distributor.isprintable() and len(distributor) <= 80):
            raise SettingNotAllowed("name", distributor[:50], "1 to 80 printable characters")
        if distributor in self.distributors:
            return []
        if any(each.casefold() == distributor.casefold() for each in self.distributors):
            raise AlreadyExists("distributor", distributor)
        if len(self.distributors) >= MOST_DISTRIBUTORS:
            accepted = f"at most {MOST_DISTRIBUTORS}"
            raise SettingNotAllowed("distributors", str(len(self.distributors) + 1), accepted)
        return [DistributorAdded(distributor, by)]

    def assign(
        self, distributor: str, cards: NumberRange, by: str, why: str
    ) -> list[DistributionFact]:
        """Raises RangeTaken if a part of the range is with another distributor, NotFound."""
        check_words(by, why)
        self._check_known(distributor)
        missing = [cards]
        for each in self._near(cards):
            both = each.cards.overlap(cards)
            assert both is not None, "only those that overlap are near"
            if each.distributor != distributor:
                raise RangeTaken(both.first, both.last, each.distributor)
            missing = [part for whole in missing for part in whole.without(each.cards)]
        if not missing:
            return []
        if len(self.assigned) + len(missing) > MOST_RANGES:
            raise SettingNotAllowed("ranges", str(len(self.assigned)), f"at most {MOST_RANGES}")
        return [CardRangeAssigned(distributor, part, by, why) for part in missing]

    def take_back(
        self, distributor: str, cards: NumberRange, by: str, why: str
    ) -> list[DistributionFact]:
        check_words(by, why)
        self._check_known(distributor)
        mine = [each for each in self._near(cards) if each.distributor == distributor]
        return [CardRangeTakenBack(distributor, cards, by, why)] if mine else []

    def _near(self, cards: NumberRange) -> list[Assigned]:
        """The assigned ranges that overlap with this one."""
        at = max(0, bisect_right(self._keys, cards.key) - 1)
        found = []
        for each in self.assigned[at:]:
            if each.cards.key > (len(cards.last), cards.last):
                break
            if each.cards.overlap(cards):
                found.append(each)
        return found

    def _check_known(self, distributor: str) -> None:
        if distributor not in self.distributors:
            raise NotFound("distributor", distributor)

    def _with(self, assigned: list[Assigned]) -> Distribution:
        ordered = tuple(sorted(assigned, key=lambda each: each.cards.key))
        return Distribution(self.distributors, ordered, tuple(each.cards.key for each in ordered))


def evolve(distribution: Distribution | None, fact: DistributionFact) -> Distribution:
    before = distribution or Distribution()
    match fact:
        case DistributorAdded(distributor):
            names = (*before.distributors, distributor)
            return Distribution(names, before.assigned, before._keys)
        case CardRangeAssigned(distributor, cards):
            return before._with([*before.assigned, Assigned(cards, distributor)])
        case CardRangeTakenBack(distributor, cards):
            left = []
            for each in before.assigned:
                if each.distributor != distributor:
                    left.append(each)
                else:
                    left += [Assigned(part, distributor) for part in each.cards.without(cards)]
            return before._with(left)
        case _:
            assert_never(fact)
