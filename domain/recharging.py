"""Corrects the charge of a settled attempt: by other terms, or by giving some of it back.

What was recorded stays. A correction is a fact behind the others that says from which charge to
which, and by what terms (ADR 0028).
"""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from attrs import frozen

from domain.attempts import Made, Settled
from domain.call_sessions import (
    AttemptRefunded,
    AttemptRerated,
    AttemptSettled,
    AttemptStarted,
    CallSession,
    CallSessionFact,
)
from domain.cards import check_words
from domain.errors import AlreadyExists, NotFound, SettingNotAllowed
from domain.money import Money
from domain.rating import RateTerms, charge

MOST_CORRECTIONS = 100
"""Corrections of one attempt, so that the state of its call stays small."""

MOST_BEFORE_REFUND = 50
"""Corrections of an attempt that may be refunded: small refunds leave room for re-ratings, and so
keep no correction of a month from its end."""


@frozen
class Talk:
    """What was talked in an attempt, as it was settled: this no correction changes."""

    number: int
    hold_id: UUID
    answered_at: datetime
    seconds: int
    setup_due: bool
    """A setup fee is part of the charge, so it is part of every other price of this attempt."""
    terms: RateTerms
    """Those it was started with."""


@frozen
class Signed:
    """Which correction it is, who makes it, and why."""

    correction_id: UUID
    by: str
    why: str


def talk_of(started: AttemptStarted, settled: AttemptSettled) -> Talk | None:
    """None for an attempt that nobody answered: it has no price."""
    if settled.answered_at is None or not settled.seconds:
        return None
    # Within the grace no setup fee was charged, and a later call may have paid it since.
    charged = settled.seconds > started.terms.grace_seconds and started.terms.setup_fee > 0
    return Talk(
        settled.number,
        started.hold_id,
        settled.answered_at,
        settled.seconds,
        settled.setup_due and charged,
        started.terms,
    )


def price_of(talk: Talk, terms: RateTerms) -> Money:
    """What the attempt costs by some terms."""
    return charge(terms, talk.answered_at, talk.seconds, setup_due=talk.setup_due).total


def wanted(settled: Settled, due: Money, *, charge_more: bool) -> Money:
    """What a re-rating to a price makes of the charge, before looking at what is available.

    A lower price always counts, and what refunds gave back before counts towards it. A higher one
    counts only if more may be charged, and takes no refund back.
    """
    now = settled.charge
    if due < now or not charge_more:
        return min(due, now)
    return max(now, Money(due.micros - settled.refunded, due.unit))


def rerate(
    session: CallSession,
    talk: Talk,
    terms: RateTerms,
    available: Money,
    signed: Signed,
    *,
    charge_more: bool,
) -> list[CallSessionFact]:
    """Puts the attempt under other terms, once for each correction.

    Nothing is recorded where nothing changes. Of what is to be charged more, only what is available
    is taken. Raises ValueError for terms in another unit.
    """
    settled = _settled(session, talk.number)
    if settled.made(signed.correction_id) is not None:
        return []
    due, now = price_of(talk, terms), settled.charge
    aim = wanted(settled, due, charge_more=charge_more)
    after = aim if aim <= now else min(aim, now + max(available, available.zero))
    if after == now and aim == now:
        return []
    _check_room(settled, MOST_CORRECTIONS)
    return [
        AttemptRerated(
            talk.number,
            signed.correction_id,
            talk.hold_id,
            talk.answered_at,
            talk.seconds,
            talk.setup_due,
            settled.terms or talk.terms,
            terms,
            due,
            now,
            after,
            aim - after,
            signed.by,
            signed.why,
        )
    ]


def refund(
    session: CallSession, talk: Talk, amount: Money | None, signed: Signed
) -> list[CallSessionFact]:
    """Gives back an amount, or (None) all that is still charged; once for each correction.

    Raises SettingNotAllowed for an amount of nothing, of another unit, or of more than is still
    charged; AlreadyExists if the same correction gave back another amount.
    """
    check_words(signed.by, signed.why)
    settled = _settled(session, talk.number)
    made = settled.made(signed.correction_id)
    if made is not None:
        if amount not in (None, given_back(made)):
            raise AlreadyExists("refund", f"of {given_back(made)}")
        return []
    now = settled.charge
    back = now if amount is None else amount
    accepted = f"above zero and at most the {now} that is still charged"
    if back.unit != now.unit or not 0 < back.micros <= now.micros:
        raise SettingNotAllowed("amount", str(back), accepted)
    _check_room(settled, MOST_BEFORE_REFUND)
    return [
        AttemptRefunded(
            talk.number,
            signed.correction_id,
            talk.hold_id,
            talk.answered_at,
            talk.seconds,
            talk.setup_due,
            settled.terms or talk.terms,
            now,
            now - back,
            signed.by,
            signed.why,
        )
    ]


def given_back(made: Made) -> Money:
    """Below zero where more was charged."""
    return made.before - made.after


def _settled(session: CallSession, number: int) -> Settled:
    settled = session.settled.get(number)
    if settled is None:
        raise NotFound("settled attempt", f"{session.started.reference} {number}")
    return settled


def _check_room(settled: Settled, most: int) -> None:
    if len(settled.corrections) >= most:
        accepted = f"at most {most} of one attempt"
        raise SettingNotAllowed("corrections", str(len(settled.corrections) + 1), accepted)
