"""The log as auditors read it: every fact in its order, up to a place that stays the same."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from attrs import frozen


@frozen
class Logged:
    """A fact in its place: its position in the log, its stream and its version there."""

    position: int
    stream_id: UUID
    version: int
    recorded_at: datetime
    name: str
    fact: Any


class Log(Protocol):
    def end(self) -> int:
        """The last position that is safe to read: nothing can appear before it any more."""
        ...

    def position_at(self, moment: datetime) -> int:
        """The last position before the first fact that was recorded after a moment.

        So what was known at a moment is the beginning of the log, whole units of work, and stays
        the same for ever, however much is recorded later.
        """
        ...

    def facts(
        self, wanted: Collection[type] | None = None, *, until: int | None = None
    ) -> Iterator[Logged]:
        """The facts of some classes, or all of them, up to and with a position, or to the end."""
        ...

    def stream(self, stream_id: UUID, *, until: int | None = None) -> Sequence[Logged]:
        """The facts of one stream, up to and with a position, or all of them."""
        ...
