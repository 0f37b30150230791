"""Routes: which trunks lead where, what is blocked, and what a call to a number would try."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from msgspec import Meta, Struct, field

from adapters.http import problems
from adapters.http.asking import USUAL_ROWS, Answer, Asked, Limit, Page, bad_parameter
from adapters.http.conditional import unless_changed
from adapters.http.operations import Operation, Routes
from adapters.http.prices import AccessNumber, Number
from adapters.http.problems import asked_wrongly
from adapters.http.providers import PlainName
from adapters.http.rate_sheets import After, DiscardAsked
from adapters.http.refusals import KINDS
from adapters.http.services import HttpServices
from adapters.http.wire import MoneyTold, Name, Text, tell, told
from application import kinds
from application.permissions import Action
from application.route_preview import Tried
from domain.blocked_ranges import BLOCKED_RANGES
from domain.errors import NotFound
from domain.routing import MOST_TRUNKS_OF_A_ROUTE, Order, RouteTerms, RoutingPlan

ALL = "all"
"""How the empty prefix is written in a path: all numbers without a route of their own."""


class RouteShown(Struct, frozen=True):
    """No trunks are all trunks. The route of the longest prefix of a number is taken."""

    prefix: str
    trunks: list[str]
    order: Order


class RouteListed(Struct, frozen=True):
    """``key`` is how the prefix is written in a path."""

    key: str
    prefix: str
    trunks: list[str]
    order: str
    changed_at: datetime
    changed_by: str
    why: str


class RouteWanted(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    trunks: Annotated[list[PlainName], Meta(max_length=MOST_TRUNKS_OF_A_ROUTE)] = field(
        default_factory=list
    )
    order: Order = Order.CHEAPEST
    why: Text
    by: Name | None = None


class RuleShown(Struct, frozen=True):
    """The operator's word on the numbers that begin with a prefix; ``name`` says what they are."""

    prefix: str
    name: str
    allowed: bool


class RuleListed(Struct, frozen=True):
    prefix: str
    name: str
    allowed: bool
    changed_at: datetime
    changed_by: str
    why: str


