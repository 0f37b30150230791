"""A call goes out by the cheapest trunk that has a line and an answer, or the caller hears why."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest
from attrs import define, evolve, field

from adapters.agi.card_call import CardCallServices
from adapters.agi.session import Session
from adapters.agi.telephone import Telephone
from adapters.phone.asterisk_side import Talk
from adapters.phone.commands import Dialled
from adapters.phone.script import ScriptedLine
from application.speech import Prompt
from domain.accounts import HoldReleased
from domain.call_sessions import AttemptRouted, AttemptSettled, RoutesPlanned
from domain.costs import margin
from domain.trunks import Translation
from tests.adapters.agi.calling import VOICE, Exchange
from tests.support.carriers import Carriers
from tests.support.story import WARSAW, PrintedCard, dollars, usd


class Switch(Exchange):
    """An exchange whose calls go out through the trunks of the ledger."""

    def __init__(self, **told: Any) -> None:
        super().__init__(**told)
        self.carriers = Carriers(self)

    def _answer(self, session: Session) -> None:
        services = CardCallServices(
            self.calls,
            self.bindings,
            self.dialling,
            self.settlement,
            VOICE,
            self.card_call,
            self.carriers.load,
        )
        try:
            services.answer(Telephone(session, wait=lambda seconds: None))
        except Exception as fault:
            self.faults.append(fault)
            raise
        finally:
            self._answered.put(None)


@pytest.fixture
def switch() -> Iterator[Switch]:
    opened = Switch()
    opened.group(say_balance=False, say_time=False)
    with opened.server:
        yield opened
    assert opened.faults == []
    assert [opened.carriers.load.up(name) for name in ("cheap", "dear")] == [0, 0]


@pytest.fixture
def card(switch: Switch) -> PrintedCard:
    switch.carriers.line("cheap", 60_000)
    switch.carriers.line("dear", 90_000)
    return switch.card()


def login(card: PrintedCard) -> tuple[str, str]:
    return f"{card.number}#", f"{card.pin}#"


def test_the_cheapest_trunk_carries_the_call_and_the_facts_tell_what_it_left(
    switch: Switch, card: PrintedCard
) -> None:
    heard = switch.ring(*login(card), f"{WARSAW}#", "talk 60", "#", "#")
    assert heard.dialled == [(WARSAW, "cheap")]
    (settled,), (routed,) = heard.facts(AttemptSettled), heard.facts(AttemptRouted)
    assert (routed.leg, routed.trunk, routed.provider) == (1, "cheap", "of-cheap")
    assert margin(settled.charge, routed.cost, routed.exchange) == dollars(0, 60) - usd(60_000)


@pytest.mark.parametrize("fails", ["congestion", "unavailable"])
def test_the_next_trunk_is_tried_when_the_first_cannot(
    switch: Switch, card: PrintedCard, fails: str
) -> None:
    heard = switch.ring(*login(card), f"{WARSAW}#", fails, "talk 60", "#", "#")
    assert [trunk for _, trunk in heard.dialled] == ["cheap", "dear"]
    (routed,) = heard.facts(AttemptRouted)
    assert (routed.leg, routed.trunk, routed.cost) == (2, "dear", usd(90_000))


@pytest.mark.parametrize("says", ["busy", "noanswer", "rejected"])
def test_what_the_called_party_says_counts_on_every_trunk(
    switch: Switch, card: PrintedCard, says: str
) -> None:
    heard = switch.ring(*login(card), f"{WARSAW}#", says, "#", "#")
    assert [trunk for _, trunk in heard.dialled] == ["cheap"]
    (routed,) = heard.facts(AttemptRouted)
    assert (routed.trunk, routed.cost) == ("cheap", usd(0))


def test_a_full_trunk_is_passed_over_and_the_leg_keeps_its_place_in_the_plan(
    switch: Switch, card: PrintedCard
) -> None:
    switch.carriers.routing.change_trunk("cheap", _of_capacity(1), "ann", "")
    # Its line is free when the call is planned, and taken while the time is said.
    switch.change(say_time=True)
    heard = switch.ring(
        *login(card),
        f"{WARSAW}#",
        "talk 60",
        "#",
        "#",
        before=_taken_between(switch, "cheap"),
    )
    assert [trunk for _, trunk in heard.dialled] == ["dear"]
    (plan,), (routed,) = heard.facts(RoutesPlanned), heard.facts(AttemptRouted)
    assert [each.trunk for each in plan.routes] == ["cheap", "dear"]
    assert (routed.leg, routed.trunk) == (2, "dear")
    switch.carriers.load._give_back("cheap")


def test_when_every_trunk_is_full_the_caller_hears_it_and_nothing_is_held(
    switch: Switch, card: PrintedCard
) -> None:
    for name in ("cheap", "dear"):
        switch.carriers.routing.change_trunk(name, _of_capacity(1), "ann", "")
    load = switch.carriers.load
    with load.call("cheap", 1), load.call("dear", 1):
        heard = switch.ring(*login(card), f"{WARSAW}#", "#", "#")
    assert heard.dialled == []
    assert heard.times(Prompt.CONGESTED) == 1
    (settled,) = heard.facts(AttemptSettled)
    assert (settled.charge, settled.cause) == (usd(0), 34)
    assert heard.facts(AttemptRouted) == []
    assert switch.account(card).held == usd(0)
    facts = [each.fact for each in switch.units.log() if isinstance(each.fact, HoldReleased)]
    assert len(facts) == 1


def test_a_blocked_number_is_refused_by_voice_and_nothing_is_dialled(
    switch: Switch, card: PrintedCard
) -> None:
    heard = switch.ring(
        *login(card), "881612345678#", "48700123456#", "480700123456#", "19005551234#", "#", "#"
    )
    assert heard.dialled == []
    assert heard.times(Prompt.NUMBER_NOT_ALLOWED) == 4
    assert heard.facts(AttemptSettled) == []


def test_a_trunk_gets_the_number_and_the_caller_id_its_own_way(
    switch: Switch, card: PrintedCard
) -> None:
    switch.carriers.line(
        "own", 1, translations=(Translation("48", 2, "9980"),), caller_id="+18005550100"
    )
    heard = switch.ring(*login(card), f"{WARSAW}#", "talk 60", "#", "#")
    assert heard.dialled == [("9980" + WARSAW[2:], "own")]
    assert heard.side.legs[0].caller_id == "+18005550100"


@define
class Holding(ScriptedLine):
    """A caller who talks until everybody else has been served."""

    talking: threading.Event = field(factory=threading.Event)
    go: threading.Event = field(factory=threading.Event)

    def dials(self, leg: Dialled) -> Talk:
        talk = ScriptedLine.dials(self, leg)
        self.talking.set()
        assert self.go.wait(20)
        return talk


def test_a_line_is_busy_as_long_as_somebody_talks_on_it(switch: Switch, card: PrintedCard) -> None:
    switch.carriers.routing.change_trunk("cheap", _of_capacity(1), "ann", "")
    other = switch.card()
    made = ScriptedLine.of(*login(card), f"{WARSAW}#", "talk 60", "#", "#")
    line = Holding(made.steps, [])
    first: list[Any] = []
    thread = threading.Thread(target=lambda: first.append(switch.ring(line=line)))
    thread.start()
    assert line.talking.wait(20)
    second = switch.ring(*login(other), f"{WARSAW}#", "talk 60", "#", "#", caller_id="+14155550123")
    line.go.set()
    thread.join(20)
    assert [trunk for _, trunk in second.dialled] == ["dear"]
    third = switch.ring(*login(other), f"{WARSAW}#", "talk 60", "#", "#", caller_id="+14155550123")
    assert [trunk for _, trunk in third.dialled] == ["cheap"]


def _of_capacity(most: int) -> Any:
    return lambda now: evolve(now, capacity=most)


def _taken_between(switch: Switch, trunk: str) -> Any:
    """Takes the only line of a trunk after the plan is recorded and before it is dialled."""
    taken: list[bool] = []

    def before(_: int) -> None:
        planned = [each for each in switch.units.log() if isinstance(each.fact, RoutesPlanned)]
        if planned and not taken:
            taken.append(switch.carriers.load._take(trunk, 1))

    return before
