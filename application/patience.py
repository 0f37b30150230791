"""When a call's limit has surely passed, also on a clock that was put forward meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from threading import Lock

from attrs import define, field

from application.ports import Clock

LEAP = timedelta(seconds=10)
"""A clock of the day that runs ahead of a steady one by more than this at once was put forward."""

LONGEST = timedelta(hours=25)
"""No call that was up when the clock was put forward is up after this: the longest one takes 24
hours, and before that its phone rings."""


@define
class Patience:
    """A clock for deadlines that were set by a clock of the day (charging rule 5).

    Absence is not death: when the clock of the day leaps forward, the deadlines of all calls that
    are up seem to have passed. So a leap is believed only after ``LONGEST``. Until then a deadline
    that was set behind the leap passes later by its length, which only keeps a hold for longer. A
    clock that was put back makes deadlines pass later by itself.
    """

    clock: Clock
    monotonic: Callable[[], float]
    """Seconds that never leap."""
    _seen: tuple[datetime, float] | None = field(default=None, init=False)
    _leaps: list[tuple[float, timedelta]] = field(factory=list, init=False)
    _lock: Lock = field(factory=Lock, init=False)

    def now(self) -> datetime:
        """To be asked again and again: only what happens between two questions is noticed."""
        with self._lock:
            now, steady = self.clock.now(), self.monotonic()
            if self._seen is not None:
                before, then = self._seen
                leap = now - before - timedelta(seconds=steady - then)
                if leap > LEAP:
                    self._leaps.append((steady, leap))
            self._seen = (now, steady)
            longest = LONGEST.total_seconds()
            self._leaps = [each for each in self._leaps if steady - each[0] < longest]
            return now - sum((leap for _, leap in self._leaps), timedelta())
