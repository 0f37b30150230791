"""Before a number is dialled the ledger holds the worst that the longest call can cost."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from attrs import evolve as changed
from hypothesis import given as forall
from hypothesis import settings
from hypothesis import strategies as st

from application import kinds
from application.dialling import MARGIN, OPERATOR_TALK
from application.ports import ConcurrencyConflict, LedgerUnavailable, Route
from domain.access_numbers import AccessTerms
from domain.accounts import HoldPlaced
from domain.call_sessions import AttemptStarted, TimeAnnounced
from domain.cards import Status
from domain.errors import (
    AlreadyExists,
    CallEndedAlready,
    CardNotUsable,
    DestinationNotSold,
    InsufficientFunds,
    NotFound,
    NumberNotDialable,
    TooManyAttempts,
    TooManyCalls,
)
from domain.money import Money
from domain.rating import Band, RateTerms, charge, talk_minutes
from tests.support.story import (
    BOB,
    CENT_A_SECOND,
    NOON,
    ROME,
    TEN_CENTS,
    WARSAW,
    Story,
    dollars,
    usd,
)

OPERATOR = "+18005550000"


def a_story(price: RateTerms = CENT_A_SECOND, access: AccessTerms | None = None) -> Story:
    return Story(price=price, access=access)


# The hold and the limit


def test_all_the_money_is_held_and_bought_in_seconds() -> None:
    story = a_story()
    card = story.card(story.group())
    call = story.caller(card)
    grant = story.dialling.dial(call, WARSAW)
    assert (grant.attempt, grant.number, grant.limit_seconds) == (1, "+" + WARSAW, 1000)
    assert story.account(card).held == dollars(10)
    assert story.account(card).balance == dollars(10)


def test_what_is_recorded_is_what_was_granted() -> None:
    story = a_story()
    card = story.card(story.group())
    call = story.caller(card)
    grant = story.dialling.dial(call, WARSAW)
    (started,) = story.facts_of(call, AttemptStarted)
    assert started.limit_seconds == grant.limit_seconds
    assert started.terms == CENT_A_SECOND
    assert started.held == story.account(card).holds[started.hold_id]
    assert started.placed_at == NOON
    assert started.deadline == NOON + timedelta(seconds=60 + 1000) + MARGIN
    assert grant.routes == (Route("cheap", WARSAW),)


def test_the_deadline_waits_for_every_route_to_ring() -> None:
    story = a_story()
    story.routes.trunks = ("cheap", "dear", "dearest")
    call = story.caller(story.card(story.group()))
    story.dialling.dial(call, WARSAW)
    (started,) = story.facts_of(call, AttemptStarted)
    assert started.deadline == NOON + timedelta(seconds=3 * 60 + started.limit_seconds) + MARGIN


prices = st.builds(
    RateTerms,
    st.just("USD"),
    st.integers(0, 2_000_000),
    connect_fee=st.integers(0, 500_000),
    initial_block=st.integers(1, 120),
    increment=st.integers(1, 120),
    disconnect_fee=st.integers(0, 100_000),
    minimum_duration=st.integers(0, 120),
    minimum_charge=st.integers(0, 500_000),
    grace_seconds=st.integers(0, 10),
)
fees = st.integers(0, 300_000).map(usd)


@settings(max_examples=150)
@forall(
    price=prices,
    surcharge=fees,
    per_minute=fees,
    setup=fees,
    face=st.integers(1, 20_000_000),
    longest=st.integers(1, 7200),
    most_held=st.none() | st.integers(0, 10_000_000).map(usd),
    answered=st.integers(0, 60),
    talked=st.integers(0, 9000),
)
def test_no_call_within_the_limit_costs_more_than_its_hold(
    price: RateTerms,
    surcharge: Money,
    per_minute: Money,
    setup: Money,
    face: int,
    longest: int,
    most_held: Money | None,
    answered: int,
    talked: int,
) -> None:
    story = a_story(price, AccessTerms(surcharge=surcharge, surcharge_per_minute=per_minute))
    group = story.group(
        face_value=usd(face), setup_fee=setup, longest_call=longest, most_held=most_held
    )
    card = story.card(group)
    call = story.caller(card)
    try:
        grant = story.dialling.dial(call, WARSAW)
    except InsufficientFunds:
        assert story.account(card).holds == {}
        return
    (started,) = story.facts_of(call, AttemptStarted)
    assert 1 <= grant.limit_seconds <= longest
    assert started.held <= usd(face)
    if most_held is not None:
        assert started.held <= most_held
    told = min(talked, grant.limit_seconds)
    cost = charge(started.terms, NOON + timedelta(seconds=answered), told, setup_due=True).total
    assert cost <= started.held
    story.settlement.record_leg(story.leg(call, talked, after=answered))
    assert story.account(card).balance == usd(face) - cost


def test_a_payer_who_cannot_afford_the_first_block_is_refused_with_what_it_needs() -> None:
    story = a_story(TEN_CENTS)
    card = story.card(story.group(face_value=usd(99_999)))
    with pytest.raises(InsufficientFunds) as refusal:
        story.dialling.dial(story.caller(card), WARSAW)
    assert (refusal.value.needed, refusal.value.available) == (usd(100_000), usd(99_999))
    story.top_up(card, usd(1))
    assert story.dialling.dial(story.caller(card), WARSAW).limit_seconds == 60


def test_a_grace_does_not_let_a_payer_without_money_dial() -> None:
    story = a_story(changed(TEN_CENTS, grace_seconds=30))
    call = story.caller(story.card(story.group(face_value=usd(0))))
    with pytest.raises(InsufficientFunds):
        story.dialling.dial(call, WARSAW)


def test_a_surcharge_of_the_access_number_is_held_and_charged() -> None:
    story = a_story(TEN_CENTS, AccessTerms(surcharge=usd(30_000), surcharge_per_minute=usd(5)))
    card = story.card(story.group(face_value=usd(130_005)))
    call = story.caller(card)
    assert story.dialling.dial(call, WARSAW).limit_seconds == 60
    story.settlement.record_leg(story.leg(call, 1))
    assert story.account(card).balance == usd(0)


def test_most_held_leaves_the_rest_for_other_calls() -> None:
    story = a_story()
    card = story.card(story.group(most_held=dollars(4), simultaneous_calls=3))
    assert story.dialling.dial(story.caller(card), WARSAW).limit_seconds == 400
    assert story.dialling.dial(story.caller(card), WARSAW).limit_seconds == 400
    assert story.dialling.dial(story.caller(card), WARSAW).limit_seconds == 200
    assert story.account(card).available == usd(0)


def test_the_longest_call_of_the_group_cuts_the_limit() -> None:
    story = a_story()
    call = story.caller(story.card(story.group(longest_call=90)))
    assert story.dialling.dial(call, WARSAW).limit_seconds == 90


def test_the_end_of_the_card_cuts_the_limit() -> None:
    story = a_story()
    call = story.caller(story.card(story.group(expires_on=NOON + timedelta(seconds=75))))
    assert story.dialling.dial(call, WARSAW).limit_seconds == 75


def test_what_is_announced_may_differ_from_what_is_granted() -> None:
    story = a_story()
    call = story.caller(story.card(story.group(ghost_percent=120)))
    grant = story.dialling.dial(call, WARSAW)
    assert (grant.limit_seconds, grant.announced_seconds) == (1000, 1200)
    assert story.facts_of(call, TimeAnnounced) == [TimeAnnounced(1, 1200)]


def test_the_limit_is_announced_without_saying_and_silence_is_recorded() -> None:
    story = Story()
    call = story.caller(story.card(story.group()))
    story.dialling.dial(call, WARSAW)
    assert story.facts_of(call, TimeAnnounced) == []
    quiet = story.caller(story.card(story.group("Mute", say_time=False)), BOB)
    story.dialling.dial(quiet, WARSAW)
    assert story.facts_of(quiet, TimeAnnounced) == [TimeAnnounced(1, None)]


def test_a_dearer_hour_that_begins_while_it_rings_is_held_for() -> None:
    night = Band((6,), 12 * 60 + 1, 24 * 60, 6_000_000)  # From 12:01 on, ten times the price.
    story = a_story(changed(CENT_A_SECOND, bands=(night,)))
    card = story.card(story.group())
    call = story.caller(card)
    grant = story.dialling.dial(call, WARSAW)
    assert grant.limit_seconds == 100  # Answered at once, it would be 154.
    story.settlement.record_leg(story.leg(call, 100, after=60))
    assert story.account(card).balance == usd(0)


# Talk minutes


def test_talk_minutes_are_held_in_whole_minutes() -> None:
    story = a_story(talk_minutes())
    card = story.card(story.group(unit="MIN", face_value=Money(3_500_000, "MIN")))
    assert story.dialling.dial(story.caller(card), WARSAW).limit_seconds == 180
    assert story.account(card).held == Money(3_000_000, "MIN")


# The setup fee


def test_two_first_calls_at_once_pay_the_setup_fee_once() -> None:
    story = a_story()
    group = story.group(setup_fee=dollars(1), most_held=dollars(5), simultaneous_calls=2)
    card = story.card(group)
    first, second = story.caller(card), story.caller(card)
    for call in (first, second):
        assert story.dialling.dial(call, WARSAW).limit_seconds == 400
    assert story.account(card).held == dollars(10)
    story.settlement.record_leg(story.leg(second, 10))
    story.settlement.record_leg(story.leg(first, 10))
    assert story.account(card).balance == dollars(10) - dollars(1) - usd(200_000)
    assert [story.settled(call)[0].setup_due for call in (first, second)] == [False, True]


@pytest.mark.parametrize("talked", [None, 0, 5])
def test_a_first_call_that_costs_nothing_leaves_the_setup_fee_due(talked: int | None) -> None:
    story = a_story(changed(CENT_A_SECOND, grace_seconds=5))
    card = story.card(story.group(setup_fee=dollars(1)))
    call = story.caller(card)
    story.dialling.dial(call, WARSAW)
    story.settlement.record_leg(story.leg(call, talked))
    story.settlement.call_ended(call.reference)
    assert story.account(card).balance == dollars(10)
    call = story.caller(card)
    story.dialling.dial(call, WARSAW)
    story.settlement.record_leg(story.leg(call, 10))
    assert story.account(card).balance == dollars(10) - dollars(1) - usd(100_000)


def test_a_free_talk_with_the_operator_does_not_save_the_setup_fee() -> None:
    story = a_story()
    card = story.card(story.group(setup_fee=dollars(1), operator_number=OPERATOR))
    call = story.caller(card)
    story.dialling.dial_operator(call)
    story.settlement.record_leg(story.leg(call, 300))
    assert story.card_state(card).status is Status.ACTIVE
    story.dialling.dial(call, WARSAW)
    story.settlement.record_leg(story.leg(call, 10, attempt=2))
    assert story.account(card).balance == dollars(10) - dollars(1) - usd(100_000)


# The operator


@pytest.mark.parametrize("unit", ["USD", "MIN"])
@pytest.mark.parametrize("face", [0, 10_000_000])
def test_the_operator_is_free_whatever_is_added_to_calls(unit: str, face: int) -> None:
    dear = Money(5_000_000, unit)
    story = a_story(access=AccessTerms(surcharge=dear))
    group = story.group(
        unit=unit, face_value=Money(face, unit), setup_fee=dear, operator_number=OPERATOR
    )
    card = story.card(group)
    call = story.caller(card)
    grant = story.dialling.dial_operator(call)
    assert (grant.number, grant.limit_seconds) == (OPERATOR, OPERATOR_TALK)
    assert story.account(card).held == Money(0, unit)
    story.settlement.record_leg(story.leg(call, OPERATOR_TALK))
    assert story.account(card).balance == Money(face, unit)


def test_a_group_without_an_operator_has_none() -> None:
    story = a_story()
    with pytest.raises(NotFound):
        story.dialling.dial_operator(story.caller(story.card(story.group())))


# Refusals


@pytest.mark.parametrize("dialled", ["", "0", "0048221234567", "12", "48abc", "1" * 16])
def test_what_is_no_number_is_not_dialled(dialled: str) -> None:
    story = a_story()
    call = story.caller(story.card(story.group()))
    with pytest.raises(NumberNotDialable):
        story.dialling.dial(call, dialled)
    assert call.attempts == 0


def test_a_number_without_a_price_or_a_route_is_not_sold() -> None:
    story = a_story()
    call = story.caller(story.card(story.group()))
    story.prices.by_prefix = {"39": CENT_A_SECOND}
    with pytest.raises(DestinationNotSold):
        story.dialling.dial(call, WARSAW)
    story.routes.trunks = ()
    with pytest.raises(DestinationNotSold):
        story.dialling.dial(call, ROME)


def test_a_card_that_was_stopped_in_the_call_does_not_dial_again() -> None:
    story = a_story()
    card = story.card(story.group())
    call = story.caller(card)
    story.admin.change_status(card.card_id, Status.ON_HOLD, "ann", "lost")
    with pytest.raises(CardNotUsable):
        story.dialling.dial(call, WARSAW)


def test_a_card_in_use_is_told_so_and_not_called_poor() -> None:
    story = a_story()
    card = story.card(story.group())
    story.dialling.dial(story.caller(card), WARSAW)
    assert story.account(card).available == usd(0)
    with pytest.raises(TooManyCalls):
        story.dialling.dial(story.caller(card), WARSAW)


def test_nothing_is_dialled_after_the_call_has_ended() -> None:
    story = a_story()
    card = story.card(story.group())
    call = story.caller(card)
    story.settlement.call_ended(call.reference)
    with pytest.raises(CallEndedAlready):
        story.dialling.dial(call, WARSAW)
    assert story.account(card).holds == {}


def test_a_call_dials_a_bounded_number_of_times() -> None:
    story = a_story()
    call = story.caller(story.card(story.group()))
    for attempt in range(1, 101):
        story.dialling.dial(call, WARSAW)
        story.settlement.not_connected(call.reference, attempt, 17)
    with pytest.raises(TooManyAttempts):
        story.dialling.dial(call, WARSAW)


# Asked again


def test_a_dial_that_gave_way_to_others_and_is_retried_places_one_hold() -> None:
    story = a_story()
    card = story.card(story.group())
    call = story.caller(card)

    def others() -> None:
        story.units.before_storing = lambda: None
        story.top_up(card, usd(1))
        story.units.before_storing = others

    story.units.before_storing = others
    with pytest.raises(ConcurrencyConflict):
        story.dialling.dial(call, WARSAW)
    story.units.before_storing = lambda: None
    assert story.account(card).holds == {}
    grant = story.dialling.dial(call, WARSAW)
    assert grant.attempt == 1
    assert list(story.account(card).holds) == [kinds.hold_id(call.session_id, 1)]


@pytest.mark.parametrize("top_up", [0, 5])
def test_a_dial_that_was_stored_though_nobody_was_told_gives_the_same_grant(top_up: int) -> None:
    story = a_story()
    card = story.card(story.group())
    call = story.caller(card)
    story.units.lose_next_answer = True
    with pytest.raises(LedgerUnavailable):
        story.dialling.dial(call, WARSAW)
    if top_up:
        story.top_up(card, dollars(top_up))
    story.clock.pass_by(seconds=2)
    grant = story.dialling.dial(call, WARSAW)
    assert (grant.attempt, grant.limit_seconds) == (1, 1000)
    assert story.account(card).held == dollars(10)
    assert len(story.facts_of(call, AttemptStarted)) == 1


def test_the_hold_of_one_destination_does_not_pay_for_another() -> None:
    story = a_story()
    story.prices.by_prefix["39"] = changed(CENT_A_SECOND, per_minute=60_000_000)
    card = story.card(story.group(simultaneous_calls=5, most_held=dollars(1)))
    call = story.caller(card)
    story.units.lose_next_answer = True
    with pytest.raises(LedgerUnavailable):
        story.dialling.dial(call, WARSAW)
    with pytest.raises(AlreadyExists):
        story.dialling.dial(call, ROME)


# Many at once


def test_of_two_hundred_calls_with_money_for_thirty_seven_exactly_those_are_granted() -> None:
    story = a_story(TEN_CENTS)
    group = story.group(
        face_value=usd(37 * 100_000 + 99_999), longest_call=60, simultaneous_calls=100
    )
    card = story.card(group)
    calls = [story.caller(card, None) for _ in range(200)]
    together = threading.Barrier(200)
    granted: list[int] = []
    refused: list[InsufficientFunds] = []
    faults: list[BaseException] = []

    def dials(number: int) -> None:
        together.wait()
        while True:
            try:
                story.dialling.dial(calls[number], WARSAW)
                granted.append(number)
            except ConcurrencyConflict:
                continue
            except InsufficientFunds as refusal:
                refused.append(refusal)
            except BaseException as fault:
                faults.append(fault)
                raise
            return

    threads = [threading.Thread(target=dials, args=(number,)) for number in range(200)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert faults == []
    assert (len(granted), len(refused)) == (37, 163)
    account = story.account(card)
    assert (len(account.holds), account.available) == (37, usd(99_999))
    holds = [each.fact for each in story.units.log() if isinstance(each.fact, HoldPlaced)]
    assert len(holds) == 37
