"""Cards: found, looked at with all that happened to them, blocked, refilled."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from adapters.http.accounts import AccountShown
from adapters.http.calls import CallShown
from adapters.http.cards import CardShown, StatusWanted, TopUpSent
from adapters.http.pages.forms import Choices, Field, Kind, form, limited, read
from adapters.http.pages.groups import choices as groups
from adapters.http.pages.lists import Batch, Column, Filter, ListPage
from adapters.http.pages.timeline import Attempt, Known, lines
from adapters.http.pages.visits import Gone, Page, Reply, Shown, Visit, refused
from adapters.http.refusals import problem_of
from application import kinds
from application.approvals import LOT_VOID
from application.card_changes import FOR_DISTRIBUTORS
from application.permissions import Action
from application.views import RecordedEvent
from domain.cards import Status
from domain.errors import NotFound, Refused
from domain.top_ups import TopUpReceived

CALLS_SHOWN = 15
FACTS_SHOWN = 200
MOST_AT_ONCE = 250

_ASKED: Choices = [
    (each.value, each.value)
    for each in (
        Status.ACTIVE,
        Status.ON_HOLD,
        Status.PRINTED,
        Status.SHIPPED,
        Status.CANCELLED,
        Status.VOID,
    )
]
_SOLD: Choices = [("true", "sold"), ("false", "not sold")]

LIST = ListPage(
    "cards",
    "Cards",
    "/v1/cards",
    Action.SEE_CARDS,
    "card_id",
    (
        Column("number", "Number", "code", link="/cards/{card_id}"),
        Column("group", "Card group"),
        Column("status", "Status", "status"),
        Column("sold", "Sold", value=lambda row: "sold" if row.sold else None, kind="status"),
        Column("face_value", "Face value", "money"),
        Column("caller_id", "Opens without PIN", "code"),
        Column("first_used_at", "First used", "moment"),
        Column("generated_at", "Made", "moment", sort=True),
    ),
    icon="fa-solid fa-credit-card",
    filters=(
        Filter("group", "Card group", groups),
        Filter("status", "Status", [(each.value, each.value) for each in Status]),
        Filter("sold", "Sold", _SOLD),
        Filter("caller_id", "PIN-less caller ID", hint="PIN-less caller ID"),
    ),
    search="number",
    search_label="Card number",
    sorts={"generated_at__desc": {"order": "newest"}, "generated_at__asc": {"order": "oldest"}},
    batch=Batch(
        "/cards/status",
        "Change the status",
        Action.CHANGE_CARDS,
        (
            Field("status", "New status", choices=_ASKED, required=True),
            Field("why", "Why, for the record", required=True),
        ),
    ),
    empty="Cards are made in lots, or one by one under a card group.",
)


def _status_fields(allowed: Sequence[Status]) -> tuple[Field, ...]:
    choices = [(each.value, each.value) for each in allowed]
    return limited(
        StatusWanted,
        (
            Field("status", "New status", Kind.CHOICE, choices=choices, wide=True),
            Field("why", "Why", hint="It stays on the record, with your name.", wide=True),
        ),
    )


def _top_up_fields(unit: str) -> tuple[Field, ...]:
    return limited(
        TopUpSent,
        (
            Field("amount", "Amount", Kind.MONEY, unit=unit, wide=True),
            Field("channel", "How the money came", hint="Cash, a payment provider …", wide=True),
        ),
    )


def show(visit: Visit) -> Reply:
    card: CardShown = visit.ask("GET", "/v1/cards/{id}", id=visit.here("id"))
    ledger_card = visit.services.administration.card(card.card_id)
    account = _account(visit, card.account_id)
    calls: list[CallShown] = []
    if visit.may(Action.SEE_CALLS):
        given = {"card": card.card_id, "limit": CALLS_SHOWN, "order": "newest"}
        calls = visit.ask("GET", "/v1/calls", given=given).items
    status = top_up = None
    allowed = [
        each
        for each in ledger_card.allowed
        if visit.caller.actor.distributor is None or each in FOR_DISTRIBUTORS
    ]
    if visit.may(Action.CHANGE_CARDS) and allowed:
        status = form(
            visit,
            _status_fields(allowed),
            submit="Change the status",
            to=f"/cards/{card.card_id}/status",
        )
    if visit.may(Action.TOP_UP) and ledger_card.activated and card.status is not Status.VOID:
        top_up = form(
            visit,
            _top_up_fields(card.face_value.unit),
            submit="Add the money",
            to=f"/cards/{card.card_id}/top-up",
        )
    context = {
        "card": card,
        "account": account,
        "calls": calls,
        "status": status,
        "top_up": top_up,
        "lines": _history(visit, card, calls, account is not None),
        "expires_at": _expires_at(visit, card),
        "now": visit.services.clock.now(),
        "crumbs": [("/cards", "Cards")],
    }
    return Shown("card.html", card.number, context)


def change_status(visit: Visit) -> Reply:
    fields = _status_fields(tuple(Status))
    sent = read(fields, visit.sent)
    visit.ask("POST", "/v1/cards/{id}/status", sent=sent, **visit.path)
    return Gone(f"/cards/{visit.here('id')}", f"The card is {sent['status']} now.")


def top_up(visit: Visit) -> Reply:
    card = visit.ask("GET", "/v1/cards/{id}", id=visit.here("id"))
    sent = read(_top_up_fields(card.face_value.unit), visit.sent)
    visit.ask("POST", "/v1/cards/{id}/top-ups", sent=sent, **visit.path)
    return Gone(f"/cards/{visit.here('id')}", "The money is on the card.")


def change_many(visit: Visit) -> Reply:
    """Each by itself: what is allowed is done, and what is not is told."""
    ids = [each for each in visit.sent.getlist("row") if isinstance(each, str)]
    if not ids or len(ids) > MOST_AT_ONCE:
        raise refused(f"tick the cards to change, {MOST_AT_ONCE} at most")
    sent = {"status": visit.filled("status"), "why": visit.filled("why")}
    several = sent["status"] == Status.VOID and len(set(ids)) > 1
    if several and LOT_VOID in visit.services.business.approvals.needed:
        # One by one they would pass by the second person.
        raise refused("a second person approves this: change these cards by their numbers")
    done, kept = 0, []
    for card_id in ids:
        try:
            visit.ask("POST", "/v1/cards/{id}/status", sent=sent, id=card_id)
            done += 1
        except Refused as error:
            problem = problem_of(error)
            assert problem is not None, "every refusal has its problem"
            kept.append(problem.detail)
    told = f"{done} of {len(ids)} cards: {sent['status']}."
    if kept:
        told += f" Not changed: {len(kept)}, the first because {kept[0]}."
    back = visit.filled("back")
    return Gone(
        back if back.startswith("/cards") else "/cards", told, "warning" if kept else "success"
    )


def find(visit: Visit) -> Reply:
    """What the field at the top of every page looks for: a number is tried as each thing it is."""
    sought = visit.query.get("q", "").strip()[:120]
    number = sought.replace(" ", "").replace("-", "")
    if number.isascii() and number.removeprefix("+").isdigit() and len(number) <= 33:
        for name in ("number", "caller_id"):
            if name == "number" and (len(number) > 20 or not number.isdigit()):
                continue
            found = visit.ask("GET", "/v1/cards", given={name: number}).items
            if found:
                return Gone(f"/cards/{found[0].card_id}")
    if visit.may(Action.SEE_CALLS) and (call_id := _call_of(sought)) is not None:
        try:
            return Gone(f"/calls/{visit.ask('GET', '/v1/calls/{id}', id=call_id).session_id}")
        except NotFound:
            pass
    return Shown("find.html", "Nothing found", {"find": sought})


def _call_of(reference: str) -> UUID | None:
    try:
        return kinds.session_id(reference)
    except ValueError:
        return None


def _account(visit: Visit, account_id: UUID) -> AccountShown | None:
    """None before the first activation, and for who does not see accounts."""
    if not visit.may(Action.SEE_ACCOUNTS):
        return None
    try:
        account: AccountShown = visit.ask("GET", "/v1/accounts/{id}", id=account_id)
        return account
    except NotFound:
        return None


def _expires_at(visit: Visit, card: CardShown) -> Any:
    ledger_card = visit.services.administration.card(card.card_id)
    terms = visit.services.administration.group(card.group).terms
    return ledger_card.expires_at(terms)


def _history(visit: Visit, card: CardShown, calls: list[CallShown], money_too: bool) -> Any:
    views = visit.services.views
    events: list[RecordedEvent] = list(views.latest(card.card_id, FACTS_SHOWN))
    if money_too:
        events += views.latest(card.account_id, FACTS_SHOWN)
    return lines(events, known(visit, events, calls))[:FACTS_SHOWN]


def known(visit: Visit, events: Sequence[RecordedEvent], calls: Sequence[CallShown]) -> Known:
    """The calls and receipts that these facts point at."""
    views = visit.services.views
    attempts = {
        kinds.hold_id(call.session_id, each.number): Attempt(
            call.session_id, each.destination, each.destination_name
        )
        for call in calls
        for each in views.attempts(call.session_id)
    }
    receipts = {}
    for event in events:
        if (top_up_id := getattr(event.fact, "top_up_id", None)) is not None:
            for each in views.history(top_up_id, 0, 1):
                if isinstance(each.fact, TopUpReceived):
                    receipts[top_up_id] = each.fact
    return Known(attempts, receipts)


CARD = Page("/cards/{id}", Action.SEE_CARDS, show)

PAGES = (
    CARD,
    Page("/cards/{id}/status", Action.CHANGE_CARDS, show, change_status),
    Page("/cards/{id}/top-up", Action.TOP_UP, show, top_up),
    Page("/cards/status", Action.CHANGE_CARDS, None, change_many),
    Page("/find", Action.SEE_CARDS, find),
)
