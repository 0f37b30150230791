"""What an operator sets up and changes: card groups, cards, and the money on them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from uuid import UUID

from attrs import frozen

from application import kinds
from application.announcements import check_first_announcement, check_language
from application.audit import act_id_of, record_act
from application.ids import random_time_ordered
from application.looking import look_up
from application.pins import PinDigests, random_digits
from application.ports import Claim, ClaimTaken, Clock, Unit, UnitsOfWork
from application.streams import Fact, Kind, State
from domain import accounts, card_groups, cards, top_ups
from domain.card_groups import CardGroup, GroupTerms
from domain.cards import Card, Status
from domain.errors import AlreadyExists, NotFound, SettingNotAllowed
from domain.money import Money
from domain.pin_spaces import PinSpace

Check = Callable[[State], object]
"""Looks at a state that is about to be changed, and raises what keeps it from being changed."""

_MOST_PIN_TRIES = 20

_GROUP_CREATED = "create card group"
_CARD_GENERATED = "generate card and read its PIN"


def accept(_: object) -> None:
    """Keeps nothing from being changed."""


@frozen
class Chance:
    """Random numbers from outside: ``below(n)`` such as ``secrets.randbelow``, and bytes."""

    below: Callable[[int], int]
    some_bytes: Callable[[int], bytes]


@frozen
class NewCard:
    """A card as it leaves the machine: the only moment at which its PIN is known.

    ``pin`` is None for a card that was made before, by the same request.
    """

    card_id: UUID
    number: str
    pin: str | None

    def __repr__(self) -> str:
        return f"NewCard(card_id={self.card_id}, number={self.number}, pin=…)"


@frozen
class Administration:
    units: UnitsOfWork
    pins: PinDigests
    clock: Clock
    chance: Chance

    def create_group(self, name: str, terms: GroupTerms, by: str | None = None) -> None:
        """Raises AlreadyExists for a group of this name with other terms, SettingNotAllowed for a
        language or sound of the wrong form."""
        _check(terms)
        group_id = kinds.card_group_id(name)
        act_id = act_id_of(_GROUP_CREATED, group_id)

        def decide(unit: Unit) -> None:
            group = unit.get(kinds.CARD_GROUPS, group_id)
            facts = card_groups.create(group, name, terms)
            unit.record(kinds.CARD_GROUPS, group_id, facts)
            if facts and by is not None:
                record_act(unit, by, _GROUP_CREATED, group_id)

        self.units.run(decide, writes=(group_id, act_id))

    def change_group(
        self, name: str, terms: GroupTerms, by: str, *, check: Check[CardGroup] = accept
    ) -> None:
        """Raises NotFound, AlreadyExists for another unit, SettingNotAllowed as for a new group."""
        _check(terms)
        group_id = kinds.card_group_id(name)

        def decide(unit: Unit) -> None:
            group = unit.get(kinds.CARD_GROUPS, group_id)
            if group is None:
                raise NotFound("card group", name)
            check(group)
            unit.record(kinds.CARD_GROUPS, group_id, group.change_terms(terms, by))

        self.units.run(decide, writes=(group_id,))

    def group(self, name: str) -> CardGroup:
        return look_up(self.units, kinds.CARD_GROUPS, kinds.card_group_id(name), name)

    def states(self, kind: Kind[State, Fact], stream_ids: Sequence[UUID]) -> list[State | None]:
        """What these things are now, in their order; None for one that is not there."""
        return self.units.run(
            lambda unit: [unit.get(kind, each) for each in stream_ids],
            writes=(),
            reads=stream_ids,
        )

    def generate_card(
        self,
        group_name: str,
        *,
        number: str | None = None,
        pin: str | None = None,
        card_id: UUID | None = None,
        by: str | None = None,
    ) -> NewCard:
        """A new card, not yet active, with a random PIN that no other card has.

        Asked again with the same ``card_id`` it gives the card of before, without its PIN. Raises
        AlreadyExists for a number or a chosen PIN that is in use, SettingNotAllowed for one of the
        wrong form, PinsUsedUp when one PIN in five of this length is in use.
        """
        group = self.group(group_name)
        terms = group.terms
        _check_digits("number", number, terms.number_length)
        _check_digits("pin", pin, terms.pin_length)
        for _ in range(_MOST_PIN_TRIES):
            secret = pin or random_digits(terms.pin_length, self.chance.below)
            card = NewCard(
                card_id or random_time_ordered(self.clock.now(), self.chance.some_bytes(10)),
                number or random_digits(terms.number_length, self.chance.below),
                secret,
            )
            try:
                return self._generate(card, self.pins.digest(secret), group_name, terms, number, by)
            except ClaimTaken as taken:
                if (taken.kind == kinds.CARD_NUMBER and number) or (
                    taken.kind == kinds.PIN and pin
                ):
                    raise AlreadyExists(taken.kind, number or "") from taken
        raise SettingNotAllowed("pin length", str(terms.pin_length), "longer PINs: few are left")

    def _generate(
        self,
        new: NewCard,
        digest: str,
        group_name: str,
        terms: GroupTerms,
        wanted: str | None,
        by: str | None,
    ) -> NewCard:
        account_id = kinds.account_id_of_card(new.card_id)
        group_id = kinds.card_group_id(group_name)
        space_id = kinds.pin_space_id(terms.pin_length)

        def decide(unit: Unit) -> NewCard:
            card = unit.get(kinds.CARDS, new.card_id)
            if card is not None:
                if card.group_id != group_id or wanted not in (None, card.number):
                    raise AlreadyExists("card", card.number)
                return NewCard(new.card_id, card.number, None)
            facts = cards.generate(card, new.number, digest, group_id, account_id, terms.face_value)
            claims = (Claim(kinds.CARD_NUMBER, new.number), Claim(kinds.PIN, digest))
            unit.record(kinds.CARDS, new.card_id, facts, claims)
            space = unit.get(kinds.PIN_SPACES, space_id) or PinSpace(terms.pin_length)
            unit.record(kinds.PIN_SPACES, space_id, space.reserve(1, f"card {new.number}"))
            if by is not None:
                record_act(unit, by, _CARD_GENERATED, new.card_id)
            return new

        act_id = act_id_of(_CARD_GENERATED, new.card_id)
        return self.units.run(decide, writes=(new.card_id, act_id, space_id))

    def card_id(self, number: str) -> UUID:
        card_id = self.units.find(kinds.CARD_NUMBER, number)
        if card_id is None:
            raise NotFound("card", number)
        return card_id

    def card(self, card_id: UUID) -> Card:
        return look_up(self.units, kinds.CARDS, card_id, str(card_id))

    def issue_card(self, card_id: UUID, by: str, why: str) -> None:
        """Makes a card active at once, without printer and shop, and gives it its face value."""
        self._change(card_id, lambda card: card.issue(by, why), by)

    def change_status(
        self, card_id: UUID, status: Status, by: str, why: str, *, check: Check[Card] = accept
    ) -> None:
        """Raises StatusChangeNotAllowed. The first activation gives the card its face value."""

        def change(card: Card) -> list[cards.CardFact]:
            check(card)
            return card.change_status(status, by, why)

        self._change(card_id, change, by)

    def _change(
        self, card_id: UUID, decision: Callable[[Card], list[cards.CardFact]], by: str
    ) -> None:
        account_id = self.card(card_id).account_id
        top_up_id = kinds.face_value_id_of_card(card_id)

        def decide(unit: Unit) -> None:
            card = unit.get(kinds.CARDS, card_id)
            assert card is not None, "looked at before"
            unit.record(kinds.CARDS, card_id, decision(card))
            after = unit.get(kinds.CARDS, card_id)
            assert after is not None, "looked at before"
            if card.activated or not after.activated:
                return
            account = unit.get(kinds.ACCOUNTS, account_id)
            facts = accounts.open_account(account, card.face_value.unit, "card", card_id)
            unit.record(kinds.ACCOUNTS, account_id, facts)
            if card.face_value:
                self._add(unit, account_id, top_up_id, card.face_value, "face value", by)

        self.units.run(decide, writes=(card_id, account_id, top_up_id))

    def top_up_card(
        self, card_id: UUID, top_up_id: UUID, amount: Money, channel: str, by: str
    ) -> Money:
        """Adds money to a card, once for each top-up id, and gives what it can spend now.

        Raises SettingNotAllowed for a card that was never activated or has expired, or another
        unit: a refill does not move the expiry, so the money could never be spent.
        """
        known = self.card(card_id)
        account_id, group_id = known.account_id, known.group_id

        def decide(unit: Unit) -> Money:
            card = unit.get(kinds.CARDS, card_id)
            assert card is not None, "looked at before"
            again = unit.get(kinds.TOP_UPS, top_up_id) is not None
            if not again and (not card.activated or card.status is Status.VOID):
                raise SettingNotAllowed("card", card.status, "a card that is or was active")
            group = unit.get(kinds.CARD_GROUPS, group_id)
            end = card.expires_at(group.terms) if group else None
            if not again and end is not None and end <= self.clock.now():
                raise SettingNotAllowed("card", "expired", "a card that has not expired")
            self._add(unit, account_id, top_up_id, amount, channel, by)
            account = unit.get(kinds.ACCOUNTS, account_id)
            assert account is not None, "an active card has an account"
            unit.record(kinds.CARDS, card_id, card.balance_changed(account.balance))
            return account.available

        return self.units.run(decide, writes=(card_id, account_id, top_up_id), reads=(group_id,))

    @staticmethod
    def _add(
        unit: Unit, account_id: UUID, top_up_id: UUID, amount: Money, channel: str, by: str
    ) -> None:
        received = top_ups.receive(
            unit.get(kinds.TOP_UPS, top_up_id), account_id, amount, channel, by
        )
        if not received:
            return
        account = unit.get(kinds.ACCOUNTS, account_id)
        if account is None:
            raise NotFound("account", str(account_id))
        unit.record(kinds.ACCOUNTS, account_id, account.add_funds(top_up_id, amount))
        unit.record(kinds.TOP_UPS, top_up_id, received)


def check_expiry(before: GroupTerms, after: GroupTerms, now: datetime) -> None:
    """Raises SettingNotAllowed for an expiry that is moved into the past: a slip of the pen would
    forfeit what is left on every card of the group, and nothing gives it back (ADR 0024)."""
    end = after.expires_on
    if end is not None and end != before.expires_on and end <= now:
        accepted = "a moment to come: what is left on expired cards is forfeited"
        raise SettingNotAllowed("expires_on", end.isoformat(), accepted)


def _check(terms: GroupTerms) -> None:
    """What would only fail when somebody calls."""
    for language in terms.languages:
        check_language(language)
    check_first_announcement(terms.first_announcement)


def _check_digits(name: str, value: str | None, length: int) -> None:
    if value is None:
        return
    if not (value.isascii() and value.isdigit() and len(value) == length):
        shown = value if name == "number" else "what was given"
        raise SettingNotAllowed(name, shown, f"{length} digits, as its card group says")
