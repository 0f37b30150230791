"""talktime books: double entry, as of now or of any past moment."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from decimal import Decimal
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import typer

from adapters.cli.context import Json, moment, office
from adapters.cli.output import amount, console, show_json, show_rows
from adapters.cli.program import BackOffice
from application import kinds
from application.csv_safe import table
from domain import ledger
from domain.money import Money

LENGTH_OF_ID = 36

app = typer.Typer(help="Double entry: balances, statements, liability.", no_args_is_help=True)

At = Annotated[str | None, typer.Option("--at", help="As of a moment, 2026-01-31T08:00; else now.")]
Csv = Annotated[bool, typer.Option("--csv", help="CSV instead of a table.")]


@app.command("trial-balance")
def trial_balance(
    context: typer.Context,
    at: At = None,
    depth: Annotated[
        int | None, typer.Option(min=1, max=5, help="Sum up accounts to so many parts of a name.")
    ] = None,
    json: Json = False,
    csv: Csv = False,
) -> None:
    """Every ledger account with its debits, credits and balance."""
    with office(context) as back:
        told = back.books.trial_balance(moment(at) if at else None, depth)
    if json:
        show_json(
            {
                "position": told.position,
                "accounts": [
                    {
                        "account": row.account,
                        "unit": row.unit,
                        "debits": amount(Money(row.debits, row.unit)),
                        "credits": amount(Money(row.credits, row.unit)),
                        "balance": amount(row.amount),
                    }
                    for row in told.rows
                ],
                "sums": {
                    unit: {
                        "debits": amount(Money(debits, unit)),
                        "credits": amount(Money(credits, unit)),
                    }
                    for unit, (debits, credits) in sorted(told.sums.items())
                },
            }
        )
        return
    columns = ("account", "unit", "debits", "credits", "balance")
    rows = [
        (
            row.account,
            row.unit,
            _decimal(Money(row.debits, row.unit)),
            _decimal(Money(row.credits, row.unit)),
            _decimal(row.amount),
        )
        for row in told.rows
    ]
    _show(f"Trial balance at position {told.position}", columns, rows, csv)
    if not csv:
        sums = [
            (unit, *(amount(Money(each, unit)) for each in both))
            for unit, both in sorted(told.sums.items())
        ]
        show_rows("Balances in debit and in credit", ("unit", "debit", "credit"), sums)


@app.command()
def statement(
    context: typer.Context,
    account: Annotated[
        str | None, typer.Argument(help="Such as Income:Calls; those below it are included.")
    ] = None,
    card: Annotated[str | None, typer.Option(help="A card's number instead of an account.")] = None,
    since: Annotated[str | None, typer.Option(help="First moment, 2026-01-01; else all.")] = None,
    until: Annotated[str | None, typer.Option(help="Moment that ends it; else now.")] = None,
    at: At = None,
    json: Json = False,
    csv: Csv = False,
) -> None:
    """What happened on a ledger account, line by line."""
    with office(context) as back:
        if (account is None) == (card is None):
            raise ValueError("a statement is of a ledger account or of a --card: one of the two")
        if at is not None and until is not None:
            raise ValueError("a statement ends --until a moment or is as of --at one, not both")
        end = until if at is None else at
        accounts = _of_card(back, card) if card is not None else (account or "",)
        told = back.books.statement(
            *accounts, since=moment(since) if since else None, until=moment(end) if end else None
        )
    if json:
        show_json(told)
        return
    columns = ("position", "when (UTC)", "what", "unit", "amount", "balance", "against")
    rows: list[Sequence[Any]] = [
        (None, None, "opening", each.unit, None, _decimal(each), None) for each in told.opening
    ]
    rows += [
        (
            line.position,
            line.at.isoformat() if csv else line.at,
            line.what,
            line.amount.unit,
            _decimal(line.amount),
            _decimal(line.balance),
            " ".join(line.others if csv else map(_short, line.others)),
        )
        for line in told.lines
    ]
    rows += [
        (None, None, "closing", each.unit, None, _decimal(each), None) for each in told.closing
    ]
    _show(f"Statement of {account or f'card {card}'}", columns, rows, csv)


@app.command()
def liability(
    context: typer.Context,
    since: Annotated[str | None, typer.Option(help="First day, 2026-01-01; else --until.")] = None,
    until: Annotated[str | None, typer.Option(help="Last day; else today.")] = None,
    at: Annotated[str | None, typer.Option("--at", help="One day.")] = None,
    json: Json = False,
    csv: Csv = False,
) -> None:
    """What is owed to cardholders at the end of each day, by card group and unit."""
    with office(context) as back:
        end = at or until
        today = moment(None).astimezone(ZoneInfo(back.books.zone)).date()
        last = _day(end) if end else today
        first = _day(since) if since and not at else last
        rows = back.books.liability(first, last)
    if json:
        show_json(
            [
                {
                    "day": row.day,
                    "group": row.group,
                    "unit": row.total.unit,
                    "prepaid": amount(row.prepaid),
                    "held": amount(row.held),
                    "total": amount(row.total),
                }
                for row in rows
            ]
        )
        return
    columns = ("day", "group", "unit", "prepaid", "held", "total")
    cells = [
        (r.day, r.group, r.total.unit, _decimal(r.prepaid), _decimal(r.held), _decimal(r.total))
        for r in rows
    ]
    _show("Liability", columns, cells, csv)


def _of_card(back: BackOffice, number: str) -> tuple[str, str]:
    """Both ledger accounts of a card: what it owns, held or not."""
    card = back.administration.card(back.administration.card_id(number))
    (group,) = back.administration.states(kinds.CARD_GROUPS, (card.group_id,))
    name = group.name if group is not None else ledger.UNKNOWN
    return ledger.prepaid(name, card.account_id), ledger.held(name, card.account_id)


def _short(account: str) -> str:
    """The name of a ledger account for a table: the id of a prepaid account is cut short."""
    head, _, last = account.rpartition(":")
    return f"{head}:{last[:8]}…" if len(last) == LENGTH_OF_ID else account


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ValueError(f"a day is written 2026-01-31, not {text!r}") from None


def _show(title: str, columns: Sequence[str], rows: Iterable[Sequence[Any]], csv: bool) -> None:
    """``rows`` have their amounts as decimals, which a spreadsheet adds up."""
    if csv:
        console().print("".join(table(columns, rows)), end="", markup=False, soft_wrap=True)
    else:
        show_rows(title, columns, list(rows))


def _decimal(money: Money) -> Decimal:
    return Decimal(amount(money))
