"""What follows from the sums of a report: shares, averages, totals of each unit."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
from attrs import evolve as changed

from application.report_rows import MinutesRow, RefusalsRow, UsageRow, percent, totals
from application.reports import Reports
from domain.errors import SettingNotAllowed
from domain.money import Money
from tests.support.memory import SetClock
from tests.support.reports import FewReports

ROW = UsageRow(
    date(2026, 3, 1),
    "acme",
    "acme1",
    attempts=10,
    answered=4,
    seconds=601,
    revenue=Money(9_000_000, "USD"),
    cost=Money(5_000_000, "USD"),
    uncosted=Money(1_000_000, "USD"),
    unknown_costs=1,
    passed_over=6,
)


def test_the_margin_is_of_the_revenue_whose_cost_is_known() -> None:
    assert ROW.margin == Money(3_000_000, "USD")
    assert ROW.margin_percent == Decimal("37.5")


def test_a_route_that_was_passed_over_was_seized_in_vain() -> None:
    assert ROW.asr == Decimal("25.0")
    assert changed(ROW, passed_over=0).asr == Decimal("40.0")


def test_the_average_duration_is_of_answered_calls() -> None:
    assert ROW.acd == 150
    assert ROW.minutes == Decimal("10.0")
    assert changed(ROW, answered=0).acd is None


def test_a_share_of_nothing_is_none() -> None:
    assert percent(0, 0) is None
    assert percent(1, 3) == Decimal("33.3")


def test_minutes_are_honest_but_for_calls_that_were_cut() -> None:
    row = MinutesRow(None, "Gold", 11, 6_600, 3_000, 1, 2, 1, 120)
    assert row.cut == 3
    assert row.honest == Decimal("70.0")


def test_totals_are_of_one_unit_each() -> None:
    minutes = changed(ROW, revenue=Money(5, "MIN"), cost=Money(0, "MIN"), uncosted=Money(5, "MIN"))
    first, second = totals([ROW, minutes, ROW])
    assert (first.day, first.name, first.detail) == (None, None, None)
    assert (first.attempts, first.revenue) == (20, Money(18_000_000, "USD"))
    assert (second.attempts, second.revenue) == (10, Money(5, "MIN"))


def test_counts_without_money_are_added_too() -> None:
    (row,) = totals([RefusalsRow(None, "a", 2), RefusalsRow(None, "b", 3)])
    assert row == RefusalsRow(None, None, 5)
    assert totals([]) == []


@pytest.mark.parametrize(
    ("first", "last", "expected"),
    [
        (None, None, ("2026-02-01", "2026-03-02")),
        (date(2026, 2, 20), None, ("2026-02-20", "2026-03-02")),
        (None, date(2026, 2, 20), ("2026-01-22", "2026-02-20")),
        (date(2026, 5, 1), None, ("2026-05-01", "2026-05-01")),
    ],
)
def test_days_nobody_names_are_the_last_thirty(
    first: date | None, last: date | None, expected: tuple[str, str]
) -> None:
    period = Reports(FewReports(), SetClock()).period(first, last)
    assert (str(period.first), str(period.last)) == expected


def test_today_is_that_of_the_zone() -> None:
    clock = SetClock()
    clock.pass_by(hours=11, minutes=30)  # 23:30 UTC
    period = Reports(FewReports(), clock).period(zone="Europe/Warsaw")
    assert period.last == date(2026, 3, 3)


def test_a_zone_nobody_knows_is_refused() -> None:
    with pytest.raises(SettingNotAllowed):
        Reports(FewReports(), SetClock()).period(zone="Moon/Sea")
