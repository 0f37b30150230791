"""Guessing is slowed down by where it comes from, never by locking the card that is guessed at."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from datetime import datetime

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
    "access number": Rate(300, 3_000),
    "trunk": Rate(600, 6_000),
    "all": Rate(2_000, 20_000),
}


@mutable
class _Bucket:
    tokens: float
    at: datetime


@frozen
class Throttle:
    """A token bucket for each source of failed logins: ``(kind, value)``, kinds as in ``rates``.

    Kept by each process for itself. A source that has failed too often is refused before anything
    is looked up, so it learns nothing; right logins never cost a token.
    """

    rates: Mapping[str, Rate] = field(factory=lambda: dict(DEFAULT_RATES))
    _buckets: OrderedDict[tuple[str, str], _Bucket] = field(factory=OrderedDict, init=False)
    _lock: threading.Lock = field(factory=threading.Lock, init=False)

    def allows(self, sources: Iterable[tuple[str, str]], now: datetime) -> bool:
        with self._lock:
            return all(self._tokens(source, now) >= 1 for source in sources)

    def failed(self, sources: Iterable[tuple[str, str]], now: datetime) -> None:
        with self._lock:
            for source in sources:
                tokens = self._tokens(source, now)
                self._buckets[source] = _Bucket(max(0.0, tokens - 1), now)
                self._buckets.move_to_end(source)
            while len(self._buckets) > MOST_SOURCES:
                self._buckets.popitem(last=False)

    def _tokens(self, source: tuple[str, str], now: datetime) -> float:
        rate = self.rates[source[0]]
        bucket = self._buckets.get(source)
        if bucket is None:
            return rate.burst
        hours = max(0.0, (now - bucket.at).total_seconds() / 3600)
        return min(float(rate.burst), bucket.tokens + hours * rate.per_hour)
