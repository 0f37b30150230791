"""Processes that die or hang in mid-call: a call is charged once, for what was talked."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from domain.call_sessions import Evidence
from tests.end_to_end import books
from tests.end_to_end.books import account
from tests.end_to_end.callers import OnLine, call
from tests.end_to_end.rig.asterisk import Rig, until
from tests.end_to_end.rig.scenario import await_bye, cancel, hangup, wait
from tests.end_to_end.system import RINGS, Card, Service, entry, leaves_after

pytestmark = pytest.mark.asterisk

LEFT_BY_ITS_SERVER = "was left by its server"
NO_SERVER = ("Connection refused", "Couldn't connect to any host")

AFTER_A_DEATH = ("leg_ended_at_last_sign_of_life", "asterisk_not_asked", "asterisk_lost")
"""What Talktime says of an Asterisk that is no more."""


def test_a_server_killed_in_mid_call_is_made_up_for_by_the_next(service: Service) -> None:
    service.expected.append(LEFT_BY_ITS_SERVER)
    cards = [service.card() for _ in range(4)]
    stays, leaves, rings = (service.number(d) for d in ("0000", leaves_after(40), RINGS))
    callers = [
        OnLine(service, *cards[0].login(), *entry(stays + "#"), wait(6), hangup()),
        OnLine(service, *cards[1].login(), *entry(leaves + "#"), await_bye()),
        OnLine(service, *cards[2].login(), *entry(rings + "#"), await_bye()),
        OnLine(service, *cards[3].login(), await_bye()),
    ]
    for number in (stays, leaves):
        service.await_talk(number, 1.0)
    service.server.kill()
    stay = [caller.finish() for caller in callers]
    # It went on without its server, to the end that caller and callee gave it.
    assert min(service.talks(stays)[0], service.talks(leaves)[0]) > 2
    assert account(service, cards[0]).holds
    service.server.start()
    for of_talk in stay[:2]:
        (settled,) = of_talk.settled()
        assert settled.evidence is Evidence.LEG_RECORD
    (settled,) = stay[2].settled()
    assert settled.answered_at is None


def test_a_server_that_hangs_in_mid_talk_holds_nobody(service: Service) -> None:
    cards = service.card(), service.card()
    stays, leaves = service.number(), service.number(leaves_after(20))
    leaving = OnLine(service, *cards[0].login(), *entry(stays + "#"), wait(4), hangup())
    staying = OnLine(service, *cards[1].login(), *entry(leaves + "#"), wait(9), hangup())
    for number in (stays, leaves):
        service.await_talk(number)
    service.server.hang()
    try:
        newcomer = OnLine(service, cancel(1.0))
        assert newcomer.leave().saw("487")
        assert leaving.leave().ok
        until("the callee has left", lambda: service.talks(leaves) != [])
    finally:
        service.server.go_on()
    staying.finish()


def test_while_no_server_is_there_callers_hear_an_apology(service: Service) -> None:
    service.expected += [LEFT_BY_ITS_SERVER, *NO_SERVER]
    card, number = service.card(), service.number(leaves_after(5))
    service.server.stop()
    try:
        outcome = OnLine(service, await_bye()).finish()
    finally:
        service.server.start()
    assert outcome.outcome.saw("BYE in")
    outcome.heard("talktime/system-error")
    assert len(call(service, *card.login(), *entry(number + "#"), wait(2), hangup()).settled()) == 1


@pytest.fixture
def mortal(rendered_prompts: Path) -> Iterator[Service]:
    """An operator whose Asterisk a test may kill."""
    with Rig(sounds=rendered_prompts) as rig, Service(rig) as made, books.in_order(made):
        yield made


def kill_asterisk_in_mid_talk(service: Service, value: str = "5.00") -> tuple[Card, str]:
    """A talk of some seconds, as long as its Asterisk lived; the card that pays for it."""
    card, ringing = service.card(value), service.card(value)
    number, rings = service.number(), service.number(RINGS)
    callers = [
        OnLine(service, *card.login(), *entry(number + "#"), wait(60)),
        OnLine(service, *ringing.login(), *entry(rings + "#"), wait(60)),
    ]
    service.await_talk(number, 2.0)
    service.rig.kill()
    service.cut[number] = time.time() - service.answered_at(number)
    for each in callers:
        each.cut_off()
    return card, number


def test_an_asterisk_killed_in_mid_talk_and_started_again_is_charged_once(
    mortal: Service,
) -> None:
    mortal.expected += AFTER_A_DEATH
    card, number = kill_asterisk_in_mid_talk(mortal)
    assert account(mortal, card).holds
    mortal.rig.up()
    (settled,) = books.settlements(mortal, number)
    assert settled.evidence is Evidence.LAST_SIGN_OF_LIFE
    again = mortal.number(leaves_after(5))
    assert len(call(mortal, *card.login(), *entry(again + "#"), wait(2), hangup()).settled()) == 1
