"""Reports of a small business that always has the same month behind it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

from attrs import define, field

from application.report_rows import (
    LiabilityRow,
    LiveFigures,
    MinutesRow,
    OpenMoney,
    RefusalsRow,
    SalesRow,
    SourceRow,
    UsageRow,
)
from application.reports import (
    CallLogAsked,
    LiabilityBy,
    LoggedCall,
    LogPage,
    Period,
    RefusalsAsked,
    RefusalsBy,
    SalesAsked,
    SalesBy,
    UsageAsked,
    UsageBy,
)
from domain.money import Money

NAMES = {
    UsageBy.TOTAL: (None, None),
    UsageBy.GROUP: ("Gold", "Tin"),
    UsageBy.DESTINATION: ("Poland", "=1+1"),
    UsageBy.PROVIDER: ("acme", None),
    UsageBy.ROUTE: ("acme", None),
    UsageBy.ACCESS_NUMBER: ("18005550100", "18005550177"),
}


@define
class FewReports:
    """The port ``ReportViews``. ``asked`` is what was asked for last, ``calls`` the call log."""

    asked: object = None
    empty: bool = False
    calls: list[LoggedCall] = field(factory=list)

    def usage(self, asked: UsageAsked) -> Sequence[UsageRow]:
        self.asked = asked
        first, second = NAMES[asked.by]
        return [
            row
            for place, day in enumerate(self._days(asked.period, asked.daily))
            for row in (
                UsageRow(
                    day,
                    first,
                    "acme1" if asked.by is UsageBy.ROUTE else None,
                    10 + place,
                    6,
                    900,
                    Money(9_000_000, "USD"),
                    Money(9_500_000, "USD"),
                    Money(0, "USD"),
                    passed_over=2,
                ),
                UsageRow(
                    day,
                    second,
                    None,
                    4,
                    0,
                    0,
                    Money(0, "MIN"),
                    Money(0, "MIN"),
                    Money(0, "MIN"),
                    unknown_costs=1,
                ),
            )
        ]

    def minutes(self, asked: UsageAsked) -> Sequence[MinutesRow]:
        self.asked = asked
        name, _ = NAMES[asked.by]
        days = self._days(asked.period, asked.daily)
        return [MinutesRow(day, name, 10, 6_000, 2_000, 1, 2, 0, 70) for day in days]

    def sales(self, asked: SalesAsked) -> Sequence[SalesRow]:
        self.asked = asked
        name = {SalesBy.TOTAL: None, SalesBy.GROUP: "Gold", SalesBy.DISTRIBUTOR: "Kiosk"}[asked.by]
        money = [Money(each * 1_000_000, "USD") for each in range(9)]
        return [
            SalesRow(day, name, 8, money[8], 1, money[1], 7, money[7], 3, *money[3:7], money[0])
            for day in self._days(asked.period, asked.daily)
        ]

    def liability(self, by: LiabilityBy, today: date) -> Sequence[LiabilityRow]:
        self.asked = by
        if self.empty:
            return []
        first = {LiabilityBy.LOT: "spring", LiabilityBy.GROUP: "Gold"}.get(by, "0 to 30 days")
        second = {LiabilityBy.LOT: None, LiabilityBy.GROUP: "Tin"}.get(by, "31 to 60 days")
        return [
            LiabilityRow(first, 7, Money(61_500_000, "USD"), Money(2_500_000, "USD")),
            LiabilityRow(second, 2, Money(15_000_000, "USD"), Money(0, "USD")),
        ]

    def refusals(self, asked: RefusalsAsked) -> Sequence[RefusalsRow]:
        self.asked = asked
        name = {
            RefusalsBy.TOTAL: None,
            RefusalsBy.ACCESS_NUMBER: "18005550100",
            RefusalsBy.CALLER_ID: "+48600316058",
            RefusalsBy.REASON: "wrong PIN",
        }[asked.by]
        return [RefusalsRow(day, name, 3) for day in self._days(asked.period, asked.daily)]

    def sources(self, period: Period, least: int) -> Sequence[SourceRow]:
        self.asked = (period, least)
        if self.empty:
            return []
        return [SourceRow("+48600316058", 40, 2, 9, 30, 1, period.first, period.last)]

    def live(self) -> LiveFigures:
        if self.empty:
            return LiveFigures(0, None, [])
        since = datetime(2026, 11, 21, 11, 58, tzinfo=UTC)
        return LiveFigures(3, since, [OpenMoney(2, Money(4_200_000, "USD"), since)])

    def call_log(self, asked: CallLogAsked, after: UUID | None, sessions: int) -> LogPage:
        self.asked = asked
        place = after.int if after is not None else 0
        part = self.calls[place : place + sessions]
        more = place + len(part) < len(self.calls)
        return LogPage(part, UUID(int=place + len(part)) if more else None)

    def _days(self, period: Period, daily: bool) -> list[date | None]:
        if self.empty:
            return []
        count = min(3, period.days)
        return [period.last - timedelta(days=n) for n in range(count)][::-1] if daily else [None]


def logged(**told: object) -> LoggedCall:
    """A call as the log has it."""
    at = datetime(2026, 11, 20, 8, 30, 5, tzinfo=UTC)
    fields: dict[str, object] = {
        "called_at": at,
        "caller_id": "+48600316058",
        "access_number": "18005550100",
        "minutes_at_start": 16,
        "seconds": 61,
        "answered_at": at + timedelta(seconds=7),
        "card": "4711000042",
        "group": "Gold",
        "lot": "spring",
        "run": "1",
        "batch": "07",
        "pack": "2",
        "sequence": "3",
        "destination": "+48221234567",
        "charge": Money(610_000, "USD"),
    }
    return LoggedCall(**fields | told)  # type: ignore[arg-type]
