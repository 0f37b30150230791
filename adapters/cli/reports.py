"""talktime reports: sales, usage, margin, liability, honest minutes, failed logins, exports."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from decimal import Decimal
from typing import Annotated, Any

import typer
from rich.progress import Progress

from adapters.cli.context import Json, office
from adapters.cli.output import amount, error_console, show_fields, show_json, show_rows
from application import call_card_log, csv_safe, report_columns
from application.report_columns import ReportColumn, useful
from application.report_rows import totals
from application.reports import (
    SUSPICIOUS,
    CallLogAsked,
    LiabilityBy,
    Period,
    RefusalsAsked,
    RefusalsBy,
    Reports,
    SalesAsked,
    SalesBy,
    UsageAsked,
    UsageBy,
)
from domain.money import Money

reports = typer.Typer(help="Sales, usage, margin, what is owed, and more.", no_args_is_help=True)

From = Annotated[str | None, typer.Option("--from", help="First day, such as 2026-01-31.")]
To = Annotated[str | None, typer.Option("--to", help="Last day; none: today.")]
Zone = Annotated[str, typer.Option(help="Whose days these are, such as Europe/Warsaw.")]
Daily = Annotated[bool, typer.Option("--daily/--whole", help="A line a day, or for all days.")]
Group = Annotated[str | None, typer.Option(help="This card group only.")]
Csv = Annotated[bool, typer.Option("--csv", help="CSV that no spreadsheet takes for formulas.")]


@reports.command("sales")
def sales(
    context: typer.Context,
    first: From = None,
    last: To = None,
    zone: Zone = "UTC",
    by: Annotated[SalesBy, typer.Option()] = SalesBy.TOTAL,
    daily: Daily = True,
    group: Group = None,
    distributor: Annotated[str | None, typer.Option(help="This one only.")] = None,
    json: Json = False,
    csv: Csv = False,
) -> None:
    """Cards sold, activated and topped up, and the money that came and went."""
    with _asked(context, first, last, zone) as (told, period):
        rows = told.sales(SalesAsked(period, by, daily, group, distributor))
    _show(f"Sales {period.first} to {period.last}", report_columns.SALES, rows, json, csv)


@reports.command("usage")
def usage(
    context: typer.Context,
    first: From = None,
    last: To = None,
    zone: Zone = "UTC",
    by: Annotated[UsageBy, typer.Option()] = UsageBy.TOTAL,
    daily: Daily = True,
    group: Group = None,
    json: Json = False,
    csv: Csv = False,
) -> None:
    """Attempts, answer rate (ASR), duration (ACD), revenue, cost and margin."""
    with _asked(context, first, last, zone) as (told, period):
        rows = told.usage(UsageAsked(period, by, daily, group))
    _show(f"Usage {period.first} to {period.last}", report_columns.USAGE, rows, json, csv)


@reports.command("minutes")
def minutes(
    context: typer.Context,
    first: From = None,
    last: To = None,
    zone: Zone = "UTC",
    by: Annotated[UsageBy, typer.Option()] = UsageBy.GROUP,
    daily: Daily = True,
    group: Group = None,
    json: Json = False,
    csv: Csv = False,
) -> None:
    """Announced minutes against delivered ones, and calls that were cut before."""
    with _asked(context, first, last, zone) as (told, period):
        rows = told.minutes(UsageAsked(period, by, daily, group))
    title = f"Announced minutes {period.first} to {period.last}"
    _show(title, report_columns.MINUTES, rows, json, csv)


@reports.command("liability")
def liability(
    context: typer.Context,
    by: Annotated[LiabilityBy, typer.Option()] = LiabilityBy.LOT,
    json: Json = False,
    csv: Csv = False,
) -> None:
    """What customers can still spend, and what is held for calls that are up."""
    with office(context) as back:
        back.catch_up()
        rows = back.reports.liability(by)
    _show(f"Liability by {by}", report_columns.LIABILITY, rows, json, csv)


@reports.command("failed-logins")
def failed_logins(
    context: typer.Context,
    first: From = None,
    last: To = None,
    zone: Zone = "UTC",
    by: Annotated[RefusalsBy, typer.Option()] = RefusalsBy.ACCESS_NUMBER,
    daily: Daily = True,
    access_number: Annotated[str | None, typer.Option(help="This one only.")] = None,
    caller_id: Annotated[str | None, typer.Option(help="This one only, in E.164.")] = None,
    json: Json = False,
    csv: Csv = False,
) -> None:
    """Failed logins of callers."""
    with _asked(context, first, last, zone) as (told, period):
        asked = RefusalsAsked(period, by, daily, access_number, caller_id)
        rows = told.refusals(asked)
    title = f"Failed logins {period.first} to {period.last}"
    _show(title, report_columns.REFUSALS, rows, json, csv)


@reports.command("suspicious")
def suspicious(
    context: typer.Context,
    first: From = None,
    last: To = None,
    zone: Zone = "UTC",
    least: Annotated[int, typer.Option(min=1, help="Failed logins from which on.")] = SUSPICIOUS,
    json: Json = False,
    csv: Csv = False,
) -> None:
    """Caller IDs with many failed logins, worst first."""
    with _asked(context, first, last, zone) as (told, period):
        rows = told.sources(period, least)
    _show("Suspicious callers", report_columns.SOURCES, rows, json, csv)


@reports.command("live")
def live(context: typer.Context, json: Json = False) -> None:
    """Calls that are up now, and the money at risk in them."""
    with office(context) as back:
        back.catch_up()
        now = back.reports.live()
    if json:
        show_json(now)
        return
    show_fields("Live", {"calls up": now.calls_up, "the oldest since": now.since})
    cells = [(each.attempts, each.held, each.since) for each in now.at_risk]
    show_rows("Money at risk", ("attempts", "held", "oldest (UTC)"), cells)


@reports.command("call-log")
def call_log(
    context: typer.Context,
    first: From = None,
    last: To = None,
    zone: Zone = "UTC",
    run: Annotated[str | None, typer.Option(help="Cards of this run.")] = None,
    batch: Annotated[str | None, typer.Option(help="Cards of this batch.")] = None,
    pack: Annotated[str | None, typer.Option(help="Cards of this pack.")] = None,
    card: Annotated[str | None, typer.Option(help="The number of a card.")] = None,
    access_number: Annotated[str | None, typer.Option(help="The number dialled in.")] = None,
    caller_id: Annotated[str | None, typer.Option(help="The caller's number, E.164.")] = None,
    more: Annotated[bool, typer.Option("--more", help="Also card, lot and charge.")] = False,
) -> None:
    """Every call of cards, tab-delimited, in the columns of VICIdial's call card export."""
    with _asked(context, first, last, zone) as (told, period):
        asked = CallLogAsked(period, run, batch, pack, card, access_number, caller_id)
        for line in call_card_log.lines(told.whole_call_log(asked), more=more):
            _write(line)


