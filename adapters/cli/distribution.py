"""talktime approvals, distributors, fees: who sells the cards, who agrees, what a day costs."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

import typer

from adapters.cli.context import By, Json, office, whoever
from adapters.cli.output import show_fields, show_json, show_rows
from application.views import MOST_ROWS

approvals = typer.Typer(help="What waits for a second person.", no_args_is_help=True)
distributors = typer.Typer(help="Who sells which cards.", no_args_is_help=True)
fees = typer.Typer(help="Daily fees.", no_args_is_help=True)

Why = Annotated[str, typer.Option(help="The reason, for the record.")]
Limit = Annotated[int, typer.Option(min=1, max=MOST_ROWS)]
After = Annotated[UUID | None, typer.Option(help="Id of the last row seen.")]


@distributors.command("add")
def add_distributor(
    context: typer.Context, name: Annotated[str, typer.Argument()], by: By = ""
) -> None:
    """Add a distributor."""
    with office(context) as back:
        back.business.distributors.add(name, by or whoever())
    show_fields(f"Distributor {name}", {"cards": "none yet: talktime lots assign"})


@distributors.command("list")
def list_distributors(context: typer.Context, json: Json = False) -> None:
    """Distributors and how many numbers each has."""
    with office(context) as back:
        known = back.business.distributors.distribution()
    rows = [
        (name, sum(cards.count for cards in known.ranges_of(name))) for name in known.distributors
    ]
    if json:
        show_json([{"name": name, "numbers": count} for name, count in rows])
    else:
        show_rows("Distributors", ("name", "numbers"), rows)


@distributors.command("cards")
def distributor_cards(
    context: typer.Context,
    name: Annotated[str, typer.Argument()],
    after: Annotated[str | None, typer.Option(help="The last number seen.")] = None,
    limit: Limit = 50,
    json: Json = False,
) -> None:
    """The cards of one distributor, by number."""
    with office(context) as back:
        back.catch_up()
        rows = back.business.distributors.cards_of(name, after, limit)
    if json:
        show_json(list(rows))
    else:
        cells = [(r.number, r.group, r.status, "yes" if r.sold else "no") for r in rows]
        show_rows(f"Cards of {name}", ("number", "group", "status", "sold"), cells)


@approvals.command("list")
def list_approvals(
    context: typer.Context,
    state: Annotated[
        str | None, typer.Option(help="waiting, approved, declined or used; else all.")
    ] = "waiting",
    after: After = None,
    limit: Limit = 50,
    json: Json = False,
) -> None:
    """Requests for approval, oldest first."""
    with office(context) as back:
        back.catch_up()
        rows = back.business.views.approvals(after, limit, state=state or None)
    if json:
        show_json(list(rows))
        return
    columns = ("id", "action", "of", "details", "asked by", "why", "state", "until (UTC)")
    cells = [
        (r.approval_id, r.action, r.subject, r.details, r.by, r.why, r.state, r.expires_at)
        for r in rows
    ]
    show_rows("Approvals", columns, cells)


@approvals.command()
def approve(
    context: typer.Context, approval: Annotated[UUID, typer.Argument()], by: By = ""
) -> None:
    """Approve what somebody else asked for."""
    with office(context) as back:
        back.business.approvals.approve(approval, by or whoever())
        asked = back.business.approvals.approval(approval).requested
    show_fields("Approved", {"action": asked.action, "of": asked.subject, "asked by": asked.by})


@approvals.command()
def decline(
    context: typer.Context, approval: Annotated[UUID, typer.Argument()], why: Why, by: By = ""
) -> None:
    """Decline it, or take back your own request."""
    with office(context) as back:
        back.business.approvals.decline(approval, by or whoever(), why)
    show_fields("Declined", {"approval": approval})


@fees.command("run")
def run_fees(context: typer.Context, json: Json = False) -> None:
    """Charge the daily fees that are due. Late or twice, it charges each day once."""
    with office(context) as back:
        back.catch_up()
        report = back.business.fees.run()
    told = {
        "looked_at": report.looked_at,
        "charged": report.charged,
        "days": report.days,
        "emptied": report.emptied,
    }
    if json:
        show_json(told)
    else:
        show_fields("Daily fees", {key.replace("_", " "): value for key, value in told.items()})
