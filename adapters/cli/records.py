"""talktime accounts, calls: look at balances, call sessions and what they are made of."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

import typer

from adapters.cli.context import By, Json, office, plainly, whole_history
from adapters.cli.lists import After, Limit, show_list
from adapters.cli.output import show_json, show_rows, told
from adapters.cli.program import BackOffice
from adapters.cli.top_ups import Amount, Channel, Key, add_money
from application.kinds import session_id
from domain.errors import NotFound

accounts = typer.Typer(help="Balances, and what is held of them.", no_args_is_help=True)
calls = typer.Typer(help="Call sessions and their attempts.", no_args_is_help=True)


@accounts.command("list")
def list_accounts(
    context: typer.Context, after: After = None, limit: Limit = 50, json: Json = False
) -> None:
    """Accounts, oldest first."""
    show_list(
        context,
        lambda back: back.views.accounts(after, limit),
        "Accounts",
        ("id", "balance", "held", "opened (UTC)"),
        lambda row: (row.account_id, row.balance, row.held, row.opened_at),
        json=json,
    )


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
    amount: Amount,
    channel: Channel = "cash",
    key: Key = None,
    by: By = "",
    json: Json = False,
) -> None:
    """Add money to the account of a card."""

    def card(back: BackOffice) -> UUID:
        back.catch_up()
        account = back.views.account(account_id)
        if account is None or account.holder_kind != "card":
            raise NotFound("account of a card", str(account_id))
        return account.holder

    title, named = f"Account {account_id}", {"account": account_id}
    add_money(context, card, title, named, amount, channel, key, by, json=json)


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
    show_list(
        context,
        lambda back: back.views.calls(after, limit, disputed=disputed or None, open_only=open_),
        "Call sessions",
        ("reference", "from", "to", "started (UTC)", "attempts", "seconds", "charged"),
        lambda row: (
            row.reference,
            row.caller_id,
            row.access_number,
            row.started_at,
            row.attempts,
            row.seconds,
            row.charged,
        ),
        json=json,
    )


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
