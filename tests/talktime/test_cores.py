"""A server keeps to one core of those it may use."""

from __future__ import annotations

import multiprocessing
import os

from talktime.cores import keep_to_one_core


def kept() -> tuple[int | None, list[int]]:
    return keep_to_one_core(), sorted(os.sched_getaffinity(0))


def test_a_server_keeps_to_one_of_the_cores_it_may_use() -> None:
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        core, cores = pool.apply(kept)
    assert cores == [core]
    assert core in os.sched_getaffinity(0)
