"""Cards: generated, looked at, given another status, topped up."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from adapters.http import accounts, problems
from adapters.http.asking import Answer, Asked, bad_parameter, page, read_after, read_limit
from adapters.http.problems import asked_wrongly
from adapters.http.services import HttpServices
from adapters.http.wire import CardWanted, StatusWanted, TopUpSent, to_wire
from application.views import CardRow
from domain.cards import Card, Status
from domain.errors import AlreadyExists, NotFound

PIN_TOLD_BEFORE = "The card exists since an earlier request; its PIN was told then, and only then."

_STATUSES = ", ".join(Status)


def listed(services: HttpServices, asked: Asked) -> Answer:
    given = asked.parameters("after", "limit", "group", "status", "number")
    limit, after = read_limit(given), read_after(given)
    group, status = given.get("group"), given.get("status")
    if status is not None and status not in list(Status):
        raise bad_parameter("status", f"is one of {_STATUSES}, not {status[:80]!r}")
    if "number" in given:
        rows = _numbered(services, given["number"], after, group, status)
        return page(asked, given, limit, [to_wire(row) for row in rows], None)
    found = services.views.cards(after, limit, group=group, status=status)
    last = str(found[-1].card_id) if found else None
    return page(asked, given, limit, [to_wire(row) for row in found], last)


def _numbered(
    services: HttpServices, number: str, after: UUID | None, group: str | None, status: str | None
) -> list[CardRow]:
    """The card of a number, which is one at most, if the other filters let it through."""
    if not (number.isascii() and number.isdigit() and len(number) <= 20):
        raise bad_parameter("number", f"is 1 to 20 digits, not {number[:80]!r}")
    try:
        row = services.views.card(services.administration.card_id(number))
    except NotFound:
        return []
    if row is None or (after is not None and row.card_id <= after):
        return []
    return [row] if group in (None, row.group) and status in (None, row.status) else []


def generate(services: HttpServices, asked: Asked) -> Answer:
    """Once for each Idempotency-Key. The PIN is in the first answer and in no other."""
    asked.parameters()
    wanted = asked.read(CardWanted)
    card_id = asked.command_id("card")
    administration = services.administration
    try:
        new = administration.generate_card(
            wanted.group, number=wanted.number, pin=wanted.pin, card_id=card_id
        )
    except AlreadyExists as exists:
        if exists.kind != "card":
            raise
        raise _key_used(_ANOTHER) from exists
    card = administration.card(card_id)
    if wanted.pin is not None and administration.pins.digest(wanted.pin) != card.pin_digest:
        raise _key_used(_ANOTHER)
    # A card that somebody has changed since is left as it is, even by a late retry.
    if wanted.activate and card.status is Status.GENERATED:
        administration.issue_card(card_id, asked.by(wanted.by), wanted.why)
        card = administration.card(card_id)
    body = _state(card_id, card) | {"group": wanted.group, "pin": new.pin}
    if new.pin is None:
        body["note"] = PIN_TOLD_BEFORE
    headers = {"Location": f"/v1/cards/{card_id}", "Cache-Control": "no-store"}
    return Answer(body, 200 if new.pin is None else 201, headers)


_ANOTHER = "a card of another group, number or PIN"


def _key_used(what: str) -> problems.AskedWrongly:
    return asked_wrongly(
        problems.KEY_USED, f"this Idempotency-Key was used before, for {what}: send a new one"
    )


def one(services: HttpServices, asked: Asked) -> Answer:
    asked.parameters()
    return Answer(to_wire(_row(services, asked)))


def events(services: HttpServices, asked: Asked) -> Answer:
    return accounts.history(services, asked, _row(services, asked).card_id)


def change_status(services: HttpServices, asked: Asked) -> Answer:
    asked.parameters()
    card_id = asked.id("card")
    wanted = asked.read(StatusWanted)
    administration = services.administration
    administration.change_status(card_id, wanted.status, asked.by(wanted.by), wanted.why)
    return Answer(_state(card_id, administration.card(card_id)))


def top_up(services: HttpServices, asked: Asked) -> Answer:
    """Once for each Idempotency-Key, however often it is asked."""
    asked.parameters()
    card_id = asked.id("card")
    sent = asked.read(TopUpSent)
    top_up_id = asked.command_id("top-up")
    try:
        available = services.administration.top_up_card(
            card_id, top_up_id, sent.amount.money(), sent.channel, asked.by(sent.by)
        )
    except AlreadyExists as exists:
        if exists.kind == "top-up":
            raise _key_used(f"a top-up {exists.key}") from exists
        raise
    return Answer(
        {
            "top_up_id": str(top_up_id),
            "card_id": str(card_id),
            "amount": to_wire(sent.amount.money()),
            "available": to_wire(available),
        }
    )


def _row(services: HttpServices, asked: Asked) -> CardRow:
    card_id = asked.id("card")
    row = services.views.card(card_id)
    if row is None:
        raise NotFound("card", str(card_id))
    return row


def _state(card_id: UUID, card: Card) -> dict[str, Any]:
    """The card as it is in the ledger now; the lists are a moment behind."""
    return {
        "card_id": str(card_id),
        "number": card.number,
        "status": card.status.value,
        "allowed": [each.value for each in card.allowed],
        "account_id": str(card.account_id),
        "face_value": to_wire(card.face_value),
    }
