"""The report pages and the first page: figures, filters, totals, pictures that can be read."""

from __future__ import annotations

import csv
import io
import re
from datetime import date
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.http.pages.charts import Bar, Figure, Picture, Series, bars, by_day, compact
from adapters.http.pages.report_pictures import days_of
from adapters.http.pages.reports import SHAPES
from domain.people import Role
from tests.adapters.http.pages.conftest import Visits
from tests.adapters.http.pages.visitor import Visitor
from tests.adapters.http.world import World
from tests.support.reports import logged

REPORTS = [each.path for each in SHAPES]


@pytest.mark.parametrize("path", REPORTS)
def test_every_report_has_its_page_with_the_usual_days(owner: Visitor, path: str) -> None:
    page = owner.get(path)
    assert page.status_code == 200, page.text
    if path != "/reports/liability":
        assert 'value="2026-02-01"' in page.text
        assert 'value="2026-03-02"' in page.text


@pytest.mark.parametrize("path", REPORTS)
def test_a_business_without_calls_has_empty_reports_that_say_so(
    world: World, owner: Visitor, path: str
) -> None:
    world.reports.empty = True
    page = owner.get(path)
    assert page.status_code == 200
    assert "<svg" not in page.text


def test_a_table_has_its_totals_in_each_unit(owner: Visitor) -> None:
    page = owner.get("/reports/usage?by=destination&daily=false")
    assert page.text.count("<td>Total</td>") == 2
    assert "−0.50 USD" in page.text
    assert "60.0 %" not in page.text
    assert "50.0 %" in page.text


def test_what_is_owed_is_added_up(owner: Visitor) -> None:
    page = owner.get("/reports/liability")
    foot = page.text.partition("<tfoot>")[2].partition("</tfoot>")[0]
    for told in ("Total", "76.50 USD", "2.50 USD", "79.00 USD"):
        assert told in foot


def test_what_is_not_known_is_not_told_as_nothing(owner: Visitor) -> None:
    page = owner.get("/reports/usage?by=destination&daily=false")
    rows = re.findall(r"<tr>(.*?)</tr>", page.text, re.DOTALL)
    (unknown,) = [row for row in rows if "=1+1" in row]
    assert unknown.count("—") >= 3


def test_filters_stay_as_they_were_set_and_go_into_the_file(owner: Visitor) -> None:
    asked = "since=2026-02-10&until=2026-02-11&by=group&group=Gold&zone=Asia/Kolkata"
    page = owner.get(f"/reports/usage?{asked}")
    assert 'value="2026-02-10"' in page.text
    assert '<option value="Asia/Kolkata" selected>' in page.text
    assert '<option value="group" selected>' in page.text
    (link,) = re.findall(r'href="/admin(/reports/usage/csv\?[^"]*)"', page.text)
    answer = owner.get(link.replace("&amp;", "&"))
    assert answer.headers["content-type"].startswith("text/csv")
    assert [line["day"] for line in csv.DictReader(io.StringIO(answer.text))][::2] == [
        "2026-02-10",
        "2026-02-11",
    ]


def test_days_that_cannot_be_are_told_and_not_drawn(owner: Visitor) -> None:
    for asked in ("since=2026-02-10&until=2026-02-01", "since=nonsense", "zone=Mars/Sea"):
        page = owner.get(f"/reports/usage?{asked}")
        assert 400 <= page.status_code < 500
        assert "<svg" not in page.text


def test_the_call_log_is_downloaded_for_vicidial(world: World, owner: Visitor) -> None:
    world.reports.calls = [logged()]
    answer = owner.get("/reports/call-log/file?card=4711000042")
    assert answer.text.startswith("2026-11-20 08:30:05\t48600316058\t18005550100\t16\t2\t61\t")
    assert "attachment" in answer.headers["content-disposition"]


def test_the_first_page_tells_what_is_live_and_draws_the_rest(owner: Visitor) -> None:
    page = owner.get("/")
    assert page.status_code == 200
    for told in ("Calls up now", "4.20 USD", "Answer rate (ASR)", "Card liability", "79.00 USD"):
        assert told in page.text
    pictures = re.findall(r"<svg class=\"tt-c\".*?</svg>", page.text, re.DOTALL)
    assert len(pictures) == 6
    for picture in pictures:
        svg = ElementTree.fromstring(picture)
        assert [child.tag for child in svg][:2] == ["title", "desc"]
        assert svg.attrib["role"] == "img"
        assert svg[0].text
        assert svg[1].text
    assert page.text.count("The figures as a table") == len(pictures)
    assert "<script>" not in page.text


def test_an_empty_business_has_a_first_page_that_says_so(world: World, owner: Visitor) -> None:
    world.reports.empty = True
    page = owner.get("/?days=7")
    assert "nobody is on the line" in page.text
    assert "No call was settled in these days." in page.text
    assert "<svg" not in page.text


def test_who_may_not_see_reports_gets_links_instead(visits: Visits) -> None:
    visitor = visits(Role.DISTRIBUTOR)
    page = visitor.get("/")
    assert page.status_code == 200
    assert "Money at risk" not in page.text
    assert visitor.get("/reports/usage").status_code == 403


# ---- pictures

SIZES = st.lists(st.floats(-1e9, 1e9, allow_nan=False), min_size=1, max_size=100)


def drawn(sizes: list[float], shape: str) -> Picture:
    figures = [Figure(size, f"{size:.2f}") for size in sizes]
    days = days_of(date(2026, 3, 2), len(sizes))
    return by_day("p", "<Sales> & more", days, [Series("In", shape, "accent", figures)])


@given(SIZES, st.sampled_from(["bar", "line", "area"]))
def test_any_figures_stay_inside_their_picture(sizes: list[float], shape: str) -> None:
    svg = ElementTree.fromstring(drawn(sizes, shape).svg)
    _, _, width, height = map(float, svg.attrib["viewBox"].split())
    for each in svg.iter():
        for name, most in (("x", width), ("y", height), ("y1", height), ("cx", width)):
            assert -1 <= float(each.attrib.get(name, 0)) <= most
        for point in each.attrib.get("points", "").split():
            x, y = map(float, point.split(","))
            assert 0 <= x <= width
            assert -1 <= y <= height


def test_words_in_a_picture_are_words() -> None:
    told = drawn([1.0], "bar").svg
    assert "&lt;Sales&gt; &amp; more" in told
    line = Bar("<b>route</b> with a very long name indeed", Figure(1, "1"), aside="<i>")
    picture = bars("b", "Routes", [line], ("Route", "Figure"))
    assert "<b>" not in picture.svg
    assert "…" in picture.svg


def test_the_table_behind_a_picture_has_its_figures() -> None:
    picture = drawn([1.5, 2.5], "line")
    assert picture.columns == [("Day", "text"), ("In", "number")]
    assert picture.rows == [["1 Mar 2026", "1.50"], ["2 Mar 2026", "2.50"]]


@pytest.mark.parametrize(
    ("value", "told"), [(0, "0"), (1_200, "1.2k"), (-3e6, "−3m"), (2.5e9, "2.5bn"), (0.05, "0.05")]
)
def test_a_large_number_is_short_beside_an_axis(value: float, told: str) -> None:
    assert compact(value) == told
