"""talktime corrections, refund: charges priced again or given back, looked at before."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from decimal import Decimal
from typing import Annotated, Any
from uuid import UUID

import typer
from rich.progress import Progress, TextColumn, TimeElapsedColumn

from adapters.cli.context import By, Json, correction_id, office, whoever
from adapters.cli.output import amount as plain_amount
from adapters.cli.output import console, error_console, plain, show_fields, show_json, show_rows
from adapters.cli.program import BackOffice
from application import csv_safe
from application.correction_totals import Line, Totals, in_words
from application.reports import Period
from domain.corrections import Outcome, Pricing, Selected
from domain.errors import SettingNotAllowed
from domain.money import Money, parse

app = typer.Typer(help="Charges that have to become others.", no_args_is_help=True)

SHOWN = 50
"""Lines of a preview on a terminal."""

From = Annotated[str | None, typer.Option("--from", help="First day of calls: 2026-10-01.")]
To = Annotated[str | None, typer.Option("--to", help="Last day of calls; none: that one day.")]
Zone = Annotated[str, typer.Option(help="Whose days these are, such as Europe/Warsaw.")]
Call = Annotated[str | None, typer.Option(help="One call: <node>-<Asterisk's unique id>.")]
Group = Annotated[str | None, typer.Option(help="Cards of this group only.")]
Prefix = Annotated[str | None, typer.Option(help="Numbers that begin with these digits only.")]
Tariff = Annotated[str | None, typer.Option(help="Attempts that this tariff sold only.")]
Version = Annotated[
    int | None,
    typer.Option(min=1, help="By this version of --tariff; else by what is published for then."),
]
PricedBy = Annotated[str | None, typer.Option(help="Another tariff, whose --version it is.")]
More = Annotated[bool, typer.Option("--charge-more", help="Take more where a call was too cheap.")]
Approval = Annotated[UUID | None, typer.Option(help="Where a second person has to agree.")]


@app.command()
def preview(
    context: typer.Context,
    first: From = None,
    last: To = None,
    zone: Zone = "UTC",
    call: Call = None,
    group: Group = None,
    prefix: Prefix = None,
    tariff: Tariff = None,
    version: Version = None,
    priced_by: PricedBy = None,
    charge_more: More = False,
    lines: Annotated[int, typer.Option(min=0, help="Attempts in the table; all in CSV.")] = SHOWN,
    csv: Annotated[bool, typer.Option("--csv", help="Every attempt as CSV.")] = False,
    json: Json = False,
) -> None:
    """What a re-rating would move, attempt by attempt and in sum. Nothing is recorded."""
    totals, shown = Totals(), list[Line]()
    with office(context) as back, attempts_bar() as progress:
        back.catch_up()
        corrections = back.correcting.corrections
        selected = _selected(first, last, zone, call, group, prefix, tariff)
        pricing = _pricing(back, tariff, priced_by, version, charge_more)
        found = corrections.preview(selected, pricing, totals, progress)
        if csv:
            for text in csv_safe.table(_CSV, map(_csv, found)):
                sys.stdout.write(text)
            return
        for line in found:
            if len(shown) < lines:
                shown.append(line)
    outcome = totals.outcome
    if json:
        show_json(
            {
                "selected": selected,
                "prices": pricing.name,
                "looked_at": totals.looked_at,
                "totals": outcome,
                "unpriced": totals.unpriced_names,
                "lines": [{**plain(line), "moved": plain(line.moved)} for line in shown],
                "complete": len(shown) == outcome.attempts,
            }
        )
        return
    cells = [
        (
            f"{line.reference} {line.attempt}",
            line.card,
            line.destination,
            line.destination_name,
            line.seconds,
            line.charge,
            line.after,
            line.moved,
            line.forfeits,
        )
        for line in shown
    ]
    columns = ("call, attempt", "card", "number", "to", "s", "charged", "then", "back", "card is")
    show_rows(f"{in_words(selected)}, by {pricing.name}", columns, cells)
    if outcome.attempts > len(shown):
        rest = outcome.attempts - len(shown)
        console().print(f"… and {rest} more; --csv tells all of them", style="dim")
    _show("Nothing was recorded. In sum", outcome, totals)


@app.command()
def run(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="Such as CORR-2026-11; the same name, once.")],
    why: Annotated[str, typer.Option(help="The reason, for the record.")],
    first: From = None,
    last: To = None,
    zone: Zone = "UTC",
    call: Call = None,
    group: Group = None,
    prefix: Prefix = None,
    tariff: Tariff = None,
    version: Version = None,
    priced_by: PricedBy = None,
    charge_more: More = False,
    by: By = "",
    approval: Approval = None,
    json: Json = False,
) -> None:
    """Re-rate attempts under a name. Interrupted, the same command does the rest."""
    with office(context) as back, attempts_bar() as progress:
        back.catch_up()
        outcome = back.correcting.corrections.run(
            name,
            _selected(first, last, zone, call, group, prefix, tariff),
            _pricing(back, tariff, priced_by, version, charge_more),
            by or whoever(),
            why,
            approval_id=approval,
            progress=progress,
        )
        back.catch_up()
    if json:
        show_json({"name": name, "totals": outcome})
    else:
        _show(f"Correction {name}", outcome)


@app.command()
def show(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="The name it was run under.")],
    json: Json = False,
) -> None:
    """What a correction was asked to do, and what came of it."""
    with office(context) as back:
        found = back.correcting.corrections.known(name)
    if json:
        show_json(found)
        return
    begun = found.begun
    told = {
        "calls": in_words(begun.selected),
        "prices": begun.pricing.name,
        "charging more": "yes" if begun.pricing.charge_more else "no",
        "by": begun.by,
        "why": begun.why,
        "begun (UTC)": begun.at,
        "ended": "yes" if found.outcome is not None else "NO: run it again to do the rest",
    }
    show_fields(f"Correction {name}", told)
    if found.outcome is not None:
        _show("It moved", found.outcome)


def refund(
    context: typer.Context,
    reference: Annotated[str, typer.Argument(help="<node>-<Asterisk's unique id>.")],
    attempt: Annotated[
        int | None, typer.Argument(min=1, help="Its number; else the only one charged.")
    ] = None,
    amount: Annotated[
        str | None, typer.Argument(help="A plain decimal, such as 0.25; else all.")
    ] = None,
    why: Annotated[str, typer.Option(help="The reason, for the record.")] = "",
    by: By = "",
    key: Annotated[
        str | None, typer.Option(help="A word for this refund: the same word gives back once.")
    ] = None,
    approval: Approval = None,
    json: Json = False,
) -> None:
    """Give back what an attempt of a call is charged, or a part of it."""
    with office(context) as back:
        refunds = back.correcting.refunds
        back_money = None if amount is None else parse(amount, _unit(back, reference))
        told = refunds.refund(
            reference,
            attempt,
            back_money,
            correction_id(key),
            by or whoever(),
            why,
            approval,
        )
        back.catch_up()
    if json:
        show_json(told)
        return
    fields: dict[str, Any] = {
        "given back": told.amount,
        "still charged": told.charge,
        "available": told.available,
    }
    if told.forfeits is not None:
        fields["but"] = f"the card is {told.forfeits}: nobody can spend it, and it will fall to you"
    show_fields(f"Attempt {told.attempt} of {told.reference}", fields)


def _selected(
    first: str | None,
    last: str | None,
    zone: str,
    call: str | None,
    group: str | None,
    prefix: str | None,
    tariff: str | None,
) -> Selected:
    if first is None and last is not None:
        raise ValueError("--to is the last day of those that begin with --from")
    if (first is None) == (call is None):
        raise ValueError("say which calls: --from a day, with --to a later one, or one --call")
    if first is None:
        return Selected(reference=call, group=group, tariff=tariff, prefix=prefix)
    begins = day(first)
    period = Period(begins, day(last) if last is not None else begins, zone)
    return Selected(period.begins, period.ends, None, group, tariff, prefix)


def _pricing(
    back: BackOffice, tariff: str | None, other: str | None, version: int | None, charge_more: bool
) -> Pricing:
    corrections = back.correcting.corrections
    if version is None and other is not None:
        raise ValueError("--priced-by names a tariff: say which --version of it")
    if version is None:
        return corrections.published_since(charge_more=charge_more)
    priced_by = other or tariff
    if priced_by is None:
        raise ValueError("--version is of a tariff: say which one with --tariff or --priced-by")
    return corrections.version(priced_by, version, charge_more=charge_more)


def _unit(back: BackOffice, reference: str) -> str:
    for each in back.correcting.refunds.attempts(reference):
        return each.now.charge.unit
    raise SettingNotAllowed("call", reference, "one in which somebody talked")


def _show(title: str, outcome: Outcome, totals: Totals | None = None) -> None:
    told: dict[str, Any] = {
        "attempts": outcome.attempts,
        "given back": _amounts(outcome.given_back),
        "taken": _amounts(outcome.taken),
    }
    if outcome.untaken:
        told["asked for and not available"] = _amounts(outcome.untaken)
    if outcome.unspendable:
        told["given back to cards nobody can use"] = _amounts(outcome.unspendable)
    if outcome.unpriced:
        told["attempts without a price there"] = outcome.unpriced
    if totals is not None and totals.unpriced_names:
        names = sorted(totals.unpriced_names, key=lambda each: -totals.unpriced_names[each])
        told["to"] = ", ".join(names[:10]) + (" and others" if len(names) > 10 else "")
    show_fields(title, told)


def _amounts(amounts: tuple[Money, ...]) -> str:
    return ", ".join(map(str, amounts)) or "nothing"


_CSV = (
    "call", "attempt", "card", "number", "destination", "seconds", "unit", "charged", "after",
    "back", "untaken", "card_is",
)  # fmt: skip


def _csv(line: Line) -> list[object]:
    amounts = (line.charge, line.after, line.moved, line.untaken)
    return [
        line.reference,
        line.attempt,
        line.card,
        line.destination,
        line.destination_name,
        line.seconds,
        line.charge.unit,
        *(Decimal(plain_amount(each)) for each in amounts),
        line.forfeits,
    ]


def day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ValueError(f"a day is written 2026-01-31, not {text!r}") from None


@contextmanager
def attempts_bar() -> Iterator[Callable[[int], object]]:
    """How many attempts were looked at, on a terminal."""
    told = error_console()
    columns = (TextColumn("{task.completed} attempts"), TimeElapsedColumn())
    with Progress(*columns, console=told, transient=True, disable=not told.is_terminal) as bar:
        task = bar.add_task("attempts", total=None)
        yield lambda done: bar.update(task, completed=done)
