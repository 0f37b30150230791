"""Verifies cards and caller IDs: allowed changes only, and one owner for each number."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from attrs import define

from domain import cards
from domain.adjustments import AdjustmentMade
from domain.audit_accounts import MoneySeen
from domain.audit_rules import Findings, Place, Rule
from domain.caller_ids import CallerIdBound, CallerIdRebound, CallerIdUnbound, PersonErased
from domain.card_groups import CardGroupCreated, CardGroupTermsChanged
from domain.cards import (
    Card,
    CardCallerIdChanged,
    CardFirstUsed,
    CardGenerated,
    CardSold,
    CardStatusChanged,
    CardUnsold,
    Status,
)
from domain.top_ups import TopUpReceived

_BY_ITSELF = {
    (Status.ACTIVE, Status.EMPTY),
    (Status.USED, Status.EMPTY),
    (Status.EMPTY, Status.ACTIVE),
}
"""What follows from talk and refill alone; nobody may ask for it."""

LEDGER = "ledger"
"""Who is named by a change that follows from the money alone."""


@define
class CardSeen:
    card: Card
    generated: int
    """The position of its first fact."""
    position: int
    """Of the newest fact."""
    bound: int | None = None
    """Where its caller ID was stored last."""
    void_at: int | None = None
    """The position from which on it is void."""


@define
class OwnerSeen:
    """Which card a caller ID opens; None: none any more."""

    number: str
    card: int | None
    position: int
    erased: bool = False


@define
class TermsSeen:
    """When cards of a group expire, as of a fact."""

    position: int
    at: datetime
    expires_on: datetime | None
    valid_days: int


class CardsAudit:
    """Feed it the facts of cards, caller IDs, card groups, top-ups and adjustments."""

    def __init__(self, findings: Findings) -> None:
        self._findings = findings
        self.cards: dict[int, CardSeen] = {}
        self.owners: dict[int, OwnerSeen] = {}
        """By stream of the caller ID."""
        self.terms: dict[int, list[TermsSeen]] = {}
        """By card group."""
        self.told: dict[int, list[MoneySeen]] = {}
        """Top-ups and adjustments as their own streams tell of them."""
        self.tells: dict[type, Callable[[Place, Any], object]] = {
            CardGenerated: self._generated,
            CardStatusChanged: self._status_changed,
            CardFirstUsed: self._first_used,
            CardCallerIdChanged: self._caller_id_changed,
            CardSold: self._evolved,
            CardUnsold: self._evolved,
            CallerIdBound: self._bound,
            CallerIdRebound: self._rebound,
            CallerIdUnbound: self._unbound,
            PersonErased: self._erased,
            CardGroupCreated: self._terms,
            CardGroupTermsChanged: self._terms,
            TopUpReceived: self._once,
            AdjustmentMade: self._once,
        }

    # Cards

    def _generated(self, place: Place, fact: CardGenerated) -> None:
        if place.stream in self.cards:
            self._find(place, Rule.ONE_THING, "the card was generated before")
            return
        self.cards[place.stream] = CardSeen(
            cards.evolve(None, fact), place.position, place.position
        )

    def _evolved(self, place: Place, fact: cards.CardFact) -> CardSeen | None:
        seen = self.cards.get(place.stream)
        if seen is None:
            self._find(place, Rule.ONE_THING, "the card was never generated")
            return None
        seen.card = cards.evolve(seen.card, fact)
        seen.position = place.position
        return seen

    def _status_changed(self, place: Place, fact: CardStatusChanged) -> None:
        known = self.cards.get(place.stream)
        if known is not None:
            before, status = known.card, fact.status
            by_itself = fact.by == LEDGER and (before.status, status) in _BY_ITSELF
            if not by_itself and status not in before.allowed:
                why = f"{before.status} became {status}, by {fact.by}"
                self._find(place, Rule.STATUS, why)
            if not (fact.by.strip() and fact.why.strip()):
                why = f"{before.status} became {status}, and nobody or no reason is named"
                self._find(place, Rule.STATUS, why)
        seen = self._evolved(place, fact)
        if seen is not None and fact.status is Status.VOID and seen.void_at is None:
            seen.void_at = place.position

    def _first_used(self, place: Place, fact: CardFirstUsed) -> None:
        known = self.cards.get(place.stream)
        if known is not None and known.card.first_used_at is not None:
            why = f"it was first used at {known.card.first_used_at} already"
            self._find(place, Rule.STATUS, why)
        self._evolved(place, fact)

    def _caller_id_changed(self, place: Place, fact: CardCallerIdChanged) -> None:
        seen = self._evolved(place, fact)
        if seen is not None:
            seen.bound = place.position

    # Caller IDs

    def _bound(self, place: Place, fact: CallerIdBound) -> None:
        owner = self._owner(place, fact.number)
        if owner.card is not None:
            self._find(place, Rule.CALLER_ID, f"{fact.number} opens another card already")
        owner.card, owner.position = fact.card_id.int, place.position

    def _rebound(self, place: Place, fact: CallerIdRebound) -> None:
        owner = self._owner(place, fact.number)
        if owner.card != fact.previous_card_id.int:
            why = f"{fact.number} was taken from a card that it did not open"
            self._find(place, Rule.CALLER_ID, why)
        owner.card, owner.position = fact.card_id.int, place.position

    def _unbound(self, place: Place, fact: CallerIdUnbound) -> None:
        owner = self._owner(place, fact.number)
        if owner.card != fact.card_id.int:
            why = f"{fact.number} was taken from a card that it did not open"
            self._find(place, Rule.CALLER_ID, why)
        owner.card, owner.position = None, place.position

    def _owner(self, place: Place, number: str) -> OwnerSeen:
        owner = self.owners.get(place.stream)
        if owner is None:
            owner = self.owners[place.stream] = OwnerSeen(number, None, place.position)
        if owner.number != number:
            why = f"{number} is told of in the stream of {owner.number}"
            self._find(place, Rule.CALLER_ID, why)
        if owner.erased:
            self._find(place, Rule.CALLER_ID, f"{number} was erased before")
        return owner

    def _erased(self, place: Place, _: PersonErased) -> None:
        owner = self.owners.get(place.stream)
        if owner is None:
            return
        if owner.card is not None:
            why = f"{owner.number} was erased, and still opened a card"
            self._find(place, Rule.CALLER_ID, why)
        owner.erased, owner.position = True, place.position

    # What happens once, and terms

    def _terms(self, place: Place, fact: CardGroupCreated | CardGroupTermsChanged) -> None:
        terms = fact.terms
        seen = TermsSeen(place.position, place.at, terms.expires_on, terms.valid_days)
        self.terms.setdefault(place.stream, []).append(seen)

    def _once(self, place: Place, fact: TopUpReceived | AdjustmentMade) -> None:
        amount = fact.amount
        seen = MoneySeen(place.position, fact.account_id.int, amount.micros, amount.unit)
        self.told.setdefault(place.stream, []).append(seen)

    def _find(self, place: Place, rule: Rule, why: str) -> None:
        self._findings.add(place.position, rule, why)
