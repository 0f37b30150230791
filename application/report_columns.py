"""The columns of each report, in one place for tables, CSV files and pages."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from attrs import frozen

from application.report_rows import (
    LiabilityRow,
    MinutesRow,
    RefusalsRow,
    SalesRow,
    SourceRow,
    UsageRow,
)


@frozen
class ReportColumn:
    """``kind``: text, day, number, percent, duration (seconds) or money."""

    name: str
    label: str
    kind: str = "text"
    of: Callable[[Any], Any] | None = None

    def value(self, row: Any) -> Any:
        return self.of(row) if self.of is not None else getattr(row, self.name)


_DAY = ReportColumn("day", "Day", "day")

USAGE: Sequence[ReportColumn] = (
    _DAY,
    ReportColumn("name", "Name"),
    ReportColumn("detail", "Trunk"),
    ReportColumn("attempts", "Attempts", "number"),
    ReportColumn("answered", "Answered", "number"),
    ReportColumn("passed_over", "Passed over", "number"),
    ReportColumn("asr", "ASR", "percent"),
    ReportColumn("seconds", "Talked", "duration"),
    ReportColumn("acd", "ACD", "duration"),
    ReportColumn("revenue", "Revenue", "money"),
    ReportColumn("cost", "Cost", "money"),
    ReportColumn("margin", "Margin", "money"),
    ReportColumn("margin_percent", "Margin %", "percent"),
    ReportColumn("uncosted", "Cost unknown", "money"),
)

MINUTES: Sequence[ReportColumn] = (
    _DAY,
    ReportColumn("name", "Name"),
    ReportColumn("announced", "Calls", "number"),
    ReportColumn("announced_seconds", "Announced", "duration"),
    ReportColumn("delivered_seconds", "Talked", "duration"),
    ReportColumn("cut_at_limit", "Cut at limit", "number"),
    ReportColumn("cut_by_fault", "Cut by fault", "number"),
    ReportColumn("unwitnessed", "Unwitnessed", "number"),
    ReportColumn("short_seconds", "Missing", "duration"),
    ReportColumn("honest", "Kept", "percent"),
)

SALES: Sequence[ReportColumn] = (
    _DAY,
    ReportColumn("name", "Name"),
    ReportColumn("sold", "Sold", "number"),
    ReportColumn("sold_value", "Sold value", "money"),
    ReportColumn("returned", "Returned", "number"),
    ReportColumn("returned_value", "Returned value", "money"),
    ReportColumn("activated", "Activated", "number"),
    ReportColumn("activated_value", "Face value", "money"),
    ReportColumn("top_ups", "Top-ups", "number"),
    ReportColumn("topped_up", "Topped up", "money"),
    ReportColumn("calls", "Calls", "money"),
    ReportColumn("fees", "Fees", "money"),
    ReportColumn("forfeited", "Forfeited", "money"),
    ReportColumn("adjusted", "Adjusted", "money"),
    ReportColumn("owed_more", "Owed more", "money"),
)

LIABILITY: Sequence[ReportColumn] = (
    ReportColumn("name", "Name"),
    ReportColumn("accounts", "Accounts", "number"),
    ReportColumn("spendable", "Spendable", "money"),
    ReportColumn("held", "Held", "money"),
    ReportColumn("owed", "Owed", "money"),
)

REFUSALS: Sequence[ReportColumn] = (
    _DAY,
    ReportColumn("name", "Name"),
    ReportColumn("refused", "Failed logins", "number"),
)

SOURCES: Sequence[ReportColumn] = (
    ReportColumn("caller_id", "Caller ID"),
    ReportColumn("refused", "Failed logins", "number"),
    ReportColumn("access_numbers", "Access numbers", "number"),
    ReportColumn("throttled", "Throttled", "number"),
    ReportColumn("unknown_cards", "Unknown cards", "number"),
    ReportColumn("wrong_pins", "Wrong PINs", "number"),
    ReportColumn("first_day", "First", "day"),
    ReportColumn("last_day", "Last", "day"),
)

OF: dict[type, Sequence[ReportColumn]] = {
    UsageRow: USAGE,
    MinutesRow: MINUTES,
    SalesRow: SALES,
    LiabilityRow: LIABILITY,
    RefusalsRow: REFUSALS,
    SourceRow: SOURCES,
}


def useful(columns: Sequence[ReportColumn], rows: Sequence[Any]) -> list[ReportColumn]:
    """The columns that say anything of these rows: without days where there are none, and so on."""
    plain = ("day", "name", "detail")
    return [
        each
        for each in columns
        if each.name not in plain or any(each.value(row) is not None for row in rows)
    ]
