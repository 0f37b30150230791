"""talktime lots: make, export, print, sell and switch many cards at a time."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from adapters.cli.context import By, Json, Why, office, plainly, program_of, whoever
from adapters.cli.lists import After, Limit, show_list
from adapters.cli.output import error_console, show_fields, show_json, show_rows
from adapters.cli.program import BackOffice, Failure
from adapters.cli.sentences import sentence
from application import printing
from application.card_changes import Report, Selection
from application.csv_safe import table
from application.lots import Progress as Told
from domain.cards import Status
from domain.distributors import NumberRange
from domain.lots import MOST_CARDS, Lot, Numbering

app = typer.Typer(help="Make, export, print and switch lots of cards.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(help="The name of the lot.")]
Approved = Annotated[
    UUID | None, typer.Option("--approval", help="The approval of a second person.")
]
OptionalName = Annotated[str | None, typer.Argument(help="The lot; else --range or --batch.")]
Pack = Annotated[int | None, typer.Option(help="Only this pack of the lot.")]
Range = Annotated[
    str | None, typer.Option("--range", help="Card numbers, such as 4711000000-4711000999.")
]
Batch = Annotated[str | None, typer.Option(help="Run and batch, such as 1-02.")]

_MOST_SHOWN = 20


@app.command()
def create(
    context: typer.Context,
    name: Name,
    group: Annotated[str, typer.Option(help="The card group they are sold under.")],
    count: Annotated[int, typer.Option(min=1, max=MOST_CARDS, help="How many cards.")],
    recipient: Annotated[str, typer.Option(help="The printer's public key: age1… or ssh-….")],
    first: Annotated[str, typer.Option(help="Number of the first card, for a range.")] = "",
    run: Annotated[str, typer.Option(help="Or by run, batch, pack and sequence.")] = "",
    batch: Annotated[str, typer.Option()] = "",
    first_pack: Annotated[int, typer.Option(min=0)] = 1,
    pack_size: Annotated[int, typer.Option(min=0, help="Cards in a pack.")] = 0,
    pack_digits: Annotated[int, typer.Option(min=0, max=5)] = 0,
    sequence_digits: Annotated[int, typer.Option(min=0, max=5)] = 0,
    why: Why = "ordered by command line",
    kept_to: Annotated[
        Path | None, typer.Option("--kept", help="CSV file for the numbers in use before.")
    ] = None,
    by: By = "",
    json: Json = False,
) -> None:
    """Make a lot of cards. Interrupted, the same command goes on where it was."""
    with office(context) as back:
        numbering = Numbering(
            first, run, batch, first_pack, pack_size, pack_digits, sequence_digits
        )
        lots = back.business.lots
        lot_id = lots.order(name, group, numbering, count, recipient, by or whoever(), why)
        with _bar("cards", count) as told:
            lot = lots.generate(lot_id, told)
        kept = list(islice(lots.kept_numbers(lot_id), _MOST_SHOWN))
        if kept_to is not None:
            with kept_to.open("w", encoding="utf-8", newline="") as file:
                file.writelines(table(("number",), ((n,) for n in lots.kept_numbers(lot_id))))
    told_ = _lot(lot) | {"id": str(lot_id), "kept_numbers": kept}
    if json:
        show_json(told_)
    else:
        more = "" if lot.kept <= _MOST_SHOWN else " …"
        show_fields(f"Lot {name}", _lot(lot) | {"numbers kept": ", ".join(kept) + more or "none"})


@app.command()
def show(context: typer.Context, name: Name, json: Json = False) -> None:
    """One lot: what was ordered, made, kept and exported."""
    with office(context) as back:
        lot_id = back.business.lots.lot_id(name)
        lot = back.business.lots.lot(lot_id)
        left = back.business.lots.pins_left(lot.ordered.pin_length)
    told = _lot(lot) | {"PINs of this length left": left}
    if json:
        show_json(told | {"id": str(lot_id)})
    else:
        show_fields(f"Lot {name}", told)


@app.command()
def kept(context: typer.Context, name: Name) -> None:
    """The numbers of a lot that were in use before, as CSV."""
    with office(context) as back:
        numbers = back.business.lots.kept_numbers(back.business.lots.lot_id(name))
        for line in table(("number",), ((number,) for number in numbers)):
            print(line, end="")  # noqa: T201


@app.command("list")
def list_(
    context: typer.Context,
    group: Annotated[str | None, typer.Option(help="Only of this group.")] = None,
    after: After = None,
    limit: Limit = 50,
    json: Json = False,
) -> None:
    """Lots, oldest first."""
    show_list(
        context,
        lambda back: back.business.views.lots(after, limit, group=group),
        "Lots",
        ("name", "group", "numbers", "made", "kept", "state", "ordered (UTC)", "by"),
        lambda row: (
            row.name,
            row.group,
            f"{row.first_number} - {row.last_number}",
            row.made,
            row.kept,
            row.state,
            row.ordered_at,
            row.by,
        ),
        json=json,
    )


@app.command()
def status(
    context: typer.Context,
    to: Annotated[Status, typer.Argument(help="The new status.")],
    why: Why,
    lot: OptionalName = None,
    pack: Pack = None,
    range_: Range = None,
    batch: Batch = None,
    distributor: Annotated[str | None, typer.Option(help="Only the cards of this one.")] = None,
    approval: Approved = None,
    by: By = "",
    json: Json = False,
) -> None:
    """Change the status of a lot, a pack, a batch or a range. What is not allowed is reported."""
    with office(context) as back:
        cards = _selection(back, lot, pack, range_, batch)
        with _bar("cards", cards.count) as told:
            report = back.business.changes.change_status(
                cards,
                to,
                by or whoever(),
                why,
                approval_id=approval,
                distributor=distributor,
                progress=told,
            )
    _show_report(f"{cards.name}: {to.value}", report, json)


@app.command()
def sold(
    context: typer.Context,
    why: Why,
    lot: OptionalName = None,
    pack: Pack = None,
    range_: Range = None,
    batch: Batch = None,
    back_again: Annotated[bool, typer.Option("--back", help="They came back unused.")] = False,
    distributor: Annotated[str | None, typer.Option(help="Only the cards of this one.")] = None,
    by: By = "",
    json: Json = False,
) -> None:
    """Mark cards as sold, or with --back as not sold."""
    with office(context) as back:
        cards = _selection(back, lot, pack, range_, batch)
        with _bar("cards", cards.count) as told:
            report = back.business.changes.sell(
                cards, by or whoever(), why, back=back_again, distributor=distributor, progress=told
            )
    _show_report(f"{cards.name}: {'not sold' if back_again else 'sold'}", report, json)


@app.command()
def export(
    context: typer.Context,
    name: Name,
    to: Annotated[Path, typer.Option(help="The new ZIP file, sealed to the printer's key.")],
    why: Why,
    approval: Approved = None,
    by: By = "",
    json: Json = False,
) -> None:
    """Write the printer's file, once: then the PINs are nowhere but in it."""
    who = by or whoever()
    with office(context) as back:
        lots = back.business.lots
        lot_id = lots.lot_id(name)
        if to.exists():
            raise Failure(f"{to} is there already")
        leaving = lots.start_export(lot_id, who, why, approval)
        digest = _write_safely(to, leaving.parts)
        lots.finish_export(lot_id, who, digest)
    told = {"lot": name, "cards": leaving.cards, "file": str(to), "sha256": digest}
    if json:
        show_json(told)
    else:
        show_fields("Exported", told)


