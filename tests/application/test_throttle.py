"""A source that fails often is slowed down; all others are not."""

from __future__ import annotations

import threading

import pytest

from application import throttle as throttling
from application.throttle import DEFAULT_RATES, Rate, Throttle

ALICE, BOB, DOOR = ("caller ID", "+48600316058"), ("caller ID", "+14155550123"), ("all", "")
HOUR = 3600.0


class Seconds:
    """A monotonic clock that a test moves."""

    def __init__(self) -> None:
        self.passed = 1_000.0

    def __call__(self) -> float:
        return self.passed


def a_throttle(seconds: Seconds | None = None) -> Throttle:
    return Throttle({"caller ID": Rate(3, 2), "all": Rate(5, 5)}, seconds or Seconds())


def test_a_source_has_as_many_tries_as_its_burst() -> None:
    throttle = a_throttle()
    assert [throttle.take([ALICE]) for _ in range(4)] == [True, True, True, False]


def test_a_right_login_costs_nothing() -> None:
    throttle = a_throttle()
    for _ in range(100):
        assert throttle.take([ALICE, DOOR])
        throttle.give_back([ALICE, DOOR])


def test_what_is_given_back_never_exceeds_the_burst() -> None:
    throttle = a_throttle()
    throttle.take([ALICE])
    for _ in range(9):
        throttle.give_back([ALICE])
    assert [throttle.take([ALICE]) for _ in range(4)] == [True, True, True, False]


def test_one_source_does_not_slow_another() -> None:
    throttle = a_throttle()
    for _ in range(9):
        throttle.take([ALICE])
    assert throttle.take([BOB])


def test_the_tightest_of_the_sources_decides() -> None:
    throttle = a_throttle()
    for n in range(5):
        assert throttle.take([("caller ID", str(n)), DOOR])
    assert not throttle.take([BOB, DOOR])
    assert throttle.take([BOB])


def test_a_try_that_is_refused_takes_nothing_from_what_others_share() -> None:
    throttle = a_throttle()
    for _ in range(50):
        throttle.take([ALICE, DOOR])
    assert throttle.take([BOB, DOOR])


def test_tries_come_back_one_by_one_and_never_more_than_the_burst() -> None:
    seconds = Seconds()
    throttle = a_throttle(seconds)
    for _ in range(50):
        throttle.take([ALICE])
    seconds.passed += HOUR / 2 - 1
    assert not throttle.take([ALICE])
    seconds.passed += 1
    assert throttle.take([ALICE])
    seconds.passed += 1000 * HOUR
    assert [throttle.take([ALICE]) for _ in range(4)] == [True, True, True, False]


def test_a_flood_of_sources_is_forgotten_but_not_the_ones_they_share(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(throttling, "MOST_SOURCES", 4)
    throttle = a_throttle()
    for n in range(5):
        throttle.take([("caller ID", str(n)), DOOR])
    assert len(throttle._buckets) == 4
    assert not throttle.take([DOOR])


def test_guesses_at_once_are_all_counted() -> None:
    throttle = Throttle({"all": Rate(1000, 1)})
    together = threading.Barrier(10)
    taken: list[bool] = []

    def guesses() -> None:
        together.wait()
        taken.extend(throttle.take([DOOR]) for _ in range(150))

    threads = [threading.Thread(target=guesses) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(taken) == 1000


def test_wider_sources_allow_more() -> None:
    rates = [DEFAULT_RATES[kind] for kind in ("caller ID", "access number", "trunk", "all")]
    assert [rate.burst for rate in rates] == sorted(rate.burst for rate in rates)
    assert [rate.per_hour for rate in rates] == sorted(rate.per_hour for rate in rates)
