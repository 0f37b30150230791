"""A call session: one stay on the line, with its attempts to reach somebody and what each cost.

Charging rule 3: one attempt, one hold, one capture. Whoever comes first settles an attempt; a later
record that disagrees by more than a second is put up for review and changes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import assert_never
from uuid import UUID

from attrs import evolve as changed
from attrs import field, frozen

from domain.attempts import DISPUTED_ABOVE, Settled
from domain.attempts import Evidence as Evidence
from domain.attempts import PlannedRoute as PlannedRoute
from domain.costs import Exchange
from domain.errors import AlreadyExists, CallEndedAlready, NotFound, TooManyAttempts
from domain.login import Proof
from domain.money import Money
from domain.rating import RateTerms

MOST_ATTEMPTS = 100
"""Attempts in one session, so that its state stays small."""

# Facts.


@frozen
class CallStarted:
    """``reference`` is the call's name in Asterisk, ``caller_id`` a usable number, sealed."""

    reference: str
    node: str
    access_number: str
    caller_id: str | None


@frozen
class LoginRefused:
    """A failed try, with the reason that the caller is never told."""

    reason: str
    card_id: UUID | None


@frozen
class PayerIdentified:
    card_id: UUID
    account_id: UUID
    proof: Proof


@frozen
class AttemptStarted:
    """The hold is placed and the number may be dialled.

    ``terms`` are all that the price follows from (charging rule 4); ``limit_seconds`` is the hard
    limit given to Asterisk; after ``deadline`` the leg cannot be up any more.
    """

    number: int
    destination: str
    destination_name: str
    hold_id: UUID
    account_id: UUID
    card_id: UUID
    held: Money
    limit_seconds: int
    terms: RateTerms
    placed_at: datetime
    deadline: datetime
    first_use: bool
    """No connected call of the card was settled before this one was placed."""


@frozen
class RoutesPlanned:
    """The ways an attempt may take, in the order they are tried: the first is leg 1."""

    number: int
    routes: tuple[PlannedRoute, ...]


@frozen
class TimeAnnounced:
    """What the caller is told, where it is not the limit itself: other seconds, None: nothing."""

    number: int
    seconds: int | None


@frozen
class LegUnanswered:
    """A leg of an open attempt has ended: whoever settles it without knowing, knows its route."""

    number: int
    leg: int
    cause: int | None


@frozen
class AttemptSeen:
    """The leg was seen alive, this many seconds after it was answered."""

    number: int
    answered_at: datetime
    seconds: int


@frozen
class AttemptSettled:
    """``charge`` follows from the attempt's terms, ``answered_at``, ``seconds``, ``setup_due``."""

    number: int
    answered_at: datetime | None
    talked_ms: int
    seconds: int
    charge: Money
    setup_due: bool
    evidence: Evidence
    cause: int | None


@frozen
class AttemptRouted:
    """Which leg an attempt ended on, its trunk and provider, and what it costs the operator.

    Recorded with the settlement. ``cost`` is in the provider's unit; it follows from ``terms``,
    the moment of the answer and the seconds talked, and is nothing for a leg that nobody answered.
    ``domain.costs.margin`` tells what is left of the charge.
    """

    number: int
    leg: int
    trunk: str
    provider: str | None
    terms: RateTerms | None
    cost: Money | None
    exchange: Exchange | None


@frozen
class SettlementDisputed:
    """A later record tells of another length than was settled; a person has to look at it."""

    number: int
    settled_seconds: int
    seconds: int
    evidence: Evidence


@frozen
class AttemptRerated:
    """A correction put other terms in the place of those the attempt was charged by (ADR 0028).

    ``due`` is the whole price by the new ``terms``; ``charge_before`` was charged until now, and
    ``charge`` is from now on. ``untaken`` is what was asked for and not available.
    """

    number: int
    correction_id: UUID
    hold_id: UUID
    answered_at: datetime
    seconds: int
    setup_due: bool
    terms_before: RateTerms
    terms: RateTerms
    due: Money
    charge_before: Money
    charge: Money
    untaken: Money
    by: str
    why: str


