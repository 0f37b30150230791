"""Cards: generated, looked at, given another status, topped up."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

from attrs import evolve as changed
from msgspec import Meta, Struct

from adapters.http import accounts, problems
from adapters.http.asking import Answer, Asked, Order, Page, PageAsked
from adapters.http.conditional import unless_changed
from adapters.http.operations import Operation, Routes
from adapters.http.problems import asked_wrongly
from adapters.http.services import HttpServices
from adapters.http.wire import Digits, MoneyTold, Name, Text, tell, told
from application import kinds
from application.card_changes import check_becomes
from application.permissions import Action
from application.views import CardRow
from domain.cards import Card, Status
from domain.errors import AlreadyExists, NotFound

PIN_TOLD_BEFORE = "The card exists since an earlier request; its PIN was told then, and only then."


class CardShown(Struct, frozen=True):
    card_id: UUID
    number: str
    group: str
    status: Status
    account_id: UUID
    face_value: MoneyTold
    caller_id: str | None
    generated_at: datetime
    first_used_at: datetime | None
    sold: bool


class CardNow(Struct, frozen=True):
    """The card as it is in the ledger now; the lists are a moment behind. ``allowed``: the
    statuses that may be asked for next."""

    card_id: UUID
    number: str
    status: Status
    allowed: list[Status]
    account_id: UUID
    face_value: MoneyTold


class CardMade(CardNow, frozen=True):
    """``pin`` is in the first answer and in no other."""

    group: str
    pin: str | None
    note: str | None = None


class CardsAsked(PageAsked, frozen=True, forbid_unknown_fields=True, kw_only=True):
    group: Name | None = None
    status: Status | None = None
    number: Annotated[str, Meta(min_length=1, max_length=20, pattern=r"^[0-9]*\Z")] | None = None
    caller_id: (
        Annotated[
            str,
            Meta(
                pattern=r"^\+?[0-9]{1,32}\Z",
                description="The card that this number opens, PIN-less.",
            ),
        ]
        | None
    ) = None
    sold: bool | None = None
    order: Order = "oldest"


class CardWanted(Struct, frozen=True, forbid_unknown_fields=True):
    """A card to be generated; without a number or a PIN, random ones."""

    group: Name
    number: Digits | None = None
    pin: Digits | None = None
    activate: bool = False
    why: Text = "generated over the API"
    by: Name | None = None


class StatusWanted(Struct, frozen=True, forbid_unknown_fields=True):
    status: Status
    why: Text
    by: Name | None = None


class TopUpSent(Struct, frozen=True, forbid_unknown_fields=True):
    """``channel`` is how the money came: cash, a payment provider."""

    amount: MoneyTold
    channel: Name
    by: Name | None = None


class ToppedUp(Struct, frozen=True):
    top_up_id: UUID
    card_id: UUID
    amount: MoneyTold
    available: MoneyTold


def listed(services: HttpServices, asked: Asked) -> Answer:
    given = asked.parameters(CardsAsked)
    if given.number is not None or given.caller_id is not None:
        rows = _of_one(services, asked, given)
        return asked.page([tell(CardShown, row) for row in rows], None)
    found = services.views.cards(
        given.after,
        given.limit,
        group=given.group,
        status=given.status,
        sold=given.sold,
        newest=given.order == "newest",
        ranges=services.own_cards.ranges(asked.actor),
    )
    return asked.page([tell(CardShown, row) for row in found], found[-1].card_id if found else None)


def _of_one(services: HttpServices, asked: Asked, given: CardsAsked) -> list[CardRow]:
    """The card of a number or a caller ID, one at most, if the other filters let it through."""
    try:
        if given.number is not None:
            card_id = services.administration.card_id(given.number)
        else:
            assert given.caller_id is not None, "one of both was given"
            card_id = _opened_by(services, given.caller_id)
        row = services.views.card(card_id)
        if row is None:
            return []
        services.own_cards.check(asked.actor, row.number, row.number)
    except NotFound:
        return []
    after = given.after
    if after is not None and (
        row.card_id >= after if given.order == "newest" else row.card_id <= after
    ):
        return []
    matches = (
        given.group in (None, row.group)
        and given.status in (None, row.status)
        and given.sold in (None, row.sold)
        and given.caller_id in (None, row.caller_id)
    )
    return [row] if matches else []


def _opened_by(services: HttpServices, number: str) -> UUID:
    """The card that a caller ID opens without a PIN. Raises NotFound."""
    sealed = services.persons.numbers.find(number)
    if sealed is not None:
        caller_id = kinds.caller_id_id(sealed)
        (found,) = services.administration.states(kinds.CALLER_IDS, [caller_id])
        if found is not None and found.card_id is not None:
            return found.card_id
    raise NotFound("caller ID", number)


def generate(services: HttpServices, asked: Asked) -> Answer:
    """Once for each Idempotency-Key. The PIN is in the first answer and in no other."""
    wanted = asked.body(CardWanted)
    card_id = asked.command_id("card")
    administration = services.administration
    by = asked.by(wanted.by)
    try:
        new = administration.generate_card(
            wanted.group, number=wanted.number, pin=wanted.pin, card_id=card_id, by=by
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
        administration.issue_card(card_id, by, wanted.why)
        card = administration.card(card_id)
    note = PIN_TOLD_BEFORE if new.pin is None else None
    body = tell(CardMade, card, card_id=card_id, group=wanted.group, pin=new.pin, note=note)
    headers = {"Location": f"/v1/cards/{card_id}", "Cache-Control": "no-store"}
    return Answer(body, 200 if new.pin is None else 201, headers)


_ANOTHER = "a card of another group, number or PIN"


def _key_used(what: str) -> problems.AskedWrongly:
    return asked_wrongly(
        problems.KEY_USED, f"this Idempotency-Key was used before, for {what}: send a new one"
    )


def one(services: HttpServices, asked: Asked) -> Answer:
    row = _row(services, asked)
    return Answer(_shown(row, services.administration.card(row.card_id)))


def _shown(row: CardRow, card: Card) -> CardShown:
    """What lists show of a card, with its state in the ledger, which is never behind."""
    return tell(
        CardShown,
        changed(
            row,
            status=card.status,
            caller_id=card.caller_id,
            first_used_at=card.first_used_at,
            sold=card.sold,
        ),
    )


def events(services: HttpServices, asked: Asked) -> Answer:
    return accounts.history(services, asked, _row(services, asked).card_id)


def change_status(services: HttpServices, asked: Asked) -> Answer:
    wanted = asked.body(StatusWanted)
    card_id = asked.id("card")
    administration = services.administration
    services.own_cards.check(asked.actor, administration.card(card_id).number, str(card_id))
    check_becomes(wanted.status, asked.actor.distributor)
    check = unless_changed(
        services,
        asked,
        kinds.CARDS,
        card_id,
        lambda card: _shown(_row(services, asked), card),
    )
    administration.change_status(
        card_id, wanted.status, asked.by(wanted.by), wanted.why, check=check
    )
    return Answer(tell(CardNow, administration.card(card_id), card_id=card_id))


def top_up(services: HttpServices, asked: Asked) -> Answer:
    """Once for each Idempotency-Key, however often it is asked."""
    card_id = asked.id("card")
    sent = asked.body(TopUpSent)
    top_up_id = asked.command_id("top-up")
    number = services.administration.card(card_id).number
    services.own_cards.check(asked.actor, number, str(card_id))
    try:
        available = services.administration.top_up_card(
            card_id, top_up_id, sent.amount.money(), sent.channel, asked.by(sent.by)
        )
    except AlreadyExists as exists:
        if exists.kind == "top-up":
            raise _key_used(f"a top-up {exists.key}") from exists
        raise
    return Answer(ToppedUp(top_up_id, card_id, told(sent.amount.money()), told(available)))


def _row(services: HttpServices, asked: Asked) -> CardRow:
    card_id = asked.id("card")
    row = services.views.card(card_id)
    if row is None:
        raise NotFound("card", str(card_id))
    services.own_cards.check(asked.actor, row.number, str(card_id))
    return row


ROUTES: Routes = {
    "/v1/cards": {
        "GET": Operation(
            listed,
            Action.SEE_CARDS,
            "Cards, oldest first; a distributor sees its own.",
            Page[CardShown],
            query=CardsAsked,
            csv=True,
        ),
        "POST": Operation(
            generate,
            Action.MAKE_CARDS,
            "Generate a card. Its PIN is in the first answer and in no other.",
            CardMade,
            body=CardWanted,
            status=201,
            also=(200,),
            once=True,
        ),
    },
    "/v1/cards/{id}": {"GET": Operation(one, Action.SEE_CARDS, "One card.", CardShown)},
    "/v1/cards/{id}/events": {"GET": accounts.events_of(events, Action.SEE_CARDS, "card")},
    "/v1/cards/{id}/status": {
        "POST": Operation(
            change_status,
            Action.CHANGE_CARDS,
            "Give a card another status.",
            CardNow,
            body=StatusWanted,
            guarded=True,
        )
    },
    "/v1/cards/{id}/top-ups": {
        "POST": Operation(
            top_up, Action.TOP_UP, "Add money to a card.", ToppedUp, body=TopUpSent, once=True
        )
    },
}
