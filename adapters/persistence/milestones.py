"""Where moments lie in a long log: what was recorded latest up to every some thousandth fact."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence
from threading import Lock

from attrs import define, field

Heads = Sequence[tuple[int, bytes]]
"""Positions, and the moments recorded there as texts that compare as the moments do."""


@define(eq=False)
class Milestones:
    """Kept for as long as a program runs, so that it looks through the log once and not each time.

    Nothing is ever recorded before a place that was safe to read, so what is kept stays right. The
    clocks of several machines differ: moments do not quite rise with positions, and the latest one
    up to a place does.
    """

    _positions: list[int] = field(factory=list)
    _latest: list[bytes] = field(factory=list)
    _lock: Lock = field(factory=Lock)

    def before(self, moment: bytes, page_after: Callable[[int], Heads], page: int) -> int:
        """The last position before the first fact that was recorded after a moment.

        ``page_after`` reads the heads behind a position, up to a safe end: ``page`` of them, or
        the last ones.
        """
        with self._lock:
            self._follow(moment, page_after, page)
            place = bisect_right(self._latest, moment)
            last = self._positions[place - 1] if place else 0
        while heads := page_after(last):
            for position, recorded in heads:
                if recorded > moment:
                    return last
                last = position
            if len(heads) < page:
                break
        return last

    def _follow(self, moment: bytes, page_after: Callable[[int], Heads], page: int) -> None:
        """On to the moment, or to the end."""
        while not self._latest or self._latest[-1] <= moment:
            heads = page_after(self._positions[-1] if self._positions else 0)
            if len(heads) < page:
                return
            latest = max(recorded for _, recorded in heads)
            if self._latest:
                latest = max(latest, self._latest[-1])
            self._positions.append(heads[-1][0])
            self._latest.append(latest)
