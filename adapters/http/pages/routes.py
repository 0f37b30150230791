"""Routes and blocked prefixes: which way calls go, and which numbers nobody may dial."""

from __future__ import annotations

from attrs import evolve as changed

from adapters.http.pages.carriers import trunks
from adapters.http.pages.forms import Choices, Field, Kind, form, limited, read
from adapters.http.pages.groups import choices as groups
from adapters.http.pages.lists import Button, Column, ListPage
from adapters.http.pages.prices import access_numbers, digits
from adapters.http.pages.visits import Gone, Page, Reply, Shown, Visit, refused, seen
from adapters.http.problems import Problem
from adapters.http.refusals import problem_of
from adapters.http.routes import ALL, PreviewShown, RouteWanted, RuleWanted
from application.permissions import Action
from application.views import MOST_ROWS
from domain.errors import NotFound
from domain.routing import Order

LIST = ListPage(
    "routes",
    "Routes",
    "/v1/routes",
    Action.SEE_ROUTES,
    "key",
    (
        Column("prefix", "Numbers that begin with", "code", link="/routes/{key}",
               value=lambda row: row.prefix or "all others"),
        Column("trunks", "Trunks", value=lambda row: ", ".join(row.trunks) or "all of them"),
        Column("order", "Order"),
        Column("changed_at", "Changed", "moment"),
        Column("changed_by", "By"),
        Column("why", "Why"),
    ),
    icon="fa-solid fa-route",
    buttons=(
        Button("New route", "/routes/new", Action.CHANGE_ROUTES),
        Button("Which way would a call go?", "/route-preview", Action.SEE_ROUTES,
               "fa-solid fa-magnifying-glass"),
    ),
    intro="Without a route every trunk may carry a call, the cheapest first. The route of the"
    " longest prefix counts.",
    empty="No route is needed: calls take the cheapest trunk. Set one to send some numbers"
    " another way.",
)  # fmt: skip

_PREFIX = Field(
    "prefix",
    "Numbers that begin with",
    hint="Digits, country code first; all: all others.",
    required=True,
    wide=True,
    limits={"maxlength": 15},
)
_ROUTE = limited(
    RouteWanted,
    (
        Field("trunks", "Trunks", Kind.CHOICES, choices=trunks, hint="None: all.", wide=True),
        Field("order", "Tried", Kind.CHOICE, choices=[(each.value, each.value) for each in Order],
              default=Order.CHEAPEST, wide=True),
        Field("why", "Why", hint="It stays on the record, with your name.", wide=True),
    ),
)  # fmt: skip
_WHY = Field("removal_why", "Why", required=True, wide=True, limits={"maxlength": 200})


def show(visit: Visit) -> Reply:
    """The form of a route: of a new one, or of the one in the path."""
    key = str(visit.path.get("prefix", ""))
    route = None
    if key:
        try:
            route = visit.ask("GET", "/v1/routes/{prefix}", prefix=key)
        except NotFound:
            visit.nothing_here()
    context = {
        "form": form(
            visit,
            _ROUTE if key else (_PREFIX, *_ROUTE),
            source=route,
            submit="Save the route" if key else "Set the route",
            to=f"/routes/{key}" if key else "/routes/new",
            seen=seen(route) if key else "",
            cancel="/routes",
        ),
        "remove": form(
            visit, (_WHY,), submit="Remove the route", to=f"/routes/{key}/remove", danger=True
        )
        if key
        else None,
        "may_change": visit.may(Action.CHANGE_ROUTES),
        "route": route,
        "crumbs": [("/routes", "Routes")],
    }
    name = "New route" if not key else f"Route of {'all others' if key == ALL else key}"
    return Shown("route.html", name, context)


def save(visit: Visit) -> Reply:
    visit.check(Action.CHANGE_ROUTES)
    key = str(visit.path.get("prefix", "")) or prefix_of(visit)
    visit.ask("PUT", "/v1/routes/{prefix}", sent=read(_ROUTE, visit.sent), prefix=key)
    return Gone("/routes", "The route is set. It counts from the next call on.")


