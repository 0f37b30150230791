"""Distributors: who sells which ranges of cards."""

from __future__ import annotations

from attrs import evolve as changed

from adapters.http.distributors import DistributorShown, DistributorWanted, RangeSent
from adapters.http.pages.forms import Field, form, form_page, limited, read
from adapters.http.pages.lists import Button, Column, ListPage
from adapters.http.pages.visits import Gone, Page, Reply, Shown, Visit
from application.permissions import Action
from application.views import MOST_ROWS

CARDS_SHOWN = 25

LIST = ListPage(
    "distributors",
    "Distributors",
    "/v1/distributors",
    Action.SEE_LOTS,
    "distributor_id",
    (
        Column("name", "Name", link="/distributors/{distributor_id}"),
        Column("ranges", "Ranges", "number"),
        Column("numbers", "Card numbers", "number"),
    ),
    icon="fa-solid fa-truck",
    buttons=(Button("Add a distributor", "/distributors/new", Action.CHANGE_LOTS),),
    intro="A distributor signs in, sees the cards that are with it and switches these, no others.",
    empty="Add one, give it a range of cards, and let a person in with the role distributor.",
)

NEW = form_page(
    "/distributors/new",
    ("POST", "/v1/distributors"),
    Action.CHANGE_LOTS,
    (Field("name", "Name", wide=True),),
    title="Add a distributor",
    body=DistributorWanted,
    then="/distributors/{distributor_id}",
    done="The distributor is there, and has no cards yet.",
    submit="Add the distributor",
)

_DIGITS = {"inputmode": "numeric", "class": "form-control tt-code"}
_RANGE = limited(
    RangeSent,
    (
        Field("first", "First number", limits=_DIGITS),
        Field("last", "Last number", limits=_DIGITS),
        Field("why", "Why", wide=True),
    ),
)


def show(visit: Visit) -> Reply:
    distributor: DistributorShown = visit.ask("GET", "/v1/distributors/{id}", id=visit.here("id"))
    at = f"/distributors/{distributor.distributor_id}"
    ranges = visit.ask(
        "GET",
        "/v1/distributors/{id}/ranges",
        given={"limit": MOST_ROWS},
        id=distributor.distributor_id,
    )
    cards = visit.ask(
        "GET",
        "/v1/distributors/{id}/cards",
        given={"limit": CARDS_SHOWN, "after": visit.query.get("after")},
        id=distributor.distributor_id,
    )
    assign = take_back = None
    if visit.may(Action.CHANGE_LOTS):
        assign = form(_at(visit, f"{at}/assign"), _RANGE, submit="Give them", to=f"{at}/assign")
        take_back = form(
            _at(visit, f"{at}/return"), _RANGE, submit="Take them back", to=f"{at}/return"
        )
    context = {
        "distributor": distributor,
        "ranges": ranges.items,
        "more_ranges": ranges.next is not None,
        "cards": cards.items,
        "after": cards.items[-1].number if cards.next else None,
        "assign": assign,
        "take_back": take_back,
        "crumbs": [("/distributors", "Distributors")],
    }
    return Shown("distributor.html", distributor.name, context)


def _at(visit: Visit, to: str) -> Visit:
    return visit if visit.address == to else changed(visit, form=None, problem=None)


def assign(visit: Visit) -> Reply:
    return _sent(visit, "/v1/distributors/{id}/ranges", "The cards are with it now.")


def take_back(visit: Visit) -> Reply:
    return _sent(visit, "/v1/distributors/{id}/returns", "What it had of these is with nobody now.")


def _sent(visit: Visit, operation: str, done: str) -> Reply:
    assert visit.form is not None, "it was sent"
    visit.ask("POST", operation, sent=read(_RANGE, visit.form), **visit.path)
    return Gone(f"/distributors/{visit.here('id')}", done)


PAGES = (
    NEW,
    Page("/distributors/{id}", Action.SEE_LOTS, show),
    Page("/distributors/{id}/assign", Action.CHANGE_LOTS, show, assign),
    Page("/distributors/{id}/return", Action.CHANGE_LOTS, show, take_back),
)
