"""A card: a number and a PIN with an account of its own, from the printer to its last minute."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from enum import StrEnum
from typing import assert_never
from uuid import UUID

from attrs import evolve as changed
from attrs import frozen

from domain.card_groups import GroupTerms
from domain.errors import (
    AlreadyExists,
    CardNotUsable,
    LoginFailed,
    SettingNotAllowed,
    StatusChangeNotAllowed,
)
from domain.login import Proof
from domain.money import Money


class Status(StrEnum):
    """The life of a card, as VICIdial's GENERATE, PRINT, SHIP, HOLD, ACTIVE, USED, EMPTY …"""

    GENERATED = "generated"
    PRINTED = "printed"
    SHIPPED = "shipped"
    ON_HOLD = "on hold"
    ACTIVE = "active"
    USED = "used"
    EMPTY = "empty"
    CANCELLED = "cancelled"
    VOID = "void"


_ASKED: dict[Status, tuple[Status, ...]] = {
    Status.GENERATED: (Status.PRINTED, Status.CANCELLED, Status.VOID),
    Status.PRINTED: (Status.SHIPPED, Status.CANCELLED, Status.VOID),
    Status.SHIPPED: (Status.ON_HOLD, Status.ACTIVE, Status.CANCELLED, Status.VOID),
    Status.ON_HOLD: (Status.ACTIVE, Status.CANCELLED, Status.VOID),
    Status.ACTIVE: (Status.ON_HOLD, Status.VOID),
    Status.USED: (Status.VOID,),
    Status.EMPTY: (Status.VOID,),
    Status.CANCELLED: (Status.VOID,),
    Status.VOID: (),
}
"""What a person may ask for. Used, empty and active again follow from talk and refill alone."""

TO_ACTIVE = (Status.PRINTED, Status.SHIPPED, Status.ACTIVE)
"""The way of a card that is issued at once, with no printer in between."""

_ON_THE_WAY = {Status.GENERATED: 0, Status.PRINTED: 1, Status.SHIPPED: 2}

MOST_WORDS = 200
"""Characters in the name of a person, and in a reason."""

# Facts.


@frozen
class CardGenerated:
    """The PIN is known by its keyed digest only (ADR 0009)."""

    number: str
    pin_digest: str
    group_id: UUID
    account_id: UUID
    face_value: Money


@frozen
class CardStatusChanged:
    """``by`` and ``why`` name the person and the reason."""

    status: Status
    by: str
    why: str


@frozen
class CardFirstUsed:
    """The first connected call: a card that was active is used from now on."""

    at: datetime


@frozen
class CardCallerIdChanged:
    """The number that opens this card without a PIN; None: no number does any more."""

    number: str | None


@frozen
class CardSold:
    """It left the shop: the money for it is with whoever sells."""

    by: str
    why: str


@frozen
class CardUnsold:
    """It came back before it was used."""

    by: str
    why: str


CardFact = (
    CardGenerated | CardStatusChanged | CardFirstUsed | CardCallerIdChanged | CardSold | CardUnsold
)

# State and decisions.


