"""Settling: each attempt is charged once, from what Asterisk recorded of its legs.

The conversation that dialled, the shipper of the spool, the reconciliation and the sweep may all
try; the first one settles. Seconds come from Asterisk's own clock on the dialled channel, never
from differences between clocks (charging rule 8).
"""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

from attrs import frozen

from application import kinds
from application.legs import LegRecord
from application.looking import look_at
from application.ports import Clock, Unit, UnitsOfWork
from domain.call_sessions import AttemptSettled, CallSession, Evidence
from domain.cards import Card
from domain.errors import NotFound
from domain.money import Money
from domain.rating import charge, whole_seconds


@frozen
class Receipt:
    """What an attempt cost, and what the account can spend after it."""

    charge: Money
    seconds: int
    available: Money


@frozen
class PaidBy:
    """The card that pays for an attempt, and its account."""

    account_id: UUID
    card_id: UUID


@frozen
class _Outcome:
    answered_at: datetime | None
    talked_ms: int
    evidence: Evidence
    cause: int | None = None
    leg: int | None = None


@frozen
class Settlement:
    units: UnitsOfWork
    clock: Clock

    def record_leg(
        self,
        leg: LegRecord,
        evidence: Evidence = Evidence.LEG_RECORD,
        *,
        paid_by: PaidBy | None = None,
    ) -> Receipt | None:
        """Settles the attempt that an answered leg belongs to.

        A leg that nobody answered settles nothing by itself: another route may be ringing, and
        who knows that none is says so (``not_connected``, ``call_ended``). Which leg it was is
        recorded all the same, for an attempt that is still open. Raises NotFound for an answered
        leg of no attempt that the ledger knows. ``paid_by`` spares a look by those who know it.
        """
        if leg.answered_ms is None:
            self._leg_unanswered(leg)
            return None
        if leg.ended_ms is None:
            return None
        answered_at = datetime.fromtimestamp(leg.answered_ms // 1000, UTC)
        outcome = _Outcome(answered_at, leg.talked_ms, evidence, leg.cause, leg.leg)
        return self._settle(
            kinds.session_id(leg.reference), leg.reference, leg.attempt, outcome, paid_by
        )

    def not_connected(
        self,
        reference: str,
        attempt: int,
        cause: int | None,
        *,
        paid_by: PaidBy | None = None,
        leg: int | None = None,
    ) -> Receipt | None:
        """Every route was tried and nobody answered: nothing is charged. ``leg`` was the last."""
        outcome = _Outcome(None, 0, Evidence.DIAL_STATUS, cause, leg)
        return self._settle(kinds.session_id(reference), reference, attempt, outcome, paid_by)

    def call_ended(self, reference: str, reason: str = "caller's channel ended") -> int:
        """The caller's channel is gone and all leg records it left have been recorded.

        What is still open was never answered. Gives the number of attempts that this released.
        """
        session_id = kinds.session_id(reference)
        session = self._session(session_id)
        if session is None:
            return 0
        outcome = _Outcome(None, 0, Evidence.CALL_ENDED)
        for number in session.attempts:
            self._settle(session_id, reference, number, outcome)
        if not session.ended:
            self._end(session_id, reason)
        return len(session.attempts)

    def seen_alive(self, reference: str, attempt: int, answered_ms: int, seconds: int) -> None:
        """The leg is up, so many seconds after its answer: the least that was surely talked."""
        session_id = kinds.session_id(reference)
        answered_at = datetime.fromtimestamp(answered_ms // 1000, UTC)

        def decide(unit: Unit) -> None:
            session = _known(unit, session_id, reference)
            facts = session.see_alive(attempt, answered_at, seconds)
            unit.record(kinds.CALL_SESSIONS, session_id, facts)

        self.units.run(decide, writes=(session_id,))

    def give_up_waiting(self, session_id: UUID) -> int:
        """Settles attempts whose channels have surely passed their limit and of which no record
        ever came, by the last confirmed usage: in the customer's favour (charging rule 5).

        Gives the number of attempts settled.
        """
        session = self._session(session_id)
        if session is None:
            return 0
        settled = 0
        for number, attempt in session.attempts.items():
            if self.clock.now() < attempt.started.deadline:
                continue
            seen = attempt.seen
            outcome = _Outcome(
                seen.answered_at if seen else None,
                seen.seconds * 1000 if seen else 0,
                Evidence.LIMIT_PASSED,
            )
            self._settle(session_id, session.started.reference, number, outcome)
            settled += 1
        return settled

    def _leg_unanswered(self, leg: LegRecord) -> None:
        session_id = kinds.session_id(leg.reference)
        session = self._session(session_id)
        if session is None or not session.leg_unanswered(leg.attempt, leg.leg, leg.cause):
            return

        def decide(unit: Unit) -> None:
            known = _known(unit, session_id, leg.reference)
            facts = known.leg_unanswered(leg.attempt, leg.leg, leg.cause)
            unit.record(kinds.CALL_SESSIONS, session_id, facts)

        self.units.run(decide, writes=(session_id,))

    def _settle(
        self,
        session_id: UUID,
        reference: str,
        number: int,
        outcome: _Outcome,
        paid_by: PaidBy | None = None,
    ) -> Receipt | None:
        payer = paid_by or self._payer_of(session_id, reference, number)
        receipt = None
        if payer is not None:
            receipt = self.units.run(
                lambda unit: _charge(unit, session_id, reference, number, outcome, payer),
                writes=(session_id, payer.account_id, payer.card_id),
            )
        if receipt is None:
            self._review(session_id, reference, number, outcome)
        return receipt

    def _payer_of(self, session_id: UUID, reference: str, number: int) -> PaidBy | None:
        """Who pays for an open attempt; None if it is settled. Raises NotFound."""
        session = self._session(session_id)
        if session is None:
            raise NotFound("call session", reference)
        attempt = session.attempts.get(number)
        if attempt is None:
            return None
        return PaidBy(attempt.started.account_id, attempt.started.card_id)

    def _review(self, session_id: UUID, reference: str, number: int, outcome: _Outcome) -> None:
        """Somebody settled first: nothing is charged, but a record that tells of another length is
        put up for review."""
        if outcome.answered_at is None:
            return

        def decide(unit: Unit) -> None:
            session = _known(unit, session_id, reference)
            seconds = whole_seconds(outcome.talked_ms)
            facts = session.review(number, seconds, outcome.evidence)
            unit.record(kinds.CALL_SESSIONS, session_id, facts)

        self.units.run(decide, writes=(session_id,))

    def _session(self, session_id: UUID) -> CallSession | None:
        return look_at(self.units, kinds.CALL_SESSIONS, session_id)

    def _end(self, session_id: UUID, reason: str) -> None:
        def decide(unit: Unit) -> None:
            session = unit.get(kinds.CALL_SESSIONS, session_id)
            assert session is not None, "looked at before"
            unit.record(kinds.CALL_SESSIONS, session_id, session.end(reason))

        self.units.run(decide, writes=(session_id,))


def _known(unit: Unit, session_id: UUID, reference: str) -> CallSession:
    session = unit.get(kinds.CALL_SESSIONS, session_id)
    if session is None:
        raise NotFound("call session", reference)
    return session


def _charge(
    unit: Unit, session_id: UUID, reference: str, number: int, outcome: _Outcome, payer: PaidBy
) -> Receipt | None:
    """The facts of one settlement; None if somebody else was first."""
    session = _known(unit, session_id, reference)
    attempt = session.attempts.get(number)
    if attempt is None:
        return None
    started = attempt.started
    assert payer == PaidBy(started.account_id, started.card_id), "an attempt has one payer"
    account = unit.get(kinds.ACCOUNTS, payer.account_id)
    assert account is not None, "an attempt holds money of an account"
    setup_due = started.first_use and _card(unit, payer).first_used_at is None
    # The limit is hard, so what the clock shows beyond it is its own unsteadiness.
    seconds = min(whole_seconds(outcome.talked_ms), started.limit_seconds)
    cost = started.held.zero
    if outcome.answered_at is not None and seconds:
        price = charge(started.terms, outcome.answered_at, seconds, setup_due=setup_due)
        cost = min(price.total, started.held)
    settled = AttemptSettled(
        number,
        outcome.answered_at,
        outcome.talked_ms,
        seconds if outcome.answered_at is not None else 0,
        cost,
        setup_due,
        outcome.evidence,
        outcome.cause,
    )
    unit.record(kinds.CALL_SESSIONS, session_id, session.settle(settled, outcome.leg))
    ends = account.capture(started.hold_id, cost) if cost else account.release(started.hold_id)
    unit.record(kinds.ACCOUNTS, payer.account_id, ends)
    after = unit.get(kinds.ACCOUNTS, payer.account_id)
    assert after is not None, "it was there before"
    # Within the grace a call is free of everything: it does not use the card up for the setup fee.
    charged = settled.seconds > started.terms.grace_seconds
    if charged and started.first_use and outcome.answered_at is not None:
        facts = _card(unit, payer).first_talk(outcome.answered_at)
        unit.record(kinds.CARDS, payer.card_id, facts)
    if cost and not after.balance:
        facts = _card(unit, payer).balance_changed(after.balance)
        unit.record(kinds.CARDS, payer.card_id, facts)
    return Receipt(cost, settled.seconds, after.available)


def _card(unit: Unit, payer: PaidBy) -> Card:
    """Looked at only where it matters: most calls are not a card's first nor its last."""
    card = unit.get(kinds.CARDS, payer.card_id)
    assert card is not None, "an attempt is paid by a card"
    return card
