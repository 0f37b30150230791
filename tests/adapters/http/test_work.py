"""Work behind the door is told of to other processes, also when the ledger was away meanwhile."""

from __future__ import annotations

from collections.abc import Collection
from uuid import UUID, uuid4

import pytest

from adapters.http import work as work_module
from adapters.http.work import Task, Work
from application.kept_tasks import KeptTask
from application.ports import LedgerUnavailable

COUNTING = "counting of cards"


class Rows:
    """What is kept, in memory, of one process; nothing while the ledger is away."""

    def __init__(self) -> None:
        self.states: dict[UUID, str] = {}
        self.alive: Collection[UUID] = ()
        self.away = False

    def begin(self, task: KeptTask) -> KeptTask | None:
        self.save(task)
        return None

    def save(self, task: KeptTask) -> None:
        if self.away:
            raise LedgerUnavailable("away")
        self.states[task.task_id] = task.state

    def find(self, task_id: UUID) -> KeptTask | None:
        return None

    def still_here(self, task_ids: Collection[UUID]) -> None:
        self.alive = list(task_ids)


@pytest.fixture
def rows(monkeypatch: pytest.MonkeyPatch) -> Rows:
    monkeypatch.setattr(work_module, "_KEPT", {})
    work_module.kept(COUNTING)
    return Rows()


def counting() -> Task:
    return Task(uuid4(), COUNTING, "ann", 0, lambda progress: None)


def test_an_end_that_could_not_be_told_is_told_later(rows: Rows) -> None:
    work, task = Work(rows), counting()
    work.start(task)
    rows.away = True
    assert work.run_next()
    assert rows.states[task.task_id] == "waiting"
    rows.away = False
    work.still_here()
    assert rows.states[task.task_id] == "done"
    rows.states.clear()
    work.still_here()
    assert not rows.states, "told once"


def test_only_tasks_that_are_not_over_are_told_to_be_alive(rows: Rows) -> None:
    work, over, waits = Work(rows), counting(), counting()
    work.start(over)
    work.run_next()
    work.start(waits)
    work.still_here()
    assert rows.alive == [waits.task_id]
