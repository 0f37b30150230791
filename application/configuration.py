"""What changes seldom and is asked for at every call: groups, access numbers, tariffs."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from threading import Lock
from typing import Any
from uuid import UUID

from attrs import define, field

from application.looking import look_at
from application.ports import UnitsOfWork
from application.streams import Fact, Kind, State

MOST_REMEMBERED = 10_000


@define
class Configuration:
    """Remembers states for ``every`` seconds of ``monotonic``, so a change counts that soon.

    Not for money, and not for the terms of a call: those are asked for in the unit of work that
    depends on them. A login may go by terms that are as old as ``every``.
    """

    units: UnitsOfWork
    monotonic: Callable[[], float]
    every: float = 2.0
    _known: OrderedDict[UUID, tuple[float, Any]] = field(factory=OrderedDict, init=False)
    _lock: Lock = field(factory=Lock, init=False)

    def get(self, kind: Kind[State, Fact], stream_id: UUID) -> State | None:
        now = self.monotonic()
        known = self._known.get(stream_id)
        if known is not None and now - known[0] < self.every:
            state: State | None = known[1]
            return state
        state = look_at(self.units, kind, stream_id)
        # What is not there is not remembered: it may be added the next moment, by the one asking.
        if state is not None:
            with self._lock:
                self._known[stream_id] = (now, state)
                if len(self._known) > MOST_REMEMBERED:
                    self._known.popitem(last=False)
        return state
