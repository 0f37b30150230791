"""Deadlines pass with the time that passes, and not with a clock that is put forward."""

from __future__ import annotations

from datetime import timedelta

from application.patience import LEAP, LONGEST, Patience
from tests.support.memory import SetClock

HOUR, SECOND = timedelta(hours=1), timedelta(seconds=1)


class World:
    """A clock of the day, and a steady one that only passes."""

    def __init__(self) -> None:
        self.clock, self.steady = SetClock(), 5.0
        self.patience = Patience(self.clock, lambda: self.steady)
        self.began = self.patience.now()

    def passes(self, by: timedelta) -> None:
        self.clock.time += by
        self.steady += by.total_seconds()

    @property
    def seen(self) -> timedelta:
        return self.patience.now() - self.began


def test_time_that_passes_is_believed() -> None:
    world = World()
    for _ in range(3):
        world.passes(11 * HOUR)
        world.patience.now()
    assert world.seen == 33 * HOUR


def test_a_leap_is_believed_when_no_call_of_before_can_be_up() -> None:
    world = World()
    world.clock.time += 24 * HOUR
    assert world.seen == timedelta()
    world.passes(LONGEST - SECOND)
    assert world.seen == LONGEST - SECOND
    world.passes(SECOND)
    assert world.seen == LONGEST + 24 * HOUR


def test_leaps_add_up() -> None:
    world = World()
    for _ in range(3):
        world.clock.time += HOUR
        world.passes(SECOND)
        assert world.patience.now() < world.began + HOUR
    assert world.seen == 3 * SECOND


def test_a_clock_that_is_put_back_is_believed_and_forward_again_not() -> None:
    world = World()
    world.clock.time -= HOUR
    assert world.seen == -HOUR
    world.clock.time += HOUR
    assert world.seen == -HOUR


def test_a_clock_that_is_drawn_along_slowly_does_not_leap() -> None:
    world = World()
    world.clock.time += LEAP
    assert world.seen == LEAP
