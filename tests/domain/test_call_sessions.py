"""One stay on the line: attempts in order, each settled once, later records put up for review."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from attrs import evolve as changed
from hypothesis import given as forall
from hypothesis import strategies as st

from domain.call_sessions import (
    MOST_ATTEMPTS,
    AttemptSeen,
    AttemptSettled,
    AttemptStarted,
    CallEnded,
    CallSession,
    CallSessionFact,
    CallStarted,
    Evidence,
    LoginRefused,
    PayerIdentified,
    SettlementDisputed,
    evolve,
    start,
)
from domain.errors import AlreadyExists, CallEndedAlready, NotFound, TooManyAttempts
from domain.login import Proof
from tests.support.story import ACCESS, ALICE, NOON, TEN_CENTS, dollars, given, usd

CARD, ACCOUNT, OTHER = UUID(int=1), UUID(int=2), UUID(int=3)
STARTED = CallStarted("pbx1-1763765000.42", "pbx1", ACCESS, ALICE)
LIMIT = 600


def attempt(number: int, **told: Any) -> AttemptStarted:
    begun = AttemptStarted(
        number=number,
        destination="+48221234567",
        destination_name="Poland",
        hold_id=UUID(int=1000 + number),
        account_id=ACCOUNT,
        card_id=CARD,
        held=dollars(1),
        limit_seconds=LIMIT,
        terms=TEN_CENTS,
        placed_at=NOON,
        deadline=NOON + timedelta(seconds=LIMIT + 120),
        first_use=True,
    )
    return changed(begun, **told)


def settled(number: int, seconds: int = 60, **told: Any) -> AttemptSettled:
    charge, talked = usd(100_000), seconds * 1000
    fact = AttemptSettled(number, NOON, talked, seconds, charge, False, Evidence.LEG_RECORD, 16)
    return changed(fact, **told)


def session(*facts: CallSessionFact) -> CallSession:
    return given(evolve, STARTED, *facts)


def test_a_session_begins_once() -> None:
    assert start(None, STARTED) == [STARTED]
    assert start(session(), STARTED) == []


def test_every_failed_try_is_recorded_with_its_reason() -> None:
    facts = session().refuse_login("wrong PIN", CARD)
    assert facts == [LoginRefused("wrong PIN", CARD)]
    assert session(*facts, *facts).refused_logins == 2


def test_a_payer_is_identified_once_and_may_be_followed_by_another() -> None:
    mine = PayerIdentified(CARD, ACCOUNT, Proof.PIN_ONLY)
    assert session().identify(CARD, ACCOUNT, Proof.PIN_ONLY) == [mine]
    assert session(mine).identify(CARD, ACCOUNT, Proof.CALLER_ID) == []
    yours = session(mine).identify(OTHER, OTHER, Proof.NUMBER_ONLY)
    assert session(mine, *yours).card_id == OTHER


# Attempts


def test_attempts_are_numbered_from_one_without_a_gap() -> None:
    for wrong in (0, 2):
        with pytest.raises(AlreadyExists):
            session().start_attempt(attempt(wrong))
    assert session().start_attempt(attempt(1)) == [attempt(1)]
    both = session(attempt(1), settled(1), attempt(2))
    assert both.last_attempt == 2
    assert both.start_attempt(attempt(3)) == [attempt(3)]


def test_an_attempt_that_is_asked_for_again_is_the_same() -> None:
    later = attempt(1, placed_at=NOON + timedelta(seconds=3), held=dollars(2))
    assert session(attempt(1)).start_attempt(later) == []


@pytest.mark.parametrize("other", [{"destination": "+390612345678"}, {"card_id": OTHER}])
def test_a_number_of_an_attempt_never_stands_for_another_attempt(other: dict[str, Any]) -> None:
    with pytest.raises(AlreadyExists):
        session(attempt(1)).start_attempt(attempt(1, **other))


def test_a_settled_attempt_is_not_started_again() -> None:
    with pytest.raises(AlreadyExists):
        session(attempt(1), settled(1)).start_attempt(attempt(1))


def test_nothing_is_dialled_after_the_call_has_ended() -> None:
    with pytest.raises(CallEndedAlready):
        session(CallEnded("goodbye")).start_attempt(attempt(1))


def test_a_session_holds_a_bounded_number_of_attempts() -> None:
    full = session(
        *(fact for n in range(1, MOST_ATTEMPTS + 1) for fact in (attempt(n), settled(n)))
    )
    with pytest.raises(TooManyAttempts):
        full.start_attempt(attempt(MOST_ATTEMPTS + 1))


# Signs of life


@forall(st.lists(st.integers(-10, 2 * LIMIT), max_size=20))
def test_confirmed_usage_only_grows_and_never_beyond_the_limit(seen: list[int]) -> None:
    now, most = session(attempt(1)), 0
    for seconds in seen:
        for fact in now.see_alive(1, NOON, seconds):
            assert isinstance(fact, AttemptSeen)
            assert most < fact.seconds <= LIMIT
            most, now = fact.seconds, evolve(now, fact)
    assert most == min(LIMIT, max([0, *seen]))


def test_a_settled_or_unknown_attempt_is_not_seen_any_more() -> None:
    assert session(attempt(1), settled(1)).see_alive(1, NOON, 30) == []
    assert session().see_alive(7, NOON, 30) == []


# Settling


def test_an_attempt_is_settled_once() -> None:
    assert session(attempt(1)).settle(settled(1)) == [settled(1)]
    done = session(attempt(1), settled(1))
    assert done.attempts == {}
    assert done.settle(settled(1)) == done.settle(settled(1, 300)) == []


def test_an_attempt_that_was_never_started_is_not_settled() -> None:
    assert session(attempt(1)).settle(settled(2)) == []


def test_an_attempt_is_settled_after_the_call_has_ended_too() -> None:
    assert session(attempt(1), CallEnded("gone")).settle(settled(1)) == [settled(1)]


def test_settling_one_attempt_leaves_the_other_open() -> None:
    both = session(attempt(1), attempt(2), settled(1))
    assert set(both.attempts) == {2}


# Review


@pytest.mark.parametrize("seconds", [59, 60, 61])
def test_a_record_within_a_second_of_the_settlement_agrees(seconds: int) -> None:
    assert session(attempt(1), settled(1)).review(1, seconds, Evidence.LEG_RECORD) == []


@pytest.mark.parametrize("seconds", [0, 58, 62, 9000])
def test_a_record_of_another_length_is_put_up_for_review_once(seconds: int) -> None:
    done = session(attempt(1), settled(1))
    facts = done.review(1, seconds, Evidence.CHANNEL_EVENTS)
    assert facts == [SettlementDisputed(1, 60, seconds, Evidence.CHANNEL_EVENTS)]
    disputed = session(attempt(1), settled(1), *facts)
    assert disputed.settled[1].disputed
    assert disputed.settled[1].seconds == 60
    assert disputed.review(1, 5, Evidence.LEG_RECORD) == []


def test_a_record_beyond_the_limit_agrees_with_a_charge_up_to_the_limit() -> None:
    done = session(attempt(1), settled(1, LIMIT, talked_ms=(LIMIT + 5) * 1000))
    assert done.review(1, LIMIT + 5, Evidence.LEG_RECORD) == []


def test_an_open_attempt_has_nothing_to_review() -> None:
    assert session(attempt(1)).review(1, 30, Evidence.LEG_RECORD) == []


def test_an_attempt_that_was_never_started_cannot_be_reviewed() -> None:
    with pytest.raises(NotFound):
        session(attempt(1)).review(2, 30, Evidence.LEG_RECORD)


def test_a_call_ends_once() -> None:
    assert session().end("goodbye") == [CallEnded("goodbye")]
    assert session(CallEnded("goodbye")).end("again") == []
