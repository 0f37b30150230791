"""A caller identifies a payer: by what it keys in, or by its number alone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from application import kinds
from application.calling import Arrival, Call
from application.ports import LedgerUnavailable
from application.throttle import DEFAULT_RATES
from domain.access_numbers import AccessTerms
from domain.call_sessions import CallEnded, CallStarted, LoginRefused, PayerIdentified
from domain.cards import Status
from domain.errors import LoginFailed, NotFound
from domain.login import LoginMode, Proof
from tests.support.persons import sealed
from tests.support.story import ACCESS, ALICE, BOB, WARSAW, PrintedCard, Story, dollars, usd

NUMBER_AND_PIN, PIN_ONLY, NUMBER_ONLY = (
    LoginMode.NUMBER_AND_PIN,
    LoginMode.PIN_ONLY,
    LoginMode.NUMBER_ONLY,
)


@pytest.fixture
def story() -> Story:
    story = Story()
    story.group()
    return story


def wrong(pin: str) -> str:
    return "".join(str(9 - int(digit)) for digit in pin)


def reasons(story: Story, call: Call) -> list[str]:
    return [each.reason for each in story.facts_of(call, LoginRefused)]


# Arriving


def test_a_call_to_a_number_that_is_not_ours_is_not_answered(story: Story) -> None:
    with pytest.raises(NotFound):
        story.call(access_number="18005550199")


def test_a_call_to_a_closed_number_is_not_answered() -> None:
    with pytest.raises(NotFound):
        Story(access=AccessTerms(open=False)).call()


@pytest.mark.parametrize("reference", ["", "pbx1", "pbx1-x", "PBX-1763765000.4", "pbx1-1.2"])
def test_a_call_without_a_good_reference_is_refused(story: Story, reference: str) -> None:
    with pytest.raises(ValueError, match="reference"):
        story.call(reference=reference)


def test_a_caller_who_leaves_before_logging_in_leaves_no_fact(story: Story) -> None:
    before = len(story.units.log())
    call = story.call()
    story.calls.end(call, "caller left")
    assert len(story.units.log()) == before


# The three ways to log in


@pytest.mark.parametrize("mode", LoginMode)
def test_a_right_login_identifies_the_payer_and_what_it_can_spend(mode: LoginMode) -> None:
    story = Story()
    card = story.card(story.group(login_mode=mode))
    call = story.call()
    number = "" if mode is PIN_ONLY else card.number
    pin = "" if mode is NUMBER_ONLY else card.pin
    payer = story.calls.login(call, mode, number, pin)
    assert (payer.card_id, payer.available, payer.is_empty) == (card.card_id, dollars(10), False)
    assert story.units.facts(call.session_id) == [
        CallStarted(call.reference, "pbx1", ACCESS, sealed(ALICE)),
        PayerIdentified(card.card_id, payer.account_id, Proof(mode)),
    ]


@pytest.mark.parametrize(
    ("asked", "shown", "opens"),
    [
        (NUMBER_AND_PIN, PIN_ONLY, False),
        (NUMBER_AND_PIN, NUMBER_ONLY, False),
        (PIN_ONLY, NUMBER_ONLY, False),
        (PIN_ONLY, NUMBER_AND_PIN, True),
        (NUMBER_ONLY, PIN_ONLY, True),
        (NUMBER_ONLY, NUMBER_AND_PIN, True),
    ],
)
def test_an_access_number_that_asks_less_does_not_weaken_a_card(
    asked: LoginMode, shown: LoginMode, opens: bool
) -> None:
    story = Story()
    card, call = story.card(story.group(login_mode=asked)), story.call()
    if opens:
        assert story.login(call, card, shown).card_id == card.card_id
    else:
        with pytest.raises(LoginFailed):
            story.login(call, card, shown)
        assert story.session(call).card_id is None


def test_the_number_of_one_card_and_the_pin_of_another_open_nothing(story: Story) -> None:
    mine, yours = story.card(), story.card()
    call = story.call()
    with pytest.raises(LoginFailed):
        story.login(call, mine, pin=yours.pin)
    assert reasons(story, call) == ["wrong PIN"]


def refused_cards(story: Story) -> dict[str, tuple[PrintedCard, dict[str, str]]]:
    """Every cause of a failed login: the card, and what is keyed instead of its number and PIN."""
    fresh, card = story.new_card(), story.card()
    stopped, void = story.card(), story.card()
    story.admin.change_status(stopped.card_id, Status.ON_HOLD, "ann", "lost")
    story.admin.change_status(void.card_id, Status.VOID, "ann", "stolen")
    return {
        "unknown card": (card, {"number": "0" * 10}),
        "wrong PIN": (card, {"pin": wrong(card.pin)}),
        "generated": (fresh, {}),
        "on hold": (stopped, {}),
        "void": (void, {}),
    }


def test_every_failed_login_is_the_same_refusal_and_recorded_with_its_reason(
    story: Story,
) -> None:
    for reason, (card, keyed) in refused_cards(story).items():
        call = story.call()
        with pytest.raises(LoginFailed) as refusal:
            story.login(call, card, NUMBER_AND_PIN, **keyed)
        assert type(refusal.value) is LoginFailed
        known = None if reason == "unknown card" else card.card_id
        assert story.facts_of(call, LoginRefused) == [LoginRefused(reason, known)]
        assert call.payer is None
        assert not story.facts_of(call, PayerIdentified)


def test_a_failed_try_never_changes_the_card(story: Story) -> None:
    card = story.card()
    before = story.units.facts(card.card_id)
    for _ in range(5):
        with pytest.raises(LoginFailed):
            story.login(story.call(), card, pin=wrong(card.pin))
    assert story.units.facts(card.card_id) == before
    assert story.login(story.call(BOB), card).card_id == card.card_id


def test_an_expired_card_does_not_log_in() -> None:
    story = Story()
    card = story.card(story.group(expires_on=datetime(2026, 11, 22, tzinfo=UTC)))
    assert story.login(story.call(), card)
    story.clock.time = datetime(2026, 11, 22, tzinfo=UTC)
    call = story.call()
    with pytest.raises(LoginFailed):
        story.login(call, card)
    assert reasons(story, call) == ["expired"]


def test_a_pin_is_never_recorded(story: Story) -> None:
    card = story.card()
    story.login(story.call(), card)
    with pytest.raises(LoginFailed):
        story.login(story.call(), card, pin="13572468")
    told = repr(story.units.log()) + repr(card)
    assert card.pin not in told
    assert "13572468" not in told


# Throttling


def test_a_guessing_source_is_refused_before_anything_is_looked_up(story: Story) -> None:
    card = story.card()
    for _ in range(DEFAULT_RATES["caller ID"].burst):
        with pytest.raises(LoginFailed):
            story.login(story.call(), card, pin=wrong(card.pin))
    call = story.call()
    with pytest.raises(LoginFailed):
        story.login(call, card)
    assert reasons(story, call) == ["throttled"]


def test_the_guessed_card_stays_open_to_everybody_else(story: Story) -> None:
    card = story.card()
    for _ in range(50):
        with pytest.raises(LoginFailed):
            story.login(story.call(ALICE), card, pin=wrong(card.pin))
    assert story.login(story.call(BOB), card).card_id == card.card_id


def test_a_throttled_source_that_goes_on_does_not_shut_out_its_access_number(
    story: Story,
) -> None:
    card = story.card()
    for _ in range(2 * DEFAULT_RATES["access number"].burst):
        with pytest.raises(LoginFailed):
            story.login(story.call(ALICE), card, pin=wrong(card.pin))
    assert story.login(story.call(BOB), card).card_id == card.card_id


def test_a_throttled_source_may_try_again_later(story: Story) -> None:
    card = story.card()
    for _ in range(20):
        with pytest.raises(LoginFailed):
            story.login(story.call(), card, pin=wrong(card.pin))
    story.clock.pass_by(minutes=5)
    assert story.login(story.call(), card).card_id == card.card_id


def test_guesses_from_ever_new_numbers_are_throttled_by_the_access_number(story: Story) -> None:
    card = story.card()
    for n in range(DEFAULT_RATES["access number"].burst):
        with pytest.raises(LoginFailed):
            story.login(story.call(f"+4860000{n:04d}"), card, pin=wrong(card.pin))
    call = story.call(BOB)
    with pytest.raises(LoginFailed):
        story.login(call, card)
    assert reasons(story, call) == ["throttled"]


# By caller ID


def test_a_bound_caller_id_opens_its_card_without_a_pin(story: Story) -> None:
    card = story.card()
    story.bindings.bind(sealed(ALICE), card.card_id)
    call = story.call(ALICE)
    payer = story.calls.login_by_caller_id(call)
    assert payer is not None
    assert payer.card_id == card.card_id
    assert story.facts_of(call, PayerIdentified)[0].proof is Proof.CALLER_ID


@pytest.mark.parametrize("caller_id", [None, "", "anonymous", "+48 600", BOB, "+1"])
def test_any_other_or_no_caller_id_opens_nothing(story: Story, caller_id: str | None) -> None:
    story.bindings.bind(sealed(ALICE), story.card().card_id)
    call = story.call(caller_id)
    assert story.calls.login_by_caller_id(call) is None
    assert call.payer is None


def test_a_caller_id_opens_nothing_when_the_group_no_longer_allows_it(story: Story) -> None:
    card = story.card()
    story.bindings.bind(sealed(ALICE), card.card_id)
    story.change(pinless_allowed=False)
    assert story.calls.login_by_caller_id(story.call(ALICE)) is None
    assert story.login(story.call(ALICE), card).card_id == card.card_id


def test_a_bound_card_that_is_stopped_falls_back_to_asking(story: Story) -> None:
    card = story.card()
    story.bindings.bind(sealed(ALICE), card.card_id)
    story.admin.change_status(card.card_id, Status.ON_HOLD, "ann", "lost")
    assert story.calls.login_by_caller_id(story.call(ALICE)) is None


def test_a_card_below_the_minimum_of_its_group_is_treated_as_empty() -> None:
    story = Story()
    card = story.card(story.group(minimum_balance=dollars(10) + usd(1)))
    story.bindings.bind(sealed(ALICE), card.card_id)
    payer = story.calls.login_by_caller_id(story.call(ALICE))
    assert payer is not None
    assert payer.is_empty
    story.top_up(card, usd(1))
    richer = story.calls.login_by_caller_id(story.call(ALICE))
    assert richer is not None
    assert not richer.is_empty


def test_a_card_is_in_use_while_as_many_calls_are_up_as_it_allows() -> None:
    story = Story()
    card = story.card(story.group(simultaneous_calls=2, most_held=dollars(2)))

    def is_in_use() -> bool:
        return story.login(story.call(), card).is_in_use

    first, second = story.caller(card), story.caller(card)
    assert not is_in_use()
    story.dialling.dial(first, WARSAW)
    assert not is_in_use()
    story.dialling.dial(second, WARSAW)
    assert is_in_use()
    story.settlement.record_leg(story.leg(second, 60))
    assert not is_in_use()


def test_a_call_that_comes_back_to_its_channel_is_not_kept_out_by_its_own_attempt(
    story: Story,
) -> None:
    card = story.card()
    call = story.caller(card)
    story.dialling.dial(call, WARSAW)
    assert not story.calls.refresh(call).is_in_use
    back = story.calls.arrive(Arrival(call.reference, "pbx1", ACCESS, ALICE, "carrier"))
    assert not story.login(back, card).is_in_use


# Later in the call


def test_what_the_payer_can_spend_is_looked_at_again(story: Story) -> None:
    card = story.card()
    call = story.caller(card)
    story.top_up(card, dollars(1))
    assert story.calls.refresh(call).available == dollars(11)


def test_another_payer_may_follow_in_the_same_call(story: Story) -> None:
    mine, yours = story.card(), story.card()
    call = story.caller(mine)
    story.login(call, yours)
    story.dialling.dial(call, WARSAW)
    assert story.account(mine).held == usd(0)
    assert story.account(yours).held > usd(0)


def test_a_call_ends_once(story: Story) -> None:
    call = story.caller(story.card())
    story.calls.end(call, "goodbye")
    story.calls.end(call, "goodbye again")
    assert story.facts_of(call, CallEnded) == [CallEnded("goodbye")]


def test_the_same_call_is_the_same_session_whoever_names_it(story: Story) -> None:
    call = story.call()
    assert call.session_id == kinds.session_id(call.reference)
    assert call.session_id.int >> 80 == int(call.reference[5:15]) * 1000


def test_a_login_that_is_stored_though_nobody_was_told_is_the_same_when_repeated(
    story: Story,
) -> None:
    card, call = story.card(), story.call()
    story.units.lose_next_answer = True
    with pytest.raises(LedgerUnavailable):
        story.login(call, card)
    story.login(call, card)
    assert len(story.facts_of(call, CallStarted)) == len(story.facts_of(call, PayerIdentified)) == 1


def test_expiry_by_days_begins_with_the_first_talk() -> None:
    story = Story()
    card = story.card(story.group(valid_days=30))
    story.clock.pass_by(days=300)
    call = story.caller(card)
    story.dialling.dial(call, WARSAW)
    story.settlement.record_leg(story.leg(call, 60))
    story.clock.pass_by(days=29)
    assert story.login(story.call(), card)
    story.clock.pass_by(days=2)
    with pytest.raises(LoginFailed):
        story.login(story.call(), card)
    assert story.card_state(card).first_used_at == story.clock.time - timedelta(days=31, seconds=-5)