def remove(visit: Visit) -> Reply:
    given = {"why": read((_WHY,), visit.sent)["removal_why"]}
    visit.ask("DELETE", "/v1/routes/{prefix}", given=given, **visit.path)
    return Gone("/routes", "The route is removed: the next shorter prefix counts again.")


def prefix_of(visit: Visit) -> str:
    """The prefix that was filled in. Raises AskedWrongly for what can be none."""
    told = digits(visit.filled("prefix")).removeprefix("+")
    if told == ALL or (told.isascii() and told.isdigit()):
        return told
    raise refused("digits, country code first, such as 4822", "prefix")


# ---- what is blocked

_RULE = limited(
    RuleWanted,
    (
        Field("name", "What numbers these are", wide=True),
        Field("why", "Why", hint="It stays on the record, with your name.", wide=True),
    ),
)
_WORD: Choices = (("block", "Let nobody dial them"), ("allow", "Let them be dialled"))
_ALLOWED = Field("word", "And", Kind.CHOICE, choices=_WORD, required=True, wide=True)


def show_blocked(visit: Visit) -> Reply:
    own = visit.ask("GET", "/v1/blocked-ranges").items
    rules = visit.ask("GET", "/v1/prefix-rules", given={"limit": MOST_ROWS}).items
    made = None
    if visit.may(Action.CHANGE_ROUTES):
        made = form(
            visit,
            (changed(_PREFIX, hint="Digits, country code first."), _RULE[0], _ALLOWED, _RULE[1]),
            source={"prefix": visit.query.get("prefix", ""), "word": "block"},
            submit="Put it on the list",
            to="/blocked",
        )
    context = {"own": own, "rules": rules, "form": made}
    return Shown("blocked.html", "Blocked numbers", context)


def set_rule(visit: Visit) -> Reply:
    visit.check(Action.CHANGE_ROUTES)
    sent = read(_RULE, visit.sent)
    sent["allowed"] = visit.filled("word") == "allow"
    prefix = prefix_of(visit)
    visit.ask("PUT", "/v1/prefix-rules/{prefix}", sent=sent, prefix=prefix)
    told = "may be dialled" if sent["allowed"] else "is blocked"
    return Gone("/blocked", f"What begins with {prefix} {told}.")


def remove_rule(visit: Visit) -> Reply:
    given = {"why": visit.filled("why") or "taken back"}
    visit.ask("DELETE", "/v1/prefix-rules/{prefix}", given=given, **visit.path)
    return Gone("/blocked", f"{visit.here('prefix')} is as it is by itself again.")


# ---- which way a call would go


def preview(visit: Visit) -> Reply:
    query = visit.query
    numbers, names = access_numbers(visit), groups(visit)
    filled = {
        "number": query.get("number", ""),
        "group": query.get("group", names[0][0] if names and "number" not in query else ""),
        "access_number": query.get(
            "access_number", numbers[0][0] if numbers and "number" not in query else ""
        ),
    }
    found: PreviewShown | None = None
    problem: Problem | None = None
    if filled["number"]:
        try:
            given = {**filled, "number": digits(filled["number"])}
            found = visit.ask("GET", "/v1/route-preview", given=given)
        except Exception as error:
            problem = problem_of(error)
            if problem is None:
                raise
    context = {
        "filled": filled,
        "numbers": numbers,
        "groups": names,
        "found": found,
        "wrong": problem,
        "crumbs": [("/routes", "Routes")],
    }
    return Shown("route_preview.html", "Which way would a call go?", context)


PAGES = (
    Page("/routes/new", Action.CHANGE_ROUTES, show, save),
    Page("/routes/{prefix}", Action.SEE_ROUTES, show, save),
    Page("/routes/{prefix}/remove", Action.CHANGE_ROUTES, show, remove),
    Page(
        "/blocked",
        Action.SEE_ROUTES,
        show_blocked,
        set_rule,
        label="Blocked numbers",
        icon="fa-solid fa-ban",
    ),
    Page("/blocked/{prefix}/remove", Action.CHANGE_ROUTES, None, remove_rule),
    Page(
        "/route-preview",
        Action.SEE_ROUTES,
        preview,
        label="Which way a call goes",
        icon="fa-solid fa-signs-post",
    ),
)
