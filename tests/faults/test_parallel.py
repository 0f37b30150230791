"""Many ask for the same money at the same moment, through systems that share only the database."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from uuid import UUID

import pytest

from application.calling import Call, Payer
from application.dialling import Grant
from domain.accounts import FundsAdded, HoldPlaced
from domain.cards import CardStatusChanged, Status
from domain.distributors import NumberRange
from domain.errors import InsufficientFunds, Refused, TooManyCalls
from domain.login import LoginMode
from domain.rating import RateTerms
from domain.top_ups import TopUpReceived
from talktime.system import System
from tests.faults.acknowledged import hold_of
from tests.faults.oracle import Check, Oracle, OracleFailed
from tests.faults.parallel import (
    WARSAW,
    Crowd,
    PaidCard,
    Systems,
    crowd_of,
    systems_on,
    usd,
)
from tests.faults.planted import named, plant
from tests.faults.sizes import size
from tests.faults.summary import Happened
from tests.support.stores import FixedClock

pytestmark = pytest.mark.faults

TEN_CENTS_A_MINUTE = RateTerms("USD", 100_000, initial_block=60, increment=60)
CALLERS, AFFORDED = 200, 37
LINES = 100
A_CALL = 300_000
"""Micros that each call holds: three minutes, which is all that one call may hold."""


@pytest.fixture(scope="module")
def crowd() -> Iterator[Crowd]:
    with crowd_of(CALLERS) as made:
        yield made


@pytest.fixture
def systems(ledger_url: str, tmp_path: Path) -> Iterator[Systems]:
    with systems_on(ledger_url, tmp_path, FixedClock()) as made:
        made.sell_at(TEN_CENTS_A_MINUTE)
        # The last caller but one short of a whole minute would be granted nothing.
        value = usd(AFFORDED * A_CALL + 99_999)
        made.group("crowd", value, simultaneous_calls=100, most_held=usd(A_CALL))
        made.group("alone", usd(5_000_000))
        yield made


def judged(systems: Systems, up: frozenset[UUID]) -> None:
    systems[0].catch_up()
    Oracle(systems.url, clock=systems.clock).check(live=up)


def test_two_hundred_ask_for_the_money_of_thirty_seven_and_thirty_seven_get_it(
    systems: Systems, crowd: Crowd, store_kind: str, happened: Happened
) -> None:
    rounds = size({"sqlite": 20, "postgres": 10}[store_kind], 1_000)
    happened.fault = f"{CALLERS} ask for the money of {AFFORDED}, {store_kind}"
    refused = Counter[str]()
    up: set[UUID] = set()
    for _ in range(rounds):
        card = systems.card("crowd")
        payers = [_payer(system, systems, card) for system in systems.all]
        calls = []
        for number in range(CALLERS):
            call = systems.arrive(systems[number])
            call.payer = payers[number % len(payers)]
            calls.append(call)
        answers = crowd.act(
            [
                partial(systems[number].calls.dialling.dial, call, WARSAW)
                for number, call in enumerate(calls)
            ]
        )
        granted = [
            call for call, told in zip(calls, answers, strict=True) if isinstance(told, Grant)
        ]
        refused.update(type(told).__name__ for told in answers if isinstance(told, Refused))
        account = systems.account(card)
        holds = {hold_of(call.reference) for call in granted}
        assert len(granted) == AFFORDED
        assert set(account.holds) == holds
        assert account.held == usd(AFFORDED * A_CALL)
        assert account.available == usd(99_999)
        assert len(systems.facts(card.account_id, HoldPlaced)) == AFFORDED
        up |= holds
        happened.times += 1
    assert refused == {InsufficientFunds.__name__: rounds * (CALLERS - AFFORDED)}
    judged(systems, frozenset(up))
    happened.checks = 1


def test_a_hundred_lines_log_in_with_one_pin_and_one_of_them_calls(
    systems: Systems, crowd: Crowd
) -> None:
    up: set[UUID] = set()
    for _ in range(size(3, 50)):
        card = systems.card("alone")
        calls = [systems.arrive(systems[number]) for number in range(LINES)]
        logged_in = crowd.act(
            [partial(_log_in, systems, number, call, card) for number, call in enumerate(calls)]
        )
        assert all(isinstance(each, Payer) for each in logged_in)
        answers = crowd.act(
            [
                partial(systems[number].calls.dialling.dial, call, WARSAW)
                for number, call in enumerate(calls)
            ]
        )
        told = Counter(type(each) for each in answers)
        assert told == {Grant: 1, TooManyCalls: LINES - 1}
        (winner,) = (c for c, each in zip(calls, answers, strict=True) if isinstance(each, Grant))
        assert set(systems.account(card).holds) == {hold_of(winner.reference)}
        up.add(hold_of(winner.reference))
    judged(systems, frozenset(up))


def test_a_hundred_activations_of_a_card_put_its_value_on_it_once(
    systems: Systems, crowd: Crowd
) -> None:
    for _ in range(size(3, 50)):
        card = systems.card("alone", issued=False)
        do = [system.administration for system in systems.all]
        for status in (Status.PRINTED, Status.SHIPPED):
            do[0].change_status(card.card_id, status, "ann", "on its way")
        # The ways to activate a card: by hand, at once, and with others of its range.
        ways = [
            partial(_activate, systems, card, number, ("by hand", "issue", "range")[number % 3])
            for number in range(LINES)
        ]
        crowd.act(ways)
        assert systems.account(card).balance == usd(5_000_000)
        assert len(systems.facts(card.account_id, FundsAdded)) == 1
        statuses = [each.status for each in systems.facts(card.card_id, CardStatusChanged)]
        assert statuses == [Status.PRINTED, Status.SHIPPED, Status.ACTIVE]
    judged(systems, frozenset())


def test_a_top_up_that_is_sent_a_hundred_times_arrives_once(systems: Systems, crowd: Crowd) -> None:
    for number in range(size(3, 50)):
        card, top_up_id = systems.card("alone"), UUID(int=number + 1)
        answers = crowd.act(
            [
                partial(
                    systems[sender].administration.top_up_card,
                    card.card_id,
                    top_up_id,
                    usd(2_500_000),
                    "card payment",
                    "shop",
                )
                for sender in range(LINES)
            ]
        )
        assert set(answers) == {usd(7_500_000)}
        assert systems.account(card).balance == usd(7_500_000)
        assert len(systems.facts(top_up_id, TopUpReceived)) == 1
    judged(systems, frozenset())


def test_a_hundred_numbers_that_store_themselves_for_one_card_leave_one(
    systems: Systems, crowd: Crowd
) -> None:
    card = systems.card("alone")
    numbers = [f"+4860031{number:04}" for number in range(LINES)]
    sealed = [systems[0].persons.seal(number) for number in numbers]
    crowd.act(
        [
            partial(systems[place].calls.bindings.bind, number, card.card_id)
            for place, number in enumerate(sealed)
        ]
    )
    owner = systems[0].administration.card(card.card_id).caller_id
    assert owner in sealed
    opened = [
        systems[0].calls.calls.login_by_caller_id(systems.arrive(systems[0], number))
        for number in numbers
    ]
    assert [n for n, payer in zip(sealed, opened, strict=True) if payer] == [owner]
    judged(systems, frozenset())


def _payer(system: System, systems: Systems, card: PaidCard) -> Payer:
    call = systems.caller(system, card)
    assert call.payer is not None, "it was a right PIN"
    return call.payer


def _log_in(systems: Systems, number: int, call: Call, card: PaidCard) -> Payer:
    do = systems[number].calls.calls
    return do.login(call, LoginMode.NUMBER_AND_PIN, card.number, card.pin)


def _activate(systems: Systems, card: PaidCard, number: int, way: str) -> None:
    system = systems[number]
    match way:
        case "by hand":
            system.administration.change_status(card.card_id, Status.ACTIVE, "bob", "shelf")
        case "issue":
            system.administration.issue_card(card.card_id, "cyd", "sold")
        case _:
            changes = system.business.changes
            one = changes.range(NumberRange(card.number, card.number))
            report = changes.change_status(one, Status.ACTIVE, "dan", "shelf")
            assert report.refused == report.missing == 0


def test_it_is_seen_when_what_is_held_can_be_spent_again(
    systems: Systems, crowd: Crowd, monkeypatch: pytest.MonkeyPatch
) -> None:
    plant(named("a hold that counts as available"), monkeypatch)
    card = systems.card("crowd")
    calls = [systems.caller(systems[number], card) for number in range(AFFORDED + 3)]
    answers = crowd.act(
        [
            partial(systems[number].calls.dialling.dial, call, WARSAW)
            for number, call in enumerate(calls)
        ]
    )
    granted = {
        hold_of(c.reference)
        for c, told in zip(calls, answers, strict=True)
        if isinstance(told, Grant)
    }
    assert len(granted) > AFFORDED
    with pytest.raises(OracleFailed) as failed:
        judged(systems, frozenset(granted))
    assert Check.BALANCES in failed.value.checks
