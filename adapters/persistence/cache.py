"""States that were true a moment ago, and the locks that keep this process from racing itself."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from threading import Lock
from time import monotonic
from typing import Any
from uuid import UUID

from attrs import frozen

from application.ports import LedgerUnavailable


@frozen
class Cached:
    """The state of a stream after a number of facts. Immutable, so it is shared, never copied."""

    kind: str
    version: int
    state: Any


class StateCache:
    """The most recently used states, no more than ``most``."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._lock = Lock()
        self._states: OrderedDict[UUID, Cached] = OrderedDict()

    def __contains__(self, stream_id: UUID) -> bool:
        return stream_id in self._states

    def __len__(self) -> int:
        return len(self._states)

    def get(self, stream_id: UUID) -> Cached | None:
        with self._lock:
            cached = self._states.get(stream_id)
            if cached is not None:
                self._states.move_to_end(stream_id)
            return cached

    def put(self, stream_id: UUID, cached: Cached) -> None:
        """Only what is committed comes here. A newer state is never replaced by an older one."""
        with self._lock:
            known = self._states.get(stream_id)
            if known is not None and known.version > cached.version:
                return
            self._states[stream_id] = cached
            self._states.move_to_end(stream_id)
            if len(self._states) > self._most:
                self._states.popitem(last=False)

    def evict(self, stream_ids: Collection[UUID]) -> None:
        with self._lock:
            for each in stream_ids:
                self._states.pop(each, None)


class StreamLocks:
    """One lock per stream, from a fixed number of locks: two streams may share one by chance."""

    # The number is prime, so that ids which differ only in their time spread over all locks.
    def __init__(self, stripes: int = 4093, patience: float = 30.0) -> None:
        self._locks = [Lock() for _ in range(stripes)]
        self._patience = patience

    @contextmanager
    def held(self, stream_ids: Collection[UUID]) -> Iterator[None]:
        """Taken by everyone in one order. LedgerUnavailable when others keep them too long."""
        stripes = sorted({each.int % len(self._locks) for each in stream_ids})
        deadline = monotonic() + self._patience
        taken: list[Lock] = []
        try:
            for stripe in stripes:
                lock = self._locks[stripe]
                if not lock.acquire(timeout=max(0.0, deadline - monotonic())):
                    raise LedgerUnavailable(
                        f"others kept the same streams for {self._patience} seconds;"
                        " nothing was stored"
                    )
                taken.append(lock)
            yield
        finally:
            for lock in taken:
                lock.release()
