"""Clocks are put forward and back by a second, an hour and a day: money and doors stay right."""

from __future__ import annotations

import random
import shutil
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest

from adapters.sealing.keys import SealKey
from application.node_reports import DirectReports, LegSeen
from application.settlement import Receipt
from application.signing_in import SignedInAs, SigningIn
from domain.call_sessions import SettlementDisputed
from domain.errors import LoginFailed
from domain.login import LoginMode
from domain.people import Role
from talktime.sealing import sealing
from talktime.settings import Seals
from tests.faults.clocks import (
    STEPS,
    RestlessClock,
    SteppedClock,
)
from tests.faults.clocks_calls import (  # noqa: F401 - fixtures
    DAY,
    HOUR,
    SECOND,
    a_call,
    empty_ledger,
    minutes_pass,
    one_system,
    record_of,
    stepped_clock,
)
from tests.faults.messages import CARDS, Day, Message, Plan, day_on, planned
from tests.faults.oracle import Oracle, SealFiles
from tests.faults.parallel import Systems, usd
from tests.faults.planted import bug, plant
from tests.faults.sizes import SEED, size

pytestmark = pytest.mark.faults

# Calls


@pytest.mark.parametrize("step", STEPS, ids=str)
@pytest.mark.parametrize("and_back", [False, True])
def test_a_clock_that_is_put_right_during_a_call_ends_no_call_and_costs_nobody_anything(
    systems: Systems, clock: SteppedClock, step: timedelta, and_back: bool
) -> None:
    card = systems.card("Gold")
    minutes_pass(systems, clock, 1)
    call, grant = a_call(systems, card)
    assert grant.limit_seconds == 900
    clock.step(step)
    assert minutes_pass(systems, clock, 3) == 0
    if and_back:
        clock.step(-step)
        assert minutes_pass(systems, clock, 3) == 0
    assert systems.account(card).held == usd(9_000_000)
    receipt = systems[0].settlement.record_leg(record_of(call, clock, 165))
    assert receipt == Receipt(usd(1_650_000), 165, usd(10_350_000))
    assert systems.facts(call.session_id, SettlementDisputed) == []
    Oracle(systems.url, clock=clock).check(live=())


