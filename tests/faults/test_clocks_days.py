"""Days are charged once and hours priced right where clocks are changed, or are wrong."""

from __future__ import annotations

import random
import shutil
from datetime import date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from attrs import evolve

from domain.accounts import DailyFeeCharged
from domain.rating import Band, RateTerms
from tests.faults.clocks import (
    STEPS,
    SteppedClock,
    changes_of,
    days_between,
    price_by_the_second,
)
from tests.faults.clocks_calls import (  # noqa: F401 - fixtures
    CENT_A_SECOND,
    DAY,
    HOUR,
    a_call,
    empty_ledger,
    one_system,
    record_of,
    stepped_clock,
)
from tests.faults.oracle import Oracle
from tests.faults.parallel import PaidCard, Systems, systems_on, usd
from tests.faults.planted import named, plant
from tests.faults.sizes import SEED, size

pytestmark = pytest.mark.faults

ZONES = ("Europe/Warsaw", "America/New_York", "America/Havana", "Africa/Cairo", "Asia/Beirut")
"""The last three change their clocks at midnight: a day begins at one o'clock, or twice."""

FEE = 100_000


@pytest.mark.parametrize(
    ("zone", "change"), [(zone, change) for zone in ZONES for change in changes_of(zone, 2027)]
)
def test_every_day_is_charged_once_when_clocks_are_changed_and_put_back_and_forth(
    zone: str, change: datetime, ledger: str, tmp_path: Path
) -> None:
    chance, place = random.Random(SEED), ZoneInfo(zone)
    clock = SteppedClock(change - timedelta(hours=40))
    cards: list[tuple[PaidCard, date]] = []
    with systems_on(
        ledger, tmp_path, clock, 1, monotonic=clock.monotonic, cards={"time_zone": zone}
    ) as systems:
        systems.sell_at(CENT_A_SECOND)
        systems.group("Daily", usd(12_000_000), daily_fee=usd(FEE))
        latest = clock.now()
        for _ in range(size(12, 60)):
            clock.pass_by(hours=chance.choice((1, 2, 7)), minutes=chance.randrange(60))
            if len(cards) < 5:
                card = systems.card("Daily")
                call, _ = a_call(systems, card)
                systems[0].settlement.record_leg(record_of(call, clock, 60))
                answered = clock.time - timedelta(seconds=60)
                cards.append((card, answered.astimezone(place).date()))
            clock.off = chance.choice((timedelta(), *STEPS))
            latest = max(latest, clock.now())
            systems[0].catch_up()
            systems[0].business.fees.run()
        clock.off = timedelta()
        systems[0].business.fees.run()
        last = max(latest, clock.now()).astimezone(place).date()
        for card, first in cards:
            charged = [fact.day for fact in systems.facts(card.account_id, DailyFeeCharged)]
            assert charged == list(days_between(first, last)), f"seed {SEED}"
            assert systems.account(card).balance == usd(11_400_000 - FEE * len(charged))
        Oracle(systems.url, clock=clock).check(live=())


def test_a_fee_that_was_changed_while_the_clock_was_wrong_is_the_last_that_was_decided(
    systems: Systems, clock: SteppedClock
) -> None:
    systems.group("Daily", usd(12_000_000), daily_fee=usd(FEE))
    do = systems[0].administration
    terms = do.group("Daily").terms
    card = systems.card("Daily")
    call, _ = a_call(systems, card)
    systems[0].settlement.record_leg(record_of(call, clock, 60))
    clock.step(2 * DAY)
    do.change_group("Daily", evolve(terms, daily_fee=usd(3 * FEE)), "ann")
    clock.step(-2 * DAY)
    clock.pass_by(hours=1)
    do.change_group("Daily", evolve(terms, daily_fee=usd(2 * FEE)), "ann")
    for _ in range(3):
        clock.pass_by(days=1)
        systems[0].catch_up()
        systems[0].business.fees.run()
    charged = [fact.amount for fact in systems.facts(card.account_id, DailyFeeCharged)]
    assert charged == [usd(FEE), usd(2 * FEE), usd(2 * FEE), usd(2 * FEE)]


EVENING = RateTerms(
    "USD",
    599_999,
    bands=(Band((1, 2, 3, 4, 5, 6, 7), 0, 150, 100_003), Band((7,), 150, 180, 50_001)),
    time_zone="Europe/Warsaw",
)
"""Cheap until half past two at night, cheaper on Sundays until three: the hour that is skipped, and
told twice, has three rates."""


@pytest.mark.parametrize("change", changes_of("Europe/Warsaw", 2027), ids=lambda c: f"{c:%B}")
def test_a_call_over_a_change_of_clocks_is_priced_by_what_the_clock_on_the_wall_shows(
    change: datetime, ledger: str, tmp_path: Path
) -> None:
    for hours in (-2, -1, 0, 1):
        clock = SteppedClock(change + timedelta(hours=hours, minutes=17))
        folder = tmp_path / str(hours)
        folder.mkdir()
        url = f"sqlite:///{shutil.copy(ledger.removeprefix('sqlite:///'), folder / 'ledger.db')}"
        with systems_on(url, folder, clock, 1, monotonic=clock.monotonic) as systems:
            systems.sell_at(EVENING)
            systems.group("Gold", usd(400_000_000), longest_call=20_000)
            card = systems.card("Gold")
            call, grant = a_call(systems, card)
            assert grant.limit_seconds == 20_000
            seconds, answered = 13_337, clock.time
            clock.pass_by(seconds=seconds)
            clock.step(HOUR)
            receipt = systems[0].settlement.record_leg(record_of(call, clock, seconds))
            assert receipt is not None
            assert receipt.charge == usd(price_by_the_second(EVENING, answered, seconds))
            Oracle(systems.url, clock=clock).check(live=())


@pytest.mark.parametrize("name", ["a daily fee charged twice", "a day without its fee"])
def test_it_is_seen_when_a_day_is_charged_twice_or_left_out(
    name: str, ledger: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plant(named(name), monkeypatch)
    (change, *_) = changes_of("Europe/Warsaw", 2027)
    with pytest.raises(AssertionError):
        test_every_day_is_charged_once_when_clocks_are_changed_and_put_back_and_forth(
            "Europe/Warsaw", change, ledger, tmp_path
        )
