"""Card groups: the terms that cards are sold under, every one of them with its limits."""

from __future__ import annotations

from adapters.http.groups import GroupShown, GroupWanted, TermsWanted
from adapters.http.pages.forms import Choices, Field, Kind, form_page
from adapters.http.pages.lists import Button, Column, ListPage
from adapters.http.pages.visits import Page, Reply, Shown, Visit
from application.permissions import Action
from application.views import MOST_ROWS
from domain.login import LoginMode

_OPEN = {
    LoginMode.NUMBER_AND_PIN: "card number and PIN",
    LoginMode.NUMBER_ONLY: "card number alone",
    LoginMode.PIN_ONLY: "PIN alone",
}


def choices(visit: Visit) -> Choices:
    """The names of all card groups, for filters and forms."""
    if not visit.may(Action.SEE_GROUPS):
        return ()
    found = visit.ask("GET", "/v1/groups", given={"limit": MOST_ROWS}).items
    return sorted((each.name, each.name) for each in found)


def _tariffs(visit: Visit) -> Choices:
    found = visit.ask("GET", "/v1/tariffs", given={"limit": MOST_ROWS}).items
    return sorted((each.name, each.name) for each in found)


_TERMS = (
    Field(
        "terms.unit",
        "Currency",
        hint="ISO 4217, such as USD; MIN for talk minutes. It stays.",
        heading="What is sold",
        limits={"maxlength": 3},
    ),
    Field(
        "terms.face_value",
        "Face value",
        Kind.MONEY,
        unit="@terms.unit",
        hint="What a card is worth when it is new.",
    ),
    Field(
        "terms.tariff", "Tariff", Kind.CHOICE, choices=_tariffs, hint="What calls are priced by."
    ),
    Field(
        "terms.setup_fee",
        "Setup fee",
        Kind.MONEY,
        unit="@terms.unit",
        hint="Once, with the first connected call.",
    ),
    Field(
        "terms.daily_fee",
        "Daily fee",
        Kind.MONEY,
        unit="@terms.unit",
        hint="Each calendar day from first use.",
    ),
    Field(
        "terms.login_mode",
        "A card is opened by",
        Kind.CHOICE,
        choices=[(mode.value, _OPEN.get(mode, mode.value)) for mode in LoginMode],
        default=LoginMode.NUMBER_AND_PIN,
        heading="How a card is opened",
    ),
    Field("terms.number_length", "Digits of a card number", Kind.NUMBER, default=10),
    Field(
        "terms.pin_length",
        "Digits of a PIN",
        Kind.NUMBER,
        default=8,
        hint="One PIN in five of a length may be in use.",
    ),
    Field(
        "terms.pinless_allowed",
        "A stored caller ID may stand in for the PIN",
        Kind.TICK,
        default=True,
    ),
    Field(
        "terms.store_caller_id_at_login", "The right PIN stores the caller ID by itself", Kind.TICK
    ),
    Field("terms.deny_double_use", "A bound card is refused to other caller IDs", Kind.TICK),
    Field(
        "terms.expires_on",
        "Expires on",
        Kind.MOMENT,
        hint="UTC. Empty: no day for all cards. What is left then falls to you.",
        heading="How long it lasts",
    ),
    Field(
        "terms.valid_days",
        "Days after first use",
        Kind.NUMBER,
        unit="days",
        default=0,
        hint="0: for ever. Fewer days end cards that were used before, with what is left on them.",
    ),
    Field(
        "terms.simultaneous_calls",
        "Calls at the same time",
        Kind.NUMBER,
        default=1,
        heading="What one call may do",
    ),
    Field(
        "terms.most_held",
        "Held for one call at most",
        Kind.MONEY,
        unit="@terms.unit",
        hint="So that something is left for calls beside it.",
    ),
    Field("terms.longest_call", "Longest call", Kind.NUMBER, unit="seconds", default=7200),
    Field(
        "terms.minimum_balance",
        "Least balance to call",
        Kind.MONEY,
        unit="@terms.unit",
        hint="A card with less is treated as empty.",
    ),
    Field(
        "terms.operator_number",
        "0# calls",
        hint="E.164, such as +18005550199.",
        limits={"placeholder": "+18005550199"},
    ),
    Field(
        "terms.languages",
        "Languages",
        Kind.LIST,
        default=["en"],
        hint="Codes, the first is spoken first: en, es.",
        heading="What callers hear",
    ),
    Field(
        "terms.first_announcement",
        "First announcement",
        hint="A file of Asterisk's sounds, without its ending.",
    ),
    Field(
        "terms.ghost_percent",
        "Announced talk time",
        Kind.NUMBER,
        unit="%",
        default=100,
        hint="For speech only; the reports show announced against delivered minutes.",
    ),
    Field("terms.say_balance", "Say the balance", Kind.TICK, default=True),
    Field("terms.say_time", "Say the talk time", Kind.TICK, default=True),
)

