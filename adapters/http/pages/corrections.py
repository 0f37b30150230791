"""Refunds of a call's attempts, and the corrections that were run, with what came of each."""

from __future__ import annotations

from adapters.http.asking import read_fields
from adapters.http.calls import CallShown
from adapters.http.corrections import RefundSent
from adapters.http.pages.approved import approved, waiting
from adapters.http.pages.forms import Field, Kind, form, limited, read
from adapters.http.pages.lists import Column, ListPage
from adapters.http.pages.visits import Gone, Page, Reply, Shown, Visit
from adapters.http.wire import MoneyTold
from application.approvals import CORRECTION
from application.permissions import Action
from domain.errors import ApprovalNeeded

LIST = ListPage(
    "corrections",
    "Corrections",
    "/v1/corrections",
    Action.SEE_CALLS,
    "correction_id",
    (
        Column("name", "Name"),
        Column("calls", "Which calls"),
        Column("prices", "Priced by"),
        Column("by", "By"),
        Column("why", "Why"),
        Column("begun_at", "Begun", "moment"),
        Column(
            "totals",
            "Attempts",
            "number",
            value=lambda row: row.totals.attempts if row.totals else None,
        ),
    ),
    icon="fa-solid fa-scale-balanced",
    empty="No charges were corrected yet. talktime corrections preview looks at what would move.",
)


def _fields(unit: str) -> tuple[Field, ...]:
    return limited(
        RefundSent,
        (
            Field(
                "attempt", "Attempt", Kind.NUMBER, hint="Its number; empty: the only one charged."
            ),
            Field("amount", "Amount", Kind.MONEY, unit=unit, hint="Empty: all that is charged."),
            Field("why", "Why", hint="It stays on the record, with your name."),
        ),
    )


def show(visit: Visit) -> Reply:
    call = _call(visit)
    at = f"/calls/{call.session_id}"
    made = form(visit, _fields(_unit(call)), submit="Give it back", cancel=at)
    intro = "For what went wrong in a call. What was charged stays on the record, and so does this."
    attempts = visit.ask("GET", "/v1/calls/{id}/attempts", id=call.session_id).items
    for attempt in attempts:
        subject = f"attempt {attempt.number} of call {call.reference}"
        if (asked := waiting(visit, CORRECTION, subject)) is not None:
            intro += f" A {asked.details} for {subject} waits for a second person."
    crumbs = [("/calls", "Calls"), (at, call.reference)]
    return Shown("form.html", "Refund", {"form": made, "intro": intro, "crumbs": crumbs})


def refund(visit: Visit) -> Reply:
    assert visit.form is not None, "it was sent"
    call = _call(visit)
    sent = read(_fields(_unit(call)), visit.form)
    wanted = read_fields(sent, RefundSent)
    number, amount = _meant(visit, call, wanted)
    if amount is not None:
        subject = f"attempt {number} of call {call.reference}"
        details = f"refund of {amount.money()}"
        sent["approval_id"] = approved(visit, CORRECTION, subject, details)
    at = f"/calls/{call.session_id}"
    try:
        visit.ask("POST", "/v1/calls/{id}/refunds", sent=sent, **visit.path)
    except ApprovalNeeded:
        told = "A second person was asked to approve it. Then enter the same refund again."
        return Gone(at, told, "warning")
    return Gone(at, "It was given back.")


def _meant(visit: Visit, call: CallShown, wanted: RefundSent) -> tuple[int, MoneyTold | None]:
    """The attempt and the amount that an approval would name, also where fields are empty; no
    amount where they are not certain."""
    attempts = visit.ask("GET", "/v1/calls/{id}/attempts", id=call.session_id).items
    charged = [each for each in attempts if each.charge is not None and each.charge.money()]
    found = [each for each in charged if wanted.attempt in (None, each.number)]
    if len(found) != 1:
        return 0, None
    return found[0].number, wanted.amount or found[0].charge


def _call(visit: Visit) -> CallShown:
    call: CallShown = visit.ask("GET", "/v1/calls/{id}", id=visit.here("id"))
    return call


def _unit(call: CallShown) -> str:
    return call.charged.unit if call.charged is not None else "USD"


PAGES = (Page("/calls/{id}/refund", Action.CORRECT_CHARGES, show, refund),)
