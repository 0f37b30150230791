"""talktime routes: which trunks lead where, what a call would take, and what is blocked."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from adapters.cli.carriers import CHANGED, show_terms
from adapters.cli.context import By, Json, Why, moment, office, whoever
from adapters.cli.lists import AfterName, Limit, show_list
from adapters.cli.output import show_fields, show_json, show_rows
from application.ports import Route
from domain.blocked_ranges import BLOCKED_RANGES
from domain.errors import DestinationNotSold
from domain.routing import Order, RouteTerms

routes = typer.Typer(help="Which trunks lead where, and what is blocked.", no_args_is_help=True)

Prefix = Annotated[str, typer.Argument(help="Digits, country code first; all: all others.")]


@routes.command("set")
def set_route(
    context: typer.Context,
    prefix: Prefix,
    trunk: Annotated[
        list[str] | None, typer.Option(help="May be given again; none: all trunks.")
    ] = None,
    order: Annotated[Order, typer.Option(help="In which order they are tried.")] = Order.CHEAPEST,
    by: By = "",
    why: Why = "",
    json: Json = False,
) -> None:
    """Say which trunks lead to the numbers that begin with a prefix; the longest prefix counts."""
    with office(context) as back:
        digits = _prefix(prefix)
        terms = RouteTerms(tuple(trunk or ()), order)
        back.routing.set_route(digits, terms, by or whoever(), why)
    show_terms(f"Route {prefix}", {"prefix": digits}, terms, json=json)


@routes.command("remove")
def remove_route(
    context: typer.Context, prefix: Prefix, by: By = "", why: Why = "", json: Json = False
) -> None:
    """Remove a route: the next shorter prefix counts again."""
    with office(context) as back:
        digits = _prefix(prefix)
        back.routing.remove_route(digits, by or whoever(), why)
    _show(f"Route {prefix}", {"prefix": digits, "removed": True}, json=json)


@routes.command("list")
def list_routes(
    context: typer.Context, after: AfterName = None, limit: Limit = 50, json: Json = False
) -> None:
    """Routes by prefix."""
    show_list(
        context,
        lambda back: back.route_views.routes(after, limit),
        "Routes",
        ("prefix", "trunks", "order", *CHANGED),
        lambda row: (
            row.prefix or "all others",
            ", ".join(row.trunks) or "all",
            row.order,
            row.changed_at,
            row.changed_by,
            row.why,
        ),
        json=json,
    )


@routes.command("find")
def find_routes(
    context: typer.Context,
    number: Annotated[str, typer.Argument(help="A number, country code first.")],
    json: Json = False,
) -> None:
    """The trunks a call to a number would try now, in order, and what each costs."""
    with office(context) as back:
        digits = number.removeprefix("+")
        found = back.routes.to("+" + digits)
        if not found:
            raise DestinationNotSold("+" + digits)
        seconds = back.routes.settings.nominal_seconds
        now = moment(None)
        told = [_way(place, route) for place, route in enumerate(found, 1)]
        for way, route in zip(told, found, strict=True):
            way["cost"] = back.routes.nominal_cost(route, now)
    if json:
        show_json({"number": number, "nominal_seconds": seconds, "routes": told})
        return
    columns = ("leg", "trunk", "provider", "sent", f"cost of {seconds} s")
    show_rows(f"Routes to {number}", columns, [tuple(way.values()) for way in told])


@routes.command()
def block(
    context: typer.Context,
    prefix: Annotated[str, typer.Argument(help="Digits, country code first.")],
    name: Annotated[str, typer.Option(help="What numbers these are.")],
    why: Why,
    by: By = "",
    json: Json = False,
) -> None:
    """Let nobody dial the numbers that begin with a prefix."""
    with office(context) as back:
        digits = _prefix(prefix)
        back.routing.block(digits, name, by or whoever(), why)
    _show(f"Prefix {digits}", {"prefix": digits, "name": name, "allowed": False}, json=json)


@routes.command()
def allow(
    context: typer.Context,
    prefix: Annotated[str, typer.Argument(help="Digits, country code first.")],
    name: Annotated[str, typer.Option(help="What numbers these are.")],
    why: Why,
    by: By = "",
    json: Json = False,
) -> None:
    """Let numbers be dialled that are blocked by themselves: satellites, premium rate.

    Premium numbers of a country are allowed by a prefix longer than its country code.
    """
    with office(context) as back:
        digits = _prefix(prefix)
        back.routing.allow(digits, name, by or whoever(), why)
    _show(f"Prefix {digits}", {"prefix": digits, "name": name, "allowed": True}, json=json)


@routes.command("unrule")
def remove_rule(
    context: typer.Context,
    prefix: Annotated[str, typer.Argument(help="A prefix that was blocked or allowed.")],
    by: By = "",
    why: Why = "",
    json: Json = False,
) -> None:
    """Take a block or an allowance back."""
    with office(context) as back:
        digits = _prefix(prefix)
        back.routing.remove_rule(digits, by or whoever(), why)
    _show(f"Prefix {digits}", {"prefix": digits, "removed": True}, json=json)


@routes.command("blocked")
def list_blocked(
    context: typer.Context, after: AfterName = None, limit: Limit = 200, json: Json = False
) -> None:
    """Prefixes that are blocked by themselves, and those the operator blocked or allowed."""
    with office(context) as back:
        back.catch_up()
        own = back.route_views.prefix_rules(after, limit)
    if json:
        show_json({"built_in": list(BLOCKED_RANGES), "operator": list(own)})
        return
    built_in = [(each.prefix, each.name, "blocked", each.source) for each in BLOCKED_RANGES]
    ruled = [
        (r.prefix, r.name, "allowed" if r.allowed else "blocked", f"{r.changed_by}: {r.why}")
        for r in own
    ]
    columns = ("prefix", "name", "", "says who")
    show_rows("Blocked, with national premium numbers", columns, [*built_in, *ruled])


def _prefix(told: str) -> str:
    return "" if told == "all" else told.removeprefix("+")


def _way(place: int, route: Route) -> dict[str, Any]:
    return {
        "leg": place,
        "trunk": route.trunk,
        "provider": route.provider,
        "sent": route.number,
        "cost": None,
    }


def _show(title: str, fields: dict[str, Any], *, json: bool) -> None:
    if json:
        show_json(fields)
    else:
        show_fields(title, fields)
