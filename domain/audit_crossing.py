"""Verifies what two streams tell of one thing: a hold and its attempt, a top-up and its funds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import TypeVar

from attrs import define, field

from domain.accounts import Forfeiture
from domain.audit_accounts import AccountSeen, HoldSeen, MoneySeen
from domain.audit_calls import AttemptOf, SessionSeen
from domain.audit_cards import CardSeen, OwnerSeen, TermsSeen
from domain.audit_corrections import ChargeSeen, Key
from domain.audit_rules import Findings, Place, Rule
from domain.cards import Status
from domain.money import Money

SWEPT = timedelta(minutes=5)
"""How long after its deadline an attempt may still be open: the sweep comes round once a minute."""

SETTLED_TERMS = timedelta(minutes=1)
"""Terms that were changed while expired cards were being looked for may not have been seen."""

T = TypeVar("T")
K = TypeVar("K")


@define
class Seen:
    """What was folded, of a part of the streams or of all of them."""

    accounts: dict[int, AccountSeen] = field(factory=dict)
    holds: dict[int, HoldSeen] = field(factory=dict)
    arrived: dict[int, list[MoneySeen]] = field(factory=dict)
    forfeited: list[tuple[int, Place, str]] = field(factory=list)
    sessions: dict[int, SessionSeen] = field(factory=dict)
    attempts: dict[int, list[AttemptOf]] = field(factory=dict)
    cards: dict[int, CardSeen] = field(factory=dict)
    owners: dict[int, OwnerSeen] = field(factory=dict)
    terms: dict[int, list[TermsSeen]] = field(factory=dict)
    told: dict[int, list[MoneySeen]] = field(factory=dict)
    corrected: dict[Key, list[ChargeSeen]] = field(factory=dict)
    """What accounts say of corrected charges, and ``corrections`` what calls say."""
    corrections: dict[Key, list[ChargeSeen]] = field(factory=dict)


class Crossing:
    """Compares what was seen; everything that is missing on one side is found."""

    def __init__(self, seen: Seen, findings: Findings, now: datetime) -> None:
        self._seen = seen
        self._findings = findings
        self._now = now
        self._follows = findings.incomplete

    def check(self) -> None:
        self._holds()
        self._attempts()
        self._money(self._seen.arrived, self._seen.told)
        self._corrected()
        self._setup_fees()
        self._cards()
        self._forfeited()

    def _holds(self) -> None:
        for number, hold in self._seen.holds.items():
            if number not in self._seen.attempts:
                self._find(hold.placed, Rule.HOLD_OF_ATTEMPT, "no attempt is held for")

    def _attempts(self) -> None:
        for number, attempts in self._seen.attempts.items():
            first, hold = attempts[0], self._seen.holds.get(number)
            for other in attempts[1:]:
                why = f"it shares its hold with attempt {first.number} at {first.started}"
                self._find(other.started, Rule.HOLD_OF_ATTEMPT, why)
            if hold is None:
                self._find(first.started, Rule.HOLD_OF_ATTEMPT, "nothing is held for the attempt")
                continue
            if (hold.account, hold.amount) != (first.account, first.held):
                held, wanted = Money(hold.amount, first.unit), Money(first.held, first.unit)
                why = f"{held} is held, and the attempt at {first.started} wants {wanted}"
                if hold.account != first.account:
                    why += " of another account"
                self._find(hold.placed, Rule.HOLD_OF_ATTEMPT, why)
            self._ends(first, hold)

    def _ends(self, attempt: AttemptOf, hold: HoldSeen) -> None:
        settled, ended = attempt.settled, hold.ended
        if ended is None:
            if settled is not None:
                why = "the attempt was settled, and its hold never ended"
                self._find(settled.position, Rule.HOLD_ENDED, why)
            elif self._now > attempt.deadline + SWEPT:
                why = f"the hold never ended, and the attempt ended by {attempt.deadline}"
                self._find(hold.placed, Rule.HOLD_ENDED, why)
        elif settled is None:
            self._find(
                ended, Rule.HOLD_OF_ATTEMPT, "the hold ended, and its attempt is not settled"
            )
        elif (hold.charge or 0) != settled.charge:
            took, told = Money(hold.charge or 0, attempt.unit), Money(settled.charge, attempt.unit)
            why = f"{took} was captured, and {told} settled at {settled.position}"
            self._find(ended, Rule.PRICE, why)

    def _money(
        self, arrived: Mapping[int, list[MoneySeen]], told: Mapping[int, list[MoneySeen]]
    ) -> None:
        for number, funds in arrived.items():
            for again in funds[1:]:
                why = f"it counted at {funds[0].position} before"
                self._find(again.position, Rule.TOP_UP_ONCE, why)
            if number not in told:
                self._find(funds[0].position, Rule.TOP_UP_ONCE, "nobody recorded that it came")
        for number, money in told.items():
            for again in money[1:]:
                why = f"it was recorded at {money[0].position} before"
                self._find(again.position, Rule.TOP_UP_ONCE, why)
            here = money[0]
            there = arrived.get(number)
            if there is None:
                self._find(here.position, Rule.TOP_UP_ONCE, "it never reached its account")
                continue
            first = there[0]
            if (here.account, here.micros, here.unit) != (first.account, first.micros, first.unit):
                came, counted = Money(here.micros, here.unit), Money(first.micros, first.unit)
                why = f"{came} was recorded, and {counted} counted at {first.position}"
                if here.account != first.account:
                    why += ", on another account"
                later = max(here.position, first.position)
                self._find(later, Rule.TOP_UP_ONCE, why)

    def _corrected(self) -> None:
        there, here = self._seen.corrected, self._seen.corrections
        for key, moved in there.items():
            told = here.get(key)
            for again in moved[1:]:
                why = f"it moved money at {moved[0].position} before"
                self._find(again.position, Rule.CORRECTED, why)
            if told is None:
                self._find(moved[0].position, Rule.CORRECTED, "no call tells of the correction")
            elif _amounts(told[0]) != _amounts(moved[0]):
                later = max(told[0].position, moved[0].position)
                why = f"{told[0].position} and {moved[0].position} tell of other amounts"
                self._find(later, Rule.CORRECTED, why)
        for key, told in here.items():
            if key not in there:
                self._find(told[0].position, Rule.CORRECTED, "it never reached its account")

    def _setup_fees(self) -> None:
        paid: dict[int, list[int]] = {}
        for attempts in self._seen.attempts.values():
            for attempt in attempts:
                if attempt.settled is not None and attempt.settled.setup:
                    paid.setdefault(attempt.card, []).append(attempt.settled.position)
        for places in paid.values():
            first, *others = sorted(places)
            for position in others:
                why = f"the card paid its setup fee at {first} before"
                self._find(position, Rule.SETUP_ONCE, why)

    def _cards(self) -> None:
        numbers: dict[str, int] = {}
        owners = self._owners()
        for stream, seen in sorted(self._seen.cards.items(), key=lambda item: item[1].generated):
            card = seen.card
            first = numbers.setdefault(card.number, seen.generated)
            if first != seen.generated:
                why = f"the number belongs to the card generated at {first}"
                self._find(seen.generated, Rule.CARD_NUMBER, why)
            if card.caller_id is not None:
                owner = owners.get(card.caller_id)
                if owner is None or owner.card != stream:
                    why = f"the card has {card.caller_id}, which does not open it"
                    self._find(seen.bound or seen.position, Rule.CALLER_ID, why)
            if card.status is Status.EMPTY:
                account = self._seen.accounts.get(card.account_id.int)
                if account is not None and account.balance:
                    left = Money(account.balance, account.unit)
                    why = f"the card is empty, and {left} is on it"
                    self._find(seen.position, Rule.STATUS, why)

    def _owners(self) -> dict[str, OwnerSeen]:
        """By number. Each opens a card that has it, and no number has two histories."""
        owners: dict[str, OwnerSeen] = {}
        for owner in sorted(self._seen.owners.values(), key=lambda each: each.position):
            if owners.setdefault(owner.number, owner) is not owner:
                self._find(owner.position, Rule.CALLER_ID, f"{owner.number} has two histories")
            opens = self._seen.cards.get(owner.card) if owner.card is not None else None
            if owner.card is not None and (opens is None or opens.card.caller_id != owner.number):
                why = f"{owner.number} opens a card that does not have it"
                self._find(owner.position, Rule.CALLER_ID, why)
        return owners

    def _forfeited(self) -> None:
        cards = {seen.card.account_id.int: seen for seen in self._seen.cards.values()}
        for account, place, reason in self._seen.forfeited:
            seen = cards.get(account)
            if seen is None:
                self._find(place.position, Rule.FORFEITED, "no card has the account")
            elif reason == Forfeiture.VOID:
                if seen.void_at is None or seen.void_at > place.position:
                    self._find(place.position, Rule.FORFEITED, "the card was not void")
            elif not self._expired(seen, place):
                self._find(place.position, Rule.FORFEITED, "the card had not expired")

    def _expired(self, seen: CardSeen, place: Place) -> bool:
        """By the terms in force at the fact, or shortly before it."""
        before: TermsSeen | None = None
        for terms in self._seen.terms.get(seen.card.group_id.int, ()):
            if terms.position > place.position:
                break
            recent = place.at - terms.at < SETTLED_TERMS
            if before is not None and recent and _ended(before, seen, place.at):
                return True
            before = terms
        return before is not None and _ended(before, seen, place.at)

    def _find(self, position: int, rule: Rule, why: str) -> None:
        self._findings.add(position, rule, why, follows=self._follows)


def _amounts(seen: ChargeSeen) -> tuple[int, int, int, str]:
    return seen.account, seen.before, seen.after, seen.unit


def _ended(terms: TermsSeen, seen: CardSeen, at: datetime) -> bool:
    if terms.expires_on is not None and terms.expires_on <= at:
        return True
    used = seen.card.first_used_at
    return bool(terms.valid_days and used and used + timedelta(days=terms.valid_days) <= at)


def joined(parts: Iterable[Seen], findings: Findings) -> Seen:
    """All parts as one. What two parts claim to have seen first is a finding: holds are unique."""
    whole = Seen()
    for part in parts:
        for number, hold in part.holds.items():
            first = whole.holds.setdefault(number, hold)
            if first is not hold:
                later = max(first.placed, hold.placed)
                why = "the hold was placed on another account before"
                findings.add(later, Rule.HOLD_ENDS_ONCE, why)
        _extend(whole.arrived, part.arrived)
        _extend(whole.attempts, part.attempts)
        _extend(whole.terms, part.terms)
        _extend(whole.told, part.told)
        _extend(whole.corrected, part.corrected)
        _extend(whole.corrections, part.corrections)
        whole.accounts.update(part.accounts)
        whole.sessions.update(part.sessions)
        whole.cards.update(part.cards)
        whole.owners.update(part.owners)
        whole.forfeited.extend(part.forfeited)
    for attempts in whole.attempts.values():
        attempts.sort(key=lambda each: each.started)
    for funds in whole.arrived.values():
        funds.sort(key=lambda each: each.position)
    return whole


def _extend(whole: dict[K, list[T]], part: dict[K, list[T]]) -> None:
    for number, several in part.items():
        known = whole.setdefault(number, several)
        if known is not several:
            known.extend(several)
