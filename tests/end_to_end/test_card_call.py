"""A calling-card call from the first word to the last, on a real Asterisk."""

from __future__ import annotations

import pytest

from application.speech import Balance, Prompt, TimeLeft
from domain.call_sessions import Evidence, LoginRefused, PayerIdentified
from domain.login import LoginMode, Proof
from tests.end_to_end.books import account
from tests.end_to_end.callers import OnLine, call
from tests.end_to_end.rig.scenario import await_bye, hangup, keys, wait
from tests.end_to_end.system import (
    A_MOMENT,
    ACCESS,
    ANNOUNCED,
    ANNOUNCEMENT,
    NUMBER_ONLY,
    PIN_ONLY,
    STAYS,
    WITH_FEES,
    Service,
    entry,
    leaves_after,
)

pytestmark = pytest.mark.asterisk

THE_BALANCE = wait(3)
"""Long enough to hear it to its end."""


def test_a_caller_logs_in_hears_what_is_left_talks_and_dials_on(service: Service) -> None:
    card = service.card("2.00", say_time=True)
    first, second = service.number(leaves_after(20)), service.number(STAYS, WITH_FEES)
    stay = call(
        service,
        *card.login(),
        THE_BALANCE,
        *entry(first + "#"),
        wait(7.5),
        *entry(second + "#"),
        wait(5),
        hangup(),
    )
    one, two = stay.settled()
    left = card.face_value - one.charge
    stay.heard(
        Prompt.WELCOME,
        Prompt.ENTER_PIN,
        Balance(card.face_value),
        Prompt.ENTER_DESTINATION,
        TimeLeft(200),
        Balance(left),
        TimeLeft(180),
    )
    assert (one.evidence, two.evidence) == (Evidence.LEG_RECORD, Evidence.LEG_RECORD)
    assert account(service, card).balance == left - two.charge


def test_a_pin_alone_or_a_number_alone_is_enough_where_the_terms_say_so(service: Service) -> None:
    by_pin = service.card(login_mode=LoginMode.PIN_ONLY)
    by_number = service.card(login_mode=LoginMode.NUMBER_ONLY)
    destinations = service.number(), service.number()
    with_pin = OnLine(
        service,
        wait(A_MOMENT),
        *entry(by_pin.pin + "#"),
        *entry(destinations[0] + "#"),
        wait(2),
        hangup(),
        access=PIN_ONLY,
    )
    with_number = OnLine(
        service,
        wait(A_MOMENT),
        *entry(by_number.number + "#"),
        *entry(destinations[1] + "#"),
        wait(2),
        hangup(),
        access=NUMBER_ONLY,
    )
    shown = []
    for online in (with_pin, with_number):
        stay = online.finish()
        shown += [fact.proof for fact in stay.facts if isinstance(fact, PayerIdentified)]
        assert [settled.seconds > 0 for settled in stay.settled()] == [True]
    assert shown == [Proof.PIN_ONLY, Proof.NUMBER_ONLY]


def test_the_number_alone_is_not_enough_for_a_card_that_wants_its_pin(service: Service) -> None:
    card = service.card()
    tries = [step for _ in range(3) for step in entry(card.number + "#")]
    stay = call(service, wait(A_MOMENT), *tries, await_bye(), access=NUMBER_ONLY)
    assert stay.outcome.saw("BYE in")
    reasons = [fact.reason for fact in stay.facts if isinstance(fact, LoginRefused)]
    assert reasons == ["the card wants number and PIN"] * 3


def test_three_wrong_tries_end_the_call_and_the_reason_is_never_told(service: Service) -> None:
    card, other = service.card(), service.card()
    wrong = str((int(card.pin) + 1) % 10**5).zfill(5)
    unknown = str((int(card.number) + 1) % 10**5).zfill(5)
    tries = [(card.number, wrong), (unknown, card.pin), (card.number, other.pin)]
    steps = [step for number, pin in tries for step in (*entry(number + "#"), *entry(pin + "#"))]
    stay = call(service, wait(A_MOMENT), *steps, await_bye())
    assert stay.outcome.saw("BYE in")
    assert stay.times_heard(Prompt.LOGIN_FAILED) == 3
    stay.heard(Prompt.WELCOME, Prompt.LOGIN_FAILED, Prompt.LOGIN_FAILED, Prompt.GOODBYE)
    reasons = [fact.reason for fact in stay.facts if isinstance(fact, LoginRefused)]
    assert reasons == ["wrong PIN", "unknown card", "wrong PIN"]
    # The card is not locked: its owner calls from another phone.
    again = call(service, *card.login(), hangup())
    assert any(isinstance(fact, PayerIdentified) for fact in again.facts)


