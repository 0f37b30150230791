"""What a call costs, what it can cost at most, and how long a payer can talk.

The price of a call is the exact integral of the rate over the billed seconds, rounded up to a whole
millionth once. The clock of rating ticks in whole seconds: a call begins in the second it was
answered in, and a second that was begun is billed.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from datetime import datetime
from typing import Literal

from attrs import field, frozen

from domain.money import MICROS, MINUTES, Money, check_unit, divided_up
from domain.rating_calendar import (
    MOST_RATE,
    Band,
    all_whole,
    check_time_zone,
    check_whole,
    moment_of,
    second_of,
    stretches,
)

__all__ = [
    "LONGEST_CALL",
    "MOST_BANDS",
    "MOST_RATE",
    "Band",
    "Charge",
    "ChargeLine",
    "RateTerms",
    "What",
    "can_connect",
    "charge",
    "least_charge",
    "talk_minutes",
    "talk_time",
    "whole_seconds",
    "worst_charge",
]

LONGEST_CALL = 31 * 86_400
"""No call and no grant is longer than this many seconds, so every charge stays below the bound of
money and every walk along the calendar ends."""

MOST_BANDS = 168
"""One band for each hour of the week."""

_LONGEST_BLOCK = 86_400

What = Literal["connect fee", "talk", "disconnect fee", "surcharge", "setup fee", "minimum charge"]
"""What a line of a charge is for."""

_FEES = ("connect_fee", "disconnect_fee", "minimum_charge", "surcharge", "setup_fee")


def _bands(_: object, __: object, value: object) -> None:
    if value == ():
        return
    if not isinstance(value, tuple) or not all(isinstance(band, Band) for band in value):
        raise ValueError(f"bands are a tuple of Band, not {value!r}")
    if len(value) > MOST_BANDS:
        raise ValueError(f"bands are at most {MOST_BANDS}, not {len(value)}")


@frozen
class RateTerms:
    """The terms one call is charged under: part of the recorded facts, so complete and unchanging.

    Money is in micros of ``unit``: fees a call, rates for sixty seconds. Blocks, grace and minimum
    duration are seconds. The first band that covers a moment sets its rate, outside all bands it is
    ``per_minute``; ``surcharge_per_minute`` is added to either. A call of at most ``grace_seconds``
    is free of everything. ``minimum_charge`` is the least price of a call, fees and surcharge
    counted, the setup fee not: that one is the card's. Raises ValueError naming the field.

    Terms in talk minutes (unit ``MIN``) have one price: a unit a minute, begun minutes counted.
    """

    unit: str
    per_minute: int
    connect_fee: int = 0
    initial_block: int = 1
    increment: int = 1
    disconnect_fee: int = 0
    minimum_duration: int = 0
    minimum_charge: int = 0
    grace_seconds: int = 0
    bands: tuple[Band, ...] = field(default=(), validator=_bands)
    time_zone: str = "UTC"
    surcharge: int = 0
    surcharge_per_minute: int = 0
    setup_fee: int = 0

    def __attrs_post_init__(self) -> None:
        if not isinstance(self.unit, str):
            raise ValueError(f"unit is three capital letters such as USD, not {self.unit!r}")
        check_unit(self.unit)
        check_time_zone(self.time_zone)
        amounts = (
            self.per_minute,
            self.surcharge_per_minute,
            self.connect_fee,
            self.disconnect_fee,
            self.minimum_charge,
            self.surcharge,
            self.setup_fee,
        )
        blocks = (self.initial_block, self.increment)
        spans = (self.minimum_duration, self.grace_seconds)
        # Terms are read with every attempt of a log: all at once, and one by one for what is wrong.
        if not (
            all_whole(amounts, 0, MOST_RATE)
            and all_whole(blocks, 1, _LONGEST_BLOCK)
            and all_whole(spans, 0, _LONGEST_BLOCK)
        ):
            self._check_each()
        if self.unit == MINUTES:
            self._check_minutes()

    def _check_each(self) -> None:
        for name in ("per_minute", "surcharge_per_minute", *_FEES):
            check_whole(name, getattr(self, name), 0, MOST_RATE)
        for name in ("initial_block", "increment"):
            check_whole(name, getattr(self, name), 1, _LONGEST_BLOCK)
        for name in ("minimum_duration", "grace_seconds"):
            check_whole(name, getattr(self, name), 0, _LONGEST_BLOCK)

    def _check_minutes(self) -> None:
        for name, only in (("per_minute", MICROS), ("initial_block", 60), ("increment", 60)):
            if getattr(self, name) != only:
                raise ValueError(f"{name} in talk minutes is {only}, not {getattr(self, name)}")
        if self.bands or self.surcharge_per_minute:
            raise ValueError("bands and surcharge_per_minute have no place in talk minutes")
        for name in _FEES:
            if getattr(self, name) % MICROS:
                raise ValueError(f"{name} in talk minutes is whole minutes: multiples of {MICROS}")

    def rate(self, place: int) -> int:
        """Micros for sixty seconds in the band at a place, or outside all bands (``OUTSIDE``)."""
        own = self.per_minute if place < 0 else self.bands[place].per_minute
        return own + self.surcharge_per_minute

    def billed(self, seconds: int) -> int:
        """The seconds billed for seconds talked beyond grace: whole blocks, up."""
        begun = max(seconds, self.minimum_duration) - self.initial_block
        return self.initial_block + max(0, divided_up(begun, self.increment)) * self.increment

    def fees(self) -> int:
        """What a charged call costs before its first second, the setup fee apart."""
        return self.connect_fee + self.disconnect_fee + self.surcharge


def talk_minutes(*, minimum_duration: int = 0, grace_seconds: int = 0) -> RateTerms:
    """The terms of an account that is kept in talk minutes: a unit for every begun minute."""
    return RateTerms(
        MINUTES,
        MICROS,
        initial_block=60,
        increment=60,
        minimum_duration=minimum_duration,
        grace_seconds=grace_seconds,
    )


@frozen
class ChargeLine:
    """One line of the explanation of a price. A line of talk says at what rate, when, how long."""

    what: What
    micros: int
    seconds: int = 0
    per_minute: int = 0
    since: datetime | None = None
    until: datetime | None = None


@frozen
class Charge:
    """The price of a call, and the lines that add up to it to the millionth."""

    total: Money
    billed_seconds: int
    lines: tuple[ChargeLine, ...]


def whole_seconds(milliseconds: int) -> int:
    """The seconds to charge for a time talked: a second that was begun counts."""
    if type(milliseconds) is not int or milliseconds < 0:
        raise ValueError(f"a time talked is whole milliseconds from 0, not {milliseconds!r}")
    return divided_up(milliseconds, 1000)


def charge(
    terms: RateTerms, answered_at: datetime, seconds: int, *, setup_due: bool = False
) -> Charge:
    """The price of a call that was answered at a moment and lasted some whole seconds.

    Nobody answering (0 seconds) and a call within the grace cost nothing, and leave the setup fee
    due. Raises ValueError for a moment without a time zone or seconds beyond ``LONGEST_CALL``.
    """
    check_whole("seconds", seconds, 0, LONGEST_CALL)
    since = second_of(answered_at)
    if seconds <= terms.grace_seconds:
        return Charge(Money(0, terms.unit), 0, ())
    billed = terms.billed(seconds)
    lines = [
        ChargeLine("connect fee", terms.connect_fee),
        ChargeLine("surcharge", terms.surcharge),
        *_talk(terms, since, since + billed),
        ChargeLine("disconnect fee", terms.disconnect_fee),
    ]
    missing = terms.minimum_charge - sum(line.micros for line in lines)
    lines.append(ChargeLine("minimum charge", max(0, missing)))
    lines.append(ChargeLine("setup fee", terms.setup_fee if setup_due else 0))
    total = Money(sum(line.micros for line in lines), terms.unit)
    return Charge(
        total, billed, tuple(line for line in lines if line.micros or line.what == "talk")
    )


def _talk(terms: RateTerms, since: int, until: int) -> list[ChargeLine]:
    """The lines of talk. Each is the difference of two rounded running totals, so that together
    they are the whole price rounded once."""
    parts = stretches(terms.bands, terms.time_zone, since, until)
    ends = [begins for begins, _ in parts[1:]] + [until]
    lines, sixtieths = [], 0
    for (begins, place), ends_at in zip(parts, ends, strict=True):
        rate, before = terms.rate(place), divided_up(sixtieths, 60)
        sixtieths += rate * (ends_at - begins)
        lines.append(
            ChargeLine(
                "talk",
                divided_up(sixtieths, 60) - before,
                ends_at - begins,
                rate,
                moment_of(begins),
                moment_of(ends_at),
            )
        )
    return lines


def worst_charge(
    terms: RateTerms, earliest: datetime, latest: datetime, seconds: int, *, setup_due: bool = False
) -> Money:
    """The most that a call of at most so many seconds, answered in a window, can cost.

    For one answer moment a longer call never costs less (rates are not negative, blocks only grow,
    fees are the same for every call beyond the grace), so the longest call is the worst.
    """
    check_whole("seconds", seconds, 0, LONGEST_CALL)
    first, last = _window(earliest, latest)
    if seconds <= terms.grace_seconds:
        return Money(0, terms.unit)
    billed = terms.billed(seconds)
    meter = _Meter(terms, first, last + billed)
    talk = divided_up(meter.worst(first, last, billed), 60)
    due = terms.setup_fee if setup_due else 0
    return Money(max(terms.fees() + talk, terms.minimum_charge) + due, terms.unit)


def least_charge(
    terms: RateTerms, earliest: datetime, latest: datetime, *, setup_due: bool = False
) -> Money:
    """The most that the first charged second can cost: what a payer must have to be connected."""
    return worst_charge(terms, earliest, latest, terms.grace_seconds + 1, setup_due=setup_due)


def can_connect(
    terms: RateTerms,
    amount: Money,
    earliest: datetime,
    latest: datetime,
    *,
    setup_due: bool = False,
) -> bool:
    """Whether an amount pays for the first block beyond the grace. Ask this before dialling:
    ``talk_time`` grants the free grace seconds even to a payer who has nothing."""
    return least_charge(terms, earliest, latest, setup_due=setup_due) <= amount


def talk_time(
    terms: RateTerms,
    amount: Money,
    earliest: datetime,
    latest: datetime,
    *,
    setup_due: bool = False,
    limit: int,
) -> int:
    """The most seconds, up to a limit, whose worst charge the amount covers.

    The inverse of ``worst_charge``: it covers this many seconds and, below the limit, not one more.
    With a grace it is at least the grace, even for nothing (see ``can_connect``); a negative amount
    buys nothing. Raises ValueError for an amount in another unit than the terms.
    """
    check_whole("limit", limit, 0, LONGEST_CALL)
    if amount.unit != terms.unit:
        raise ValueError(f"the amount is in {amount.unit}, the terms are in {terms.unit}")
    first, last = _window(earliest, latest)
    free = terms.grace_seconds
    if amount.micros < 0:
        return 0
    if limit <= free:
        return limit
    left = amount.micros - (terms.setup_fee if setup_due else 0)
    if left < terms.minimum_charge:
        return free
    # A price rounded up fits into whole micros exactly when the price itself does.
    budget = 60 * (left - terms.fees())
    if budget < 0:
        return free
    block, increment, most = terms.initial_block, terms.increment, terms.billed(limit)

    def longest(rate: int) -> int:
        """The most whole blocks that the budget pays for at one rate; below zero: not the first."""
        paid = min(most, budget // rate) if rate else most
        return (paid - block) // increment

    least = (terms.billed(free + 1) - block) // increment
    if not terms.bands:
        enough = longest(terms.rate(-1))
        return min(limit, block + enough * increment) if enough >= least else free
    rates = [terms.rate(place) for place in range(-1, len(terms.bands))]
    low, high = max(least - 1, longest(max(rates))), longest(min(rates))
    if low < high:
        meter = _Meter(terms, first, last + block + high * increment)
        while low < high:
            middle = (low + high + 1) // 2
            if meter.worst(first, last, block + middle * increment) <= budget:
                low = middle
            else:
                high = middle - 1
    return min(limit, block + low * increment) if low >= least else free


def _window(earliest: datetime, latest: datetime) -> tuple[int, int]:
    first, last = second_of(earliest), second_of(latest)
    if not 0 <= last - first <= LONGEST_CALL:
        raise ValueError(
            f"an answer is awaited from an earlier to a later moment at most {LONGEST_CALL} seconds"
            f" on, not from {earliest} to {latest}"
        )
    return first, last


class _Meter:
    """The price of talk since a second, in sixtieths of a micro: rates are for sixty seconds."""

    def __init__(self, terms: RateTerms, since: int, until: int) -> None:
        self._begins: list[int] = []
        self._rates: list[int] = []
        self._prices: list[int] = []
        for begins, place in stretches(terms.bands, terms.time_zone, since, until):
            self._prices.append(self.at(begins) if self._begins else 0)
            self._begins.append(begins)
            self._rates.append(terms.rate(place))

    def at(self, second: int) -> int:
        """The price from the beginning to a second."""
        place = bisect_right(self._begins, second) - 1
        return self._prices[place] + (second - self._begins[place]) * self._rates[place]

    def worst(self, first: int, last: int, billed: int) -> int:
        """The highest price of so many billed seconds that begin from one second to another.

        Moved along the clock, a stretch changes its price at a constant pace until its start or its
        end meets a border of bands, so the highest price is at one of those or at the window's end.
        """
        moments = {first, last}
        moments.update(self._borders(first, last))
        moments.update(border - billed for border in self._borders(first + billed, last + billed))
        return max(self.at(moment + billed) - self.at(moment) for moment in moments)

    def _borders(self, since: int, until: int) -> list[int]:
        return self._begins[bisect_left(self._begins, since) : bisect_right(self._begins, until)]
