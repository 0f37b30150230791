"""The days of a report as slots of its sums: what has to be read for the days of a time zone."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

from attrs import frozen

from adapters.persistence.read_models.report_tables import (
    DAYS,
    QUARTERS,
    SLOT_SECONDS,
    SLOTS_IN_A_DAY,
)
from application.reports import Period
from domain.errors import SettingNotAllowed


@frozen
class Stretch:
    """Days of one length behind one another: the slots of each are ``length``, from ``start``."""

    grain: int
    first: date
    days: int
    start: int
    length: int

    @property
    def end(self) -> int:
        return self.start + self.days * self.length

    def day(self, index: int) -> date:
        return self.first + timedelta(days=index)


def stretches(period: Period) -> Sequence[Stretch]:
    """The period in as few parts as there are: a day with a change of the clock is one of its own.

    Raises SettingNotAllowed for a zone whose days do not begin at a quarter of an hour.
    """
    if period.zone == "UTC":
        start = _slot(period, period.first)
        return [Stretch(DAYS, period.first, period.days, start, SLOTS_IN_A_DAY)]
    found: list[Stretch] = []
    for number in range(period.days):
        day = period.first + timedelta(days=number)
        start = _slot(period, day)
        length = _slot(period, day + timedelta(days=1)) - start
        before = found[-1] if found else None
        if before is not None and (before.end, before.length) == (start, length):
            found[-1] = Stretch(QUARTERS, before.first, before.days + 1, before.start, length)
        else:
            found.append(Stretch(QUARTERS, day, 1, start, length))
    return found


def _slot(period: Period, day: date) -> int:
    slot, rest = divmod(int(period.beginning_of(day).timestamp()), SLOT_SECONDS)
    if rest:
        accepted = "a zone whose days begin at a quarter of an hour of UTC"
        raise SettingNotAllowed("zone", period.zone, accepted)
    return slot