class RuleWanted(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """``allowed``: they may be dialled although they are blocked by themselves."""

    name: Text
    allowed: bool
    why: Text
    by: Name | None = None


class BlockedShown(Struct, frozen=True):
    """A range that is blocked by itself, and who says what it is."""

    prefix: str
    name: str
    source: str


class PrefixesAsked(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    after: After | None = None
    limit: Limit = USUAL_ROWS


class PreviewAsked(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """With a group and an access number the price and the margin are told as well."""

    number: Number
    group: Name | None = None
    access_number: AccessNumber | None = None


class TriedShown(Struct, frozen=True):
    """``sent`` are the digits that the trunk is given. ``converted``: the cost in the unit of the
    price; null: nobody knows. A trunk without room now is tried last."""

    place: int
    trunk: str
    provider: str | None
    sent: str
    caller_id: str | None
    has_room: bool
    cost: MoneyTold | None
    converted: MoneyTold | None
    margin: MoneyTold | None


class LeftOutShown(Struct, frozen=True):
    trunk: str
    provider: str | None
    why: str


class PreviewShown(Struct, frozen=True):
    """``route`` is the prefix whose route is taken, ``order`` that of its trunks. Costs and price
    are those of a call of ``seconds`` that begins now."""

    number: str
    route: str
    order: str
    seconds: int
    price: MoneyTold | None
    tried: list[TriedShown]
    left_out: list[LeftOutShown]


# ---- routes


def listed(services: HttpServices, asked: Asked) -> Answer:
    given = asked.parameters(PrefixesAsked)
    found = services.route_views.routes(given.after, given.limit)
    shown = [tell(RouteListed, each, key=each.prefix or ALL) for each in found]
    return asked.page(shown, found[-1].prefix if found else None)


def one(services: HttpServices, asked: Asked) -> Answer:
    prefix = _prefix(asked)
    shown = _route(services.routing.plan(), prefix)
    if shown is None:
        raise NotFound("route", prefix or "of all other numbers")
    return Answer(shown)


def set_route(services: HttpServices, asked: Asked) -> Answer:
    wanted, prefix = asked.body(RouteWanted), _prefix(asked)
    try:
        terms = RouteTerms(tuple(wanted.trunks), wanted.order)
    except ValueError as error:
        at = "$.trunks"
        raise asked_wrongly(problems.BAD_FIELD, f"{at}: {error}", field=at) from error
    services.routing.set_route(
        prefix,
        terms,
        asked.by(wanted.by),
        wanted.why,
        check=unless_changed(
            services, asked, kinds.ROUTING, kinds.ROUTING_ID, lambda plan: _route(plan, prefix)
        ),
    )
    return Answer(RouteShown(prefix, list(terms.trunks), terms.order))


def remove_route(services: HttpServices, asked: Asked) -> Answer:
    prefix = _prefix(asked)
    services.routing.remove_route(prefix, asked.by(), asked.parameters(DiscardAsked).why)
    return Answer(b"", 204)


# ---- what is blocked


def blocked(services: HttpServices, asked: Asked) -> Answer:
    return Answer(Page([tell(BlockedShown, each) for each in BLOCKED_RANGES], None))


def rules(services: HttpServices, asked: Asked) -> Answer:
    given = asked.parameters(PrefixesAsked)
    found = services.route_views.prefix_rules(given.after, given.limit)
    shown = [tell(RuleListed, each) for each in found]
    return asked.page(shown, found[-1].prefix if found else None)


def rule(services: HttpServices, asked: Asked) -> Answer:
    prefix = _prefix(asked)
    shown = _rule(services.routing.plan(), prefix)
    if shown is None:
        raise NotFound("blocked or allowed prefix", prefix)
    return Answer(shown)


def set_rule(services: HttpServices, asked: Asked) -> Answer:
    wanted, prefix = asked.body(RuleWanted), _prefix(asked)
    say = services.routing.allow if wanted.allowed else services.routing.block
    say(
        prefix,
        wanted.name,
        asked.by(wanted.by),
        wanted.why,
        check=unless_changed(
            services, asked, kinds.ROUTING, kinds.ROUTING_ID, lambda plan: _rule(plan, prefix)
        ),
    )
    return Answer(RuleShown(prefix, wanted.name, wanted.allowed))


def remove_rule(services: HttpServices, asked: Asked) -> Answer:
    prefix = _prefix(asked)
    services.routing.remove_rule(prefix, asked.by(), asked.parameters(DiscardAsked).why)
    return Answer(b"", 204)


# ---- preview


def preview(services: HttpServices, asked: Asked) -> Answer:
    given = asked.parameters(PreviewAsked)
    if (given.group is None) != (given.access_number is None):
        missing = "group" if given.group is None else "access_number"
        raise bad_parameter(missing, "is missing: the price depends on both")
    found = services.route_previews.preview(given.number, given.group, given.access_number)
    shown = PreviewShown(
        found.number,
        found.prefix,
        found.order,
        found.seconds,
        told(found.price) if found.price is not None else None,
        [_tried(place, each) for place, each in enumerate(found.tried, 1)],
        [tell(LeftOutShown, each) for each in found.left_out],
    )
    return Answer(shown)


def _tried(place: int, each: Tried) -> TriedShown:
    return TriedShown(
        place,
        each.route.trunk,
        each.route.provider,
        each.route.number,
        each.route.caller_id,
        each.has_room,
        told(each.cost) if each.cost is not None else None,
        told(each.converted) if each.converted is not None else None,
        told(each.margin) if each.margin is not None else None,
    )


def _prefix(asked: Asked) -> str:
    prefix = asked.path["prefix"]
    return "" if prefix == ALL else prefix


def _route(plan: RoutingPlan, prefix: str) -> RouteShown | None:
    terms = plan.routes.get(prefix)
    return RouteShown(prefix, list(terms.trunks), terms.order) if terms is not None else None


def _rule(plan: RoutingPlan, prefix: str) -> RuleShown | None:
    found = plan.rules.get(prefix)
    return RuleShown(prefix, found.name, found.allowed) if found is not None else None


_SEE, _CHANGE = Action.SEE_ROUTES, Action.CHANGE_ROUTES

ROUTES: Routes = {
    "/v1/routes": {
        "GET": Operation(
            listed, _SEE, "Routes, by prefix.", Page[RouteListed], query=PrefixesAsked, csv=True
        )
    },
    "/v1/routes/{prefix}": {
        "GET": Operation(one, _SEE, "The route of a prefix.", RouteShown),
        "PUT": Operation(
            set_route,
            _CHANGE,
            "Say which trunks lead to the numbers that begin with a prefix.",
            RouteShown,
            body=RouteWanted,
            guarded=True,
        ),
        "DELETE": Operation(
            remove_route,
            _CHANGE,
            "Remove a route: the next shorter prefix counts again.",
            None,
            query=DiscardAsked,
            status=204,
        ),
    },
    "/v1/blocked-ranges": {
        "GET": Operation(
            blocked,
            _SEE,
            "The ranges that are blocked by themselves, beside national premium numbers.",
            Page[BlockedShown],
            csv=True,
        )
    },
    "/v1/prefix-rules": {
        "GET": Operation(
            rules,
            _SEE,
            "The prefixes that the operator blocked or allowed.",
            Page[RuleListed],
            query=PrefixesAsked,
            csv=True,
        )
    },
    "/v1/prefix-rules/{prefix}": {
        "GET": Operation(rule, _SEE, "The operator's word on a prefix.", RuleShown),
        "PUT": Operation(
            set_rule,
            _CHANGE,
            "Block a prefix, or allow what is blocked by itself.",
            RuleShown,
            body=RuleWanted,
            guarded=True,
        ),
        "DELETE": Operation(
            remove_rule,
            _CHANGE,
            "Take a block or an allowance back.",
            None,
            query=DiscardAsked,
            status=204,
        ),
    },
    "/v1/route-preview": {
        "GET": Operation(
            preview,
            _SEE,
            "What a call to a number would try now, at what cost, and what it would not.",
            PreviewShown,
            query=PreviewAsked,
            problems=(KINDS["not-found"], KINDS["destination-not-sold"]),
        )
    },
}
