"""How many calls are up on each trunk, so that none ever carries more than its provider takes.

Calls are counted in this process. Where several servers dial through the same trunks, each has an
equal share of their capacity, rounded down: what one does not use is not lent to another. A call
that was up when its server died is counted no more; its leg ends with the caller's channel.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock

from attrs import define, field, validators


@define
class TrunkLoad:
    servers: int = field(default=1, validator=validators.ge(1))
    """Servers that dial through the same trunks."""
    _up: dict[str, int] = field(factory=dict, init=False)
    _lock: Lock = field(factory=Lock, init=False)

    def up(self, trunk: str) -> int:
        """Calls of this server that are up, or being dialled, on a trunk."""
        return self._up.get(trunk, 0)

    def has_room(self, trunk: str, capacity: int | None) -> bool:
        return capacity is None or self.up(trunk) < capacity // self.servers

    @contextmanager
    def call(self, trunk: str, capacity: int | None) -> Iterator[bool]:
        """Takes a line for as long as the block lasts; False, and nothing taken, if it is full."""
        taken = self._take(trunk, capacity)
        try:
            yield taken
        finally:
            if taken:
                self._give_back(trunk)

    def _take(self, trunk: str, capacity: int | None) -> bool:
        with self._lock:
            if not self.has_room(trunk, capacity):
                return False
            self._up[trunk] = self.up(trunk) + 1
            return True

    def _give_back(self, trunk: str) -> None:
        with self._lock:
            left = self.up(trunk) - 1
            if left:
                self._up[trunk] = left
            else:
                del self._up[trunk]
