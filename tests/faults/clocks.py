"""Clocks of the day that are put forward and back, and a steady one behind each of them."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from math import ceil
from zoneinfo import ZoneInfo

from domain.rating import RateTerms
from tests.support.stores import FixedClock

STEPS = tuple(
    sign * step
    for step in (timedelta(seconds=1), timedelta(hours=1), timedelta(days=1))
    for sign in (1, -1)
)


class SteppedClock(FixedClock):
    """``time`` is the true time; what is shown is off by what the clock was put forward."""

    def __init__(self, now: datetime = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)) -> None:
        super().__init__(now)
        self.began = now
        self.off = timedelta()

    def now(self) -> datetime:
        return self.time + self.off

    def monotonic(self) -> float:
        """Seconds that passed in truth."""
        return 1_000 + (self.time - self.began).total_seconds()

    def step(self, by: timedelta) -> None:
        self.off += by

    def pass_by(self, **duration: float) -> None:
        self.time += timedelta(**duration)


class RestlessClock(SteppedClock):
    """Shows another time whenever somebody looks: right, or off by a second, an hour or a day."""

    def __init__(self, seed: int) -> None:
        super().__init__()
        self._chance = random.Random(seed)
        self.rests = True

    def now(self) -> datetime:
        if not self.rests:
            self.off = self._chance.choice((timedelta(), *STEPS))
        return super().now()

    def rest(self) -> None:
        """Somebody puts it right, and it stays so."""
        self.rests, self.off = True, timedelta()


def changes_of(zone: str, year: int) -> list[datetime]:
    """The hours in which the clocks of a zone are changed in a year."""
    hours = (datetime(year, 1, 1, tzinfo=UTC) + timedelta(hours=n) for n in range(366 * 24))
    place = ZoneInfo(zone)
    return [
        hour
        for hour in hours
        if hour.astimezone(place).utcoffset()
        != (hour + timedelta(hours=1)).astimezone(place).utcoffset()
    ]


def days_between(first: date, last: date) -> Iterator[date]:
    day = first
    while day <= last:
        yield day
        day += timedelta(days=1)


def price_by_the_second(terms: RateTerms, answered: datetime, seconds: int) -> int:
    """What a call costs that is billed by the second, in micros: each second is looked up on the
    wall clock by itself."""
    place, sixtieths = ZoneInfo(terms.time_zone), 0
    for second in range(seconds):
        wall = (answered + timedelta(seconds=second)).astimezone(place)
        minute, weekday = wall.hour * 60 + wall.minute, wall.isoweekday()
        rates = [
            band.per_minute
            for band in terms.bands
            if weekday in band.weekdays and band.start_minute <= minute < band.end_minute
        ]
        sixtieths += rates[0] if rates else terms.per_minute
    return ceil(Fraction(sixtieths, 60))