@pytest.mark.parametrize("step", STEPS, ids=str)
def test_a_call_that_nobody_ever_tells_of_is_settled_whatever_the_clock_did(
    systems: Systems, clock: SteppedClock, step: timedelta
) -> None:
    card = systems.card("Gold")
    minutes_pass(systems, clock, 1)
    call, grant = a_call(systems, card)
    answered_ms = int(clock.time.timestamp() * 1000)
    reports = DirectReports(systems[0].settlement, systems[0].views)
    reports.apply([LegSeen(call.reference, 1, answered_ms, 70)])
    clock.step(step)
    # The limit, the time it may ring, the margin; then the sweep that comes round once a minute.
    least = grant.limit_seconds + grant.ring_seconds * len(grant.routes) + 60
    assert minutes_pass(systems, clock, least // 60 - 1) == 0
    clock.pass_by(hours=25)
    assert minutes_pass(systems, clock, 2) == 1
    assert systems.account(card).balance == usd(12_000_000 - 700_000)
    assert systems.account(card).held == usd(0)


def test_a_call_that_is_placed_after_the_clock_leapt_is_settled_as_well(
    systems: Systems, clock: SteppedClock
) -> None:
    minutes_pass(systems, clock, 1)
    clock.step(DAY)
    minutes_pass(systems, clock, 1)
    card = systems.card("Gold")
    a_call(systems, card)
    clock.pass_by(hours=25)
    assert minutes_pass(systems, clock, 1) == 1
    assert systems.account(card).held == usd(0)


def test_calls_on_a_clock_that_never_rests_come_to_the_money_of_a_steady_one(
    sqlite_template: Path, tmp_path: Path
) -> None:
    """Off by up to a day between every two looks at it; Asterisk has a clock of its own."""
    chance, clock = random.Random(SEED), RestlessClock(SEED)
    days: list[Day] = []
    key = SealKey.new("restless")
    key.write(tmp_path / "seal.key")
    files = SealFiles(tmp_path / "seal.key.pub", tmp_path / "checkpoints")
    with ExitStack() as stack:
        for name, own in (("steady", None), ("restless", clock)):
            folder = tmp_path / name
            folder.mkdir()
            url = f"sqlite:///{shutil.copy(sqlite_template, folder / 'ledger.db')}"
            days.append(stack.enter_context(day_on(url, folder, 1, clock=own)))
        steady, other = days
        settings = Seals(
            key_file=str(tmp_path / "seal.key"), checkpoint_file=str(files.checkpoints)
        )
        seal = sealing(settings, other.systems[0].seals, clock)
        for _ in range(size(1, 40)):
            plan, first = planned(chance, 12, 5), len(other.cards)
            for day in days:
                day.prepare(CARDS)
            steady.tell_in_order(_without_sweeps(steady, plan, first))
            clock.rests = False
            for place, each in enumerate(_without_sweeps(other, plan, first)):
                other.tell(each, place)
                if place % 10 == 0:
                    other.systems[0].catch_up()
                    seal.run()
            clock.rest()
        for day in days:
            day.settle_the_rest()
        seal.run()
        assert other.balances() == steady.balances(), f"seed {SEED}"
        assert other.money() == steady.money()
        assert other.disputes() == steady.disputes()
        books = other.systems[0].books
        for hours in range(-30, 30, 7):
            rows = books.trial_balance(clock.time + timedelta(hours=hours)).rows
            assert sum(row.amount.micros for row in rows) == 0
        assert Oracle(other.systems.url, files, clock).check(live=()).blocks > 1


def _without_sweeps(day: Day, plan: Plan, first: int) -> list[Message]:
    return [each for each in day.messages(plan, first) if not each.name.startswith("sweep")]


# Expiry


@pytest.mark.parametrize("step", STEPS, ids=str)
def test_a_clock_that_is_put_right_takes_no_money_of_a_card_and_closes_none_for_ever(
    systems: Systems, clock: SteppedClock, step: timedelta
) -> None:
    systems.group("Brief", usd(5_000_000), valid_days=1)
    card = systems.card("Brief")
    call, _ = a_call(systems, card)
    systems[0].settlement.record_leg(record_of(call, clock, 60))
    clock.pass_by(hours=12)
    clock.step(step)
    systems[0].catch_up()
    systems[0].business.breakage.run()
    clock.step(-step)
    assert systems.account(card).balance == usd(4_400_000)
    again, _ = a_call(systems, card)
    systems[0].settlement.not_connected(again.reference, 1, 17)
    clock.pass_by(hours=13)
    with pytest.raises(LoginFailed):
        systems.caller(systems[0], card)


# Doors


def guesses(systems: Systems) -> str:
    """What becomes of one wrong PIN."""
    call = systems.arrive(systems[0], "+48600316058")
    with pytest.raises(LoginFailed) as failed:
        systems[0].calls.calls.login(call, LoginMode.PIN_ONLY, "", "00000000")
    return failed.value.reason


@pytest.mark.parametrize("step", STEPS, ids=str)
def test_guessing_is_slowed_down_by_the_time_that_passes_and_by_no_clock(
    systems: Systems, clock: SteppedClock, step: timedelta
) -> None:
    tries = [guesses(systems) for _ in range(12)]
    assert tries == ["unknown card"] * 9 + ["throttled"] * 3
    for _ in range(3):
        clock.step(step)
        assert guesses(systems) == "throttled"
        clock.step(-step)
        assert guesses(systems) == "throttled"
    clock.step(step)
    # Twelve tries an hour come back.
    clock.pass_by(minutes=5, seconds=1)
    assert [guesses(systems) for _ in range(2)] == ["unknown card", "throttled"]
    clock.step(-2 * step)
    clock.pass_by(minutes=5, seconds=1)
    assert [guesses(systems) for _ in range(2)] == ["unknown card", "throttled"]


PASSWORD = "a long and quiet river"


@pytest.fixture
def door(systems: Systems) -> SigningIn:
    systems[0].people.create(UUID(int=7), "Ann", Role.OPERATOR, PASSWORD, "setup")
    return systems[0].staffing.signing_in


def inside(door: SigningIn, token: str) -> SignedInAs | None:
    return door.find(token)


@pytest.mark.parametrize("step", STEPS, ids=str)
def test_no_session_outlives_its_time_by_a_clock_that_is_put_back(
    door: SigningIn, clock: SteppedClock, step: timedelta
) -> None:
    opened = door.sign_in("Ann", PASSWORD, None, "10.0.0.7")
    clock.step(step)
    now_in = inside(door, opened.token)
    # A second is between any two servers; a session from the future or the past is over.
    assert (now_in is not None) == (abs(step) == SECOND)
    if now_in is not None:
        assert now_in.session.is_confirmed(clock.now())
    # Whoever it put out comes in again at once, and stays in for as long as always.
    again = door.sign_in("Ann", PASSWORD, None, "10.0.0.7")
    for _ in range(40):
        clock.pass_by(minutes=20)
        if clock.time - clock.began >= timedelta(hours=12):
            break
        assert inside(door, again.token) is not None
    assert inside(door, again.token) is None
    assert inside(door, opened.token) is None


def test_what_the_password_opened_is_closed_when_the_clock_is_put_back(
    door: SigningIn, clock: SteppedClock
) -> None:
    opened = door.sign_in("Ann", PASSWORD, None, "10.0.0.7")
    assert opened.session.is_confirmed(clock.now())
    clock.step(-HOUR)
    assert not opened.session.is_confirmed(clock.now())


# What would be seen if it were otherwise


def test_it_is_seen_when_a_clock_that_leaps_is_believed(
    systems: Systems, clock: SteppedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    slip = ("application.patience:Patience.now", "if leap > LEAP:", "if False:")
    plant(bug("a leap that is believed", "what is unknown is waited for", slip), monkeypatch)
    with pytest.raises(AssertionError):
        test_a_clock_that_is_put_right_during_a_call_ends_no_call_and_costs_nobody_anything(
            systems, clock, DAY, False
        )


def test_it_is_seen_when_a_session_from_the_future_goes_on(
    door: SigningIn, clock: SteppedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    slip = ("application.signing_in:Session.is_over", "return over or", "return over and")
    plant(bug("a session from the future", "a session ends", slip), monkeypatch)
    with pytest.raises(AssertionError):
        test_no_session_outlives_its_time_by_a_clock_that_is_put_back(door, clock, -DAY)


def test_it_is_seen_when_guesses_come_back_with_the_clock(
    systems: Systems, clock: SteppedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    throttle = systems[0].calls.calls.throttle
    monkeypatch.setattr(
        type(throttle), "monotonic", property(lambda _: lambda: clock.now().timestamp())
    )
    with pytest.raises(AssertionError):
        test_guessing_is_slowed_down_by_the_time_that_passes_and_by_no_clock(systems, clock, DAY)
