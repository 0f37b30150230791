"""Calls: who called whom, what each attempt cost and why, and what happened in its order."""

from __future__ import annotations

from typing import Any

from adapters.http.calls import CallShown
from adapters.http.pages.cards import known
from adapters.http.pages.formats import money
from adapters.http.pages.forms import Choices
from adapters.http.pages.lists import Column, Filter, ListPage
from adapters.http.pages.timeline import lines
from adapters.http.pages.visits import Page, Reply, Shown, Visit
from application.permissions import Action
from application.views import MOST_ROWS, RecordedEvent
from domain.call_sessions import AttemptSettled, AttemptStarted
from domain.errors import NotFound
from domain.money import Money
from domain.rating import ChargeLine, charge

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
    prices = _prices(events)
    card = None
    if call.card_id is not None and visit.may(Action.SEE_CARDS):
        try:
            card = visit.ask("GET", "/v1/cards/{id}", id=call.card_id)
        except NotFound:
            card = None
    context = {
        "call": call,
        "state": state(call),
        "card": card,
        "attempts": [(each, prices.get(each.number, ())) for each in attempts],
        "lines": lines(events, known(visit, events, [call]), here=call.session_id)[::-1],
        "crumbs": [("/calls", "Calls")],
    }
    return Shown("call.html", f"Call {call.reference}", context)


def _prices(events: Any) -> dict[int, list[tuple[str, Money]]]:
    """Why each settled attempt cost what it did, computed again from the recorded terms."""
    started: dict[int, AttemptStarted] = {}
    out: dict[int, list[tuple[str, Money]]] = {}
    event: RecordedEvent
    for event in events:
        match event.fact:
            case AttemptStarted() as attempt:
                started[attempt.number] = attempt
            case AttemptSettled(number=number, answered_at=at) as settled if at is not None:
                terms = started[number].terms
                made = charge(terms, at, settled.seconds, setup_due=settled.setup_due)
                out[number] = [
                    (_line(line, terms.unit), Money(line.micros, terms.unit)) for line in made.lines
                ]
    return out


def _line(line: ChargeLine, unit: str) -> str:
    if line.since is None or line.until is None:
        return line.what.capitalize()
    rate = money(Money(line.per_minute, unit))
    return f"{line.seconds} seconds at {rate} a minute, {line.since:%H:%M:%S}–{line.until:%H:%M:%S}"


PAGES = (Page("/calls/{id}", Action.SEE_CALLS, show),)
