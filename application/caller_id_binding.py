"""Which number opens which card: stored and removed by the caller, moved by a right login.

A number opens at most one card and a card is opened by at most one number, so a move touches up to
four streams: both numbers and both cards. They change in one unit of work.
"""

from __future__ import annotations

from uuid import UUID

from attrs import frozen

from application import kinds
from application.calling import Call, Payer
from application.ports import ConcurrencyConflict, Unit, UnitsOfWork
from domain.caller_ids import CallerId
from domain.cards import Card
from domain.errors import CallerIdNotUsable, PinlessNotAllowed

_MOST_TRIES = 5


@frozen
class _Before:
    """What is bound before a move: the card the number opens, the number that opens the card."""

    card_id: UUID | None
    number: str | None


@frozen
class CallerIdBindings:
    units: UnitsOfWork

    def after_login(self, call: Call, payer: Payer) -> bool:
        """Moves the binding where a login by PIN does so; True if it did.

        A right PIN from another number takes the card over; a caller whose own card is used up
        takes its number along to the new card; and a group may store every caller ID at login.
        """
        number, terms = call.caller_id, payer.terms
        if number is None or not terms.pinless_allowed or payer.caller_id == number:
            return False
        if not (
            payer.caller_id is not None
            or terms.store_caller_id_at_login
            or call.bound_card is not None
        ):
            return False
        try:
            self.bind(number, payer.card_id)
        except CallerIdNotUsable:
            # Erased since the call came in: the login is as right as without a number.
            return False
        return True

    def toggle(self, call: Call, payer: Payer) -> bool:
        """``*32``: stores the caller ID for this card, or removes it; True if it is stored now.

        Raises CallerIdNotUsable for a hidden or odd number, PinlessNotAllowed by the terms.
        """
        if call.caller_id is None:
            raise CallerIdNotUsable
        if not payer.terms.pinless_allowed:
            raise PinlessNotAllowed
        if self._card_of(call.caller_id) == payer.card_id:
            self.unbind(call.caller_id, payer.card_id)
            return False
        self.bind(call.caller_id, payer.card_id)
        return True

    def bind(self, number: str, card_id: UUID) -> None:
        """From now on this number, and no other, opens this card, and no other."""
        for _ in range(_MOST_TRIES):
            before = self._before(number, card_id)
            if self._move(number, card_id, before):
                return
        raise ConcurrencyConflict(f"the binding of {number} kept changing")

    def unbind(self, number: str, card_id: UUID) -> None:
        number_id = kinds.caller_id_id(number)

        def decide(unit: Unit) -> None:
            unit.record(kinds.CALLER_IDS, number_id, _number(unit, number).unbind(card_id))
            card = _card(unit, card_id)
            if card.caller_id == number:
                unit.record(kinds.CARDS, card_id, card.store_caller_id(None))

        self.units.run(decide, writes=(number_id, card_id))

    def _move(self, number: str, card_id: UUID, before: _Before) -> bool:
        writes = {kinds.caller_id_id(number), card_id}
        if before.card_id is not None:
            writes.add(before.card_id)
        if before.number is not None:
            writes.add(kinds.caller_id_id(before.number))

        def decide(unit: Unit) -> bool:
            caller_id, card = _number(unit, number), _card(unit, card_id)
            if _Before(caller_id.card_id, card.caller_id) != before:
                return False
            if before.card_id is not None and before.card_id != card_id:
                other = _card(unit, before.card_id)
                unit.record(kinds.CARDS, before.card_id, other.store_caller_id(None))
            if before.number is not None and before.number != number:
                old = _number(unit, before.number)
                old_id = kinds.caller_id_id(before.number)
                unit.record(kinds.CALLER_IDS, old_id, old.unbind(card_id))
            number_id = kinds.caller_id_id(number)
            unit.record(kinds.CALLER_IDS, number_id, caller_id.rebind(card_id))
            unit.record(kinds.CARDS, card_id, card.store_caller_id(number))
            return True

        return self.units.run(decide, writes=writes)

    def _before(self, number: str, card_id: UUID) -> _Before:
        number_id = kinds.caller_id_id(number)
        return self.units.run(
            lambda unit: _Before(_number(unit, number).card_id, _card(unit, card_id).caller_id),
            writes=(),
            reads=(number_id, card_id),
        )

    def _card_of(self, number: str) -> UUID | None:
        number_id = kinds.caller_id_id(number)
        return self.units.run(
            lambda unit: _number(unit, number).card_id, writes=(), reads=(number_id,)
        )


def _number(unit: Unit, number: str) -> CallerId:
    return unit.get(kinds.CALLER_IDS, kinds.caller_id_id(number)) or CallerId(number)


def _card(unit: Unit, card_id: UUID) -> Card:
    card = unit.get(kinds.CARDS, card_id)
    assert card is not None, "a binding always names a card"
    return card
