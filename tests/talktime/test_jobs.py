"""Which process does a job, when what it needs fails where it is done."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from adapters.persistence.leases import Leases, leases_of
from application.ports import LedgerUnavailable
from talktime.jobs import PASSED_ON_AFTER, REST_SECONDS, Job, keep


@pytest.fixture
def two(tmp_path: Path) -> Iterator[tuple[Leases, Leases]]:
    url = f"sqlite:///{tmp_path}/ledger.db"
    with leases_of(url) as one, leases_of(url) as other:
        yield one, other


def job(fault: Exception | None) -> Job:
    def work() -> None:
        if fault is not None:
            raise fault

    return Job("seal", work, 1.0)


def fails(failing: Job, often: int) -> None:
    for _ in range(often):
        with pytest.raises((OSError, LedgerUnavailable)):
            failing.turn()


def test_a_job_that_fails_again_and_again_is_passed_on(two: tuple[Leases, Leases]) -> None:
    failing, working = job(OSError("the disk is full")), job(None)
    keep(two[0], [failing], lambda: 0.0)
    fails(failing, PASSED_ON_AFTER - 1)
    keep(two[0], [failing], lambda: 1.0)
    assert failing.ours
    fails(failing, 1)
    keep(two[0], [failing], lambda: 2.0)
    keep(two[0], [failing], lambda: 1.9 + REST_SECONDS)
    keep(two[1], [working], lambda: 2.0 + REST_SECONDS)
    keep(two[0], [failing], lambda: 2.0 + REST_SECONDS)
    assert (failing.ours, working.ours) == (False, True)


def test_a_job_that_nobody_else_takes_is_tried_again(two: tuple[Leases, Leases]) -> None:
    failing = job(OSError("the disk is full"))
    keep(two[0], [failing], lambda: 0.0)
    fails(failing, PASSED_ON_AFTER)
    keep(two[0], [failing], lambda: 1.0)
    assert not failing.ours
    keep(two[0], [failing], lambda: 1.0 + REST_SECONDS)
    assert failing.ours


def test_a_ledger_that_is_away_is_away_for_everybody(two: tuple[Leases, Leases]) -> None:
    waiting = job(LedgerUnavailable("gone"))
    keep(two[0], [waiting], lambda: 0.0)
    fails(waiting, 2 * PASSED_ON_AFTER)
    keep(two[0], [waiting], lambda: 1.0)
    assert waiting.ours
