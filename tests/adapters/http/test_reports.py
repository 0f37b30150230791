"""The reports of the API: typed lines, CSV, the filters they were asked with, and who may look."""

from __future__ import annotations

import csv
import io
from datetime import date

import pytest

from application.reports import (
    LiabilityBy,
    Period,
    RefusalsAsked,
    RefusalsBy,
    SalesAsked,
    SalesBy,
    UsageAsked,
    UsageBy,
)
from tests.adapters.http.world import READER, World
from tests.support.reports import logged

MARCH = "since=2026-03-01&until=2026-03-31"


def test_a_line_of_usage_tells_what_follows_from_its_sums(world: World) -> None:
    answer = world.get(f"/v1/reports/usage?{MARCH}&by=route&daily=false", key=READER)

    assert answer.status_code == 200
    assert answer.json()["next"] is None
    first, second = answer.json()["items"]
    assert first == {
        "day": None,
        "name": "acme",
        "detail": "acme1",
        "attempts": 10,
        "answered": 6,
        "passed_over": 2,
        "asr": "50.0",
        "seconds": 900,
        "acd": 150,
        "revenue": {"amount": "9.00", "unit": "USD"},
        "cost": {"amount": "9.50", "unit": "USD"},
        "margin": {"amount": "-0.50", "unit": "USD"},
        "margin_percent": "-5.6",
        "uncosted": {"amount": "0.00", "unit": "USD"},
        "unknown_costs": 0,
    }
    assert (second["asr"], second["acd"], second["margin_percent"]) == ("0.0", None, None)
    assert second["revenue"]["unit"] == "MIN"


@pytest.mark.parametrize(
    ("path", "asked"),
    [
        (
            f"usage?{MARCH}&by=destination&daily=false&group=Gold&zone=Europe/Warsaw",
            UsageAsked(
                Period(date(2026, 3, 1), date(2026, 3, 31), "Europe/Warsaw"),
                UsageBy.DESTINATION,
                False,
                "Gold",
            ),
        ),
        (
            "minutes?until=2026-03-02",
            UsageAsked(Period(date(2026, 2, 1), date(2026, 3, 2)), UsageBy.TOTAL),
        ),
        (
            f"sales?{MARCH}&by=distributor&distributor=Kiosk",
            SalesAsked(
                Period(date(2026, 3, 1), date(2026, 3, 31)),
                SalesBy.DISTRIBUTOR,
                True,
                None,
                "Kiosk",
            ),
        ),
        ("liability?by=age", LiabilityBy.AGE),
        (
            "failed-logins?since=2026-03-02&by=caller-id&access_number=18005550100",
            RefusalsAsked(
                Period(date(2026, 3, 2), date(2026, 3, 2)),
                RefusalsBy.CALLER_ID,
                True,
                "18005550100",
            ),
        ),
        ("suspicious?least=3", (Period(date(2026, 2, 1), date(2026, 3, 2)), 3)),
    ],
)
def test_filters_and_days_arrive(world: World, path: str, asked: object) -> None:
    assert world.get(f"/v1/reports/{path}", key=READER).status_code == 200
    assert world.reports.asked == asked


@pytest.mark.parametrize(
    "path",
    [
        "usage?since=2026-03-02&until=2026-03-01",
        "usage?since=2020-01-01&until=2026-03-01",
        "usage?zone=Mars/Olympus",
        "usage?by=weather",
        "usage?since=yesterday",
        "usage?daily=maybe",
        "sales?since=1999-12-31",
        "liability?by=mood",
        "suspicious?least=0",
        "failed-logins?caller_id=anna",
        "call-log?card=x",
    ],
)
def test_a_report_that_cannot_be_is_refused_with_a_sentence(world: World, path: str) -> None:
    answer = world.get(f"/v1/reports/{path}", key=READER)

    assert 400 <= answer.status_code < 500
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["detail"]


def test_a_report_as_csv_has_no_formula_in_it(world: World) -> None:
    path = f"/v1/reports/usage?{MARCH}&by=destination&daily=false"
    answer = world.get(path, key=READER, headers={"Accept": "text/csv"})

    lines = list(csv.DictReader(io.StringIO(answer.text)))
    assert [each["name"] for each in lines] == ["Poland", "'=1+1"]
    assert lines[0]["margin.amount"] == "-0.50"


def test_what_is_live_is_told_with_the_money_at_risk(world: World) -> None:
    assert world.get("/v1/reports/live", key=READER).json() == {
        "calls_up": 3,
        "since": "2026-11-21T11:58:00Z",
        "at_risk": [
            {
                "attempts": 2,
                "held": {"amount": "4.20", "unit": "USD"},
                "since": "2026-11-21T11:58:00Z",
            }
        ],
    }


def test_the_call_log_is_a_file_in_the_columns_of_vicidial(world: World) -> None:
    world.reports.calls = [logged(), logged(seconds=0, answered_at=None, caller_id=None)] * 150
    answer = world.get(f"/v1/reports/call-log?{MARCH}", key=READER)

    assert answer.headers["content-type"].startswith("text/tab-separated-values")
    assert "call-cards-2026-03-01-2026-03-31.txt" in answer.headers["content-disposition"]
    lines = answer.text.split("\r\n")
    assert len(lines) == 301
    assert lines[0].split("\t") == [
        "2026-11-20 08:30:05",
        "48600316058",
        "18005550100",
        "16",
        "2",
        "61",
        "",
        "2026-11-20 08:30:12",
        "ANSWER",
    ]
    assert lines[1].split("\t")[1:] == ["", "18005550100", "16", "0", "0", "", "", "NOANS"]


def test_more_columns_come_with_a_header(world: World) -> None:
    world.reports.calls = [logged(group="=cmd\tx\r\n")]
    answer = world.get(f"/v1/reports/call-log?{MARCH}&more=true", key=READER)

    header, line, end = answer.text.split("\r\n")
    told = dict(zip(header.split("\t"), line.split("\t"), strict=True))
    assert (told["card_id"], told["pack"], told["charge"]) == ("4711000042", "2", "0.61")
    assert told["group"] == "'=cmd x"
    assert end == ""


@pytest.mark.parametrize("report", ["usage", "minutes", "sales", "failed-logins", "suspicious"])
def test_too_many_days_are_refused_as_the_document_says(world: World, report: str) -> None:
    path = f"/v1/reports/{report}"
    assert world.get(f"{path}?since=2000-01-01").status_code == 422
    assert "422" in world.get("/openapi.json").json()["paths"][path]["get"]["responses"]
