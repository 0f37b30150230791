"""Calls: who called whom, what each attempt cost and why, and what happened in its order."""

from __future__ import annotations

from adapters.http.calls import CallShown
from adapters.http.pages.cards import known
from adapters.http.pages.explanations import card_of, receipts
from adapters.http.pages.forms import Choices
from adapters.http.pages.lists import Column, Filter, ListPage
from adapters.http.pages.timeline import lines
from adapters.http.pages.visits import Page, Reply, Shown, Visit
from application.permissions import Action
from application.views import MOST_ROWS

_REVIEW: Choices = [("true", "to be looked at"), ("false", "settled without doubt")]


def state(call: CallShown) -> str:
    """What a list says of a call in one word."""
    if call.disputed:
        return "disputed"
    return "open" if call.ended_at is None else "ended"


LIST = ListPage(
    "calls",
    "Calls",
    "/v1/calls",
    Action.SEE_CALLS,
    "session_id",
    (
        Column("started_at", "Started", "moment", link="/calls/{session_id}", sort=True),
        Column("caller_id", "From", "code"),
        Column("access_number", "Access number", "code"),
        Column("state", "State", "status", value=state),
        Column("attempts", "Attempts", "number"),
        Column("seconds", "Talked", "duration"),
        Column("charged", "Cost", "money"),
        Column(
            "card",
            "Paid by",
            value=lambda row: "a card" if row.card_id else None,
            link="/cards/{card_id}",
        ),
    ),
    icon="fa-solid fa-phone",
    filters=(
        Filter("open", "Going on", [("true", "now")]),
        Filter("disputed", "Review", _REVIEW),
        Filter("card", "Card id", hint="Id of a card"),
    ),
    sorts={"started_at__desc": {"order": "newest"}, "started_at__asc": {"order": "oldest"}},
    empty="Nobody has called yet. An access number and an active card are all it needs.",
)


def show(visit: Visit) -> Reply:
    call: CallShown = visit.ask("GET", "/v1/calls/{id}", id=visit.here("id"))
    attempts = visit.ask("GET", "/v1/calls/{id}/attempts", id=call.session_id).items
    events = visit.services.views.history(call.session_id, 0, MOST_ROWS)
    found = visit.ask("GET", "/v1/calls/{id}/explanation", id=call.session_id)
    why = {each.attempt.number: each for each in receipts(found)}
    context = {
        "call": call,
        "state": state(call),
        "refundable": visit.may(Action.CORRECT_CHARGES) and bool(call.charged),
        "card": card_of(visit, call),
        "attempts": [(each, why.get(each.number)) for each in attempts],
        "lines": lines(events, known(visit, events, [call]), here=call.session_id)[::-1],
        "crumbs": [("/calls", "Calls")],
    }
    return Shown("call.html", f"Call {call.reference}", context)


PAGES = (Page("/calls/{id}", Action.SEE_CALLS, show),)
