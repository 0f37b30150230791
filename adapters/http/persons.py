"""Callers who ask what is known of their number, and who want it forgotten (ADR 0027).

The number is in the body: paths and parameters end up in the logs of proxies.
"""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from msgspec import Meta, Struct

from adapters.http.accounts import EventShown
from adapters.http.asking import USUAL_ROWS, Answer, Asked, Limit
from adapters.http.calls import CallShown
from adapters.http.cards import CardShown
from adapters.http.operations import Operation, Routes
from adapters.http.services import HttpServices
from adapters.http.wire import Name, Text, tell, to_wire
from application.permissions import Action

Number = Annotated[str, Meta(pattern=r"^\+[1-9][0-9]{4,14}\Z", description="In E.164.")]


class PersonAsked(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    number: Number
    after: Annotated[UUID | None, Meta(description="The call that the last page ended with.")] = (
        None
    )
    limit: Limit = USUAL_ROWS


class PersonShown(Struct, frozen=True):
    """``bindings``: the cards that the number opened without a PIN, as facts. ``next`` is what to
    give as ``after`` for more calls, null at the end."""

    number: str
    person_id: UUID
    pseudonym: str
    card: CardShown | None
    bindings: list[EventShown]
    calls: list[CallShown]
    next: UUID | None


class ErasureWanted(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """``why`` must not tell the number: it stays."""

    number: Number
    why: Text
    by: Name | None = None


class PersonErased(Struct, frozen=True):
    """``pseudonym`` stands for the number from now on; ``card_id`` is the card it opened."""

    person_id: UUID
    pseudonym: str
    card_id: UUID | None


def show(services: HttpServices, asked: Asked) -> Answer:
    wanted = asked.body(PersonAsked)
    known = services.persons.known(wanted.number)
    what = "what is known of a caller"
    services.audit.secret_read(asked.actor.name, what, known.person_id, asked.source)
    calls = services.persons.calls(wanted.number, wanted.after, wanted.limit)
    return Answer(
        PersonShown(
            known.number,
            known.person_id,
            known.pseudonym,
            None if known.card is None else tell(CardShown, known.card),
            [tell(EventShown, each, fact=to_wire(each.fact)) for each in known.bindings],
            [tell(CallShown, each) for each in calls],
            calls[-1].session_id if len(calls) == wanted.limit else None,
        )
    )


def erase(services: HttpServices, asked: Asked) -> Answer:
    wanted = asked.body(ErasureWanted)
    erased = services.persons.erase(wanted.number, asked.by(wanted.by), wanted.why)
    return Answer(PersonErased(erased.person_id, erased.pseudonym, erased.card_id))


ROUTES: Routes = {
    "/v1/persons/known": {
        "POST": Operation(
            show,
            Action.ANSWER_PERSONS,
            "What is known of a caller's number. That it was asked is recorded.",
            PersonShown,
            body=PersonAsked,
        )
    },
    "/v1/persons/erasure": {
        "POST": Operation(
            erase,
            Action.ANSWER_PERSONS,
            "Forget whose number it is. 404: nothing is known of it, or not any more.",
            PersonErased,
            body=ErasureWanted,
        )
    },
}
