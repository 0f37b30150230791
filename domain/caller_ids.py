"""A caller ID: a number that stands in for a PIN. Each number has one history, so one owner."""

from __future__ import annotations

import re
from typing import assert_never
from uuid import UUID

from attrs import frozen

from domain.errors import AlreadyExists, CallerIdNotUsable

RECEIVED = re.compile(r"\+?[0-9]{1,32}", re.ASCII)
"""What a usable caller ID looks like as received: digits, perhaps after a plus sign."""

# Facts.


@frozen
class CallerIdBound:
    """From now on a call from this number opens the card without a PIN."""

    number: str
    card_id: UUID


@frozen
class CallerIdRebound:
    """The number now opens another card."""

    number: str
    card_id: UUID
    previous_card_id: UUID


@frozen
class CallerIdUnbound:
    number: str
    card_id: UUID


@frozen
class PersonErased:
    """Whose number it is was forgotten: nobody can tell the number any more (ADR 0027)."""

    person_id: UUID
    by: str
    why: str


CallerIdFact = CallerIdBound | CallerIdRebound | CallerIdUnbound | PersonErased

# State and decisions.


@frozen
class CallerId:
    """``number`` is sealed; whoever has the facts alone cannot tell it."""

    number: str
    card_id: UUID | None = None
    erased: bool = False

    def bind(self, card_id: UUID) -> list[CallerIdFact]:
        """Raises AlreadyExists if the number opens another card, CallerIdNotUsable if it was
        erased: a call that is up may still have it."""
        if self.erased:
            raise CallerIdNotUsable
        if self.card_id is not None and self.card_id != card_id:
            raise AlreadyExists("caller ID", self.number)
        return [] if self.card_id == card_id else [CallerIdBound(self.number, card_id)]

    def rebind(self, card_id: UUID) -> list[CallerIdFact]:
        """The right PIN from this number moves it, wherever it was bound before."""
        if self.card_id is None or self.card_id == card_id:
            return self.bind(card_id)
        return [CallerIdRebound(self.number, card_id, previous_card_id=self.card_id)]

    def unbind(self, card_id: UUID) -> list[CallerIdFact]:
        """Ends the binding if it is this card's; a number that has moved on stays where it is."""
        return [CallerIdUnbound(self.number, card_id)] if self.card_id == card_id else []

    def erase(self, person_id: UUID, by: str, why: str) -> list[CallerIdFact]:
        """The number opens nothing any more, and is nobody's."""
        if self.erased:
            return []
        unbound = [] if self.card_id is None else self.unbind(self.card_id)
        return [*unbound, PersonErased(person_id, by, why)]


def evolve(caller_id: CallerId | None, fact: CallerIdFact) -> CallerId:
    match fact:
        case CallerIdBound(number, card_id) | CallerIdRebound(number, card_id):
            return CallerId(number, card_id)
        case CallerIdUnbound(number):
            return CallerId(number)
        case PersonErased():
            return CallerId(caller_id.number if caller_id else "", erased=True)
        case _:
            assert_never(fact)
