"""Providers and trunks: who calls are bought from, and the lines they go out through."""

from __future__ import annotations

from adapters.http.pages.forms import Choices, Field, Kind, form_page
from adapters.http.pages.lists import Button, Column, Filter, ListPage
from adapters.http.pages.visits import Page, Reply, Shown, Visit
from adapters.http.providers import ProviderChange, ProviderShown, ProviderWanted
from adapters.http.tariffs import TariffShown
from adapters.http.trunks import TrunkChange, TrunkWanted
from application.permissions import Action
from application.views import MOST_ROWS
from domain.errors import NotFound

_WHY = Field("why", "Why", hint="It stays on the record, with your name.", wide=True)


def providers(visit: Visit) -> Choices:
    if not visit.may(Action.SEE_ROUTES):
        return ()
    found = visit.ask("GET", "/v1/providers", given={"limit": MOST_ROWS}).items
    return [(each.name, each.name) for each in found]


def trunks(visit: Visit) -> Choices:
    if not visit.may(Action.SEE_ROUTES):
        return ()
    found = visit.ask("GET", "/v1/trunks", given={"limit": MOST_ROWS}).items
    return [(each.name, f"{each.name} ({each.provider})") for each in found]


def _use(row: object) -> str:
    return "in use" if getattr(row, "active", False) else "not in use"


PROVIDERS = ListPage(
    "providers",
    "Providers",
    "/v1/providers",
    Action.SEE_ROUTES,
    "provider_id",
    (
        Column("name", "Provider", link="/providers/{provider_id}"),
        Column("unit", "Paid in"),
        Column("rated", "Serves", value=lambda row: _serves(row.rated)),
        Column("active", "State", "status", value=_use),
        Column("changed_at", "Changed", "moment"),
        Column("changed_by", "By"),
        Column("why", "Why"),
    ),
    icon="fa-solid fa-tower-broadcast",
    buttons=(Button("New provider", "/providers/new", Action.CHANGE_ROUTES),),
    intro="The carriers that calls are bought from. Without an active one its trunks stay silent.",
    empty="Add a first provider, send its rates, then add its trunks.",
)

TRUNKS = ListPage(
    "trunks",
    "Trunks",
    "/v1/trunks",
    Action.SEE_ROUTES,
    "trunk_id",
    (
        Column("name", "Trunk", "code", link="/trunks/{trunk_id}/change"),
        Column("provider", "Provider", link="/providers/{provider_id}"),
        Column("capacity", "Calls at once", "number"),
        Column("priority", "Priority", "number"),
        Column("translations", "Sends", value=lambda row: ", ".join(map(said, row.translations))),
        Column("caller_id", "Presents", "code"),
        Column("active", "State", "status", value=_use),
        Column("changed_at", "Changed", "moment"),
    ),
    icon="fa-solid fa-diagram-project",
    filters=(Filter("provider", "Provider", providers),),
    buttons=(Button("New trunk", "/trunks/new", Action.CHANGE_ROUTES),),
    intro="A trunk has the name of its PJSIP endpoint. It carries calls as soon as it is here.",
    empty="A trunk is a line to a provider: add the provider first.",
)


def _serves(rated: bool) -> str:
    return "what it has a rate for" if rated else "everything, at unknown cost"


def said(translation: str) -> str:
    """``48:2:0`` as ``48… → 0…``."""
    match, strip, prepend = translation.split(":")
    return f"{match}… → {prepend}{match[int(strip) :]}…" if match else f"… → {prepend}…"


_RATED = Field(
    "rated", "It serves only what its rate sheet has a rate for", Kind.TICK, default=True, wide=True
)
_ACTIVE = Field("active", "In use", Kind.TICK, default=True, wide=True)

NEW_PROVIDER = form_page(
    "/providers/new",
    ("POST", "/v1/providers"),
    Action.CHANGE_ROUTES,
    (
        Field("name", "Name", hint="Letters, digits, _, . and -. It stays."),
        Field("unit", "Paid in", hint="ISO 4217, such as EUR. It stays.", default="USD",
              limits={"maxlength": 3}),
        _RATED,
        _WHY,
    ),
    title="New provider",
    body=ProviderWanted,
    then="/providers/{provider_id}",
    done="The provider is there. Send its rates next.",
    submit="Add the provider",
)  # fmt: skip

CHANGE_PROVIDER = form_page(
    "/providers/{id}/change",
    ("PUT", "/v1/providers/{id}"),
    Action.CHANGE_ROUTES,
    (_RATED, _ACTIVE, _WHY),
    title="Change {name}",
    body=ProviderChange,
    source=("GET", "/v1/providers/{id}"),
    then="/providers/{id}",
    done="The provider is changed.",
    submit="Save",
)

_TRUNK = (
    Field("provider", "Provider", Kind.CHOICE, choices=providers),
    Field("capacity", "Calls at once", Kind.NUMBER, default=30),
    Field(
        "priority", "Priority", Kind.NUMBER, default=100, hint="Of equal costs the lowest first."
    ),
    Field("caller_id", "Presents", hint="A number; empty: the caller's own."),
    Field(
        "translations",
        "Sends numbers as",
        Kind.LIST,
        hint="match:strip:prepend, several divided by commas. 48:2:0 sends 4822… as 022…, "
        ":0:00 puts 00 in front of all others.",
        wide=True,
    ),
    _ACTIVE,
)

NEW_TRUNK = form_page(
    "/trunks/new",
    ("POST", "/v1/trunks"),
    Action.CHANGE_ROUTES,
    (Field("name", "Name of the PJSIP endpoint", hint="It stays.", wide=True), *_TRUNK, _WHY),
    title="New trunk",
    body=TrunkWanted,
    then="/trunks",
    done="The trunk is there, and carries calls.",
    submit="Add the trunk",
)

CHANGE_TRUNK = form_page(
    "/trunks/{id}/change",
    ("PUT", "/v1/trunks/{id}"),
    Action.CHANGE_ROUTES,
    (*_TRUNK, _WHY),
    title="Trunk {name}",
    body=TrunkChange,
    source=("GET", "/v1/trunks/{id}"),
    then="/trunks",
    done="The trunk is changed. Calls that are up stay up.",
    submit="Save",
)


def show_provider(visit: Visit) -> Reply:
    provider: ProviderShown = visit.ask("GET", "/v1/providers/{id}", id=visit.here("id"))
    given = {"provider": provider.name, "limit": MOST_ROWS}
    lines = visit.ask("GET", "/v1/trunks", given=given).items
    rates: TariffShown | None = None
    if visit.may(Action.SEE_TARIFFS):
        try:
            rates = visit.ask("GET", "/v1/tariffs/{id}", id=provider.tariff_id)
        except NotFound:
            rates = None
    running = None
    if rates is not None:
        running = next((each for each in rates.schedule if each.version == rates.in_force), None)
    context = {
        "provider": provider,
        "serves": _serves(provider.rated),
        "trunks": lines,
        "sends": lambda row: ", ".join(map(said, row.translations)),
        "rates": rates,
        "running": running,
        "may_change": visit.may(Action.CHANGE_ROUTES),
        "may_send": visit.may(Action.CHANGE_TARIFFS),
        "history": visit.services.views.latest(provider.provider_id, 50),
        "crumbs": [("/providers", "Providers")],
    }
    return Shown("provider.html", provider.name, context)


PAGES = (
    NEW_PROVIDER,
    Page("/providers/{id}", Action.SEE_ROUTES, show_provider),
    CHANGE_PROVIDER,
)
TRUNK_PAGES = (NEW_TRUNK, CHANGE_TRUNK)
