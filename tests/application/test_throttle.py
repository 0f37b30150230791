"""A source that fails often is slowed down; all others are not."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest

from application import throttle as throttling
from application.throttle import DEFAULT_RATES, Rate, Throttle
from tests.support.story import NOON

ALICE, BOB, DOOR = ("caller ID", "+48600316058"), ("caller ID", "+14155550123"), ("all", "")
HOUR = timedelta(hours=1)


def a_throttle() -> Throttle:
    return Throttle({"caller ID": Rate(3, 2), "all": Rate(5, 5)})


def test_a_source_may_fail_as_often_as_its_burst() -> None:
    throttle = a_throttle()
    for _ in range(3):
        assert throttle.allows([ALICE], NOON)
        throttle.failed([ALICE], NOON)
    assert not throttle.allows([ALICE], NOON)


def test_asking_costs_nothing() -> None:
    throttle = a_throttle()
    assert all(throttle.allows([ALICE], NOON) for _ in range(100))


def test_one_source_does_not_slow_another() -> None:
    throttle = a_throttle()
    for _ in range(9):
        throttle.failed([ALICE], NOON)
    assert throttle.allows([BOB], NOON)


def test_the_tightest_of_the_sources_decides() -> None:
    throttle = a_throttle()
    for n in range(5):
        throttle.failed([("caller ID", str(n)), DOOR], NOON)
    assert throttle.allows([BOB], NOON)
    assert not throttle.allows([BOB, DOOR], NOON)


def test_tries_come_back_one_by_one_and_never_more_than_the_burst() -> None:
    throttle = a_throttle()
    for _ in range(50):
        throttle.failed([ALICE], NOON)
    assert not throttle.allows([ALICE], NOON + HOUR / 2 - timedelta(seconds=1))
    assert throttle.allows([ALICE], NOON + HOUR / 2)
    later = NOON + 1000 * HOUR
    for _ in range(3):
        assert throttle.allows([ALICE], later)
        throttle.failed([ALICE], later)
    assert not throttle.allows([ALICE], later)


def test_a_clock_that_goes_back_gives_no_tries() -> None:
    throttle = a_throttle()
    for _ in range(3):
        throttle.failed([ALICE], NOON)
    assert not throttle.allows([ALICE], NOON - 1000 * HOUR)


def test_a_flood_of_sources_is_forgotten_but_not_the_ones_they_share(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(throttling, "MOST_SOURCES", 10)
    throttle = a_throttle()
    for n in range(100):
        throttle.failed([("caller ID", str(n)), DOOR], NOON)
    assert len(throttle._buckets) == 10
    assert not throttle.allows([DOOR], NOON)


def test_failures_at_once_are_all_counted() -> None:
    throttle = Throttle({"all": Rate(1000, 1)})
    together = threading.Barrier(10)

    def fails() -> None:
        together.wait()
        for _ in range(99):
            throttle.failed([DOOR], NOON)

    threads = [threading.Thread(target=fails) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for _ in range(10):
        assert throttle.allows([DOOR], NOON)
        throttle.failed([DOOR], NOON)
    assert not throttle.allows([DOOR], NOON)


def test_wider_sources_allow_more() -> None:
    rates = [DEFAULT_RATES[kind] for kind in ("caller ID", "access number", "trunk", "all")]
    assert [rate.burst for rate in rates] == sorted(rate.burst for rate in rates)
    assert [rate.per_hour for rate in rates] == sorted(rate.per_hour for rate in rates)
