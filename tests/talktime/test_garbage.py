"""Garbage is searched for rarely, and found all the same."""

from __future__ import annotations

import gc
import weakref
from multiprocessing import get_context

from talktime.garbage import NEW_OBJECTS, collect_rarely


class Ring:
    """Holds itself: only a search frees it."""

    def __init__(self) -> None:
        self.own = self


def _searched() -> tuple[int, bool]:
    collect_rarely()
    lost = weakref.ref(Ring())
    kept = [[number] for number in range(2 * NEW_OBJECTS)]
    return gc.get_freeze_count(), lost() is None and bool(kept)


def test_a_ring_that_nobody_holds_is_found_among_many_new_objects() -> None:
    with get_context("spawn").Pool(1) as pool:
        frozen, found = pool.apply(_searched)
    assert frozen > 0
    assert found
