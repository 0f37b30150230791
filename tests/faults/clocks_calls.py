"""Calls on a ledger whose clock is put forward and back, and the fixtures for them."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from application.calling import Call
from application.dialling import Grant
from application.legs import LegRecord
from domain.rating import RateTerms
from tests.faults.clocks import (
    SteppedClock,
)
from tests.faults.parallel import WARSAW, PaidCard, Systems, systems_on, usd

CENT_A_SECOND = RateTerms("USD", 600_000)
DAY, HOUR, SECOND = timedelta(days=1), timedelta(hours=1), timedelta(seconds=1)


@pytest.fixture(name="clock")
def stepped_clock() -> SteppedClock:
    return SteppedClock()


@pytest.fixture(name="ledger")
def empty_ledger(sqlite_template: Path, tmp_path: Path) -> str:
    return f"sqlite:///{shutil.copy(sqlite_template, tmp_path / 'ledger.db')}"


@pytest.fixture(name="systems")
def one_system(ledger: str, tmp_path: Path, clock: SteppedClock) -> Iterator[Systems]:
    """One system that sweeps every minute, as a worker does."""
    with systems_on(ledger, tmp_path, clock, 1, monotonic=clock.monotonic) as made:
        made.sell_at(CENT_A_SECOND)
        made.group("Gold", usd(12_000_000), simultaneous_calls=5, longest_call=900)
        yield made


def a_call(systems: Systems, card: PaidCard) -> tuple[Call, Grant]:
    call = systems.caller(systems[0], card)
    return call, systems[0].calls.dialling.dial(call, WARSAW)


def record_of(call: Call, clock: SteppedClock, seconds: int) -> LegRecord:
    """As an Asterisk with a clock of its own writes it when a leg of so many seconds has ended."""
    ended = int(clock.time.timestamp() * 1000)
    return LegRecord(call.reference, 1, 1, ended - seconds * 1000, ended, 16, "1763765000.3")


def minutes_pass(systems: Systems, clock: SteppedClock, minutes: int) -> int:
    """What a worker settles meanwhile because nobody ever told of it."""
    settled = 0
    for _ in range(minutes):
        clock.pass_by(minutes=1)
        systems[0].catch_up()
        settled += systems[0].sweep()
    return settled
