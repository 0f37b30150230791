"""talktime tariffs, price: rate sheets from file to force, and what a call costs and why."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated, Literal, get_args
from uuid import UUID

import typer
from attrs import asdict

from adapters.cli.context import By, Json, Why, moment, office, whoever
from adapters.cli.output import plain, show_fields, show_json, show_rows
from adapters.cli.sheets import Override, progress, publish_or_forget, reading_of
from application.price_explanation import sentences
from application.tariffs import MOST_ROWS
from domain.money import Money, parse
from domain.rate_checks import KINDS, PricedPrefix, Report, Rules
from domain.tariffs import Tariff

app = typer.Typer(help="What calls cost.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(help="Its name.")]
Unit = Annotated[str, typer.Option(help="A currency such as USD, or MIN for talk minutes.")]
Sheet = Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="The CSV or XLSX file.")]
SheetId = Annotated[UUID, typer.Argument(help="Id of the imported sheet.")]
Since = Annotated[str | None, typer.Option(help="In force from then on; now.")]
After = Annotated[str, typer.Option(help="The last prefix seen.")]
Limit = Annotated[int, typer.Option(min=1, max=MOST_ROWS)]
Encoding = Annotated[str | None, typer.Option(help="utf-8, utf-16 or latin-1; else found out.")]
Delimiter = Annotated[str | None, typer.Option(help="comma, semicolon or tab; else found out.")]
DecimalComma = Annotated[
    bool, typer.Option("--decimal-comma", help="All amounts are written 0,05.")
]
Worksheet = Annotated[str | None, typer.Option(help="Of an XLSX file; else the first.")]
Ignore = Annotated[
    list[str] | None, typer.Option(help="A column not to look at; * for all unknown ones.")
]
MostRise = Annotated[int, typer.Option(help="A price that rises more is an error, in %.")]
MostFall = Annotated[int, typer.Option(help="A price that falls more is an error, in %.")]
Changed = Literal["added", "removed", "changed"]


@app.command("import")
def import_sheet(
    context: typer.Context,
    sheet: Sheet,
    tariff: Annotated[str, typer.Option(help="The tariff it is for.")],
    unit: Unit = "USD",
    encoding: Encoding = None,
    delimiter: Delimiter = None,
    decimal_comma: DecimalComma = False,
    worksheet: Worksheet = None,
    ignore: Ignore = None,
    why: Why = "",
    by: By = "",
    json: Json = False,
) -> None:
    """Import a rate sheet as a draft, which no call is priced by."""
    with office(context) as back, progress() as told:
        reading = reading_of(unit, encoding, delimiter, decimal_comma, worksheet, ignore)
        draft = back.tariffs.import_sheet(tariff, sheet, reading, by or whoever(), why, told)
    if json:
        show_json(draft)
    else:
        show_fields("Imported", {"sheet": draft.sheet_id, "tariff": tariff, "rows": draft.rows})


@app.command()
def drafts(
    context: typer.Context,
    tariff: Annotated[str | None, typer.Option(help="Only of this tariff.")] = None,
    json: Json = False,
) -> None:
    """Imported sheets that were neither published nor discarded."""
    with office(context) as back:
        if tariff is None:
            back.catch_up()
            names = [name for _, name, _ in back.tariff_views.tariffs(None, MOST_ROWS)]
        else:
            names = [tariff]
        found = [(name, draft) for name in names for draft in back.tariffs.tariff(name).drafts]
    if json:
        show_json([{"tariff": name, **plain(draft)} for name, draft in found])
        return
    cells = [(d.sheet_id, name, d.rows, d.file, d.imported_at, d.by) for name, d in found]
    show_rows("Drafts", ("sheet", "tariff", "rows", "file", "imported (UTC)", "by"), cells)


@app.command()
def lint(
    context: typer.Context,
    sheet_id: SheetId,
    since: Since = None,
    most_rise: MostRise = 50,
    most_fall: MostFall = 50,
    json: Json = False,
) -> None:
    """Check a draft against the running version and the costs. Exit code 1: there are errors."""
    with office(context) as back, progress() as told:
        begins = moment(since) if since else None
        report = back.tariffs.lint(sheet_id, begins, Rules(most_rise, most_fall), told)
    _show_report(report, json)
    if report.errors:
        raise typer.Exit(1)


@app.command()
def diff(
    context: typer.Context,
    sheet_id: SheetId,
    only: Annotated[
        str | None, typer.Option(help="Only what is added, removed or changed.")
    ] = None,
    after: After = "",
    limit: Limit = 50,
    json: Json = False,
) -> None:
    """What publishing a draft would change, by prefix."""
    with office(context) as back, progress() as told:
        wanted = next((each for each in get_args(Changed) if each == only), None)
        if only is not None and wanted is None:
            raise ValueError(f"--only is {', '.join(get_args(Changed))}, not {only!r}")
        counts = back.tariffs.compare(sheet_id, told)
        page = back.tariffs.changes(sheet_id, after, limit, wanted)
    if json:
        rows = [{**plain(each), "percent": each.percent} for each in page]
        show_json({"counts": counts, "changes": rows})
        return
    show_fields("Compared", asdict(counts))
    cells = [
        (each.prefix, each.what, _rate(each.old), _rate(each.new), each.percent) for each in page
    ]
    show_rows("Changes", ("prefix", "what", "runs now", "in the sheet", "%"), cells)


@app.command()
def publish(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="Id of a draft, or a tariff's name and a FILE.")],
    sheet: Annotated[
        Path | None, typer.Argument(exists=True, dir_okay=False, help="Import this first.")
    ] = None,
    unit: Unit = "USD",
    since: Since = None,
    encoding: Encoding = None,
    delimiter: Delimiter = None,
    decimal_comma: DecimalComma = False,
    worksheet: Worksheet = None,
    ignore: Ignore = None,
    override: Override = None,
    most_rise: MostRise = 50,
    most_fall: MostFall = 50,
    why: Why = "",
    by: By = "",
    json: Json = False,
) -> None:
    """Publish a draft, or import, check and publish a file in one go."""
    who, kinds = by or whoever(), tuple(override or ())
    with office(context) as back, progress() as told:
        begins = moment(since) if since else None
        rules = Rules(most_rise, most_fall)
        if sheet is None:
            sheet_id, tariff = _id(name), ""
        else:
            reading = reading_of(unit, encoding, delimiter, decimal_comma, worksheet, ignore)
            tariff = name
            sheet_id = back.tariffs.import_sheet(name, sheet, reading, who, why, told).sheet_id
        if sheet is None:
            version, _ = back.tariffs.publish(sheet_id, begins, who, why, kinds, rules, told)
        else:
            version = publish_or_forget(
                back.tariffs, sheet_id, begins, who, why, kinds, rules, told
            )
        tariff = tariff or back.tariffs.tariff_of(sheet_id).name
    published = {"tariff": tariff, "version": version}
    if json:
        show_json(published)
    else:
        show_fields("Published", published)


@app.command()
def discard(context: typer.Context, sheet_id: SheetId, why: Why = "", by: By = "") -> None:
    """Forget a draft."""
    with office(context) as back:
        back.tariffs.discard(sheet_id, by or whoever(), why)
    show_fields("Discarded", {"sheet": sheet_id})


@app.command()
def rollback(
    context: typer.Context,
    name: Name,
    version: Annotated[int, typer.Argument(min=1, help="The version to go back to.")],
    why: Annotated[str, typer.Option(help="The reason, for the record.")],
    since: Since = None,
    by: By = "",
    json: Json = False,
) -> None:
    """Publish the sheet of an older version again."""
    with office(context) as back:
        begins = moment(since) if since else None
        made = back.tariffs.rollback(name, version, begins, by or whoever(), why)
    published = {"tariff": name, "version": made}
    if json:
        show_json(published)
    else:
        show_fields("Published", published)


@app.command()
def versions(context: typer.Context, name: Name, json: Json = False) -> None:
    """The versions of a tariff, by the moment each begins."""
    with office(context) as back:
        tariff = back.tariffs.tariff(name)
        running = tariff.at(moment(None))
    if json:
        show_json(list(tariff.schedule))
        return
    cells = [
        ("*" if each == running else "", each.version, each.effective_from, each.rows, each.by)
        for each in tariff.schedule
    ]
    show_rows(f"Tariff {name}", ("", "version", "since (UTC)", "rows", "by"), cells)


@app.command()
def show(
    context: typer.Context,
    name: Name,
    version: Annotated[int | None, typer.Option(help="Else the one in force.")] = None,
    after: After = "",
    limit: Limit = 50,
    json: Json = False,
) -> None:
    """The rates of a tariff, by prefix."""
    with office(context) as back:
        tariff = back.tariffs.tariff(name)
        rows = back.tariffs.rows(_sheet_of(tariff, version), after, limit)
    if json:
        show_json(rows)
        return
    cells = [(row.prefix, row.destination, _rate(row), _billing(row)) for row in rows]
    show_rows(f"Tariff {name}", ("prefix", "destination", "a minute", "billing"), cells)


@app.command()
def export(
    context: typer.Context,
    name: Name,
    out: Annotated[Path, typer.Argument(dir_okay=False, help="The CSV file to write.")],
    version: Annotated[int | None, typer.Option(help="Else the one in force.")] = None,
    draft: Annotated[UUID | None, typer.Option(help="This draft instead.")] = None,
) -> None:
    """Write a version or a draft as CSV, safe to open in a spreadsheet."""
    with office(context) as back, progress() as told:
        tariff = back.tariffs.tariff(name)
        sheet_id = _sheet_of(tariff, version) if draft is None else tariff.draft(draft).sheet_id
        rows = back.tariffs.export(sheet_id, out, told)
    show_fields("Exported", {"file": out, "rows": rows})


def price(
    context: typer.Context,
    from_: Annotated[str, typer.Option("--from", help="The access number dialled in.")],
    to: Annotated[str, typer.Option("--to", help="The number called, +E.164.")],
    group: Annotated[str, typer.Option(help="The card group.")],
    at: Annotated[str | None, typer.Option(help="When it is answered; now.")] = None,
    seconds: Annotated[int, typer.Option(min=0, help="How long it lasts.")] = 60,
    first_call: Annotated[bool, typer.Option("--first-call", help="With the setup fee.")] = False,
    balance: Annotated[str | None, typer.Option(help="Else the group's face value.")] = None,
    json: Json = False,
) -> None:
    """What a call costs, and why, step by step."""
    with office(context) as back:
        amount: Money | None = None
        if balance is not None:
            amount = parse(balance, back.administration.group(group).terms.unit)
        told = back.price_explanations.explain(
            group, from_, to, _moment(at), seconds, setup_due=first_call, balance=amount
        )
    if json:
        show_json(told)
    else:
        for number, sentence in enumerate(sentences(told), start=1):
            typer.echo(f"{number:2}. {sentence}")


def _moment(text: str | None) -> datetime:
    return moment(text)


def _id(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise ValueError(
            f"{text!r} is no id of a draft; to publish a file, name the tariff and the file"
        ) from None


def _sheet_of(tariff: Tariff, version: int | None) -> UUID:
    published = tariff.at(moment(None)) if version is None else tariff.version(version)
    if published is None:
        raise ValueError(f"no version of tariff {tariff.name} is in force yet; name one")
    return published.sheet_id


def _rate(row: PricedPrefix | None) -> str | None:
    return None if row is None else str(Money(row.terms.per_minute, row.terms.unit))


def _billing(row: PricedPrefix) -> str:
    return f"{row.terms.initial_block}/{row.terms.increment}"


def _show_report(report: Report, json: bool) -> None:
    told = [finding for kind in KINDS for finding in report.examples.get(kind, ())]
    if json:
        show_json(
            {
                "rows": report.rows,
                "counts": report.counts,
                "errors": report.errors,
                "findings": [
                    {**plain(f), "severity": f.severity, "sentence": f.sentence} for f in told
                ],
            }
        )
        return
    show_fields("Checked", {"rows": report.rows, **report.counts})
    cells = [(f.severity, f.kind, f.line or None, f.sentence) for f in told]
    show_rows("Findings, the first of each kind", ("", "kind", "line", "what"), cells)
