"""talktime accounts, calls: look at balances, call sessions and what they are made of."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

import typer

from adapters.cli.context import By, Json, office, plainly, top_up_id, whoever, whole_history
from adapters.cli.output import show_json, show_rows, told
from application.kinds import session_id
from application.views import MOST_ROWS
from domain.errors import NotFound
from domain.money import parse

accounts = typer.Typer(help="Balances, and what is held of them.", no_args_is_help=True)
calls = typer.Typer(help="Call sessions and their attempts.", no_args_is_help=True)

Limit = Annotated[int, typer.Option(min=1, max=MOST_ROWS)]
After = Annotated[UUID | None, typer.Option(help="Id of the last row seen.")]


@accounts.command("list")
def list_accounts(
    context: typer.Context, after: After = None, limit: Limit = 50, json: Json = False
) -> None:
    """Accounts, oldest first."""
    with office(context) as back:
        back.catch_up()
        rows = back.views.accounts(after, limit)
    if json:
        show_json(list(rows))
    else:
        cells = [(r.account_id, r.balance, r.held, r.opened_at) for r in rows]
        show_rows("Accounts", ("id", "balance", "held", "opened (UTC)"), cells)


@accounts.command("show")
def show_account(
    context: typer.Context, account_id: Annotated[UUID, typer.Argument()], json: Json = False
) -> None:
    """One account with all its facts."""
    with office(context) as back:
        back.catch_up()
        account = back.views.account(account_id)
        if account is None:
            raise NotFound("account", str(account_id))
        events = whole_history(back, account_id)
    if json:
        show_json({"account": account, "events": events})
        return
    show_rows("Account", ("balance", "held"), [(account.balance, account.held)])
    facts = [(e.recorded_at, e.name, told(e.fact)) for e in events]
    show_rows("Facts", ("when (UTC)", "what", "details"), facts)


@accounts.command("top-up")
def top_up_account(
    context: typer.Context,
    account_id: Annotated[UUID, typer.Argument()],
    amount: Annotated[str, typer.Argument(help="A plain decimal, such as 12.50.")],
    channel: Annotated[str, typer.Option(help="How the money came.")] = "cash",
    key: Annotated[
        str | None, typer.Option(help="A word for this top-up: the same word never adds twice.")
    ] = None,
    by: By = "",
    json: Json = False,
) -> None:
    """Add money to the account of a card."""
    with office(context) as back:
        back.catch_up()
        account = back.views.account(account_id)
        if account is None or account.holder_kind != "card":
            raise NotFound("account of a card", str(account_id))
        available = back.administration.top_up_card(
            account.holder,
            top_up_id(key),
            parse(amount, account.balance.unit),
            channel,
            by or whoever(),
        )
        back.catch_up()
    if json:
        show_json({"account": account_id, "available": available})
    else:
        show_rows("Account", ("available",), [(available,)])


@calls.command("list")
def list_calls(
    context: typer.Context,
    disputed: Annotated[bool, typer.Option("--disputed", help="Only those to review.")] = False,
    open_: Annotated[bool, typer.Option("--open", help="Only those still up.")] = False,
    after: After = None,
    limit: Limit = 50,
    json: Json = False,
) -> None:
    """Call sessions, oldest first."""
    with office(context) as back:
        back.catch_up()
        rows = back.views.calls(after, limit, disputed=disputed or None, open_only=open_)
    if json:
        show_json(list(rows))
    else:
        columns = ("reference", "from", "to", "started (UTC)", "attempts", "seconds", "charged")
        cells = [
            (
                r.reference,
                r.caller_id,
                r.access_number,
                r.started_at,
                r.attempts,
                r.seconds,
                r.charged,
            )
            for r in rows
        ]
        show_rows("Call sessions", columns, cells)


@calls.command("show")
def show_call(
    context: typer.Context,
    reference: Annotated[str, typer.Argument(help="<node>-<Asterisk's unique id>.")],
    json: Json = False,
) -> None:
    """One call session with its attempts and facts."""
    with plainly():
        call_id = session_id(reference)
    with office(context) as back:
        back.catch_up()
        call = back.views.call(call_id)
        if call is None:
            raise NotFound("call session", reference)
        attempts = back.views.attempts(call_id)
        events = whole_history(back, call_id)
    if json:
        show_json({"call": call, "attempts": list(attempts), "events": events})
        return
    cells = [
        (a.number, a.destination, a.state, a.seconds, a.held, a.charge, a.evidence)
        for a in attempts
    ]
    columns = ("attempt", "number", "state", "seconds", "held", "charged", "by")
    show_rows(f"Call {reference}", columns, cells)
    show_rows("Facts", ("when (UTC)", "what"), [(e.recorded_at, e.name) for e in events])
