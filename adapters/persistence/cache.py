"""States that were true a moment ago, and the locks that keep this process from racing itself."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Sequence
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

    # Keyed by the number in the id: a UUID computes its hash in Python, each time anew.
    def __init__(self, most: int) -> None:
        self._most = most
        self._lock = Lock()
        self._states: OrderedDict[int, Cached] = OrderedDict()

    def __contains__(self, stream_id: UUID) -> bool:
        return stream_id.int in self._states

    def __len__(self) -> int:
        return len(self._states)

    def get(self, stream_id: UUID) -> Cached | None:
        key = stream_id.int
        with self._lock:
            cached = self._states.get(key)
            if cached is not None:
                self._states.move_to_end(key)
            return cached

    def put(self, stream_id: UUID, cached: Cached) -> None:
        """Only what is committed comes here. A newer state is never replaced by an older one."""
        key = stream_id.int
        with self._lock:
            known = self._states.get(key)
            if known is not None and known.version > cached.version:
                return
            self._states[key] = cached
            self._states.move_to_end(key)
            if len(self._states) > self._most:
                self._states.popitem(last=False)

    def evict(self, stream_ids: Iterable[UUID]) -> None:
        with self._lock:
            for each in stream_ids:
                self._states.pop(each.int, None)

    def clear(self) -> None:
        with self._lock:
            self._states.clear()


class ClaimCache:
    """The most recently used claims that somebody holds, no more than ``most``.

    A claim is never given up, so what was found once stays true; what nobody held is not kept.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._lock = Lock()
        self._holders: OrderedDict[tuple[str, str], UUID] = OrderedDict()

    def __len__(self) -> int:
        return len(self._holders)

    def get(self, kind: str, key: str) -> UUID | None:
        with self._lock:
            holder = self._holders.get((kind, key))
            if holder is not None:
                self._holders.move_to_end((kind, key))
            return holder

    def put(self, kind: str, key: str, holder: UUID) -> None:
        with self._lock:
            self._holders[kind, key] = holder
            if len(self._holders) > self._most:
                self._holders.popitem(last=False)

    def clear(self) -> None:
        with self._lock:
            self._holders.clear()


class StreamLocks:
    """One lock per stream, from a fixed number of locks: two streams may share one by chance."""

    # The number is prime, so that ids which differ only in their time spread over all locks.
    def __init__(self, stripes: int = 4093, patience: float = 30.0) -> None:
        self._locks = [Lock() for _ in range(stripes)]
        self._patience = patience

    def take(self, stream_ids: Iterable[UUID]) -> Sequence[Lock]:
        """Locks the streams until ``give_back``, everyone in one order.

        Raises LedgerUnavailable, and keeps none, when others keep them too long.
        """
        stripes = sorted({each.int % len(self._locks) for each in stream_ids})
        deadline: float | None = None
        taken: list[Lock] = []
        try:
            for stripe in stripes:
                lock = self._locks[stripe]
                if not lock.acquire(blocking=False):
                    now = monotonic()
                    deadline = deadline or now + self._patience
                    if not lock.acquire(timeout=max(0.0, deadline - now)):
                        raise LedgerUnavailable(
                            f"others kept the same streams for {self._patience} seconds;"
                            " nothing was stored"
                        )
                taken.append(lock)
        except BaseException:
            self.give_back(taken)
            raise
        return taken

    def give_back(self, taken: Sequence[Lock]) -> None:
        for lock in taken:
            lock.release()