@frozen
class Card:
    number: str
    pin_digest: str
    group_id: UUID
    account_id: UUID
    face_value: Money
    status: Status = Status.GENERATED
    activated: bool = False
    first_used_at: datetime | None = None
    caller_id: str | None = None
    sold: bool = False

    @property
    def allowed(self) -> tuple[Status, ...]:
        """The statuses a person may give this card now."""
        allowed = _ASKED[self.status]
        if self.activated:
            return tuple(status for status in allowed if status is not Status.CANCELLED)
        return allowed

    def change_status(self, status: Status, by: str, why: str) -> list[CardFact]:
        """Raises StatusChangeNotAllowed, or SettingNotAllowed if nobody or no reason is named."""
        check_words(by, why)
        if status is self.status:
            return []
        if status not in self.allowed:
            raise StatusChangeNotAllowed(self.status, status, tuple(self.allowed))
        return [CardStatusChanged(status, by, why)]

    def activated_by(self, facts: Iterable[CardFact]) -> bool:
        """Whether the first activation of the card is among these new facts."""
        return not self.activated and any(
            isinstance(fact, CardStatusChanged) and fact.status is Status.ACTIVE for fact in facts
        )

    def issue(self, by: str, why: str) -> list[CardFact]:
        """Takes a card that needs no printer through all it passes until it is active.

        Raises StatusChangeNotAllowed for a card that was stopped on its way.
        """
        if self.status is Status.ACTIVE:
            return []
        passed = _ON_THE_WAY.get(self.status)
        if passed is None:
            raise StatusChangeNotAllowed(self.status, Status.ACTIVE, tuple(self.allowed))
        facts: list[CardFact] = []
        card = self
        for status in TO_ACTIVE[passed:]:
            facts += card.change_status(status, by, why)
            card = changed(card, status=status)
        return facts

    def check_usable(self, terms: GroupTerms, now: datetime) -> None:
        """Raises CardNotUsable if the card cannot pay for a call at this moment."""
        if self.status not in (Status.ACTIVE, Status.USED, Status.EMPTY):
            raise CardNotUsable(self.status)
        if (end := self.expires_at(terms)) is not None and now >= end:
            raise CardNotUsable("expired")

    def expires_at(self, terms: GroupTerms) -> datetime | None:
        """The first moment at which the card can no longer be used, if there is one."""
        ends = [terms.expires_on] if terms.expires_on else []
        if terms.valid_days and self.first_used_at:
            ends.append(self.first_used_at + timedelta(days=terms.valid_days))
        return min(ends, default=None)

    def check_login(
        self, proof: Proof, pin_digest: str | None, caller_id: str | None, terms: GroupTerms
    ) -> None:
        """Raises LoginFailed unless this proof opens this card from this caller ID."""
        if proof.has_pin and pin_digest != self.pin_digest:
            raise LoginFailed("wrong PIN")
        if not proof.satisfies(terms.login_mode):
            raise LoginFailed("the card wants " + terms.login_mode)
        if terms.deny_double_use and self.caller_id is not None and caller_id != self.caller_id:
            raise LoginFailed("bound to another caller ID")

    def first_talk(self, at: datetime) -> list[CardFact]:
        return [] if self.first_used_at else [CardFirstUsed(at)]

    def balance_changed(self, balance: Money) -> list[CardFact]:
        """A card without money is empty, an empty one that is refilled is active again."""
        match self.status:
            case Status.ACTIVE | Status.USED if balance.micros == 0:
                return [CardStatusChanged(Status.EMPTY, "ledger", "the balance is zero")]
            case Status.EMPTY if balance.micros > 0:
                return [CardStatusChanged(Status.ACTIVE, "ledger", "refilled")]
            case _:
                return []

    def sell(self, by: str, why: str) -> list[CardFact]:
        """Raises SettingNotAllowed for a card that nobody can use any more."""
        check_words(by, why)
        if self.status in (Status.CANCELLED, Status.VOID):
            raise SettingNotAllowed("card to sell", self.status, "one that can be used")
        return [] if self.sold else [CardSold(by, why)]

    def take_back(self, by: str, why: str) -> list[CardFact]:
        """A sold card comes back. Raises SettingNotAllowed for one that was used."""
        check_words(by, why)
        if self.sold and self.first_used_at is not None:
            raise SettingNotAllowed("card to take back", "used", "one that was never used")
        return [CardUnsold(by, why)] if self.sold else []

    def store_caller_id(self, number: str | None) -> list[CardFact]:
        return [] if number == self.caller_id else [CardCallerIdChanged(number)]


def generate(
    card: Card | None,
    number: str,
    pin_digest: str,
    group_id: UUID,
    account_id: UUID,
    face_value: Money,
) -> list[CardFact]:
    """A new card. Asking again for the same card changes nothing; another one is AlreadyExists."""
    if card is None:
        return [CardGenerated(number, pin_digest, group_id, account_id, face_value)]
    if (card.number, card.pin_digest, card.group_id) != (number, pin_digest, group_id):
        raise AlreadyExists("card", card.number)
    return []


def evolve(card: Card | None, fact: CardFact) -> Card:
    if isinstance(fact, CardGenerated):
        return Card(fact.number, fact.pin_digest, fact.group_id, fact.account_id, fact.face_value)
    assert card is not None, "a card begins with CardGenerated"
    match fact:
        case CardStatusChanged(status):
            # Field by field, because a hundred thousand cards change their status together, and
            # the general way takes as long as reading the fact.
            return Card(
                card.number,
                card.pin_digest,
                card.group_id,
                card.account_id,
                card.face_value,
                status,
                card.activated or status is Status.ACTIVE,
                card.first_used_at,
                card.caller_id,
                card.sold,
            )
        case CardFirstUsed(at):
            status = Status.USED if card.status is Status.ACTIVE else card.status
            return changed(card, first_used_at=at, status=status)
        case CardCallerIdChanged(number):
            return changed(card, caller_id=number)
        case CardSold():
            return changed(card, sold=True)
        case CardUnsold():
            return changed(card, sold=False)
        case _:
            assert_never(fact)


def check_words(by: str, why: str) -> None:
    """Raises SettingNotAllowed if nobody or no reason is named."""
    for name, value in (("by", by), ("why", why)):
        if not value.strip() or len(value) > MOST_WORDS:
            accepted = f"who does it and a reason, up to {MOST_WORDS} characters each"
            raise SettingNotAllowed(name, value[:50], accepted)
