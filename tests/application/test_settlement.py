"""Each attempt is charged once, from what Asterisk recorded, whoever brings it first."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from uuid import UUID

import pytest
from attrs import evolve as changed

from application.calling import Call
from application.settlement import Receipt
from domain.accounts import HoldCaptured, HoldReleased
from domain.call_sessions import (
    AttemptRouted,
    AttemptSeen,
    CallEnded,
    Evidence,
    LegUnanswered,
    SettlementDisputed,
)
from domain.cards import Status
from domain.errors import NotFound
from domain.rating import Band, charge
from tests.support.story import CENT_A_SECOND, NOON, ROME, WARSAW, Story, dollars, usd


class InCall:
    """A card with ten dollars, calling Warsaw for a cent a second, for at most 600 seconds."""

    def __init__(self) -> None:
        self.story = Story()
        self.card = self.story.card(self.story.group(longest_call=600))
        self.call = self.story.caller(self.card)
        self.grant = self.story.dialling.dial(self.call, WARSAW)
        self.settlement = self.story.settlement

    def hears(self, seconds: float | None, **told: int) -> Receipt | None:
        return self.settlement.record_leg(self.story.leg(self.call, seconds, **told))

    @property
    def spent(self) -> int:
        return dollars(10).micros - self.story.account(self.card).balance.micros

    def disputes(self) -> list[SettlementDisputed]:
        return self.story.facts_of(self.call, SettlementDisputed)

    def gives_up(self) -> int:
        self.story.clock.time = self.deadline
        return self.settlement.give_up_waiting(self.call.session_id)

    @property
    def deadline(self) -> datetime:
        attempt = self.story.session(self.call).attempts[1]
        return attempt.started.deadline


@pytest.fixture
def now() -> InCall:
    return InCall()


# What a leg record does


def test_an_answered_leg_is_charged_and_the_rest_is_free_again(now: InCall) -> None:
    receipt = now.hears(60)
    assert receipt == Receipt(usd(600_000), 60, dollars(10) - usd(600_000))
    account = now.story.account(now.card)
    assert (account.holds, account.held) == ({}, usd(0))
    assert now.story.card_state(now.card).status is Status.USED


def test_a_second_that_was_begun_is_charged(now: InCall) -> None:
    assert now.hears(59.001) == Receipt(usd(600_000), 60, dollars(10) - usd(600_000))


def test_a_charge_can_be_made_again_from_what_is_recorded(now: InCall) -> None:
    now.hears(59.5, cause=31)
    (settled,) = now.story.settled(now.call)
    assert settled.answered_at == NOON + timedelta(seconds=5)
    assert (settled.talked_ms, settled.seconds, settled.cause) == (59_500, 60, 31)
    assert settled.evidence is Evidence.LEG_RECORD


def test_a_leg_is_never_charged_beyond_its_limit(now: InCall) -> None:
    receipt = now.hears(5000)
    assert receipt is not None
    assert (receipt.seconds, receipt.charge) == (600, usd(6_000_000))


def test_the_record_of_a_leg_that_outlived_its_limit_agrees_with_itself(now: InCall) -> None:
    for _ in range(3):
        now.hears(605)
    assert now.disputes() == []
    assert now.spent == 6_000_000


def test_the_same_record_again_changes_nothing(now: InCall) -> None:
    now.hears(60)
    before = len(now.story.units.log())
    for _ in range(3):
        assert now.hears(60) is None
    assert len(now.story.units.log()) == before


@pytest.mark.parametrize("later", [59, 61])
def test_a_later_record_within_a_second_changes_nothing(now: InCall, later: int) -> None:
    now.hears(60)
    now.hears(later)
    assert (now.spent, now.disputes()) == (600_000, [])


def test_a_later_record_of_another_length_is_put_up_for_review_and_charges_nothing(
    now: InCall,
) -> None:
    now.hears(60)
    now.hears(300)
    now.hears(200)
    assert now.disputes() == [SettlementDisputed(1, 60, 300, Evidence.LEG_RECORD)]
    assert now.spent == 600_000


def test_a_leg_that_nobody_answered_settles_nothing(now: InCall) -> None:
    assert now.hears(None, cause=34) is None
    assert set(now.story.session(now.call).attempts) == {1}
    assert now.hears(60, leg=2) is not None
    assert now.spent == 600_000
    assert now.hears(None) is None
    assert now.disputes() == []


def test_an_answered_leg_that_lasted_no_time_costs_nothing_and_is_settled(now: InCall) -> None:
    receipt = now.hears(0)
    assert receipt is not None
    assert (receipt.charge, receipt.seconds) == (usd(0), 0)
    assert now.story.session(now.call).attempts == {}
    assert now.story.card_state(now.card).status is Status.ACTIVE


def test_a_clock_that_went_back_costs_the_caller_nothing(now: InCall) -> None:
    leg = now.story.leg(now.call, 60)
    assert leg.answered_ms is not None
    receipt = now.settlement.record_leg(changed(leg, ended_ms=leg.answered_ms - 5000))
    assert receipt is not None
    assert receipt.charge == usd(0)


def test_the_last_second_of_the_money_empties_the_card() -> None:
    story = Story()
    card = story.card(story.group(face_value=usd(600_000)))
    call = story.caller(card)
    story.dialling.dial(call, WARSAW)
    story.settlement.record_leg(story.leg(call, 60))
    assert story.card_state(card).status is Status.EMPTY
    story.top_up(card, usd(1))
    assert story.card_state(card).status is Status.ACTIVE


def test_a_card_that_was_voided_in_the_call_still_pays_for_it(now: InCall) -> None:
    now.story.admin.change_status(now.card.card_id, Status.VOID, "ann", "stolen")
    now.hears(60)
    assert now.spent == 600_000
    assert now.story.card_state(now.card).status is Status.VOID


def test_a_new_price_does_not_change_a_call_that_has_begun(now: InCall) -> None:
    now.story.prices.by_prefix[""] = changed(now.story.prices.by_prefix[""], per_minute=6)
    now.story.change(setup_fee=dollars(1))
    now.hears(60)
    assert now.spent == 600_000


def test_the_payer_who_came_later_does_not_pay_for_the_earlier_attempt(now: InCall) -> None:
    other = now.story.card()
    now.story.login(now.call, other)
    now.hears(60)
    assert now.spent == 600_000
    assert now.story.account(other).balance == dollars(10)


def test_a_clock_that_is_wrong_costs_no_more_than_was_held() -> None:
    """An answer at a dearer hour, far outside the time that the number may ring."""
    story = Story()
    evening = Band((6,), 18 * 60, 24 * 60, 6_000_000)
    story.prices.by_prefix[""] = changed(CENT_A_SECOND, bands=(evening,))
    card = story.card(story.group(longest_call=600))
    call = story.caller(card)
    story.dialling.dial(call, WARSAW)
    receipt = story.settlement.record_leg(story.leg(call, 600, after=7 * 3600))
    assert receipt is not None
    assert receipt.charge == dollars(6)


# Nobody answered


def test_an_attempt_that_reached_nobody_is_released(now: InCall) -> None:
    receipt = now.settlement.not_connected(now.call.reference, 1, 17)
    assert receipt == Receipt(usd(0), 0, dollars(10))
    (settled,) = now.story.settled(now.call)
    assert (settled.evidence, settled.cause) == (Evidence.DIAL_STATUS, 17)
    assert settled.answered_at is None
    assert now.settlement.not_connected(now.call.reference, 1, 17) is None
    assert now.disputes() == []


def test_a_record_of_talk_after_nobody_answered_is_put_up_for_review(now: InCall) -> None:
    now.settlement.not_connected(now.call.reference, 1, 17)
    now.hears(60)
    assert now.disputes() == [SettlementDisputed(1, 0, 60, Evidence.LEG_RECORD)]
    assert now.spent == 0


def test_that_nobody_answered_does_not_undo_a_charge(now: InCall) -> None:
    now.hears(60)
    assert now.settlement.not_connected(now.call.reference, 1, 17) is None
    assert (now.spent, now.disputes()) == (600_000, [])


# The caller's channel ended


def test_the_end_of_the_call_releases_what_was_never_answered(now: InCall) -> None:
    assert now.settlement.call_ended(now.call.reference) == 1
    assert now.settlement.call_ended(now.call.reference) == 0
    assert now.story.account(now.card).available == dollars(10)
    assert len(now.story.facts_of(now.call, CallEnded)) == 1


def test_the_end_of_the_call_leaves_charges_alone(now: InCall) -> None:
    now.hears(60)
    now.story.dialling.dial(now.call, ROME)
    assert now.settlement.call_ended(now.call.reference) == 1
    assert now.spent == 600_000
    assert now.story.account(now.card).holds == {}


def test_the_end_of_a_call_that_left_no_fact_is_nothing(now: InCall) -> None:
    assert now.settlement.call_ended("pbx1-1763799999.7") == 0


# No record ever came


def test_nothing_is_given_up_before_the_deadline(now: InCall) -> None:
    now.story.clock.time = now.deadline - timedelta(microseconds=1)
    assert now.settlement.give_up_waiting(now.call.session_id) == 0
    assert set(now.story.session(now.call).attempts) == {1}


def test_an_attempt_that_was_never_seen_is_given_up_for_nothing(now: InCall) -> None:
    assert now.gives_up() == 1
    assert now.spent == 0
    assert now.story.account(now.card).holds == {}
    assert now.story.settled(now.call)[0].evidence is Evidence.LIMIT_PASSED


def test_an_attempt_is_given_up_for_what_was_surely_talked(now: InCall) -> None:
    answered = int(NOON.timestamp() * 1000)
    for seconds in (30, 90, 60):
        now.settlement.seen_alive(now.call.reference, 1, answered, seconds)
    assert [each.seconds for each in now.story.facts_of(now.call, AttemptSeen)] == [30, 90]
    assert now.gives_up() == 1
    assert now.spent == 900_000


def test_what_was_surely_talked_is_never_beyond_the_limit(now: InCall) -> None:
    now.settlement.seen_alive(now.call.reference, 1, 0, 10**6)
    now.gives_up()
    assert now.spent == 6_000_000


def test_a_sign_of_life_before_the_answer_does_not_stop_the_sweep(now: InCall) -> None:
    now.settlement.seen_alive(now.call.reference, 1, 0, -3)
    assert now.gives_up() == 1
    assert now.spent == 0


def test_a_record_that_comes_after_giving_up_is_put_up_for_review(now: InCall) -> None:
    now.gives_up()
    now.hears(60)
    assert now.disputes() == [SettlementDisputed(1, 0, 60, Evidence.LEG_RECORD)]
    assert now.spent == 0


def test_giving_up_twice_or_an_unknown_session_is_nothing(now: InCall) -> None:
    now.gives_up()
    assert now.settlement.give_up_waiting(now.call.session_id) == 0
    assert now.settlement.give_up_waiting(UUID(int=7)) == 0


# Who is first


FIRSTS: dict[str, Callable[[InCall], object]] = {
    "record": lambda now: now.hears(60),
    "other record": lambda now: now.hears(90),
    "not connected": lambda now: now.settlement.not_connected(now.call.reference, 1, 17),
    "call ended": lambda now: now.settlement.call_ended(now.call.reference),
    "given up": lambda now: now.gives_up(),
}


TALK, SILENCE = ("record", "other record"), ("not connected", "call ended", "given up")


@pytest.mark.parametrize("after", range(2))
@pytest.mark.parametrize("second", FIRSTS)
@pytest.mark.parametrize("first", FIRSTS)
def test_whoever_comes_between_an_attempt_is_settled_once(
    first: str, second: str, after: int
) -> None:
    now = InCall()
    deadline = now.deadline

    def gives_up() -> object:
        now.story.clock.time = deadline
        return now.settlement.give_up_waiting(now.call.session_id)

    def does(what: str) -> object:
        return gives_up() if what == "given up" else FIRSTS[what](now)

    now.story.come_between(lambda: does(first), after=after)
    receipt = does(second)
    assert receipt in (None, 0, 1)
    now.story.units.before_storing = lambda: None
    (settled,) = now.story.settled(now.call)
    two_lengths = {first, second} == {"record", "other record"}
    talk_after_silence = first in SILENCE and second in TALK
    assert len(now.disputes()) == (two_lengths or talk_after_silence)
    money = [
        each.fact
        for each in now.story.units.log()
        if isinstance(each.fact, HoldCaptured | HoldReleased)
    ]
    assert len(money) == 1
    assert now.spent == settled.charge.micros
    if settled.answered_at is not None:
        expected = charge(
            CENT_A_SECOND,
            settled.answered_at,
            settled.seconds,
            setup_due=settled.setup_due,
        )
        assert settled.charge == expected.total


# What nobody knows


def test_a_leg_of_a_call_that_the_ledger_does_not_know_is_not_found(now: InCall) -> None:
    leg = changed(now.story.leg(now.call, 60), reference="pbx1-1763799999.7")
    with pytest.raises(NotFound):
        now.settlement.record_leg(leg)
    with pytest.raises(NotFound):
        now.settlement.not_connected(leg.reference, 1, None)
    with pytest.raises(NotFound):
        now.settlement.seen_alive(leg.reference, 1, 0, 1)


def test_a_leg_of_an_attempt_that_was_never_started_is_not_found(now: InCall) -> None:
    with pytest.raises(NotFound):
        now.hears(60, attempt=2)
    assert now.spent == 0


def bad_references(now: InCall) -> list[Callable[[str], object]]:
    leg = now.story.leg(now.call, 60)
    return [
        lambda bad: now.settlement.record_leg(changed(leg, reference=bad)),
        lambda bad: now.settlement.not_connected(bad, 1, None),
        lambda bad: now.settlement.call_ended(bad),
        lambda bad: now.settlement.seen_alive(bad, 1, 0, 1),
    ]


@pytest.mark.parametrize("bad", ["", "1763765000.42", "pbx1-", "pbx1-١٧٦٣٧٦٥٠٠٠.42", "a" * 9999])
def test_a_bad_reference_is_refused_and_shown_in_short(now: InCall, bad: str) -> None:
    for asks in bad_references(now):
        with pytest.raises(ValueError, match="<node>-<Asterisk's unique id>") as refusal:
            asks(bad)
        assert len(str(refusal.value)) < 200


def test_two_calls_are_settled_apart() -> None:
    story = Story()
    story.group(simultaneous_calls=2, most_held=dollars(5))
    card = story.card()
    calls: list[Call] = [story.caller(card), story.caller(card)]
    for call in calls:
        story.dialling.dial(call, WARSAW)
    story.settlement.record_leg(story.leg(calls[1], 100))
    assert story.account(card).held == dollars(5)
    assert story.account(card).balance == dollars(9)
    assert set(story.session(calls[0]).attempts) == {1}


def test_an_attempt_that_the_end_of_the_call_releases_tells_the_route_it_took(
    now: InCall,
) -> None:
    story = now.story
    story.routes.trunks = ("cheap", "spare", "third")
    call = story.caller(story.card())
    story.dialling.dial(call, ROME)
    for leg in (1, 2):
        assert now.settlement.record_leg(story.leg(call, None, leg=leg, cause=34)) is None
        assert now.settlement.record_leg(story.leg(call, None, leg=leg, cause=34)) is None
    assert now.settlement.call_ended(call.reference) == 1
    (routed,) = story.facts_of(call, AttemptRouted)
    assert (routed.leg, routed.trunk) == (2, "spare")
    assert len(story.facts_of(call, LegUnanswered)) == 2


def test_an_unanswered_leg_of_an_unknown_call_is_nobodys(now: InCall) -> None:
    stranger = changed(now.story.leg(now.call, None), reference="pbx9-1763765000.1")
    assert now.settlement.record_leg(stranger) is None


def test_an_unanswered_leg_that_is_told_late_changes_nothing(now: InCall) -> None:
    now.hears(30)
    before = len(now.story.units.facts(now.call.session_id))
    now.hears(None)
    assert len(now.story.units.facts(now.call.session_id)) == before
