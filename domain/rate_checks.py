"""What is looked at before a rate sheet is published: findings, each with the prefix and numbers.

Two streams of prefixes, the sheet's and the running version's, both in the order of their text, are
walked through once side by side. Nothing of them is kept but the prefixes that begin the present
one, so a sheet of a million rows needs no more memory than one of ten.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import date, datetime
from typing import Literal

from attrs import Factory, define, field, frozen

from domain.decks import LONGEST_PREFIX
from domain.money import MINUTES, Money, divided_up
from domain.rating import RateTerms

Severity = Literal["error", "warning"]
Cheapest = Callable[[str], int | None]
"""Micros a minute of the cheapest route to a prefix, in the sheet's unit; None: no route."""

REFERENCE_SECONDS = 180
"""Prices are compared by what a call of this length costs: fees and increments count as well."""

MOST_EXAMPLES = 100
"""Findings of one kind that a report holds; the others are counted."""

INCREMENTS = frozenset(
    {(1, 1), (6, 6), (10, 10), (15, 15), (20, 20), (30, 1), (30, 6), (30, 30)}
    | {(60, 1), (60, 6), (60, 10), (60, 15), (60, 30), (60, 60), (180, 60)}
)
"""Pairs of initial block and increment, in seconds, that operators sell."""

_TWO_DIGIT_CODES = (
    frozenset(str(code) for code in (20, 27, *range(30, 67), 81, 82, 84, 86, *range(90, 99)))
    - frozenset(("35", "37", "38", "42", "50", "59"))
    - frozenset(("96", "97"))
)
"""Country codes of two digits; 1 and 7 have one, all others three."""


@frozen
class PricedPrefix:
    """One prefix of a sheet; ``line`` is where its file says so, 0 where no file is known."""

    prefix: str
    destination: str
    terms: RateTerms
    line: int = 0
    effective_on: date | None = None
    """The day that the file gives for this price."""


@frozen
class Rules:
    """What counts as a finding. Percentages are of the price that runs now."""

    most_rise_percent: int = field(default=50)
    most_fall_percent: int = field(default=50)
    increments: frozenset[tuple[int, int]] = INCREMENTS

    def __attrs_post_init__(self) -> None:
        if not 0 <= self.most_rise_percent <= 100_000:
            raise ValueError(f"the most rise is 0 to 100000 %, not {self.most_rise_percent}")
        if not 0 <= self.most_fall_percent <= 100:
            raise ValueError(f"the most fall is 0 to 100 %, not {self.most_fall_percent}")


KINDS: dict[str, tuple[Severity, str]] = {
    "duplicate": ("error", "the prefix {prefix} comes twice, in lines {old} and {new}"),
    "unit": ("error", "the prefix {prefix} is in another unit than the tariff"),
    "gap": ("error", "calls to {prefix}, {destination}, have a price now and would have none"),
    "below-cost": (
        "error",
        "a minute to {prefix}, {destination}, is sold for {new} and costs {old} at least",
    ),
    "jump": (
        "error",
        "three minutes to {prefix}, {destination}, cost {new} instead of {old} ({percent:+} %)",
    ),
    "zero-price": ("error", "calls to {prefix}, {destination}, cost nothing at some hour"),
    "in-the-past": ("error", "the version would have begun in the past, beside one that runs"),
    "later-date": (
        "error",
        "line {line} gives {prefix} a price that is not yet in force at that moment",
    ),
    "removed": (
        "warning",
        "{prefix}, {destination}, is gone: three minutes cost {new} by a shorter prefix,"
        " instead of {old}",
    ),
    "open-area": ("warning", "some numbers of the country code {prefix} have no price"),
    "increments": (
        "warning",
        "{prefix}, {destination}, is billed by {old}/{new} seconds, which is unusual",
    ),
    "no-route": ("warning", "no route of a known cost leads to {prefix}, {destination}"),
}
"""Each kind of finding: how grave it is, and its sentence."""

NEVER_OVERRIDDEN = frozenset({"duplicate", "unit"})
"""A sheet with these cannot be used at all."""

_MONEY = frozenset({"below-cost", "jump", "removed"})


@frozen
class Finding:
    """``old`` and ``new`` are micros, seconds or lines, as the kind says."""

    kind: str
    prefix: str
    destination: str = ""
    line: int = 0
    old: int = 0
    new: int = 0
    unit: str = ""

    @property
    def severity(self) -> Severity:
        return KINDS[self.kind][0]

    @property
    def percent(self) -> int | None:
        return percent(self.old, self.new) if self.kind in _MONEY else None

    @property
    def sentence(self) -> str:
        money = self.kind in _MONEY
        return KINDS[self.kind][1].format(
            prefix=self.prefix,
            destination=self.destination,
            line=self.line,
            old=Money(self.old, self.unit) if money else self.old,
            new=Money(self.new, self.unit) if money else self.new,
            percent=self.percent or 0,
        )


