"""talktime approvals, distributors, fees: who sells the cards, who agrees, what a day costs."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

import typer

from adapters.cli.context import By, Json, Why, office, whoever
from adapters.cli.lists import After, Limit, show_list
from adapters.cli.output import plain, show_fields, show_json, show_rows

approvals = typer.Typer(help="What waits for a second person.", no_args_is_help=True)
distributors = typer.Typer(help="Who sells which cards.", no_args_is_help=True)
fees = typer.Typer(help="Daily fees, and what expires.", no_args_is_help=True)


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
    show_list(
        context,
        lambda back: back.business.distributors.cards_of(name, after, limit),
        f"Cards of {name}",
        ("number", "group", "status", "sold"),
        lambda row: (row.number, row.group, row.status, "yes" if row.sold else "no"),
        json=json,
    )


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
    show_list(
        context,
        lambda back: back.business.views.approvals(after, limit, state=state or None),
        "Approvals",
        ("id", "action", "of", "details", "asked by", "why", "state", "until (UTC)"),
        lambda row: (
            row.approval_id,
            row.action,
            row.subject,
            row.details,
            row.by,
            row.why,
            row.state,
            row.expires_at,
        ),
        json=json,
    )


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
    """Charge the daily fees that are due, then take what expired and void cards leave.

    Late or twice, it charges each day and takes each balance once.
    """
    with office(context) as back:
        back.catch_up()
        report = back.business.fees.run()
        back.catch_up()
        taken = back.business.breakage.run()
    told: dict[str, object] = {
        "looked_at": report.looked_at,
        "charged": report.charged,
        "days": report.days,
        "emptied": report.emptied + taken.emptied,
        "forfeited": taken.forfeited,
        "breakage": [plain(each) for each in taken.sums],
    }
    if json:
        show_json(told)
        return
    told["breakage"] = ", ".join(map(str, taken.sums)) or "none"
    show_fields("Daily fees", {key.replace("_", " "): value for key, value in told.items()})
