"""Which price is in force at which moment: bands of the week, by the clock on the tariff's wall.

A band is kept in wall-clock time, a call happens in real time. On the two days a year when the
clocks change the two disagree, so a call is split at real instants: an hour that is skipped has no
seconds to bill, an hour that comes twice is billed twice in its own band.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from attrs import field, frozen

MOST_RATE = 10**13
"""No fee and no price of a minute is more micros than this: ten million units."""

OUTSIDE = -1
"""The place of a moment that no band covers."""

MINUTE, HOUR, DAY = 60, 3_600, 86_400

_WHOLE = {int}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SECOND = timedelta(seconds=1)
_LAST = int((datetime(9990, 1, 1, tzinfo=UTC) - _EPOCH).total_seconds())
_THURSDAY = 3  # The weekday of 1970-01-01, counted from Monday as zero.


def check_whole(what: str, value: object, least: int, most: int) -> None:
    """Raises ValueError that names the field, unless the value is a whole number in the range."""
    if type(value) is not int or not least <= value <= most:
        raise ValueError(f"{what} is a whole number from {least} to {most}, not {value!r}")


def all_whole(values: tuple[object, ...], least: int, most: int) -> bool:
    """Whether each value is a whole number in the range."""
    if set(map(type, values)) != _WHOLE:
        return False
    return least <= min(values) and max(values) <= most  # type: ignore[type-var, operator]


def _weekdays(_: object, __: object, value: object) -> None:
    if not (
        isinstance(value, tuple)
        and value
        and all(type(day) is int and 1 <= day <= 7 for day in value)
        and list(value) == sorted(set(value))
    ):
        raise ValueError(
            "weekdays are numbers from 1 (Monday) to 7 (Sunday), each once and in order,"
            f" such as (6, 7), not {value!r}"
        )


@frozen
class Band:
    """A price of its own for some hours of some weekdays, such as evenings from Monday to Friday.

    ``weekdays`` are ISO 8601 numbers. Minutes are counted from midnight on the wall; the end is not
    part of the band. A night that passes midnight is two bands. Raises ValueError naming the field.
    """

    weekdays: tuple[int, ...] = field(validator=_weekdays)
    start_minute: int
    end_minute: int
    per_minute: int

    def __attrs_post_init__(self) -> None:
        check_whole("start_minute", self.start_minute, 0, 1439)
        check_whole("end_minute", self.end_minute, self.start_minute + 1, 1440)
        check_whole("per_minute", self.per_minute, 0, MOST_RATE)


def check_time_zone(name: str) -> str:
    """The name, if it is a time zone of the IANA database. Raises ValueError for any other."""
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, TypeError, OSError) as error:
        raise ValueError(
            f"time_zone is a name of the IANA database such as Europe/Warsaw, not {name!r}"
        ) from error
    return name


def second_of(moment: datetime) -> int:
    """The second since 1970 that a moment falls in: tariffs tick in whole seconds.

    Raises ValueError for a moment without a time zone, before 1970 or after 9989.
    """
    if moment.tzinfo is None:
        raise ValueError(f"a moment of a call has a time zone, {moment!r} has none")
    second = (moment - _EPOCH) // _SECOND
    if not 0 <= second < _LAST:
        raise ValueError(f"a moment of a call is between 1970 and 9989, not {moment!r}")
    return second


def moment_of(second: int) -> datetime:
    """The moment, in UTC, at which a second since 1970 begins."""
    return _EPOCH + second * _SECOND


def stretches(
    bands: tuple[Band, ...], time_zone: str, since: int, until: int
) -> list[tuple[int, int]]:
    """The bands in force from one second to another, in order.

    Each stretch is the second it begins and the place of its band in ``bands``, or ``OUTSIDE``;
    it lasts until the next one begins. The first begins at ``since``.
    """
    if not bands:
        return [(since, OUTSIDE)]
    found: list[tuple[int, int]] = []
    for day in range(since // DAY, max(until - 1, since) // DAY + 1):
        for begins, band in _day(bands, time_zone, day):
            if begins >= until and found:
                break
            if begins <= since:
                found = [(since, band)]
            elif found[-1][1] != band:
                found.append((begins, band))
    return found


@lru_cache(maxsize=4096)
def _day(bands: tuple[Band, ...], time_zone: str, day: int) -> tuple[tuple[int, int], ...]:
    """The stretches of one day of UTC."""
    found: list[tuple[int, int]] = []
    offsets = _offsets(ZoneInfo(time_zone), day * DAY)
    ends = [since for since, _ in offsets[1:]] + [(day + 1) * DAY]
    for (since, offset), until in zip(offsets, ends, strict=True):
        cuts = {since}
        for wall_day in range((since + offset) // DAY, (until - 1 + offset) // DAY + 1):
            for band in bands:
                for minute in (band.start_minute, band.end_minute):
                    cut = wall_day * DAY + minute * MINUTE - offset
                    if since < cut < until:
                        cuts.add(cut)
        found += [(cut, _place(bands, cut + offset)) for cut in sorted(cuts)]
    return tuple(found)


def _place(bands: tuple[Band, ...], wall: int) -> int:
    """The first band that covers a second of the wall clock."""
    day, second = divmod(wall, DAY)
    weekday, minute = (day + _THURSDAY) % 7 + 1, second // MINUTE
    for place, band in enumerate(bands):
        if weekday in band.weekdays and band.start_minute <= minute < band.end_minute:
            return place
    return OUTSIDE


def _offsets(zone: ZoneInfo, midnight: int) -> list[tuple[int, int]]:
    """When in a day of UTC the wall clock is set, and how many seconds it is ahead from then on.

    The database does not list its changes, so each hour's ends are compared and a change between
    them is searched to the second; no zone has changed its clock twice in an hour.
    """
    found = [(midnight, _ahead(zone, midnight))]
    for hour in range(midnight, midnight + DAY, HOUR):
        low, high = hour, hour + HOUR
        before, after = _ahead(zone, low), _ahead(zone, high)
        if before == after:
            continue
        while high - low > 1:
            middle = (low + high) // 2
            if _ahead(zone, middle) == before:
                low = middle
            else:
                high = middle
        if high < midnight + DAY:
            found.append((high, after))
    return found


def _ahead(zone: ZoneInfo, second: int) -> int:
    offset = moment_of(second).astimezone(zone).utcoffset()
    assert offset is not None, "every zone of the database has an offset"
    return offset // _SECOND