@reports.command("check")
def check(context: typer.Context, json: Json = False) -> None:
    """Make every list and report again from the facts, and compare. Changes nothing.

    Ends with exit code 1 and names the first difference, if there is one.
    """
    console = error_console()
    shown = Progress(console=console, transient=True, disable=not console.is_terminal)
    with office(context) as back, shown as bar:
        back.catch_up()
        task = bar.add_task("facts", total=None)
        checked = back.checks.run(lambda facts: bar.update(task, completed=facts))
    if json:
        show_json(checked)
    elif checked.difference is None:
        show_fields("Checked", {"facts": checked.facts, "rows": checked.rows, "difference": "none"})
    else:
        console.print(f"[red]different:[/red] {checked.difference}", soft_wrap=True)
    if checked.difference is not None:
        raise typer.Exit(1)


def _day(text: str | None) -> date | None:
    if text is None:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ValueError(f"a day is written 2026-01-31, not {text!r}") from None


@contextmanager
def _asked(
    context: typer.Context, first: str | None, last: str | None, zone: str
) -> Iterator[tuple[Reports, Period]]:
    """The reports, up to the newest fact, and the days that are asked for."""
    with office(context) as back:
        back.catch_up()
        yield back.reports, back.reports.period(_day(first), _day(last), zone)


def _show(
    title: str, columns: Sequence[ReportColumn], rows: Sequence[Any], json: bool, csv: bool
) -> None:
    if json:
        show_json([{each.name: _plain(each.value(row)) for each in columns} for row in rows])
        return
    if csv:
        header = [name for each in columns for name in _names(each)]
        lines = ([cell for each in columns for cell in _cells(each, row)] for row in rows)
        for line in csv_safe.table(header, lines):
            _write(line)
        return
    shown = useful(columns, rows)
    cells = [[_told(each, row) for each in shown] for row in rows]
    summed: Iterable[Any] = totals(rows) if len(rows) > 1 and hasattr(rows[0], "name") else ()
    cells += [["total" if n == 0 else _told(c, row) for n, c in enumerate(shown)] for row in summed]
    show_rows(title, [each.label for each in shown], cells)


def _told(column: ReportColumn, row: Any) -> Any:
    value = column.value(row)
    if value is not None and column.kind == "percent":
        return f"{value} %"
    if value is not None and column.kind == "duration":
        return f"{value // 3600}:{value % 3600 // 60:02}:{value % 60:02}"
    return value


def _names(column: ReportColumn) -> list[str]:
    return [column.name, f"{column.name}_unit"] if column.kind == "money" else [column.name]


def _cells(column: ReportColumn, row: Any) -> list[Any]:
    value = column.value(row)
    return [Decimal(amount(value)), value.unit] if isinstance(value, Money) else [value]


def _plain(value: Any) -> Any:
    """Shares are decimals, which JSON has not: they are told as text, like amounts."""
    return str(value) if isinstance(value, Decimal) else value


def _write(line: str) -> None:
    # As it is: a terminal must not fold it, nor change its line break.
    sys.stdout.write(line)
