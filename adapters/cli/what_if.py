"""talktime what-if: a month under another price list, and what of it would be left."""

from __future__ import annotations

import sys
from calendar import monthrange
from datetime import datetime
from decimal import Decimal
from typing import Annotated
from uuid import UUID

import typer

from adapters.cli.context import Json, office
from adapters.cli.corrections import attempts_bar, day
from adapters.cli.output import amount as plain_amount
from adapters.cli.output import plain, show_json, show_rows
from adapters.cli.program import BackOffice
from application import csv_safe
from application.reports import Period
from application.what_if import MOST_TOP, USUAL_TOP, By, Row, WhatIf
from domain.corrections import Pricing, Selected
from domain.money import Money

SHOWN = 30
"""Rows of one kind on a terminal."""

_TITLES = {
    By.TOTAL: "In sum",
    By.GROUP: "By card group",
    By.DISTRIBUTOR: "By distributor",
    By.DESTINATION: "By destination",
    By.CUSTOMER: "Customers, those first for whom it changes most",
}
_COLUMNS = (
    "name", "attempts", "charged", "would be", "difference", "cost", "margin before",
    "margin after", "cost unknown",
)  # fmt: skip
_CSV = (
    "by", "name", "unit", "attempts", "seconds", "charged", "would", "difference", "cost",
    "margin_before", "margin_after", "unknown_costs",
)  # fmt: skip


def what_if(
    context: typer.Context,
    tariff: Annotated[str | None, typer.Option(help="The tariff to price by.")] = None,
    version: Annotated[
        int | None, typer.Option(min=1, help="Its version; else the newest one.")
    ] = None,
    sheet: Annotated[UUID | None, typer.Option(help="Instead: a sheet, be it a draft.")] = None,
    month: Annotated[str | None, typer.Option(help="Calls of a month such as 2026-10.")] = None,
    first: Annotated[str | None, typer.Option("--from", help="Instead: from this day on.")] = None,
    last: Annotated[str | None, typer.Option("--to", help="The last day; none: that one.")] = None,
    zone: Annotated[str, typer.Option(help="Whose days these are.")] = "UTC",
    group: Annotated[str | None, typer.Option(help="Cards of this group only.")] = None,
    prefix: Annotated[str | None, typer.Option(help="Numbers that begin so only.")] = None,
    sold_by: Annotated[str | None, typer.Option(help="Calls sold by this tariff only.")] = None,
    top: Annotated[int, typer.Option(min=0, max=MOST_TOP, help="Customers.")] = USUAL_TOP,
    csv: Annotated[bool, typer.Option("--csv", help="Every row as CSV.")] = False,
    json: Json = False,
) -> None:
    """Price the calls of some days again, by other prices. Nothing is recorded."""
    with office(context) as back, attempts_bar() as progress:
        back.catch_up()
        period = _period(month, first, last, zone)
        selected = Selected(period.begins, period.ends, None, group, sold_by, prefix)
        pricing = _pricing(back, tariff, version, sheet)
        told = back.correcting.what_ifs.ask(selected, pricing, top, progress)
    if json:
        rows = [{**plain(row), **_derived(row)} for row in told.rows]
        unpriced = list(told.unpriced)
        days = {"from": period.first, "to": period.last, "zone": period.zone}
        show_json({"prices": told.prices, **days, "rows": rows, "unpriced": unpriced})
    elif csv:
        for line in csv_safe.table(_CSV, map(_csv, told.rows)):
            sys.stdout.write(line)
    else:
        _show(told, period)


def _period(month: str | None, first: str | None, last: str | None, zone: str) -> Period:
    if first is None and last is not None:
        raise ValueError("--to is the last day of those that begin with --from")
    if (month is None) == (first is None):
        raise ValueError("say which calls: --month, or --from a day with --to a later one")
    if month is not None:
        try:
            begins = datetime.strptime(month, "%Y-%m").date()  # noqa: DTZ007 - a month, no moment
        except ValueError:
            raise ValueError(f"a month is written 2026-10, not {month!r}") from None
        days = monthrange(begins.year, begins.month)[1]
        return Period(begins, begins.replace(day=days), zone)
    assert first is not None, "one of them is there"
    begins = day(first)
    return Period(begins, day(last) if last is not None else begins, zone)


def _pricing(
    back: BackOffice, tariff: str | None, version: int | None, sheet: UUID | None
) -> Pricing:
    what_ifs = back.correcting.what_ifs
    if (tariff is None) == (sheet is None):
        raise ValueError("say by which prices: --tariff with a --version, or --sheet")
    if sheet is not None:
        if version is not None:
            raise ValueError("--version is of a --tariff, and a --sheet has none")
        return what_ifs.sheet(sheet)
    assert tariff is not None, "one of them is there"
    return what_ifs.version(tariff, version)


def _show(told: WhatIf, period: Period) -> None:
    for by in By:
        rows = told.by(by)
        if not rows:
            continue
        title = f"{_TITLES[by]}, {period.first} to {period.last}, by {told.prices}"
        if len(rows) > SHOWN:
            title += f": the first {SHOWN} of {len(rows)}, --csv tells all"
        show_rows(title, _COLUMNS, [_cells(row) for row in rows[:SHOWN]])
    if told.unpriced:
        cells = [(each.destination, each.attempts, each.charged) for each in told.unpriced]
        title = "Without a price there, and in no figure above"
        show_rows(title, ("destination", "attempts", "charged"), cells[:SHOWN])
    if not told.rows and not told.unpriced:
        show_rows(f"Nobody talked, {period.first} to {period.last}", _COLUMNS, [])


def _cells(row: Row) -> list[object]:
    return [
        row.name,
        row.attempts,
        row.charged,
        row.would,
        row.difference,
        row.cost,
        row.margin_before,
        row.margin_after,
        row.unknown_costs,
    ]


def _csv(row: Row) -> list[object]:
    def decimal(money: Money) -> Decimal:
        return Decimal(plain_amount(money))

    amounts = (row.charged, row.would, row.difference, row.cost, row.margin_before)
    return [
        row.by.value,
        row.name,
        row.charged.unit,
        row.attempts,
        row.seconds,
        *map(decimal, (*amounts, row.margin_after)),
        row.unknown_costs,
    ]


def _derived(row: Row) -> dict[str, object]:
    names = ("difference", "margin_before", "margin_after")
    return {name: plain(getattr(row, name)) for name in names}
