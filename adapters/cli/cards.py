"""talktime cards: make, show, refill and switch single cards."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated
from uuid import UUID

import typer

from adapters.cli.context import By, Json, office, top_up_id, whoever, whole_history
from adapters.cli.lists import After, Limit, show_list
from adapters.cli.output import plain, show_fields, show_json, show_rows, told
from adapters.cli.top_ups import Amount, Channel, Key, add_money
from application.administration import NewCard
from application.csv_safe import table
from domain.cards import Status
from domain.money import parse

app = typer.Typer(help="Make, show, refill and switch cards.", no_args_is_help=True)

Number = Annotated[str, typer.Argument(help="The card number.")]
MOST_CARDS = 1_000


@app.command()
def create(
    context: typer.Context,
    group: Annotated[str, typer.Option(help="The card group it is sold under.")],
    count: Annotated[int, typer.Option(min=1, max=MOST_CARDS, help="How many.")] = 1,
    number: Annotated[str | None, typer.Option(help="This number instead of a random one.")] = None,
    pin: Annotated[str | None, typer.Option(help="This PIN instead of a random one.")] = None,
    activate: Annotated[bool, typer.Option(help="Active at once, with its face value.")] = False,
    by: By = "",
    json: Json = False,
) -> None:
    """Make cards. Their PINs are shown now and never again."""
    who = by or whoever()
    made: list[NewCard] = []
    try:
        with office(context) as back:
            if count > 1 and (number or pin):
                raise ValueError("--number and --pin are for one card; leave out --count")
            for _ in range(count):
                card = back.administration.generate_card(group, number=number, pin=pin, by=who)
                made.append(card)
                if activate:
                    back.administration.issue_card(card.card_id, who, "issued by command line")
            back.catch_up()
    finally:
        # Also when a later card failed: a PIN that is not shown now is lost.
        if made:
            _show_made(made, group, json)


def _show_made(made: Sequence[NewCard], group: str, json: bool) -> None:
    if json:
        show_json([{"id": each.card_id, "number": each.number, "pin": each.pin} for each in made])
    else:
        rows = [(each.number, each.pin) for each in made]
        show_rows(f"{len(made)} in {group}", ("number", "PIN (shown once)"), rows)


@app.command()
def show(context: typer.Context, number: Number, json: Json = False) -> None:
    """One card: its status and what it can spend."""
    with office(context) as back:
        card_id = back.administration.card_id(number)
        card = back.administration.card(card_id)
        back.catch_up()
        account = back.views.account(card.account_id)
    allowed = [status.value for status in card.allowed]
    known = {
        "id": str(card_id),
        "number": card.number,
        "status": card.status.value,
        "balance": account.balance if account else card.face_value.zero,
        "held": account.held if account else card.face_value.zero,
        "caller_id": card.caller_id,
        "first_used_at": card.first_used_at,
        "may_become": allowed,
    }
    if json:
        show_json(known)
    else:
        show_fields(f"Card {number}", known | {"may_become": ", ".join(allowed)})


@app.command("list")
def list_(
    context: typer.Context,
    group: Annotated[str | None, typer.Option(help="Only of this group.")] = None,
    status: Annotated[Status | None, typer.Option(help="Only with this status.")] = None,
    after: After = None,
    limit: Limit = 50,
    json: Json = False,
) -> None:
    """Cards, oldest first."""
    wanted = status.value if status else None
    show_list(
        context,
        lambda back: back.views.cards(after, limit, group=group, status=wanted),
        "Cards",
        ("number", "group", "status", "face value", "caller ID"),
        lambda row: (row.number, row.group, row.status, row.face_value, row.caller_id),
        json=json,
    )


@app.command("top-up")
def top_up(
    context: typer.Context,
    number: Number,
    amount: Amount,
    channel: Channel = "cash",
    key: Key = None,
    by: By = "",
    json: Json = False,
) -> None:
    """Add money to a card."""
    add_money(
        context,
        lambda back: back.administration.card_id(number),
        f"Card {number}",
        {"number": number},
        amount,
        channel,
        key,
        by,
        json=json,
    )


@app.command()
def status(
    context: typer.Context,
    number: Number,
    to: Annotated[Status, typer.Argument(help="The new status.")],
    why: Annotated[str, typer.Option(help="The reason, for the record.")],
    by: By = "",
) -> None:
    """Change the status of a card."""
    with office(context) as back:
        card_id = back.administration.card_id(number)
        back.administration.change_status(card_id, to, by or whoever(), why)
        back.catch_up()
    show_fields(f"Card {number}", {"status": to.value})


@app.command()
def history(context: typer.Context, number: Number, json: Json = False) -> None:
    """All facts about a card and its account, oldest first."""
    with office(context) as back:
        card_id = back.administration.card_id(number)
        card = back.administration.card(card_id)
        events = [
            event for stream in (card_id, card.account_id) for event in whole_history(back, stream)
        ]
    events.sort(key=lambda event: (event.recorded_at, event.version))
    if json:
        show_json(events)
        return
    rows = [(e.recorded_at, e.name, told(e.fact)) for e in events]
    show_rows(f"Card {number}", ("when (UTC)", "what", "details"), rows)


@app.command("import")
def import_(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="number,pin,balance")],
    group: Annotated[str, typer.Option(help="The card group they belong to.")],
    why: Annotated[str, typer.Option(help="The reason, for the record.")] = "imported",
    good_only: Annotated[
        bool, typer.Option("--good-only", help="Load the good rows although others are bad.")
    ] = False,
    report_to: Annotated[
        Path | None, typer.Option("--report", help="CSV file for the bad rows.")
    ] = None,
    by: By = "",
    json: Json = False,
) -> None:
    """Load cards of an older system: all rows or none. They are not active yet."""
    with office(context) as back, file.open(encoding="utf-8-sig", newline="") as lines:
        report = back.business.imports.load(group, lines, by or whoever(), why, good_only=good_only)
    rows = [(bad.line, bad.number, bad.problem) for bad in report.bad]
    if report_to is not None:
        with report_to.open("w", encoding="utf-8", newline="") as out:
            out.writelines(table(("line", "number", "problem"), rows))
    if json:
        show_json(report)
    else:
        told = {"loaded": report.loaded, "there already": report.there, "bad": len(rows)}
        show_fields(f"Import of {file.name}", told)
        if rows:
            show_rows("Bad rows", ("line", "number", "problem"), rows[:50])
    if rows and not good_only:
        raise typer.Exit(1)


@app.command()
def adjust(
    context: typer.Context,
    number: Number,
    amount: Annotated[str, typer.Argument(help="Signed, such as 1.50 or (after --) -0.75.")],
    why: Annotated[str, typer.Option(help="The reason, for the record.")],
    approval: Annotated[
        UUID | None, typer.Option("--approval", help="The approval of a second person.")
    ] = None,
    key: Annotated[
        str | None, typer.Option(help="A word for this adjustment: it never happens twice.")
    ] = None,
    by: By = "",
    json: Json = False,
) -> None:
    """Put the balance of a card right."""
    with office(context) as back:
        card_id = back.administration.card_id(number)
        unit = back.administration.card(card_id).face_value.unit
        adjustment_id = top_up_id(f"adjust {key}" if key else None)
        available = back.business.changes.adjust_balance(
            card_id, adjustment_id, parse(amount, unit), by or whoever(), why, approval
        )
    if json:
        show_json({"number": number, "available": plain(available)})
    else:
        show_fields(f"Card {number}", {"available": available})
