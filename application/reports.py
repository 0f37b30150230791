"""Reports: sales, usage and margin, what is owed, honest minutes, failed logins, and what is live.

Every figure is a sum of facts, kept in step with them; units are never mixed. A day is one of UTC
unless the report asks for another time zone (ADR 0019).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from typing import Protocol
from uuid import UUID
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from attrs import field, frozen

from application.ports import Clock
from application.report_rows import (
    LiabilityRow,
    LiveFigures,
    MinutesRow,
    RefusalsRow,
    SalesRow,
    SourceRow,
    UsageRow,
)
from domain.errors import SettingNotAllowed
from domain.money import Money

MOST_DAYS = 1_100
"""Days in one report: three years."""

MOST_LINES = 50_000
"""Lines of one report."""

USUAL_DAYS = 30

MOST_SOURCES = 1_000
SUSPICIOUS = 10
"""Failed logins from one caller ID from which on it is worth a look."""

AGES = (0, 31, 61, 91, 181, 366)
"""Days since money last arrived on an account; each class goes up to the next one."""

_EARLIEST, _LATEST = date(2000, 1, 1), date(2199, 12, 31)


class Dimension(StrEnum):
    """What usage is summed by. These names are stored with the sums."""

    GROUP = "group"
    DESTINATION = "destination"
    ACCESS_NUMBER = "access number"
    ROUTE = "route"


class UsageBy(StrEnum):
    TOTAL = "total"
    GROUP = "group"
    DESTINATION = "destination"
    PROVIDER = "provider"
    ROUTE = "route"
    ACCESS_NUMBER = "access-number"

    @property
    def dimension(self) -> Dimension:
        match self:
            case UsageBy.TOTAL | UsageBy.GROUP:
                return Dimension.GROUP
            case UsageBy.DESTINATION:
                return Dimension.DESTINATION
            case UsageBy.PROVIDER | UsageBy.ROUTE:
                return Dimension.ROUTE
            case UsageBy.ACCESS_NUMBER:
                return Dimension.ACCESS_NUMBER


class SalesBy(StrEnum):
    TOTAL = "total"
    GROUP = "group"
    DISTRIBUTOR = "distributor"


class LiabilityBy(StrEnum):
    LOT = "lot"
    GROUP = "group"
    AGE = "age"


class RefusalsBy(StrEnum):
    TOTAL = "total"
    ACCESS_NUMBER = "access-number"
    CALLER_ID = "caller-id"
    REASON = "reason"


def _known_zone(_: object, __: object, zone: str) -> None:
    try:
        ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        accepted = "a time zone of the IANA database such as Europe/Warsaw"
        raise SettingNotAllowed("zone", zone[:50], accepted) from error


@frozen
class Period:
    """From one day to another, both included, as days of a time zone.

    Raises SettingNotAllowed for a zone nobody knows and for days that are none or too many.
    """

    first: date
    last: date
    zone: str = field(default="UTC", validator=_known_zone)

    def __attrs_post_init__(self) -> None:
        if not _EARLIEST <= self.first <= self.last <= _LATEST:
            told, accepted = f"{self.first} to {self.last}", "a first day and one not before it"
            raise SettingNotAllowed("period", told, accepted)
        if self.days > MOST_DAYS:
            raise SettingNotAllowed("period", f"{self.days} days", f"at most {MOST_DAYS} days")

    @property
    def days(self) -> int:
        return (self.last - self.first).days + 1

    @property
    def begins(self) -> datetime:
        return self.beginning_of(self.first)

    @property
    def ends(self) -> datetime:
        """The first moment after it."""
        return self.beginning_of(self.last + timedelta(days=1))

    def beginning_of(self, day: date) -> datetime:
        """Midnight of the zone as a moment of UTC."""
        local = datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(self.zone))
        return local.astimezone(UTC)


@frozen
class UsageAsked:
    """``group``: calls paid by cards of this group only. ``daily``: a line for each day."""

    period: Period
    by: UsageBy = UsageBy.TOTAL
    daily: bool = True
    group: str | None = None


@frozen
class SalesAsked:
    period: Period
    by: SalesBy = SalesBy.TOTAL
    daily: bool = True
    group: str | None = None
    distributor: str | None = None


@frozen
class RefusalsAsked:
    period: Period
    by: RefusalsBy = RefusalsBy.TOTAL
    daily: bool = True
    access_number: str | None = None
    caller_id: str | None = None


@frozen
class CallLogAsked:
    """Calls whose beginning, by the clock of their Asterisk, is in the period."""

    period: Period
    run: str | None = None
    batch: str | None = None
    pack: str | None = None
    card: str | None = None
    access_number: str | None = None
    caller_id: str | None = None


@frozen
class LoggedCall:
    """One settled attempt as a call-card log has it.

    ``minutes_at_start`` is what the card had: whole talk minutes of an account in minutes, else
    the minutes that its money bought to this number.
    """

    called_at: datetime
    caller_id: str | None
    access_number: str
    minutes_at_start: int
    seconds: int
    answered_at: datetime | None
    card: str
    group: str
    lot: str
    run: str
    batch: str
    pack: str
    sequence: str
    destination: str
    charge: Money

    @property
    def minutes(self) -> int:
        """Begun minutes."""
        return -(-self.seconds // 60)


@frozen
class LogPage:
    """A part of the call log; ``after`` is the session to go on behind, None at the end."""

    calls: Sequence[LoggedCall]
    after: UUID | None


class ReportViews(Protocol):
    """Where the sums are kept. Raises SettingNotAllowed for more than MOST_LINES lines."""

    def usage(self, asked: UsageAsked) -> Sequence[UsageRow]: ...

    def minutes(self, asked: UsageAsked) -> Sequence[MinutesRow]: ...

    def sales(self, asked: SalesAsked) -> Sequence[SalesRow]: ...

    def liability(self, by: LiabilityBy, today: date) -> Sequence[LiabilityRow]: ...

    def refusals(self, asked: RefusalsAsked) -> Sequence[RefusalsRow]: ...

    def sources(self, period: Period, least: int) -> Sequence[SourceRow]: ...

    def live(self) -> LiveFigures: ...

    def call_log(self, asked: CallLogAsked, after: UUID | None, sessions: int) -> LogPage:
        """The settled attempts of the next so many calls."""
        ...


@frozen
class Reports:
    """The reports as the doors ask for them; days that nobody names are the last ones."""

    views: ReportViews
    clock: Clock
    sessions_at_once: int = 200

    def period(
        self, first: date | None = None, last: date | None = None, zone: str = "UTC"
    ) -> Period:
        """Raises SettingNotAllowed."""
        _known_zone(None, None, zone)
        last = last or max(self.clock.now().astimezone(ZoneInfo(zone)).date(), first or date.min)
        if first is None:
            first = last - timedelta(days=min(USUAL_DAYS, last.toordinal()) - 1)
        return Period(first, last, zone)

    def usage(self, asked: UsageAsked) -> Sequence[UsageRow]:
        return self.views.usage(asked)

    def minutes(self, asked: UsageAsked) -> Sequence[MinutesRow]:
        return self.views.minutes(asked)

    def sales(self, asked: SalesAsked) -> Sequence[SalesRow]:
        return self.views.sales(asked)

    def liability(self, by: LiabilityBy) -> Sequence[LiabilityRow]:
        """As of now; ages are in days of UTC."""
        return self.views.liability(by, self.clock.now().date())

    def refusals(self, asked: RefusalsAsked) -> Sequence[RefusalsRow]:
        return self.views.refusals(asked)

    def sources(self, period: Period, least: int = SUSPICIOUS) -> Sequence[SourceRow]:
        """Caller IDs with at least so many failed logins, worst first."""
        return self.views.sources(period, max(1, least))

    def live(self) -> LiveFigures:
        return self.views.live()

    def call_log(self, asked: CallLogAsked, after: UUID | None = None) -> LogPage:
        return self.views.call_log(asked, after, self.sessions_at_once)

    def whole_call_log(self, asked: CallLogAsked) -> Iterator[LoggedCall]:
        """All of it, read in parts, so that a long one needs no memory."""
        after: UUID | None = None
        while True:
            page = self.call_log(asked, after)
            yield from page.calls
            if page.after is None:
                return
            after = page.after
