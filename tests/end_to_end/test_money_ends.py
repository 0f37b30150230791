"""A call ends when the money does, never later, and the caller is warned before."""

from __future__ import annotations

import pytest

from application.speech import Balance, Prompt
from domain.call_sessions import AttemptStarted
from domain.cards import Status
from domain.money import Money, parse
from tests.end_to_end.books import account
from tests.end_to_end.callers import OnLine
from tests.end_to_end.rig.scenario import await_bye, hangup, wait
from tests.end_to_end.system import WITH_FEES, Service, entry

pytestmark = pytest.mark.asterisk


def test_a_call_is_cut_off_when_its_money_ends_and_the_card_is_empty(service: Service) -> None:
    card, fees = service.card("0.04"), service.card("0.08")
    number, dear = service.number(), service.number(prefix=WITH_FEES)
    plain = OnLine(service, *card.login(), *entry(number + "#"), wait(9.5), hangup())
    with_fees = OnLine(service, *fees.login(), *entry(dear + "#"), await_bye())
    stay = plain.finish()
    (started,) = service.attempts(stay.reference)
    (settled,) = stay.settled()
    assert started.limit_seconds == settled.seconds == 4
    assert settled.charge == started.held == card.face_value
    # The far end's own clock, on a machine that may be busy: the limit itself is exact.
    assert 3.5 <= service.talks(number)[0] <= 4.5
    assert service.office.administration.card(card.card_id).status is Status.EMPTY
    assert account(service, card).balance == Money(0, "USD")
    stay.heard(Prompt.LESS_THAN_TWO_MINUTES, Balance(Money(0, "USD")))
    # Two cents to connect, and one block of six seconds: not one second more.
    other = with_fees.finish()
    (settled,) = other.settled()
    assert settled.seconds == 6
    assert settled.charge == parse("0.08", "USD")
    assert service.talks(dear)[0] <= 6.2


def test_a_caller_with_more_than_two_minutes_is_warned_when_two_are_left(
    service: Service,
) -> None:
    card = service.card("1.22")
    number = service.number()
    stay = OnLine(service, *card.login(), *entry(number + "#"), wait(5.5), hangup()).finish()
    (started,) = [fact for fact in stay.facts if isinstance(fact, AttemptStarted)]
    assert started.limit_seconds == 122
    assert "L(122000:120000)" in service.rig.log()
    stay.heard(Prompt.TWO_MINUTES_LEFT)
    assert Prompt.LESS_THAN_TWO_MINUTES.sound not in stay.played


def test_money_that_does_not_reach_is_refused_before_anything_is_dialled(
    service: Service,
) -> None:
    card = service.card("0.07")
    dear, cheap = service.number(prefix=WITH_FEES), service.number()
    steps = (*card.login(), *entry(dear + "#"), wait(1), *entry(cheap + "#"), wait(2.5), hangup())
    stay = OnLine(service, *steps).finish()
    stay.heard(Prompt.NOT_ENOUGH_FOR_DESTINATION, Prompt.LESS_THAN_TWO_MINUTES)
    assert service.talks(dear) == []
    assert len(stay.settled()) == 1


def test_two_calls_of_one_card_hold_their_money_apart(service: Service) -> None:
    card = service.card("0.20", simultaneous_calls=2, most_held=parse("0.05", "USD"))
    numbers = service.number(), service.number()
    callers = [
        OnLine(service, *card.login(), *entry(number + "#"), wait(8), hangup())
        for number in numbers
    ]
    settled = [attempt for each in callers for attempt in each.finish().settled()]
    assert [attempt.seconds for attempt in settled] == [5, 5]
    assert all(talk <= 5.2 for number in numbers for talk in service.talks(number))
    assert account(service, card).balance == parse("0.10", "USD")
