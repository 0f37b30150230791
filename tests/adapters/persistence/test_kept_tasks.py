"""Work behind the door is known to every process that answers requests."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import UUID, uuid4

import pytest
from attrs import evolve, frozen
from sqlalchemy import update

from adapters.persistence.connecting import connect
from adapters.persistence.kept_tasks import ALIVE_SECONDS, KEPT_SECONDS, StoredTasks, work_tasks
from adapters.persistence.recorder import EventRecorder
from application.kept_tasks import KeptTask


@pytest.fixture
def here(recorder: EventRecorder) -> StoredTasks:
    return StoredTasks(recorder)


@pytest.fixture
def elsewhere(ledger_url: str) -> Iterator[StoredTasks]:
    """Another process."""
    with connect(ledger_url) as recorder:
        yield StoredTasks(recorder)


def waiting(task_id: UUID | None = None) -> KeptTask:
    return KeptTask(task_id or uuid4(), "sheet", "person 1", 100, 0, "waiting", b'"about"')


@frozen
class Silence:
    recorder: EventRecorder

    def lasts(self, seconds: int) -> None:
        """Nothing was heard of any task for so long."""
        with self.recorder.writing() as connection:
            moved = work_tasks.c.seen_at - seconds
            connection.execute(update(work_tasks).values(seen_at=moved))


@pytest.fixture
def silence(recorder: EventRecorder) -> Silence:
    return Silence(recorder)


def test_a_task_is_begun_by_one_process(here: StoredTasks, elsewhere: StoredTasks) -> None:
    task = waiting()
    assert here.begin(task) is None
    assert elsewhere.begin(task) == task
    assert elsewhere.find(task.task_id) == task


def test_what_became_of_it_is_told_everywhere(here: StoredTasks, elsewhere: StoredTasks) -> None:
    task = waiting()
    here.begin(task)
    done = evolve(task, state="done", done=100, result=b'"result"')
    here.save(done)
    assert elsewhere.find(task.task_id) == done
    assert elsewhere.begin(task) == done


def test_one_that_was_refused_may_be_begun_again_anywhere(
    here: StoredTasks, elsewhere: StoredTasks
) -> None:
    task = waiting()
    here.begin(task)
    here.save(evolve(task, state="refused", problem=b'["overloaded","stopped"]'))
    assert elsewhere.begin(task) is None
    # Whoever had it before has no say in it any more.
    here.save(evolve(task, state="done"))
    assert here.find(task.task_id) == task


def test_the_task_of_a_process_that_is_gone_may_be_begun_again(
    here: StoredTasks, elsewhere: StoredTasks, silence: Silence
) -> None:
    task = waiting()
    here.begin(task)
    silence.lasts(ALIVE_SECONDS + 5)
    assert elsewhere.find(task.task_id) == evolve(task, alive=False)
    assert elsewhere.begin(task) is None
    assert elsewhere.find(task.task_id) == task


def test_a_process_that_is_there_keeps_its_tasks(
    here: StoredTasks, elsewhere: StoredTasks, silence: Silence
) -> None:
    task, forgotten = waiting(), waiting()
    here.begin(task)
    here.begin(forgotten)
    silence.lasts(ALIVE_SECONDS + 5)
    here.still_here([task.task_id])
    assert elsewhere.begin(task) == task
    assert elsewhere.begin(forgotten) is None


def test_the_outcome_is_told_of_for_a_day(
    here: StoredTasks, elsewhere: StoredTasks, silence: Silence
) -> None:
    task = waiting()
    here.begin(task)
    here.save(evolve(task, state="done"))
    silence.lasts(KEPT_SECONDS - 60)
    assert elsewhere.find(task.task_id) == evolve(task, state="done", alive=False)
    silence.lasts(120)
    here.begin(waiting())
    assert elsewhere.find(task.task_id) is None
