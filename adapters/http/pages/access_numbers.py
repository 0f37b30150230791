"""Access numbers: the numbers that customers dial in, and what answers there."""

from __future__ import annotations

from adapters.http.access_numbers import (
    AccessNumberShown,
    AccessNumberWanted,
    AccessTermsTold,
    AccessTermsWanted,
)
from adapters.http.pages.forms import Field, Kind, form, limited, read
from adapters.http.pages.lists import Button, Column, ListPage
from adapters.http.pages.visits import Gone, Page, Reply, Shown, Visit, seen
from application.permissions import Action
from domain.login import LoginMode

_MODES = {
    LoginMode.NUMBER_AND_PIN: "card number and PIN",
    LoginMode.NUMBER_ONLY: "card number alone",
    LoginMode.PIN_ONLY: "PIN alone",
}

_NUMBER = Field(
    "number", "Number", hint="As Asterisk receives it, such as 18005550100. It stays.", wide=True
)
_TERMS = (
    Field(
        "terms.login_mode",
        "Callers are asked for",
        Kind.CHOICE,
        choices=[(mode.value, told) for mode, told in _MODES.items()],
        default=LoginMode.NUMBER_AND_PIN,
        heading="What answers there",
    ),
    Field("terms.language", "Language", default="en", hint="A code such as en or zh_CN."),
    Field(
        "terms.first_announcement",
        "First announcement",
        hint="A file of Asterisk's sounds, without its ending.",
    ),
    Field(
        "terms.country",
        "Callers' country",
        default="US",
        limits={"maxlength": 2},
        hint="ISO 3166-1: whose numbers arrive without a country code.",
    ),
    Field(
        "terms.surcharge",
        "Surcharge of a call",
        Kind.MONEY,
        unit="@unit",
        heading="What a call costs on top",
    ),
    Field("terms.surcharge_per_minute", "Surcharge of a minute", Kind.MONEY, unit="@unit"),
)
_UNIT = Field(
    "unit",
    "Unit of the surcharges",
    hint="That of the cards that call here.",
    limits={"maxlength": 3},
)
_REST = (
    Field("terms.open", "Open: callers are let in", Kind.TICK, default=True),
    Field("why", "Why", hint="It stays on the record, with your name.", wide=True),
)
_NEW = limited(AccessNumberWanted, (_NUMBER, *_TERMS, *_REST))
_CHANGE = limited(AccessTermsWanted, (*_TERMS, *_REST))


LIST = ListPage(
    "access-numbers",
    "Access numbers",
    "/v1/access-numbers",
    Action.SEE_ACCESS_NUMBERS,
    "access_number_id",
    (
        Column("number", "Number", "code", link="/access-numbers/{access_number_id}"),
        Column(
            "open",
            "State",
            "status",
            value=lambda row: "enabled" if row.terms.open else "closed",
        ),
        Column("login", "Asks for", value=lambda row: _MODES[row.terms.login_mode]),
        Column("language", "Language", value=lambda row: row.terms.language),
        Column("announcement", "First announcement", value=lambda r: r.terms.first_announcement),
        Column("surcharge", "A call", "money", value=lambda row: row.terms.surcharge),
        Column("per_minute", "A minute", "money", value=lambda r: r.terms.surcharge_per_minute),
        Column("country", "Callers from", value=lambda row: row.terms.country),
    ),
    icon="fa-solid fa-phone-volume",
    search="number",
    search_label="Whole number",
    buttons=(Button("New access number", "/access-numbers/new", Action.CHANGE_ACCESS_NUMBERS),),
    intro="Asterisk asks for these terms with every call: no dialplan has to be touched.",
    empty="Add the number that customers will dial in.",
)


def show(visit: Visit) -> Reply:
    access: AccessNumberShown = visit.ask("GET", "/v1/access-numbers/{id}", id=visit.here("id"))
    terms = access.terms
    context = {
        "access": access,
        "rows": [
            ("Callers are asked for", "text", _MODES[terms.login_mode]),
            ("Language", "text", terms.language),
            ("First announcement", "text", terms.first_announcement),
            ("Surcharge of a call", "money", terms.surcharge),
            ("Surcharge of a minute", "money", terms.surcharge_per_minute),
            ("Callers' country", "text", terms.country),
        ],
        "may_change": visit.may(Action.CHANGE_ACCESS_NUMBERS),
        "history": visit.services.views.latest(access.access_number_id, 50),
        "crumbs": [("/access-numbers", "Access numbers")],
    }
    return Shown("access_number.html", access.number, context)


def show_new(visit: Visit) -> Reply:
    made = form(visit, _with_unit(_NEW), source={"unit": "USD"}, submit="Add the number",
                cancel="/access-numbers")  # fmt: skip
    return Shown("form.html", "New access number", {"form": made, "crumbs": _CRUMBS})


def add(visit: Visit) -> Reply:
    made: AccessNumberShown = visit.ask("POST", "/v1/access-numbers", sent=read(_NEW, visit.sent))
    return Gone(f"/access-numbers/{made.access_number_id}", "The number answers from now on.")


def show_change(visit: Visit) -> Reply:
    access: AccessNumberShown = visit.ask("GET", "/v1/access-numbers/{id}", id=visit.here("id"))
    source = {"terms": access.terms, "unit": _unit_of(access.terms)}
    made = form(
        visit,
        _with_unit(_CHANGE),
        source=source,
        submit="Save",
        seen=seen(access),
        cancel=f"/access-numbers/{access.access_number_id}",
    )
    intro = "New terms count from the next call on. Calls that are up keep theirs."
    context = {"form": made, "intro": intro, "crumbs": _CRUMBS}
    return Shown("form.html", f"Change {access.number}", context)


def change(visit: Visit) -> Reply:
    visit.ask("PUT", "/v1/access-numbers/{id}", sent=read(_CHANGE, visit.sent), **visit.path)
    return Gone(f"/access-numbers/{visit.here('id')}", "The number is changed.")


_CRUMBS = [("/access-numbers", "Access numbers")]


def _with_unit(fields: tuple[Field, ...]) -> tuple[Field, ...]:
    """The unit behind the surcharges: a field of the page, not of the request."""
    return (*fields[: -len(_REST)], _UNIT, *fields[-len(_REST) :])


def _unit_of(terms: AccessTermsTold) -> str:
    known = terms.surcharge or terms.surcharge_per_minute
    return known.unit if known is not None else "USD"


PAGES = (
    Page("/access-numbers/new", Action.CHANGE_ACCESS_NUMBERS, show_new, add),
    Page("/access-numbers/{id}", Action.SEE_ACCESS_NUMBERS, show),
    Page("/access-numbers/{id}/change", Action.CHANGE_ACCESS_NUMBERS, show_change, change),
)