def percent(old: int, new: int) -> int | None:
    """By how many percent a price changed, away from nothing; None from nothing to something."""
    if old == 0:
        return 0 if new == 0 else None
    size = divided_up(abs(new - old) * 100, old)
    return size if new >= old else -size


@define
class Report:
    """All findings counted, the first of each kind told."""

    counts: dict[str, int] = Factory(dict)
    examples: dict[str, list[Finding]] = Factory(dict)
    rows: int = 0

    def add(self, finding: Finding) -> None:
        self.counts[finding.kind] = self.counts.get(finding.kind, 0) + 1
        told = self.examples.setdefault(finding.kind, [])
        if len(told) < MOST_EXAMPLES:
            told.append(finding)

    @property
    def errors(self) -> tuple[str, ...]:
        """The kinds of findings that stand in the way of publishing."""
        return tuple(kind for kind in KINDS if kind in self.counts and KINDS[kind][0] == "error")


Pair = tuple[PricedPrefix | None, PricedPrefix | None]


def side_by_side(new: Iterable[PricedPrefix], old: Iterable[PricedPrefix]) -> Iterator[Pair]:
    """Merges two streams ordered by prefix; a prefix of both is one pair (new, old)."""
    news, olds = iter(new), iter(old)
    left, right = next(news, None), next(olds, None)
    while left is not None or right is not None:
        if right is None or (left is not None and left.prefix < right.prefix):
            yield left, None
            left = next(news, None)
        elif left is None or right.prefix < left.prefix:
            yield None, right
            right = next(olds, None)
        else:
            yield left, right
            left, right = next(news, None), next(olds, None)


def check(
    sheet: Iterable[PricedPrefix],
    running: Iterable[PricedPrefix],
    *,
    unit: str,
    now: datetime,
    since: datetime,
    rules: Rules | None = None,
    cheapest: Cheapest | None = None,
    runs: bool = False,
) -> Report:
    """The findings about a sheet that is to be in force since a moment.

    Both streams are ordered by prefix. ``runs`` says whether there is a running version.
    """
    walk = _Walk(unit, since, rules or Rules(), cheapest)
    if since < now and runs:
        walk.report.add(Finding("in-the-past", ""))
    for row, before in side_by_side(walk.once(sheet), running):
        walk.step(row, before)
    walk.finish()
    return walk.report


@define
class _Gap:
    """A prefix that lost its price, unless longer ones in the sheet cover all its numbers."""

    row: PricedPrefix
    missing: int


