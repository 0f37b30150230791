"""Whatever is told of calls, however often and in whatever order, comes to the same money."""

from __future__ import annotations

import random
import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.faults.messages import CARDS, Attempt, Day, Fate, Message, Plan, day_on, planned
from tests.faults.oracle import Oracle
from tests.faults.parallel import crowd_of
from tests.faults.planted import named, plant
from tests.faults.sizes import SEED, size
from tests.faults.summary import Happened
from tests.support.examples import examples

pytestmark = pytest.mark.faults

THREADS = 6

Plans = tuple[list[Message], random.Random]
"""What is to be told of one plan on the ledger under test, and what chance goes on with."""


@pytest.fixture
def days(ledger_url: str, sqlite_template: Path, tmp_path: Path) -> Iterator[tuple[Day, Day]]:
    """Two ledgers: one is told everything once and in order, and the one under test."""
    orderly, other = tmp_path / "orderly", tmp_path / "other"
    orderly.mkdir()
    other.mkdir()
    url = f"sqlite:///{shutil.copy(sqlite_template, orderly / 'ledger.db')}"
    with ExitStack() as stack:
        yield (
            stack.enter_context(day_on(url, orderly, 1)),
            stack.enter_context(day_on(ledger_url, other)),
        )


def same_in_the_end(orderly: Day, other: Day) -> None:
    for day in (orderly, other):
        day.settle_the_rest()
    assert other.balances() == orderly.balances()
    assert other.money() == orderly.money()
    assert other.disputes() == orderly.disputes() == sorted(other.disputed)
    for day in (orderly, other):
        Oracle(day.systems.url, clock=day.clock).check(live=())


def plans_on(days: tuple[Day, Day], calls: int, top_ups: int, rounds: int) -> Iterator[Plans]:
    """Plan after plan, each on cards of its own, as one card cannot pay for all; on the first of
    the ledgers each is told once and in order."""
    orderly, other = days
    chance = random.Random(SEED)
    for _ in range(rounds):
        plan, first = planned(chance, calls, top_ups), len(other.cards)
        for day in days:
            day.prepare(CARDS)
        orderly.tell_in_order(orderly.messages(plan, first))
        yield other.messages(plan, first), chance


def test_messages_told_often_and_shuffled_come_to_the_money_of_each_once_in_order(
    days: tuple[Day, Day], happened: Happened
) -> None:
    for messages, chance in plans_on(days, 20, 8, size(1, 150)):
        told = days[1].tell_shuffled(messages, chance)
        assert told > 2 * len(messages), f"seed {SEED}"
        happened.times += told
    same_in_the_end(*days)
    happened.checks = 2


def test_messages_told_by_several_at_the_same_moment_come_to_the_same_money(
    days: tuple[Day, Day],
) -> None:
    with crowd_of(THREADS) as crowd:
        for messages, chance in plans_on(days, 10, 6, size(1, 100)):
            days[1].tell_at_once(messages, chance, crowd, THREADS)
    same_in_the_end(*days)


attempts = st.lists(
    st.builds(Attempt, st.sampled_from(Fate), st.integers(1, 600)), min_size=1, max_size=3
)
plans = st.builds(
    Plan,
    st.lists(st.tuples(st.integers(0, CARDS - 1), attempts), max_size=4),
    st.lists(st.tuples(st.integers(0, CARDS - 1), st.integers(1, 9_999_999)), max_size=4),
)


@pytest.mark.parametrize("store_kind", ["sqlite"], indirect=True)
def test_any_plan_told_in_any_order_comes_to_the_same_money(days: tuple[Day, Day]) -> None:
    orderly, other = days

    # One draw before anything is told: an example that ends in its middle would be half a day.
    @given(plans, st.builds(random.Random, st.integers(0, 1 << 32)))
    @example(Plan([(0, [Attempt(Fate.DISPUTED, 600)])], []), random.Random(0))
    @examples(size(10, 500))
    def told(plan: Plan, chance: random.Random) -> None:
        first = len(other.cards)
        for day in days:
            day.prepare(CARDS)
        orderly.tell_in_order(orderly.messages(plan, first))
        other.tell_shuffled(other.messages(plan, first), chance)
        mine = slice(first, first + CARDS)
        for day in days:
            day.systems[0].catch_up()
        assert other.balances()[mine] == orderly.balances()[mine]

    told()
    same_in_the_end(orderly, other)


@pytest.mark.parametrize("store_kind", ["sqlite"], indirect=True)
@pytest.mark.parametrize("bug", ["a lost key of a top-up", "a second settlement that wins"])
def test_it_is_seen_when_what_is_told_twice_counts_twice(
    days: tuple[Day, Day], bug: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = planned(random.Random(7), 4, 4)
    orderly, other = days
    for day in days:
        day.prepare(CARDS)
    orderly.tell_in_order(orderly.messages(plan))
    plant(named(bug), monkeypatch)

    def told() -> None:
        other.tell_shuffled(other.messages(plan), random.Random(7))
        same_in_the_end(orderly, other)

    with pytest.raises((AssertionError, LookupError)):
        told()
