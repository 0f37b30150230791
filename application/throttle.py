"""Guessing is slowed down by where it comes from, never by locking the card that is guessed at."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping

from attrs import field, frozen, mutable

MOST_SOURCES = 100_000
"""Sources remembered at a time; the one that has been quiet longest is forgotten first."""


@frozen
class Rate:
    """So many failed tries at once, refilled one by one at this many an hour."""

    burst: int
    per_hour: int


DEFAULT_RATES: Mapping[str, Rate] = {
    "caller ID": Rate(9, 12),
    "hidden": Rate(60, 600),
    "access number": Rate(300, 3_000),
    "trunk": Rate(600, 6_000),
    "all": Rate(2_000, 20_000),
}


@mutable
class _Bucket:
    tokens: float
    at: float
    """Seconds of the throttle's own clock."""


@frozen
class Throttle:
    """A token bucket for each source of failed logins: ``(kind, value)``, kinds as in ``rates``.

    Kept by each process for itself. A try is taken before anything is looked up, so that parallel
    guesses count too, and given back after a right login. A source without tries learns nothing.
    All callers who hide their number are one source. ``monotonic`` gives seconds that never go back
    nor leap: a clock of the day that is put right must neither lock a source out nor open it.
    """

    rates: Mapping[str, Rate] = field(factory=lambda: dict(DEFAULT_RATES))
    monotonic: Callable[[], float] = time.monotonic
    _buckets: OrderedDict[tuple[str, str], _Bucket] = field(factory=OrderedDict, init=False)
    _lock: threading.Lock = field(factory=threading.Lock, init=False)

    def take(self, sources: Iterable[tuple[str, str]]) -> bool:
        """Takes a try from every source, or, if one of them has none left, from none."""
        known = tuple(sources)
        with self._lock:
            now = self.monotonic()
            left = [self._tokens(source, now) for source in known]
            if min(left, default=1.0) < 1:
                return False
            for source, tokens in zip(known, left, strict=True):
                self._buckets[source] = _Bucket(tokens - 1, now)
                self._buckets.move_to_end(source)
            while len(self._buckets) > MOST_SOURCES:
                self._buckets.popitem(last=False)
        return True

    def has(self, source: tuple[str, str]) -> bool:
        """Whether anything is remembered of it."""
        with self._lock:
            return source in self._buckets

    def add(self, source: tuple[str, str]) -> None:
        """It is remembered from now on, with all its tries."""
        with self._lock:
            fresh = _Bucket(self.rates[source[0]].burst, self.monotonic())
            self._buckets.setdefault(source, fresh)

    def give_back(self, sources: Iterable[tuple[str, str]]) -> None:
        """The try was a right one: only failed ones count."""
        with self._lock:
            for source in sources:
                if (bucket := self._buckets.get(source)) is not None:
                    bucket.tokens = min(self.rates[source[0]].burst, bucket.tokens + 1)

    def _tokens(self, source: tuple[str, str], now: float) -> float:
        rate = self.rates[source[0]]
        bucket = self._buckets.get(source)
        if bucket is None:
            return rate.burst
        hours = (now - bucket.at) / 3600
        return min(float(rate.burst), bucket.tokens + hours * rate.per_hour)