@define
class _Walk:
    unit: str
    since: datetime
    rules: Rules
    cheapest: Cheapest | None
    report: Report = Factory(Report)
    _costs_known: bool = False
    _above: list[PricedPrefix] = Factory(list)
    _gaps: list[_Gap] = Factory(list)
    _open: dict[str, int] = Factory(dict)
    _known: dict[int, tuple[RateTerms, _Told]] = Factory(dict)

    def once(self, sheet: Iterable[PricedPrefix]) -> Iterator[PricedPrefix]:
        """The rows of the sheet, a prefix that comes again told and left out."""
        last: PricedPrefix | None = None
        for row in sheet:
            self.report.rows += 1
            if last is not None and last.prefix == row.prefix:
                self._tell("duplicate", row, last.line, row.line)
                continue
            last = row
            yield row

    def step(self, row: PricedPrefix | None, before: PricedPrefix | None) -> None:
        present = row or before
        assert present is not None, "a pair is never empty"
        prefix = present.prefix
        while self._above and not prefix.startswith(self._above[-1].prefix):
            self._above.pop()
        while self._gaps and not prefix.startswith(self._gaps[-1].row.prefix):
            self._close(self._gaps.pop())
        if row is None:
            assert before is not None, "a pair is never empty"
            self._removed(before)
            return
        if not self._above:
            self._cover(prefix)
        self._above.append(row)
        self._price(row)
        if before is not None:
            self._compare(row, before)

    def finish(self) -> None:
        while self._gaps:
            self._close(self._gaps.pop())
        if not self._costs_known:
            # An operator without any costs is not told so for each of a million prefixes.
            self.report.counts.pop("no-route", None)
            self.report.examples.pop("no-route", None)
        for code, missing in sorted(self._open.items()):
            if missing:
                self.report.add(Finding("open-area", code))

    def _price(self, row: PricedPrefix) -> None:
        told = self._about(row.terms)
        if told.other_unit:
            self._tell("unit", row)
        if told.is_zero:
            self._tell("zero-price", row)
        if told.unusual:
            self._tell("increments", row, row.terms.initial_block, row.terms.increment)
        if row.effective_on is not None and row.effective_on > self.since.date():
            self._tell("later-date", row)
        if self.cheapest is not None and not told.other_unit:
            cost = self.cheapest(row.prefix)
            if cost is None:
                self._tell("no-route", row)
                return
            self._costs_known = True
            if told.lowest < cost:
                self._tell("below-cost", row, cost, told.lowest)

    def _compare(self, row: PricedPrefix, before: PricedPrefix) -> None:
        if row.terms is before.terms or row.terms.unit != before.terms.unit:
            return
        old, new = self._about(before.terms).reference, self._about(row.terms).reference
        rise, fall = self.rules.most_rise_percent, self.rules.most_fall_percent
        if new * 100 > old * (100 + rise) or new * 100 < old * (100 - fall):
            self._tell("jump", row, old, new)

    def _removed(self, before: PricedPrefix) -> None:
        if not self._above:
            self._gaps.append(_Gap(before, _numbers(before.prefix)))
            return
        old = self._about(before.terms).reference
        new = self._about(self._above[-1].terms).reference
        if old != new:
            self._tell_gone("removed", before, old, new)

    def _cover(self, prefix: str) -> None:
        """A prefix without a shorter one in the sheet prices numbers that nothing else does."""
        for gap in self._gaps:
            gap.missing -= _numbers(prefix)
        code = country_code(prefix)
        if code:
            self._open[code] = self._open.get(code, _numbers(code)) - _numbers(prefix)

    def _close(self, gap: _Gap) -> None:
        if gap.missing:
            self._tell_gone("gap", gap.row)

    def _about(self, terms: RateTerms) -> _Told:
        # Equal terms are usually one object, and comparing objects is faster than their fields.
        known = self._known.get(id(terms))
        if known is None:
            if len(self._known) >= _MOST_KNOWN:
                self._known.clear()
            known = self._known[id(terms)] = (terms, _told(terms, self))
        return known[1]

    def _tell_gone(self, kind: str, row: PricedPrefix, old: int = 0, new: int = 0) -> None:
        """Of a prefix that stands in no line of the sheet: its line was one of another file."""
        self.report.add(Finding(kind, row.prefix, row.destination, 0, old, new, row.terms.unit))

    def _tell(self, kind: str, row: PricedPrefix, old: int = 0, new: int = 0) -> None:
        self.report.add(
            Finding(kind, row.prefix, row.destination, row.line, old, new, row.terms.unit)
        )


_MOST_KNOWN = 100_000


@frozen
class _Told:
    """What the checks ask of terms, worked out once for all prefixes that share them."""

    reference: int
    lowest: int
    is_zero: bool
    unusual: bool
    other_unit: bool


def _told(terms: RateTerms, walk: _Walk) -> _Told:
    lowest = min([terms.per_minute, *(band.per_minute for band in terms.bands)])
    increments = (terms.initial_block, terms.increment)
    return _Told(
        reference(terms),
        lowest,
        lowest == 0 and terms.fees() == 0 and terms.minimum_charge == 0,
        terms.unit != MINUTES and increments not in walk.rules.increments,
        terms.unit != walk.unit,
    )


def reference(terms: RateTerms) -> int:
    """Micros for a call of three minutes at the dearest hour, all fees counted."""
    dearest = max([terms.per_minute, *(band.per_minute for band in terms.bands)])
    talk = divided_up(dearest * terms.billed(REFERENCE_SECONDS), 60)
    return max(terms.fees() + talk, terms.minimum_charge)


def country_code(digits: str) -> str:
    """The country code (ITU-T E.164) that digits begin with; nothing if they are shorter."""
    if digits[:1] in ("1", "7"):
        return digits[:1]
    if digits[:2] in _TWO_DIGIT_CODES:
        return digits[:2]
    return digits[:3] if len(digits) >= 3 else ""


_COUNTS: tuple[int, ...] = tuple(10**length for length in range(LONGEST_PREFIX, -1, -1))


def _numbers(prefix: str) -> int:
    """How many numbers of fifteen digits begin with a prefix."""
    return _COUNTS[len(prefix)]