@frozen
class AttemptRefunded:
    """A part of the charge, or all of it, was given back; ``terms`` are those it was charged by."""

    number: int
    correction_id: UUID
    hold_id: UUID
    answered_at: datetime
    seconds: int
    setup_due: bool
    terms: RateTerms
    charge_before: Money
    charge: Money
    by: str
    why: str


@frozen
class CallEnded:
    reason: str


CallSessionFact = (
    CallStarted
    | LoginRefused
    | PayerIdentified
    | AttemptStarted
    | RoutesPlanned
    | TimeAnnounced
    | LegUnanswered
    | AttemptSeen
    | AttemptSettled
    | AttemptRouted
    | SettlementDisputed
    | AttemptRerated
    | AttemptRefunded
    | CallEnded
)

# State and decisions.


@frozen
class Attempt:
    """An attempt whose hold is open."""

    started: AttemptStarted
    seen: AttemptSeen | None = None
    routes: tuple[PlannedRoute, ...] = ()
    """By leg, the first is leg 1."""
    unanswered: int = 0
    """The last leg that is known to have ended without an answer; 0: none."""


@frozen
class CallSession:
    started: CallStarted
    card_id: UUID | None = None
    account_id: UUID | None = None
    refused_logins: int = 0
    attempts: Mapping[int, Attempt] = field(factory=dict, hash=False)
    """Open attempts by number."""
    settled: Mapping[int, Settled] = field(factory=dict, hash=False)
    """At most MOST_ATTEMPTS: late records and corrections begin with what was charged."""
    ended: bool = False

    @property
    def last_attempt(self) -> int:
        return len(self.attempts) + len(self.settled)

    def refuse_login(self, reason: str, card_id: UUID | None) -> list[CallSessionFact]:
        return [LoginRefused(reason, card_id)]

    def identify(self, card_id: UUID, account_id: UUID, proof: Proof) -> list[CallSessionFact]:
        """A caller may bring another payer later in the session; open attempts keep theirs."""
        if (self.card_id, self.account_id) == (card_id, account_id):
            return []
        return [PayerIdentified(card_id, account_id, proof)]

    def asked_before(self, number: int, destination: str, card_id: UUID) -> AttemptStarted | None:
        """The open attempt of this number, if it is to this destination and paid by this card."""
        known = self.attempts.get(number)
        if known is None:
            return None
        same = (known.started.destination, known.started.card_id) == (destination, card_id)
        return known.started if same else None

    def start_attempt(self, attempt: AttemptStarted) -> list[CallSessionFact]:
        """Raises TooManyAttempts, CallEndedAlready, or AlreadyExists for a number used before."""
        if self.asked_before(attempt.number, attempt.destination, attempt.card_id):
            return []
        if self.ended:
            raise CallEndedAlready(self.started.reference)
        if attempt.number > MOST_ATTEMPTS:
            raise TooManyAttempts(MOST_ATTEMPTS)
        if attempt.number != self.last_attempt + 1:
            raise AlreadyExists("attempt", f"{self.started.reference} {attempt.number}")
        return [attempt]

    def plan_routes(self, number: int, routes: tuple[PlannedRoute, ...]) -> list[CallSessionFact]:
        """Once, with the start of the attempt: its legs are named by their place in the plan."""
        attempt = self.attempts.get(number)
        if attempt is None or attempt.routes or not routes:
            return []
        return [RoutesPlanned(number, routes)]

    def announce(self, number: int, seconds: int | None) -> list[CallSessionFact]:
        """Once, with the start of the attempt; None: nothing. The limit goes without saying."""
        attempt = self.attempts.get(number)
        if attempt is None or seconds == attempt.started.limit_seconds:
            return []
        return [TimeAnnounced(number, seconds)]

    def leg_unanswered(self, number: int, leg: int, cause: int | None) -> list[CallSessionFact]:
        """Legs are tried one after another, so only a later one tells anything new."""
        attempt = self.attempts.get(number)
        if attempt is None or not attempt.unanswered < leg <= len(attempt.routes):
            return []
        return [LegUnanswered(number, leg, cause)]

    def see_alive(self, number: int, answered_at: datetime, seconds: int) -> list[CallSessionFact]:
        """Confirmed usage only grows, and never beyond the limit."""
        attempt = self.attempts.get(number)
        if attempt is None:
            return []
        seconds = min(seconds, attempt.started.limit_seconds)
        if seconds <= (attempt.seen.seconds if attempt.seen else 0):
            return []
        return [AttemptSeen(number, answered_at, seconds)]

    def settle(self, settled: AttemptSettled, leg: int | None = None) -> list[CallSessionFact]:
        """Once: an attempt that is settled already, or was never started, stays as it is.

        ``leg`` is the one it ended on, None if whoever settles does not know. Then it follows from
        the legs that nobody answered: the last of them, or the only one left that can have been
        talked on.
        """
        attempt = self.attempts.get(settled.number)
        if attempt is None:
            return []
        if leg is None and settled.answered_at is None:
            leg = attempt.unanswered or None
        elif leg is None and attempt.unanswered == len(attempt.routes) - 1:
            leg = len(attempt.routes)
        if leg is None or not 1 <= leg <= len(attempt.routes):
            return [settled]
        way = attempt.routes[leg - 1]
        cost = way.cost(settled.answered_at, settled.talked_ms)
        told = (way.trunk, way.provider, way.terms, cost, way.exchange)
        return [settled, AttemptRouted(settled.number, leg, *told)]

    def review(self, number: int, seconds: int, evidence: Evidence) -> list[CallSessionFact]:
        """Compares a record that came after the settlement with what was charged.

        Raises NotFound for an attempt that was never started.
        """
        if number in self.attempts:
            return []
        before = self.settled.get(number)
        if before is None:
            raise NotFound("attempt", f"{self.started.reference} {number}")
        # What a leg outlived its limit by was not charged, so the record that was charged from does
        # not disagree with itself.
        beyond = abs(before.seconds - min(seconds, before.limit_seconds))
        if before.disputed or beyond <= DISPUTED_ABOVE:
            return []
        return [SettlementDisputed(number, before.seconds, seconds, evidence)]

    def end(self, reason: str) -> list[CallSessionFact]:
        return [] if self.ended else [CallEnded(reason)]