LIST = ListPage(
    "groups",
    "Card groups",
    "/v1/groups",
    Action.SEE_GROUPS,
    "group_id",
    (
        Column("name", "Name", link="/groups/{group_id}"),
        Column("face_value", "Face value", "money", value=lambda row: row.terms.face_value),
        Column("tariff", "Tariff", value=lambda row: row.terms.tariff),
        Column("opened_by", "Opened by", value=lambda row: _opened_by(row)),
        Column("valid", "Valid after first use", value=lambda row: _valid(row)),
        Column("daily_fee", "Daily fee", "money", value=lambda row: row.terms.daily_fee),
        Column("languages", "Languages", value=lambda row: row.terms.languages),
    ),
    icon="fa-solid fa-layer-group",
    search="name",
    search_label="Exact name",
    buttons=(Button("New card group", "/groups/new", Action.CHANGE_GROUPS),),
    intro="The terms that cards are sold under. A change never changes what a past call has cost.",
    empty="Begin with a card group: its terms say what a card is worth and how calls are priced.",
)

NEW = form_page(
    "/groups/new",
    ("POST", "/v1/groups"),
    Action.CHANGE_GROUPS,
    (Field("name", "Name", hint="As people here call it. It stays.", wide=True), *_TERMS),
    title="New card group",
    body=GroupWanted,
    then="/groups/{group_id}",
    done="The card group is there. Cards can be made under it.",
    submit="Create the card group",
)

CHANGE = form_page(
    "/groups/{id}/change",
    ("PUT", "/v1/groups/{id}"),
    Action.CHANGE_GROUPS,
    _TERMS,
    title="Change {name}",
    body=TermsWanted,
    source=("GET", "/v1/groups/{id}"),
    then="/groups/{id}",
    done="The terms are changed. They count from the next call on.",
    submit="Save the terms",
    intro="New terms count from the next call on. What calls have cost stays as it was.",
)


def show(visit: Visit) -> Reply:
    group: GroupShown = visit.ask("GET", "/v1/groups/{id}", id=visit.here("id"))
    parts: list[tuple[str, list[tuple[str, str, object]]]] = []
    for each in _TERMS:
        if each.heading:
            parts.append((each.heading, []))
        name = each.name.removeprefix("terms.")
        value: object = getattr(group.terms, name)
        kind = {Kind.MONEY: "money", Kind.MOMENT: "moment"}.get(each.kind, "text")
        if name == "login_mode":
            value = _opened_by(group)
        elif each.unit and kind == "text" and value is not None:
            value = f"{value:,} {each.unit}"
        parts[-1][1].append((each.label, kind, value))
    history = visit.services.views.latest(group.group_id, 50)
    context = {
        "group": group,
        "parts": parts,
        "history": [
            (each.recorded_at, getattr(each.fact, "by", ""), each.version) for each in history
        ],
        "crumbs": [("/groups", "Card groups")],
    }
    return Shown("group.html", group.name, context)


def _opened_by(group: GroupShown) -> str:
    return _OPEN.get(group.terms.login_mode, group.terms.login_mode.value)


def _valid(group: GroupShown) -> str | None:
    return f"{group.terms.valid_days:,} days" if group.terms.valid_days else None


PAGES = (NEW, Page("/groups/{id}", Action.SEE_GROUPS, show), CHANGE)
