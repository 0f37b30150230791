"""Many threads, one flush: what waits while a commit is under way shares the next one.

A commit costs about the same for one append or for a hundred. The thread that finds nobody
flushing becomes the leader and stores everything that is queued in one transaction; the others
sleep until theirs is stored. There is one flush in flight in a process.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from threading import Lock
from typing import NamedTuple
from uuid import UUID

from attrs import frozen
from eventsourcing.persistence import OperationalError, PersistenceError, StoredEvent

from adapters.persistence.errors import is_refused

MOST_EVENTS = 1_000
"""A flush takes no more appends once it holds this many facts."""

PATIENCE = 30.0
"""Seconds that an append waits for its turn before it gives up."""


class StoredClaim(NamedTuple):
    kind: str
    key: str
    stream_id: UUID


@frozen
class Append:
    """What one unit of work stores: all of it or nothing."""

    events: Sequence[StoredEvent]
    claims: Sequence[StoredClaim] = ()
    losses: int | None = None
    """How often a connection had been lost when this was decided, None if that does not matter."""


class _Waiting:
    __slots__ = ("append", "error", "first", "leads", "woken")

    def __init__(self, append: Append) -> None:
        self.append = append
        self.first: int | None = None
        self.error: BaseException | None = None
        self.leads = False
        self.woken = Lock()
        self.woken.acquire()


class GroupCommit:
    """Gathers the appends of all threads of this process into few flushes.

    ``flush`` stores appends in one transaction and returns the position of their first fact; the
    others follow in the order of the appends. It raises a PersistenceError if it cannot.
    """

    def __init__(
        self,
        flush: Callable[[Sequence[Append]], int],
        *,
        most_events: int = MOST_EVENTS,
        patience: float = PATIENCE,
    ) -> None:
        self._flush = flush
        self._most_events = most_events
        self._patience = patience
        self._mutex = Lock()
        self._queue: deque[_Waiting] = deque()
        self._flushing = False

    def append(self, append: Append) -> int:
        """Stores the append and returns the position of its first fact.

        Raises a PersistenceError. An IntegrityError means that nothing was stored; after an
        OperationalError it is unknown whether it was.
        """
        mine = _Waiting(append)
        with self._mutex:
            self._queue.append(mine)
            if not self._flushing:
                self._flushing = mine.leads = True
        if not mine.leads:
            self._wait(mine)
        if mine.leads:
            self._lead()
        if mine.error is not None:
            raise mine.error
        assert mine.first is not None
        return mine.first

    def _wait(self, mine: _Waiting) -> None:
        if mine.woken.acquire(timeout=self._patience):
            return
        with self._mutex:
            # Between the end of our patience and here we may have become the leader or be done.
            if mine.leads or mine.first is not None or mine.error is not None:
                return
            if mine in self._queue:
                self._queue.remove(mine)
                mine.error = OperationalError("the ledger is too slow: nothing was stored")
            else:
                mine.error = OperationalError("the ledger is too slow: unknown if it was stored")

    def _lead(self) -> None:
        """Flushes one batch, which begins with our own append, and hands over the lead."""
        batch = self._batch()
        try:
            self._store(batch)
        finally:
            with self._mutex:
                if self._queue:
                    following = self._queue[0]
                    following.leads = True
                    following.woken.release()
                else:
                    self._flushing = False
            for each in batch:
                if each.first is None and each.error is None:
                    # The leader was interrupted: nobody knows what became of the flush.
                    each.error = OperationalError("interrupted: unknown if it was stored")
            # The first one is our own, and may be awake: its patience can end as it gets the lead.
            for each in batch[1:]:
                each.woken.release()

    def _batch(self) -> list[_Waiting]:
        batch: list[_Waiting] = []
        size = 0
        with self._mutex:
            while self._queue and size < self._most_events:
                size += len(self._queue[0].append.events)
                if batch and size > self._most_events:
                    break
                batch.append(self._queue.popleft())
        return batch

    def _store(self, batch: list[_Waiting]) -> None:
        try:
            first = self._flush([each.append for each in batch])
        except PersistenceError as error:
            if len(batch) > 1 and is_refused(error):
                # One of them is guilty. Alone, each answers for itself only.
                for each in batch:
                    self._store([each])
                return
            for each in batch:
                each.error = error
        else:
            for each in batch:
                each.first = first
                first += len(each.append.events)
