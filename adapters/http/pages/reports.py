"""The reports as pages: days and filters on top, a picture, the table with its totals, CSV."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import Any, get_args
from urllib.parse import urlencode

from attrs import frozen

from adapters.http.asking import Answer
from adapters.http.asking import Page as Lines
from adapters.http.csv_answers import as_csv
from adapters.http.files import CSV
from adapters.http.pages import report_pictures as pictures
from adapters.http.pages.charts import Figure, Picture
from adapters.http.pages.formats import money, number
from adapters.http.pages.visits import Download, Handler, Page, Reply, Shown, Visit
from adapters.http.reports import TSV, LiabilityLine
from adapters.http.wire import MoneyTold, told
from application import report_columns
from application.permissions import Action
from application.report_columns import ReportColumn, useful
from application.reports import USUAL_DAYS, LiabilityBy, RefusalsBy, SalesBy, UsageBy
from domain.money import MICROS, Money

MOST_SHOWN = 1_000
"""Lines of a report on a page; the CSV file has all."""

Draw = Callable[[Sequence[Any], Sequence[date]], Picture | None]

_GROUPS = "/v1/groups"
_ZONES = (
    "UTC",
    "America/Los_Angeles",
    "America/New_York",
    "America/Sao_Paulo",
    "Europe/London",
    "Europe/Warsaw",
    "Africa/Lagos",
    "Asia/Dubai",
    "Asia/Kolkata",
    "Asia/Ho_Chi_Minh",
    "Asia/Shanghai",
    "Australia/Sydney",
)
_LABELS = {
    "total": "All together",
    "group": "By card group",
    "destination": "By destination",
    "provider": "By provider",
    "route": "By route",
    "access-number": "By access number",
    "distributor": "By distributor",
    "lot": "By lot",
    "age": "By age",
    "caller-id": "By caller ID",
    "reason": "By reason",
}


@frozen
class Shape:
    """One report: where it is asked for, what it can be asked by, and how it is drawn.

    ``texts`` are filters to type in; a report with ``periods`` has days, with ``daily`` a line for
    each of them if wanted.
    """

    key: str
    label: str
    icon: str
    columns: Sequence[ReportColumn]
    by: Sequence[str] = ()
    texts: Sequence[tuple[str, str]] = ()
    periods: bool = True
    daily: bool = True
    draw: Draw | None = None
    intro: str = ""
    empty: str = "Nothing happened in these days."
    call_log: bool = False

    @property
    def path(self) -> str:
        return f"/reports/{self.key}"

    @property
    def operation(self) -> str:
        return f"/v1/reports/{self.key}"

    def show(self, visit: Visit) -> Reply:
        given = self.given(visit)
        context: dict[str, Any] = {"report": self, "fields": self.fields(visit, given)}
        context |= {"asked": urlencode(dict(visit.query)), "intro": self.intro}
        if not self.call_log:
            lines = visit.ask("GET", self.operation, given=given).items
            columns = useful(self.columns, [_Line(line) for line in lines])
            context |= {
                "columns": columns,
                "rows": [_cells(columns, line) for line in lines[:MOST_SHOWN]],
                "totals": [_cells(columns, line) for line in self.totals(visit, given, lines)],
                "more": len(lines) if len(lines) > MOST_SHOWN else 0,
                "picture": self.draw(lines, self.days(given)) if self.draw and lines else None,
            }
        return Shown("report.html", self.label, context)

    def csv(self, visit: Visit) -> Reply:
        lines = visit.ask("GET", self.operation, given=self.given(visit))
        (line,) = get_args(visit.operation("GET", self.operation).answers)
        return Download(as_csv(Answer(lines), line).content(), CSV, f"{self.key}.csv")

    def file(self, visit: Visit) -> Reply:
        given = self.given(visit)
        content = visit.ask("GET", self.operation, given=given)
        return Download(content, TSV, f"call-cards-{given['since']}-{given['until']}.txt")

    def given(self, visit: Visit) -> dict[str, str]:
        """What is asked for: what the form says, and the usual where it says nothing."""
        given = {name: visit.query.get(name, "").strip() for name, _ in self.texts}
        if self.by:
            given["by"] = visit.query.get("by", "") or self.by[0]
        if self.periods:
            last = visit.services.clock.now().date()
            first = pictures.days_of(last, USUAL_DAYS)[0]
            given["since"] = visit.query.get("since", "") or str(first)
            given["until"] = visit.query.get("until", "") or str(
                max(last, _day(given["since"], last))
            )
            given["zone"] = visit.query.get("zone", "") or _ZONES[0]
        if self.periods and self.daily:
            given["daily"] = "false" if visit.query.get("daily") == "false" else "true"
        return given

    def days(self, given: Mapping[str, str]) -> list[date]:
        """The days of the report, none where it has no line for each."""
        if given.get("daily") != "true":
            return []
        first, last = date.fromisoformat(given["since"]), date.fromisoformat(given["until"])
        return pictures.days_of(last, (last - first).days + 1)

    def totals(self, visit: Visit, given: Mapping[str, str], lines: Sequence[Any]) -> Sequence[Any]:
        """A line for each unit, from the same sums; none under one line."""
        if len(lines) < 2:
            return ()
        if self.columns is report_columns.LIABILITY:
            return _owed_in_all(lines)
        if "total" not in self.by:
            return ()
        whole = {**given, "by": "total", "daily": "false"}
        found: Lines[Any] = visit.ask("GET", self.operation, given=whole)
        return found.items

    def fields(self, visit: Visit, given: Mapping[str, str]) -> list[dict[str, Any]]:
        fields: list[dict[str, Any]] = []
        if self.periods:
            for name, label in (("since", "From"), ("until", "to")):
                fields.append({"name": name, "label": label, "kind": "day", "value": given[name]})
            zones = [
                (zone, zone.replace("_", " ")) for zone in dict.fromkeys((*_ZONES, given["zone"]))
            ]
            fields.append(_choice("zone", "Time zone", zones, given))
        if self.by:
            fields.append(_choice("by", "By", [(each, _LABELS[each]) for each in self.by], given))
        if self.periods and self.daily:
            whole = [("true", "A line a day"), ("false", "All days together")]
            fields.append(_choice("daily", "Days", whole, given))
        for name, label in self.texts:
            known = _groups(visit) if name == "group" else ()
            fields.append({"name": name, "label": label, "value": given[name], "known": known})
        return fields


@frozen
class _Line:
    """A line of an answer, told of by its columns: one that it lacks is none."""

    line: Any

    def __getattr__(self, name: str) -> Any:
        return getattr(self.line, name, None)


def _choice(
    name: str, label: str, choices: Sequence[tuple[str, str]], given: Mapping[str, str]
) -> dict[str, Any]:
    return {"name": name, "label": label, "choices": choices, "value": given[name]}


def _groups(visit: Visit) -> list[str]:
    if not visit.may(Action.SEE_GROUPS):
        return []
    return [each.name for each in visit.ask("GET", _GROUPS, given={"limit": 500}).items]


def _day(text: str, otherwise: date) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return otherwise


def _cells(columns: Sequence[ReportColumn], line: Any) -> list[tuple[str, object]]:
    cells: list[tuple[str, object]] = []
    for each in columns:
        value = getattr(line, each.name)
        if each.name in ("cost", "margin") and line.unknown_costs and line.uncosted == line.revenue:
            value = None  # nothing is known of it: nothing would look like a free call
        if each.kind == "percent":
            cells.append((each.kind, f"{value} %" if value is not None else None))
        else:
            cells.append((each.kind, value))
    return cells


def _usage(lines: Sequence[Any], days: Sequence[date]) -> Picture | None:
    units = pictures.units_of(lines, "revenue")
    if days:
        return pictures.revenue(lines, units[0], days)
    mine = [line for line in lines if line.revenue.unit == units[0]]
    title = f"Revenue, {units[0]}"
    return pictures.named("revenue", title, mine, lambda line: _amount(line.revenue))


def _sales(lines: Sequence[Any], days: Sequence[date]) -> Picture | None:
    units = pictures.units_of(lines, "calls")
    if days:
        return pictures.sales(lines, units[0], days)
    mine = [line for line in lines if line.calls.unit == units[0]]
    title = f"Face value of activated cards, {units[0]}"
    return pictures.named("sales", title, mine, lambda line: _amount(line.activated_value))


def _minutes(lines: Sequence[Any], days: Sequence[date]) -> Picture | None:
    return pictures.kept(lines, days) if days else None


def _refusals(lines: Sequence[Any], days: Sequence[date]) -> Picture | None:
    if days:
        return pictures.counted("refusals", "Failed logins", lines, days, "refused")
    return pictures.named(
        "refusals",
        "Failed logins",
        lines,
        lambda line: Figure(float(line.refused), number(line.refused)),
    )


def _liability(lines: Sequence[Any], _: Sequence[date]) -> Picture | None:
    unit = pictures.units_of(lines, "owed")[0]
    if any(line.name and line.name.endswith((" days", " and more")) for line in lines):
        return pictures.liability(lines, unit)
    mine = [line for line in lines if line.owed.unit == unit]
    return pictures.named("owed", f"Owed, {unit}", mine, lambda line: _amount(line.owed))


def _owed_in_all(lines: Sequence[Any]) -> list[LiabilityLine]:
    found = []
    for unit in pictures.units_of(lines, "owed"):
        mine = [line for line in lines if line.owed.unit == unit]
        spendable, held, owed = (
            told(Money(sum(getattr(line, name).money().micros for line in mine), unit))
            for name in ("spendable", "held", "owed")
        )
        accounts = sum(line.accounts for line in mine)
        found.append(LiabilityLine(None, accounts, spendable, held, owed))
    return found


def _amount(amount_told: MoneyTold) -> Figure:
    amount = amount_told.money()
    return Figure(amount.micros / MICROS, money(amount))


_GROUP = ("group", "Card group")

SHAPES = (
    Shape(
        "usage",
        "Usage and margin",
        "fa-solid fa-chart-line",
        report_columns.USAGE,
        tuple(UsageBy),
        (_GROUP,),
        draw=_usage,
        intro="Settled attempts on the day they were placed. ASR is the share that was answered,"
        " ACD the average length of an answered call.",
        empty="No call was settled in these days.",
    ),
    Shape(
        "sales",
        "Sales",
        "fa-solid fa-cart-shopping",
        report_columns.SALES,
        tuple(SalesBy),
        (_GROUP, ("distributor", "Distributor")),
        draw=_sales,
        intro="Cards sold and activated, and every amount that came to an account or left it.",
        empty="No card was sold and no money moved in these days.",
    ),
    Shape(
        "liability",
        "Card liability",
        "fa-solid fa-scale-balanced",
        report_columns.LIABILITY,
        tuple(LiabilityBy),
        periods=False,
        draw=_liability,
        intro="What customers can still spend, and what is held for calls that are up, as of now."
        " Ages count from the day money last came to an account.",
        empty="Nothing is owed to anybody: no card has money on it.",
    ),
    Shape(
        "minutes",
        "Honest minutes",
        "fa-solid fa-stopwatch",
        report_columns.MINUTES,
        tuple(UsageBy),
        (_GROUP,),
        draw=_minutes,
        intro="What callers were told they could talk, and whether they could. A call counts as cut"
        " when the limit or the network ended it before the announced time was over.",
        empty="No caller was told a time in these days.",
    ),
    Shape(
        "failed-logins",
        "Failed logins",
        "fa-solid fa-user-lock",
        report_columns.REFUSALS,
        (RefusalsBy.ACCESS_NUMBER, RefusalsBy.TOTAL, RefusalsBy.CALLER_ID, RefusalsBy.REASON),
        (("access_number", "Access number"), ("caller_id", "Caller ID")),
        draw=_refusals,
        empty="No login failed in these days.",
    ),
    Shape(
        "suspicious",
        "Suspicious callers",
        "fa-solid fa-mask",
        report_columns.SOURCES,
        texts=(("least", "Failed logins, at least"),),
        daily=False,
        intro="Caller IDs with many failed logins, worst first.",
        empty="No caller failed often enough to be worth a look.",
    ),
    Shape(
        "call-log",
        "Call log for VICIdial",
        "fa-solid fa-file-export",
        (),
        texts=(
            ("run", "Run"),
            ("batch", "Batch"),
            ("pack", "Pack"),
            ("card", "Card number"),
            ("access_number", "Access number"),
            ("caller_id", "Caller ID"),
        ),
        daily=False,
        intro="Every settled attempt of a card, tab-delimited, in the nine columns of VICIdial's"
        " call card export: time, caller, access number, minutes at the start, minutes and seconds"
        " talked, agent, answer, disposition.",
        call_log=True,
    ),
)


def _pages(shape: Shape) -> tuple[Page, ...]:
    handler: Handler = shape.file if shape.call_log else shape.csv
    behind = f"{shape.path}/file" if shape.call_log else f"{shape.path}/csv"
    return (
        Page(shape.path, Action.SEE_REPORTS, shape.show, label=shape.label, icon=shape.icon),
        Page(behind, Action.SEE_REPORTS, handler),
    )


PAGES = tuple(page for shape in SHAPES for page in _pages(shape))