@app.command("open")
def open_(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False)],
    identity: Annotated[Path, typer.Option(help="The file of the secret key.")],
) -> None:
    """The cards of a printer's file as CSV, PINs in clear, on standard output."""
    with plainly():
        cards = program_of(context).open_lot(file, identity)
        rows = ((c.number, c.pin, c.lot, c.group, c.face_value, c.pack, c.place) for c in cards)
        for line in table(printing.COLUMNS, rows):
            print(line, end="")  # noqa: T201


@app.command("print-sheet")
def print_sheet(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False)],
    identity: Annotated[Path, typer.Option(help="The file of the secret key.")],
    out: Annotated[Path, typer.Option(help="The new PDF.")],
    access: Annotated[
        list[str], typer.Option(help="USA=+18005550100; the first one is in the code to scan.")
    ],
    title: Annotated[str, typer.Option(help="In the place of the card group's name.")] = "",
    note: Annotated[str, typer.Option(help="One line at the foot.")] = "",
    accent: Annotated[str, typer.Option(help="blue, green, red, violet or black.")] = "blue",
    paper: Annotated[str, typer.Option(help="A4 or Letter.")] = "A4",
    start: Annotated[int, typer.Option("--from", min=1, help="The first card printed.")] = 1,
    count: Annotated[int | None, typer.Option(min=1, help="How many; else all.")] = None,
    json: Json = False,
) -> None:
    """A PDF of the cards, ten to a page with crop marks. Needs the file and the key alone."""
    with plainly():
        numbers = []
        for each in access:
            name, _, number = each.rpartition("=")
            numbers.append((name, number))
        program = program_of(context)
        stop = None if count is None else start - 1 + count
        cards = islice(program.open_lot(file, identity), start - 1, stop)
        sheet = printing.Sheet(numbers, title, note, accent, paper)
        printed = program.print_sheet(cards, sheet, out)
    told = {"cards": printed, "pages": -(-printed // 10), "file": str(out)}
    if json:
        show_json(told)
    else:
        show_fields("Print sheet", told)


@app.command()
def assign(
    context: typer.Context,
    distributor: Annotated[str, typer.Argument(help="Who sells them.")],
    cards: Annotated[str, typer.Argument(help="Numbers, such as 4711000000-4711000999.")],
    why: Why,
    back_again: Annotated[bool, typer.Option("--back", help="Take them back.")] = False,
    by: By = "",
) -> None:
    """Give a range of cards to a distributor, who sees and switches these and no others."""
    with office(context) as back:
        numbers, who = _range(cards), by or whoever()
        if back_again:
            back.business.distributors.take_back(distributor, numbers, who, why)
        else:
            back.business.distributors.assign(distributor, numbers, who, why)
        ranges = back.business.distributors.distribution().ranges_of(distributor)
    rows = [(each.first, each.last, each.count) for each in ranges]
    show_rows(f"Cards of {distributor}", ("first", "last", "numbers"), rows)


def _lot(lot: Lot) -> dict[str, Any]:
    ordered = lot.ordered
    numbering = ordered.numbering
    return {
        "name": ordered.name,
        "first number": numbering.number(0),
        "last number": numbering.number(ordered.count - 1),
        "ordered": ordered.count,
        "made": lot.made,
        "kept": lot.kept,
        "complete": lot.completed,
        "face value": ordered.face_value,
        "recipient": ordered.recipient,
        "by": ordered.by,
        "why": ordered.why,
        "exported by": lot.exported.by if lot.exported else None,
        "sha256": lot.exported.sha256 if lot.exported else None,
    }


def _selection(
    back: BackOffice, lot: str | None, pack: int | None, range_: str | None, batch: str | None
) -> Selection:
    if sum(each is not None for each in (lot, range_, batch)) != 1:
        raise Failure("say which cards: the name of a lot, or --range, or --batch")
    if pack is not None and lot is None:
        raise Failure("--pack is a pack of a lot: give the lot's name")
    changes = back.business.changes
    if range_ is not None:
        return changes.range(_range(range_))
    if batch is not None:
        run, _, name = batch.partition("-")
        back.catch_up()
        return changes.batch(run, name)
    assert lot is not None, "one of the three"
    return changes.lot(lot, pack)


def _range(text: str) -> NumberRange:
    first, _, last = text.partition("-")
    return NumberRange(first.strip(), (last or first).strip())


def _show_report(title: str, report: Report, json: bool) -> None:
    counts = {
        "changed": report.changed,
        "unchanged": report.unchanged,
        "missing": report.missing,
        "refused": report.refused,
    }
    refusals = [{"number": each.number, "why": sentence(each.why)} for each in report.refusals]
    if json:
        show_json(counts | {"refusals": refusals})
        return
    show_fields(title, counts)
    if refusals:
        shown = [(each["number"], each["why"]) for each in refusals[:_MOST_SHOWN]]
        more = len(refusals) - len(shown)
        show_rows(
            "Refused" + (f", {more} more with --json" if more else ""), ("card", "why"), shown
        )


def _write_safely(to: Path, parts: Iterator[bytes]) -> str:
    """Writes a whole file or none, on the disk before it has its name; gives its SHA-256."""
    digest = hashlib.sha256()
    beside = to.with_name(to.name + ".part")
    try:
        with open(beside, "wb", opener=_for_the_owner) as file:
            for part in parts:
                file.write(part)
                digest.update(part)
            file.flush()
            os.fsync(file.fileno())
        beside.rename(to)
        folder = os.open(to.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except OSError as error:
        raise Failure(f"{to}: {error.strerror}; nothing is lost, give the command again") from error
    return digest.hexdigest()


def _for_the_owner(name: str, flags: int) -> int:
    return os.open(name, flags, 0o600)


@contextmanager
def _bar(what: str, total: int) -> Iterator[Told]:
    """A progress bar on standard error, so that what is piped stays clean."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    console = error_console()
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        task = progress.add_task(what, total=total)
        yield lambda done: progress.update(task, completed=done)
