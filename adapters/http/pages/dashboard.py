"""The first page: what is live, what is at risk, how the business goes; where to go from here."""

from __future__ import annotations

from datetime import date
from typing import Any

from adapters.http.pages import report_pictures as pictures
from adapters.http.pages.charts import Picture
from adapters.http.pages.formats import duration, money, number
from adapters.http.pages.visits import Page, Reply, Shown, Visit
from application.permissions import Action
from domain.money import Money

DAYS = (7, 30, 90)
MOST_UNITS = 3
"""Units that have pictures of their own; the reports have all."""

_LINKS = (
    ("/cards", "fa-solid fa-credit-card", "Cards", "Find one, see its history", Action.SEE_CARDS),
    ("/calls", "fa-solid fa-phone", "Calls", "Who called whom, and what it cost", Action.SEE_CALLS),
    ("/groups", "fa-solid fa-layer-group", "Card groups", "The terms of cards", Action.SEE_GROUPS),
    ("/people", "fa-solid fa-users", "People", "Who works here, and as what", Action.SEE_PEOPLE),
    ("/audit", "fa-solid fa-clipboard-list", "Audit trail", "Who changed what", Action.SEE_AUDIT),
)  # fmt: skip


def show(visit: Visit) -> Reply:
    title = f"Welcome, {visit.session.person.name}"
    if not visit.may(Action.SEE_REPORTS):
        return Shown("dashboard.html", title, {"links": [e for e in _LINKS if visit.may(e[-1])]})
    chosen = visit.query.get("days", "")
    days = int(chosen) if chosen in map(str, DAYS) else DAYS[1]
    last = visit.services.clock.now().date()
    shown = pictures.days_of(last, days)
    period = {"since": str(shown[0]), "until": str(last)}
    usage = _lines(visit, "usage", **period)
    sales = _lines(visit, "sales", **period)
    routes = _lines(visit, "usage", **period, by="route", daily="false")
    owed = _lines(visit, "liability", by="age")
    context = {
        "live": visit.ask("GET", "/v1/reports/live"),
        "totals": _totals(usage, owed, days),
        "pictures": _pictures(usage, sales, routes, owed, shown),
        "days": days,
        "choices": DAYS,
    }
    return Shown("dashboard.html", title, context)


def _lines(visit: Visit, report: str, **given: str) -> list[Any]:
    lines: list[Any] = visit.ask("GET", f"/v1/reports/{report}", given=given).items
    return lines


def _pictures(
    usage: list[Any], sales: list[Any], routes: list[Any], owed: list[Any], days: list[date]
) -> list[tuple[Picture, bool, str]]:
    """The pictures, which of them are wide, and what is said instead of an empty one."""
    drawn: list[tuple[Picture, bool, str]] = []
    for unit in pictures.units_of(usage, "revenue")[:MOST_UNITS] or ["USD"]:
        picture = pictures.revenue(usage, unit, days)
        drawn.append((picture, False, "No call was settled in these days."))
    for unit in pictures.units_of(sales, "calls")[:MOST_UNITS] or ["USD"]:
        empty = "No card was activated or topped up in these days."
        drawn.append((pictures.sales(sales, unit, days), False, empty))
    drawn.append((pictures.minutes(usage, days), False, "Nobody talked in these days."))
    drawn.append((pictures.answers(routes), False, "No attempt took a route in these days."))
    for unit in pictures.units_of(owed, "owed")[:MOST_UNITS] or ["USD"]:
        empty = "Nothing is owed to anybody: no card has money on it."
        drawn.append((pictures.liability(owed, unit), False, empty))
    if len(drawn) % 2:
        picture, _, empty = drawn[-1]
        drawn[-1] = (picture, True, empty)
    return drawn


def _totals(usage: list[Any], owed: list[Any], days: int) -> list[tuple[str, str, str]]:
    attempts, answered = sum(u.attempts for u in usage), sum(u.answered for u in usage)
    seconds = sum(line.seconds for line in usage)
    rate = f"{100 * answered / attempts:.1f} %" if attempts else "—"
    told = [
        (
            "Answer rate (ASR)",
            rate,
            f"{number(answered)} of {number(attempts)} attempts in {days} days",
        ),
        (
            "Average call (ACD)",
            duration(seconds // answered) if answered else "—",
            f"{number(seconds // 60)} minutes talked",
        ),
    ]
    for unit in pictures.units_of(owed, "owed")[:MOST_UNITS]:
        mine = [line for line in owed if line.owed.unit == unit]
        sum_ = Money(sum(line.owed.money().micros for line in mine), unit)
        accounts = sum(line.accounts for line in mine)
        told.append(("Card liability", money(sum_), f"on {number(accounts)} accounts"))
    return told


DASHBOARD = Page("", Action.OWN_SESSION, show, label="Overview", icon="fa-solid fa-gauge-high")
