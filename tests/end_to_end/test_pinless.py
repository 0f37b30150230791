"""A telephone that stands in for a PIN: the rules of PINless dialling, lived by two callers."""

from __future__ import annotations

import attrs
import pytest

from application.persons import opened
from application.speech import Prompt
from domain.call_sessions import LoginRefused, PayerIdentified
from domain.login import Proof
from tests.end_to_end.callers import OnLine, Stay, call
from tests.end_to_end.rig.scenario import Step, hangup, wait
from tests.end_to_end.system import A_MOMENT, Card, Service, entry

pytestmark = pytest.mark.asterisk

STORE = entry("*32#")


@attrs.frozen
class Way:
    """How a card comes to know its first caller: by ``*32``, or by itself."""

    card: Card
    first: str
    second: str
    storing: tuple[Step, ...]


def everybody(service: Service, calls: list[tuple[str, tuple[Step, ...]]]) -> list[Stay]:
    """All call at the same time; in the order in which they are named."""
    online = [OnLine(service, *steps, hangup(), caller=caller) for caller, steps in calls]
    return [each.finish() for each in online]


def assert_not_asked(stay: Stay) -> None:
    assert Prompt.WELCOME.sound not in stay.played
    assert Prompt.ENTER_PIN.sound not in stay.played
    stay.heard(Prompt.ENTER_DESTINATION)
    assert [f.proof for f in stay.facts if isinstance(f, PayerIdentified)] == [Proof.CALLER_ID]


def assert_asked(stay: Stay) -> None:
    stay.heard(Prompt.WELCOME)
    assert not [f for f in stay.facts if isinstance(f, PayerIdentified)]


def test_a_caller_id_opens_its_card_until_another_takes_the_card_over(service: Service) -> None:
    by_itself = service.card(store_caller_id_at_login=True)
    ways = [
        Way(service.card(), service.caller_id(), service.caller_id(), STORE),
        Way(by_itself, service.caller_id(), service.caller_id(), ()),
    ]
    just_calls = wait(5)

    def bound(way: Way) -> str | None:
        caller_id = service.office.administration.card(way.card.card_id).caller_id
        return opened(service.office.persons, caller_id)

    # The first caller is asked for the PIN, and then no more.
    everybody(service, [(w.first, (*w.card.login(), *w.storing, wait(1))) for w in ways])
    assert [bound(way) for way in ways] == [f"+{way.first}" for way in ways]
    for stay in everybody(service, [(way.first, (just_calls,)) for way in ways]):
        assert_not_asked(stay)
    # The second caller is asked, and the right PIN takes the card over from the first.
    for stay in everybody(service, [(way.second, way.card.login()) for way in ways]):
        stay.heard(Prompt.WELCOME, Prompt.ENTER_PIN)
    assert [bound(way) for way in ways] == [f"+{way.second}" for way in ways]
    for stay in everybody(service, [(way.second, (just_calls,)) for way in ways]):
        assert_not_asked(stay)
    for way in ways:
        assert_asked(call(service, wait(2), hangup(), caller=way.first))
    # Whoever is asked may take it back, and stop being known.
    everybody(service, [(way.first, (*way.card.login(), *STORE, wait(1))) for way in ways])
    assert [bound(way) for way in ways] == [None, None]


def test_a_hidden_caller_id_cannot_be_stored(service: Service) -> None:
    card = service.card()
    caller = service.caller_id()
    hidden = f"P-Asserted-Identity: <sip:{caller}@127.0.0.10>", "Privacy: id"
    steps = (*card.login(), *STORE, wait(3), hangup())
    stay = call(service, *steps, caller=caller, headers=hidden)
    stay.heard(Prompt.CALLER_ID_HIDDEN)
    assert service.office.administration.card(card.card_id).caller_id is None


def test_a_bound_card_may_be_denied_to_every_other_caller(service: Service) -> None:
    card = service.card(deny_double_use=True)
    owner, thief = service.caller_id(), service.caller_id()
    call(service, *card.login(), *STORE, wait(1), hangup(), caller=owner)
    stay = call(service, *card.login(), wait(1), hangup(), caller=thief)
    stay.heard(Prompt.LOGIN_FAILED)
    refused = [fact.reason for fact in stay.facts if isinstance(fact, LoginRefused)]
    assert refused == ["bound to another caller ID"]
    stay = call(service, wait(3), hangup(), caller=owner)
    assert_not_asked(stay)


def test_whoever_is_known_by_an_empty_card_brings_another(service: Service) -> None:
    empty, full = service.card("0.01", store_caller_id_at_login=True), service.card()
    caller, number = service.caller_id(), service.number()
    steps = (*empty.login(), *entry(number + "#"), wait(2), hangup())
    assert len(call(service, *steps, caller=caller).settled()) == 1
    stay = call(service, wait(5), *full.login_again(), wait(A_MOMENT), hangup(), caller=caller)
    stay.heard(Prompt.NO_CREDIT, Prompt.ENTER_ANOTHER_CARD, Prompt.ENTER_PIN)
    cards = service.office.administration
    assert cards.card(empty.card_id).caller_id is None
    bound = cards.card(full.card_id).caller_id
    assert opened(service.office.persons, bound) == f"+{caller}"