def start(session: CallSession | None, started: CallStarted) -> list[CallSessionFact]:
    return [started] if session is None else []


def evolve(session: CallSession | None, fact: CallSessionFact) -> CallSession:
    if isinstance(fact, CallStarted):
        return CallSession(fact)
    assert session is not None, "a call session begins with CallStarted"
    match fact:
        case LoginRefused():
            return changed(session, refused_logins=session.refused_logins + 1)
        case PayerIdentified(card_id, account_id):
            return changed(session, card_id=card_id, account_id=account_id)
        case AttemptStarted():
            return changed(session, attempts={**session.attempts, fact.number: Attempt(fact)})
        case RoutesPlanned(number, routes):
            planned = changed(session.attempts[number], routes=routes)
            return changed(session, attempts={**session.attempts, number: planned})
        case LegUnanswered(number, leg):
            told = changed(session.attempts[number], unanswered=leg)
            return changed(session, attempts={**session.attempts, number: told})
        case AttemptSeen(number):
            seen = changed(session.attempts[number], seen=fact)
            return changed(session, attempts={**session.attempts, number: seen})
        case AttemptSettled(number=number, seconds=seconds):
            limit = session.attempts[number].started.limit_seconds
            return changed(
                session,
                attempts={n: open_ for n, open_ in session.attempts.items() if n != number},
                settled={**session.settled, number: Settled(seconds, limit, fact.charge)},
            )
        case AttemptRerated(number, by, charge=charge):
            now = session.settled[number].rerated(by, charge, fact.terms, fact.untaken)
            return changed(session, settled={**session.settled, number: now})
        case AttemptRefunded(number, by, charge=charge):
            now = session.settled[number].given_back(by, charge)
            return changed(session, settled={**session.settled, number: now})
        case TimeAnnounced() | AttemptRouted():
            return session
        case SettlementDisputed(number):
            disputed = changed(session.settled[number], disputed=True)
            return changed(session, settled={**session.settled, number: disputed})
        case CallEnded():
            return changed(session, ended=True)
        case _:
            assert_never(fact)
