"""talktime persons: what is known of a caller's number, told and forgotten on request."""

from __future__ import annotations

from typing import Annotated

import typer

from adapters.cli.context import By, Json, Why, office, plainly, program_of, whoever
from adapters.cli.output import show_fields, show_json, show_rows, told
from application.views import MOST_ROWS, CallRow

app = typer.Typer(help="Callers' numbers: shown, erased; their keys.", no_args_is_help=True)

Number = Annotated[str, typer.Argument(help="With its country code, such as +48600316058.")]


@app.command()
def show(context: typer.Context, number: Number, json: Json = False) -> None:
    """Everything that is known of a number: the card it opens, its bindings, its calls."""
    with office(context) as back:
        back.catch_up()
        known = back.persons_desk.known(number)
        calls: list[CallRow] = []
        after = None
        while page := back.persons_desk.calls(number, after, MOST_ROWS):
            calls += page
            after = page[-1].session_id
    if json:
        show_json({"person": known, "calls": calls})
        return
    card = known.card.number if known.card else None
    show_fields(
        number,
        {"person": known.person_id, "once erased": known.pseudonym, "opens the card": card},
    )
    rows = [(each.recorded_at, each.name, told(each.fact)) for each in known.bindings]
    show_rows("Bindings", ("when", "what", "facts"), rows)
    columns = ("began", "call", "access number", "attempts", "seconds", "charged")
    show_rows(
        "Calls",
        columns,
        [
            (c.started_at, c.reference, c.access_number, c.attempts, c.seconds, c.charged)
            for c in calls
        ],
    )


@app.command()
def erase(
    context: typer.Context, number: Number, why: Why, by: By = "", json: Json = False
) -> None:
    """Forget whose number it is. What was talked and paid stays, under a pseudonym."""
    with office(context) as back:
        erased = back.persons_desk.erase(number, by or whoever(), why)
        due = back.person_keys.is_due()
    if json:
        show_json(erased)
        return
    show_fields("Erased", {"person": erased.person_id, "shown as": erased.pseudonym})
    if due:
        show_fields("Master key", {"overdue": "talktime persons rotate makes a new one"})


@app.command()
def rotate(
    context: typer.Context,
    due: Annotated[bool, typer.Option("--due", help="Only if the key is old; for timers.")] = False,
    prepare: Annotated[
        bool,
        typer.Option("--prepare", help="Put the next key into the file and do not use it yet."),
    ] = False,
    drop: Annotated[
        bool,
        typer.Option("--drop-replaced", help="At once: numbers in older backups are lost."),
    ] = False,
    json: Json = False,
) -> None:
    """Replace the master key, so that what was erased opens in no backup either."""
    with office(context) as back:
        if prepare:
            fields: dict[str, object] = {"prepared": back.person_keys.prepare()}
        else:
            rotated = back.person_keys.rotate(due=due, drop=drop)
            fields = {
                "in use": rotated.key_id,
                "persons moved": rotated.moved,
                "dropped": list(rotated.dropped) if json else ", ".join(rotated.dropped) or "none",
            }
    if json:
        show_json(fields)
    else:
        show_fields("Master keys", fields)


@app.command()
def abandon(
    context: typer.Context,
    why: Why,
    lost_key: Annotated[
        list[str] | None, typer.Option(help="The id of a master key that no copy has; repeatable.")
    ] = None,
    by: By = "",
    json: Json = False,
) -> None:
    """Erase whoever's master key is lost, so that the ledger can be used again without it.

    Look for a copy of the file first: this cannot be taken back.
    """
    with plainly():
        erased = program_of(context).abandon_persons(lost_key or [], by or whoever(), why)
    if json:
        show_json({"erased": erased})
    else:
        show_fields("Abandoned", {"persons erased": erased})
