"""A calling-card call as the caller lives it, from the welcome to the goodbye."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from attrs import evolve

from adapters.agi.card_call import CardCallSettings
from application import kinds
from application.speech import Balance, Prompt, TimeLeft
from domain.access_numbers import AccessTerms
from domain.call_sessions import AttemptSettled, CallEnded, LoginRefused, PayerIdentified
from domain.login import LoginMode, Proof
from tests.adapters.agi.calling import ENTER_CARD, Exchange, exchange, sounds
from tests.support.persons import sealed
from tests.support.story import ALICE, BOB, ROME, WARSAW, PrintedCard, dollars

ASK = Prompt.ENTER_DESTINATION


@pytest.fixture
def world() -> Iterator[Exchange]:
    with exchange() as opened:
        opened.group()
        yield opened


@pytest.fixture
def card(world: Exchange) -> PrintedCard:
    return world.card()


def login(card: PrintedCard) -> tuple[str, str]:
    return f"{card.number}#", f"{card.pin}#"


# ---- from hello to goodbye


def test_a_caller_logs_in_talks_hears_what_is_left_and_is_asked_again(
    world: Exchange, card: PrintedCard
) -> None:
    heard = world.ring(*login(card), f"{WARSAW}#", "talk 60", "#", "#")
    assert heard.said == sounds(
        Prompt.WELCOME,
        *ENTER_CARD,
        Balance(dollars(10)),
        ASK,
        TimeLeft(1000),
        Balance(dollars(9, 40)),
        ASK,
        ASK,
        Prompt.GOODBYE,
    )
    assert heard.dialled == [(WARSAW, "cheap")]
    assert heard.side.done
    assert world.account(card).balance == dollars(9, 40)
    assert [each.charge for each in heard.facts(AttemptSettled)] == [dollars(0, 60)]
    assert heard.facts(CallEnded) == [CallEnded("goodbye")]


def test_the_limit_given_to_asterisk_is_the_time_that_is_held_for(
    world: Exchange, card: PrintedCard
) -> None:
    heard = world.ring(*login(card), f"{WARSAW}#", "talk 9000")
    assert heard.side.legs[0].limit_ms == 1_000_000
    assert heard.side.legs[0].warn_ms == 120_000
    assert heard.side.variables["LIMIT_WARNING_FILE"] == Prompt.TWO_MINUTES_LEFT.sound
    assert world.account(card).balance == dollars(0)
    assert heard.says(Balance(dollars(0)), ASK)


def test_a_call_that_begins_below_two_minutes_is_warned_at_once(world: Exchange) -> None:
    world.group("Small", face_value=dollars(1))
    heard = world.ring(*login(world.card("Small")), f"{WARSAW}#", "talk 60")
    assert heard.side.variables["LIMIT_CONNECT_FILE"] == Prompt.LESS_THAN_TWO_MINUTES.sound
    assert heard.side.variables["LIMIT_WARNING_FILE"] == Prompt.LESS_THAN_TWO_MINUTES.sound
    assert heard.side.legs[0].warn_ms is None


def test_a_caller_who_ends_the_leg_by_its_keys_is_asked_for_the_next_number(
    world: Exchange, card: PrintedCard
) -> None:
    heard = world.ring(*login(card), f"{WARSAW}#", "talk 10 *", f"{ROME}#", "talk 20", "#", "#")
    assert [number for number, _ in heard.dialled] == [WARSAW, ROME]
    assert heard.side.variables["FEATUREMAP(disconnect)"] == "*"
    assert world.account(card).balance == dollars(9, 70)
    assert heard.side.done


def test_the_time_said_is_the_real_one_unless_the_group_says_another_part_of_it(
    world: Exchange, card: PrintedCard
) -> None:
    world.change(ghost_percent=120)
    heard = world.ring(*login(card), f"{WARSAW}#", "talk 1")
    assert heard.says(TimeLeft(1200))
    assert heard.side.legs[0].limit_ms == 1_000_000


def test_a_group_may_keep_balance_and_time_to_itself(world: Exchange) -> None:
    world.group("Quiet", say_balance=False, say_time=False)
    heard = world.ring(*login(world.card("Quiet")), f"{WARSAW}#", "talk 5", "#", "#")
    assert heard.said == sounds(Prompt.WELCOME, *ENTER_CARD, ASK, ASK, ASK, Prompt.GOODBYE)


def test_announcements_come_first_the_access_numbers_and_then_the_groups() -> None:
    with exchange(access=AccessTerms(first_announcement="acme/hello")) as world:
        world.group(first_announcement="acme/gold")
        heard = world.ring(*login(world.card()), "#", "#")
        assert heard.said == [
            "acme/hello",
            *sounds(*ENTER_CARD),
            "acme/gold",
            *sounds(Balance(dollars(10)), ASK, ASK, Prompt.GOODBYE),
        ]


def test_a_number_that_is_not_ours_or_closed_answers_with_later(world: Exchange) -> None:
    heard = world.ring(access_number="18005550199")
    assert heard.said == sounds(Prompt.TRY_AGAIN_LATER)
    assert heard.side.done
    assert heard.session is None


# ---- who pays


@pytest.mark.parametrize(
    ("mode", "prompts"),
    [
        (LoginMode.NUMBER_AND_PIN, ENTER_CARD),
        (LoginMode.NUMBER_ONLY, (Prompt.ENTER_CARD_NUMBER_ONLY,)),
        (LoginMode.PIN_ONLY, (Prompt.ENTER_PIN_ONLY,)),
    ],
)
def test_each_login_mode_asks_for_what_it_needs(
    mode: LoginMode, prompts: tuple[Prompt, ...]
) -> None:
    with exchange(access=AccessTerms(login_mode=mode)) as world:
        world.group(login_mode=LoginMode.NUMBER_ONLY)
        card = world.card()
        keys = {
            LoginMode.NUMBER_AND_PIN: login(card),
            LoginMode.NUMBER_ONLY: (f"{card.number}#",),
            LoginMode.PIN_ONLY: (f"{card.pin}#",),
        }
        heard = world.ring(*keys[mode], "#", "#")
        assert heard.said == sounds(
            Prompt.WELCOME, *prompts, Balance(dollars(10)), ASK, ASK, Prompt.GOODBYE
        )
        assert [fact.proof for fact in heard.facts(PayerIdentified)] == [Proof(mode)]


def test_every_failed_login_sounds_the_same_and_the_third_ends_the_call(
    world: Exchange, card: PrintedCard
) -> None:
    asleep = world.new_card()
    heard = world.ring(
        *(f"{card.number}#", "00000000#"),  # a wrong PIN
        *("0000000000#", f"{card.pin}#"),  # no such card
        *(f"{asleep.number}#", f"{asleep.pin}#"),  # not active
    )
    assert heard.said == sounds(
        Prompt.WELCOME,
        *ENTER_CARD,
        *(Prompt.LOGIN_FAILED, *ENTER_CARD),
        *(Prompt.LOGIN_FAILED, *ENTER_CARD),
        Prompt.LOGIN_FAILED,
        Prompt.GOODBYE,
    )
    assert heard.side.done
    reasons = [fact.reason for fact in heard.facts(LoginRefused)]
    assert reasons == ["wrong PIN", "unknown card", "generated"]
    assert heard.facts(CallEnded) == [CallEnded("goodbye")]


def test_a_source_that_guesses_is_refused_in_the_same_words(
    world: Exchange, card: PrintedCard
) -> None:
    wrong = (f"{card.number}#", "00000000#") * 3
    for _ in range(3):
        world.ring(*wrong)
    heard = world.ring(*login(card) * 3)
    assert heard.times(Prompt.LOGIN_FAILED) == 3
    assert {fact.reason for fact in heard.facts(LoginRefused)} == {"throttled"}


def test_the_number_of_tries_is_a_setting(world: Exchange, card: PrintedCard) -> None:
    world.card_call = CardCallSettings(login_tries=1)
    heard = world.ring(f"{card.number}#", "00000000#")
    assert heard.times(Prompt.LOGIN_FAILED) == 1
    assert heard.side.done


def test_a_star_in_the_card_number_starts_it_over(world: Exchange, card: PrintedCard) -> None:
    heard = world.ring(f"999*{card.number}#", f"1*2*{card.pin}#", "#", "#")
    assert heard.says(*ENTER_CARD, Balance(dollars(10)), ASK)


def test_a_caller_who_keys_nothing_at_the_login_fails_it(world: Exchange) -> None:
    heard = world.ring(*["silence"] * 6)
    assert heard.times(Prompt.LOGIN_FAILED) == 3
    assert heard.side.done


def test_a_bound_number_opens_its_card_at_once(world: Exchange, card: PrintedCard) -> None:
    world.ring(*login(card), "*32#", "#", "#")
    heard = world.ring("#", "#")
    assert heard.said == sounds(Balance(dollars(10)), ASK, ASK, Prompt.GOODBYE)
    assert [fact.proof for fact in heard.facts(PayerIdentified)] == [Proof.CALLER_ID]


def test_an_empty_bound_card_is_asked_to_be_replaced_and_the_binding_moves(
    world: Exchange, card: PrintedCard
) -> None:
    world.ring(*login(card), "*32#", f"{WARSAW}#", "talk 2000")
    assert world.account(card).balance == dollars(0)
    fresh = world.card()
    heard = world.ring(*login(fresh), "#", "#")
    assert heard.said == sounds(
        *(Prompt.WELCOME, Prompt.NO_CREDIT, Prompt.ENTER_ANOTHER_CARD),
        *ENTER_CARD,
        *(Balance(dollars(10)), ASK, ASK, Prompt.GOODBYE),
    )
    assert world.owner_of(ALICE) == fresh.card_id
    assert world.card_state(card).caller_id is None


def test_a_card_below_the_minimum_counts_as_empty(world: Exchange, card: PrintedCard) -> None:
    world.change(minimum_balance=dollars(11))
    heard = world.ring(*login(card) * 3)
    assert heard.times(Prompt.NO_CREDIT) == 3
    assert heard.times(Prompt.ENTER_ANOTHER_CARD) == 2
    assert heard.said[-1] == Prompt.GOODBYE.sound


def test_a_right_pin_from_another_phone_takes_the_binding_over(
    world: Exchange, card: PrintedCard
) -> None:
    world.ring(*login(card), "*32#", "#", "#")
    world.ring(*login(card), "#", "#", caller_id=BOB)
    assert world.owner_of(BOB) == card.card_id
    assert world.owner_of(ALICE) is None


def test_a_group_that_denies_double_use_refuses_the_right_pin(
    world: Exchange, card: PrintedCard
) -> None:
    world.change(deny_double_use=True)
    world.ring(*login(card), "*32#", "#", "#")
    heard = world.ring(*login(card) * 3, caller_id=BOB)
    assert heard.times(Prompt.LOGIN_FAILED) == 3
    assert world.owner_of(ALICE) == card.card_id


# ---- what is keyed at the destination prompt


def test_the_callers_number_is_stored_and_removed_again(world: Exchange, card: PrintedCard) -> None:
    heard = world.ring(*login(card), "*32#", "*32", "#", "#")
    assert heard.says(ASK, Prompt.CALLER_ID_STORED, ASK, Prompt.CALLER_ID_REMOVED, ASK)
    assert world.owner_of(ALICE) is None


@pytest.mark.parametrize(
    "line", [{"caller_id": ""}, {"caller_id": "anonymous"}, {"calling_presentation": 0x20}]
)
def test_a_hidden_number_cannot_be_stored(
    world: Exchange, card: PrintedCard, line: dict[str, object]
) -> None:
    heard = world.ring(*login(card), "*32#", "#", "#", **line)  # type: ignore[arg-type]
    assert heard.says(Prompt.CALLER_ID_HIDDEN, ASK)
    assert world.owner_of(ALICE) is None


def test_a_group_without_pinless_calls_stores_no_number(world: Exchange, card: PrintedCard) -> None:
    world.change(pinless_allowed=False)
    heard = world.ring(*login(card), "*32#", "#", "#")
    assert heard.says(Prompt.PINLESS_NOT_ALLOWED, ASK)


def test_the_last_number_of_this_call_is_dialled_again(world: Exchange, card: PrintedCard) -> None:
    heard = world.ring(*login(card), "*0#", f"{WARSAW}#", "busy", "*0#", "talk 10", "#", "#")
    assert heard.says(ASK, Prompt.NOTHING_TO_REDIAL, ASK)
    assert [number for number, _ in heard.dialled] == [WARSAW, WARSAW]
    assert world.account(card).balance == dollars(9, 90)


def test_the_operator_is_called_free_of_charge(world: Exchange, card: PrintedCard) -> None:
    world.change(operator_number="+18005550199")
    heard = world.ring(*login(card), "0#", "talk 60", "#", "#")
    assert heard.dialled == [("18005550199", "cheap")]
    assert world.account(card).balance == dollars(10)


def test_without_an_operator_the_caller_is_told_so(world: Exchange, card: PrintedCard) -> None:
    heard = world.ring(*login(card), "0#", "#", "#")
    assert heard.says(ASK, Prompt.OPERATOR_UNAVAILABLE, ASK)


def test_the_balance_is_said_on_request(world: Exchange, card: PrintedCard) -> None:
    def top_up(number: int) -> None:
        if number == 6:  # the first question for a destination
            world.top_up(card, dollars(5))

    heard = world.ring(*login(card), "111#", "#", "#", before=top_up)
    assert heard.says(Balance(dollars(10)), ASK, Balance(dollars(15)), ASK)


def test_a_star_after_a_digit_starts_the_number_over(world: Exchange, card: PrintedCard) -> None:
    heard = world.ring(*login(card), "4812*", f"39*{WARSAW}#", "talk 1", "#", "#")
    assert heard.dialled == [(WARSAW, "cheap")]
    assert heard.times(Prompt.INVALID_ENTRY) == 0


def test_a_number_without_its_pound_key_is_not_dialled(world: Exchange, card: PrintedCard) -> None:
    heard = world.ring(*login(card), WARSAW, "#", "#")
    assert heard.says(ASK, Prompt.FINISH_WITH_POUND, ASK)
    assert heard.dialled == []


@pytest.mark.parametrize("keys", ["*99#", "**32#", "048221234567#", "00#"])
def test_what_means_nothing_is_an_invalid_entry(
    world: Exchange, card: PrintedCard, keys: str
) -> None:
    heard = world.ring(*login(card), keys, "#", "#")
    assert heard.says(ASK, Prompt.INVALID_ENTRY, ASK)
    assert heard.dialled == []


def test_a_number_that_cannot_be_one_is_refused(world: Exchange, card: PrintedCard) -> None:
    heard = world.ring(*login(card), "999999#", "#", "#")
    assert heard.says(ASK, Prompt.INVALID_NUMBER, ASK)


def test_a_destination_that_is_not_sold_is_refused(world: Exchange, card: PrintedCard) -> None:
    del world.prices.by_prefix[""]
    heard = world.ring(*login(card), f"{WARSAW}#", "#", "#")
    assert heard.says(ASK, Prompt.NUMBER_NOT_ALLOWED, ASK)


def test_a_destination_that_costs_too_much_is_refused_and_a_cheaper_one_is_not(
    world: Exchange, card: PrintedCard
) -> None:
    cheap = world.prices.by_prefix[""]
    world.prices.by_prefix["39"] = evolve(cheap, connect_fee=11_000_000)
    heard = world.ring(*login(card), f"{ROME}#", f"{WARSAW}#", "talk 1", "#", "#")
    assert heard.says(ASK, Prompt.NOT_ENOUGH_FOR_DESTINATION, ASK)
    assert [number for number, _ in heard.dialled] == [WARSAW]


def test_a_card_on_another_call_is_in_use_and_another_card_may_be_entered(
    world: Exchange, card: PrintedCard
) -> None:
    other = world.caller(card)
    world.dialling.dial(other, ROME)
    heard = world.ring(*login(card), *login(world.card()), "#", "#")
    assert heard.said == sounds(
        *(Prompt.WELCOME, *ENTER_CARD),
        *(Prompt.CARD_IN_USE, Prompt.ENTER_ANOTHER_CARD, *ENTER_CARD),
        *(Balance(dollars(10)), ASK, ASK, Prompt.GOODBYE),
    )
    again = world.ring(*login(card) * 3)
    assert again.times(Prompt.CARD_IN_USE) == 3
    assert again.said[-1] == Prompt.GOODBYE.sound
    assert heard.dialled == again.dialled == []


def test_a_card_that_two_have_entered_is_in_use_for_the_one_who_dials_later(
    world: Exchange, card: PrintedCard
) -> None:
    other = world.caller(card)

    def dial(number: int) -> None:
        if number == 6:  # the destination is asked for
            world.dialling.dial(other, ROME)

    heard = world.ring(*login(card), f"{WARSAW}#", "#", "#", before=dial)
    assert heard.says(Balance(dollars(10)), ASK, Prompt.CARD_IN_USE, ASK)
    assert heard.dialled == []


def test_a_bound_card_in_use_keeps_its_number_when_another_card_is_entered(
    world: Exchange, card: PrintedCard
) -> None:
    world.bindings.bind(sealed(ALICE), card.card_id)
    world.dialling.dial(world.caller(card, BOB), ROME)
    world.bindings.bind(sealed(ALICE), card.card_id)
    heard = world.ring(*login(world.card()), "#", "#")
    first = (Prompt.WELCOME, Prompt.CARD_IN_USE, Prompt.ENTER_ANOTHER_CARD)
    assert heard.says(*first, *ENTER_CARD, Balance(dollars(10)), ASK)
    assert world.owner_of(ALICE) == card.card_id
    assert world.card_state(card).caller_id == sealed(ALICE)


def test_a_card_that_expires_during_the_call_can_call_no_more(
    world: Exchange, card: PrintedCard
) -> None:
    world.change(valid_days=1)
    used_up = world.clock.now() + timedelta(days=2)

    def pass_by(number: int) -> None:
        if number == 12:
            world.clock.time = used_up

    heard = world.ring(*login(card), f"{WARSAW}#", "talk 1", f"{WARSAW}#", "#", "#", before=pass_by)
    assert heard.says(Prompt.NO_CREDIT, ASK)
    assert len(heard.dialled) == 1


def test_two_empty_entries_in_a_row_end_the_call(world: Exchange, card: PrintedCard) -> None:
    heard = world.ring(*login(card), "#", "111#", "silence", "#")
    assert heard.said[-2:] == sounds(ASK, Prompt.GOODBYE)
    assert heard.side.done


@pytest.mark.parametrize("keys", ["*99#", "999999#", "4822", "5*", f"{ROME}#"])
def test_entries_that_lead_nowhere_come_to_an_end(
    world: Exchange, card: PrintedCard, keys: str
) -> None:
    world.prices.by_prefix = {"48": world.prices.by_prefix[""]}
    heard = world.ring(*login(card), *[keys] * world.card_call.invalid_entries)
    assert heard.side.done
    assert heard.said[-1] == Prompt.GOODBYE.sound


# ---- how a leg ends


@pytest.mark.parametrize(
    ("ending", "prompt"),
    [
        ("busy", Prompt.BUSY),
        ("noanswer", Prompt.NO_ANSWER),
        ("congestion", Prompt.CONGESTED),
        ("unavailable", Prompt.UNAVAILABLE),
        ("rejected", Prompt.BUSY),
    ],
)
def test_a_leg_that_nobody_answers_costs_nothing_and_says_why(
    world: Exchange, card: PrintedCard, ending: str, prompt: Prompt
) -> None:
    heard = world.ring(*login(card), f"{WARSAW}#", ending, f"{WARSAW}#", "talk 1", "#", "#")
    assert heard.says(TimeLeft(1000), prompt, ASK)
    assert world.account(card).balance == dollars(9, 99)
    assert not world.account(card).holds


def test_a_caller_who_stops_the_ringing_is_asked_again_without_a_word(
    world: Exchange, card: PrintedCard
) -> None:
    heard = world.ring(*login(card), f"{WARSAW}#", "cancel", "#", "#")
    assert heard.says(TimeLeft(1000), ASK)
    assert not world.account(card).holds


@pytest.mark.parametrize("ending", ["congestion", "unavailable"])
def test_a_trunk_that_fails_gives_way_to_the_next(
    world: Exchange, card: PrintedCard, ending: str
) -> None:
    world.routes.trunks = ("cheap", "dear")
    heard = world.ring(*login(card), f"{WARSAW}#", ending, "talk 30", "#", "#")
    assert heard.dialled == [(WARSAW, "cheap"), (WARSAW, "dear")]
    assert [(leg.attempt, leg.leg) for leg in heard.side.legs] == [("1", "1"), ("1", "2")]
    assert heard.times(Prompt.CONGESTED) == heard.times(Prompt.UNAVAILABLE) == 0
    assert world.account(card).balance == dollars(9, 70)


@pytest.mark.parametrize("ending", ["busy", "noanswer", "rejected", "cancel"])
def test_the_called_partys_own_answer_is_not_asked_for_twice(
    world: Exchange, card: PrintedCard, ending: str
) -> None:
    world.routes.trunks = ("cheap", "dear")
    heard = world.ring(*login(card), f"{WARSAW}#", ending, "#", "#")
    assert heard.dialled == [(WARSAW, "cheap")]
    assert not world.account(card).holds


def test_when_every_trunk_fails_nothing_is_held_any_more(
    world: Exchange, card: PrintedCard
) -> None:
    world.routes.trunks = ("cheap", "dear")
    heard = world.ring(*login(card), f"{WARSAW}#", "unavailable", "congestion", "#", "#")
    assert heard.says(Prompt.CONGESTED, ASK)
    assert not world.account(card).holds


def test_a_record_that_comes_a_little_later_is_waited_for(
    world: Exchange, card: PrintedCard
) -> None:
    heard = world.ring(*login(card), f"{WARSAW}#", "talk 60", "#", "#", record_after_looks=5)
    assert heard.says(Balance(dollars(9, 40)), ASK)


def test_a_record_that_does_not_come_leaves_the_hold_to_the_spool(
    world: Exchange, card: PrintedCard
) -> None:
    heard = world.ring(
        *login(card), f"{WARSAW}#", "talk 60", f"{WARSAW}#", "#", "#", record_after_looks=99
    )
    assert heard.says(TimeLeft(1000), ASK, Prompt.CARD_IN_USE, ASK)
    assert len(world.account(card).holds) == 1
    world.deliver_records(heard)
    assert world.account(card).balance == dollars(9, 40)
    assert not world.account(card).holds


def test_a_missing_sound_does_not_end_the_call(world: Exchange, card: PrintedCard) -> None:
    heard = world.ring(
        *login(card),
        f"{WARSAW}#",
        "talk 60",
        "#",
        "#",
        missing_sounds=frozenset({Prompt.WELCOME.sound, ASK.sound}),
    )
    assert heard.side.done
    assert world.account(card).balance == dollars(9, 40)


def test_the_hang_up_keys_and_the_endpoint_are_settings(world: Exchange, card: PrintedCard) -> None:
    codes = evolve(world.card_call.codes, hang_up="#1#")
    world.card_call = CardCallSettings(codes=codes, endpoint="SIP/{number}@{trunk}")
    heard = world.ring(*login(card), f"{WARSAW}#", "talk 1")
    assert heard.side.variables["FEATUREMAP(disconnect)"] == "#1#"
    assert any(line.startswith('EXEC Dial "SIP/') for line in heard.side.commands)


def test_an_endpoint_that_could_not_be_dialled_is_refused_before_any_call() -> None:
    with pytest.raises(ValueError, match="endpoint is a channel string"):
        CardCallSettings(endpoint="PJSIP/{trunk}")


def test_a_call_leaves_one_session_that_has_ended(world: Exchange, card: PrintedCard) -> None:
    heard = world.ring(*login(card), f"{WARSAW}#", "talk 1 hangup")
    assert heard.session is not None
    assert heard.session.ended or heard.session.attempts
    world.deliver_records(heard)
    assert heard.session.card_id == card.card_id
    assert len(world.units.streams(kinds.CALL_SESSIONS.name)) == 1