def test_the_announcement_of_the_access_number_comes_first(service: Service) -> None:
    card = service.card()
    # Played to its end: keys are not heard meanwhile.
    stay = call(service, wait(2), *card.login(), hangup(), access=ANNOUNCED)
    assert stay.played[0] == ANNOUNCEMENT
    stay.heard(ANNOUNCEMENT, Prompt.ENTER_CARD_NUMBER, Prompt.ENTER_PIN)
    assert Prompt.WELCOME.sound not in stay.played


def test_a_closed_or_unknown_access_number_takes_nobody(service: Service) -> None:
    service.expected.append("call_refused")
    stay = call(service, await_bye(), access="18005559999")
    assert stay.outcome.saw("BYE in")
    stay.heard(Prompt.TRY_AGAIN_LATER)
    assert stay.facts == []


def test_an_empty_card_is_asked_to_be_replaced(service: Service) -> None:
    empty, full = service.card("0.00"), service.card()
    stay = call(service, *empty.login(), wait(4), *full.login_again(), hangup())
    stay.heard(Prompt.NO_CREDIT, Prompt.ENTER_ANOTHER_CARD, Prompt.ENTER_PIN)
    cards = [fact.card_id for fact in stay.facts if isinstance(fact, PayerIdentified)]
    assert cards == [empty.card_id, full.card_id]


def test_the_keys_of_a_caller_are_in_no_log(service: Service) -> None:
    card = service.card(number_length=12, pin_length=10)
    wrong = ((int(card.pin) + 12_345_678) % 10**10, (int(card.number) + 77_777_777) % 10**12)
    stay = call(
        service,
        wait(A_MOMENT),
        *entry(f"{wrong[1]:012d}#"),
        *entry(f"{wrong[0]:010d}#"),
        *card.login_again(),
        *entry(service.number(leaves_after(5)) + "#"),
        wait(2),
        hangup(),
        access=ACCESS,
    )
    assert len(stay.settled()) == 1
    folders = service.rig.run / "log", service.rig.run / "spool"
    files = [path for folder in folders for path in folder.rglob("*") if path.is_file()]
    texts = {path: path.read_bytes() for path in (*files, service.server.stderr)}
    assert any(stay.reference.encode() in text for text in texts.values())
    for secret in (card.pin, card.number, f"{wrong[0]:010d}", f"{wrong[1]:012d}"):
        told = [path for path, text in texts.items() if secret.encode() in text]
        assert told == []


def test_two_callers_of_one_card_do_not_spend_it_twice(service: Service) -> None:
    card, own = service.card("1.00"), service.card()
    first, second, third = service.number(), service.number(), service.number()
    # Both have entered the card before the other one dials.
    slower = OnLine(service, *card.login(), wait(6), *entry(second + "#"), wait(A_MOMENT), hangup())
    talking = OnLine(service, *card.login(), *entry(first + "#"), wait(16), hangup())
    service.await_talk(first)
    slower.finish().heard(Prompt.ENTER_DESTINATION, Prompt.CARD_IN_USE)
    assert service.talks(second) == []
    # Who comes now hears it at once, and may go on with another card.
    late = call(
        service, *card.login(), wait(5), *own.login_again(), *entry(third + "#"), wait(2), hangup()
    )
    late.heard(Prompt.CARD_IN_USE, Prompt.ENTER_ANOTHER_CARD)
    paid = [fact.card_id for fact in late.facts if isinstance(fact, PayerIdentified)]
    assert paid == [card.card_id, own.card_id]
    assert len(late.settled()) == 1
    assert len(talking.finish().settled()) == 1


def test_keys_come_one_by_one_from_a_slow_caller(service: Service) -> None:
    card = service.card()
    number = service.number(leaves_after(5))
    stay = call(
        service,
        wait(A_MOMENT),
        keys(card.number + "#", 0.8),
        wait(A_MOMENT),
        keys(card.pin + "#", 0.15),
        wait(A_MOMENT),
        keys(number[:5], 0.2),
        wait(1.2),
        keys(number[5:] + "#", 0.2),
        wait(3),
        hangup(),
    )
    assert len(stay.settled()) == 1
