"""Tasks of the processes that serve requests, in a table that all of them see."""

from __future__ import annotations

from collections.abc import Collection
from uuid import UUID, uuid4

from eventsourcing.persistence import IntegrityError
from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Index,
    Integer,
    LargeBinary,
    Select,
    String,
    Table,
    Uuid,
    delete,
    insert,
    select,
    text,
    update,
)

from adapters.persistence.recorder import EventRecorder
from adapters.persistence.sqlite import SqliteRecorder
from adapters.persistence.tables import metadata
from adapters.persistence.units_of_work import outside_errors
from application.kept_tasks import KeptTask

ALIVE_SECONDS = 20
"""A process that was not heard of for so long is gone, and its tasks may be taken up."""

KEPT_SECONDS = 24 * 3600
"""How long the outcome of a task is told."""

work_tasks = Table(
    "work_tasks",
    metadata,
    Column("task_id", Uuid, primary_key=True),
    Column("what", String(80), nullable=False),
    Column("owner", String(200), nullable=False),
    Column("total", Integer, nullable=False),
    Column("done", Integer, nullable=False),
    Column("state", String(20), nullable=False),
    Column("about", LargeBinary, nullable=False),
    Column("result", LargeBinary, nullable=False),
    Column("problem", LargeBinary, nullable=False),
    Column("process", Uuid, nullable=False),
    Column("seen_at", BigInteger, nullable=False),
    Index("work_tasks_seen", "seen_at"),
)
"""``seen_at``: when something was heard of it, in seconds of the database's clock: the clocks of
several hosts differ."""

_OVER = ("done", "refused")


class StoredTasks:
    """The port ``KeptTasks`` for one process on the ledger's database."""

    def __init__(self, recorder: EventRecorder) -> None:
        self._recorder = recorder
        self._process = uuid4()
        seconds = (
            "unixepoch()"
            if isinstance(recorder, SqliteRecorder)
            else "floor(extract(epoch FROM clock_timestamp()))::bigint"
        )
        self._now = text(f"SELECT {seconds}")

    def begin(self, task: KeptTask) -> KeptTask | None:
        try:
            return self._begin(task)
        except IntegrityError:
            # Another process began it at the same moment.
            return self.find(task.task_id)

    def _begin(self, task: KeptTask) -> KeptTask | None:
        with outside_errors(), self._recorder.writing() as connection:
            now = self._seconds(connection)
            connection.execute(delete(work_tasks).where(work_tasks.c.seen_at < now - KEPT_SECONDS))
            found = self._found(connection, _one(task.task_id).with_for_update(), now)
            if found is not None and not _may_begin(found):
                return found
            values = self._values(task, now)
            if found is None:
                connection.execute(insert(work_tasks).values(task_id=task.task_id, **values))
            else:
                mine = work_tasks.c.task_id == task.task_id
                connection.execute(update(work_tasks).where(mine).values(**values))
        return None

    def save(self, task: KeptTask) -> None:
        mine = work_tasks.c.task_id == task.task_id
        with outside_errors(), self._recorder.writing() as connection:
            values = self._values(task, self._seconds(connection))
            own = mine & (work_tasks.c.process == self._process)
            connection.execute(update(work_tasks).where(own).values(**values))

    def find(self, task_id: UUID) -> KeptTask | None:
        with outside_errors(), self._recorder.reading() as connection:
            return self._found(connection, _one(task_id), self._seconds(connection))

    def still_here(self, task_ids: Collection[UUID]) -> None:
        columns = work_tasks.c
        own = (columns.process == self._process) & columns.state.not_in(_OVER)
        own &= columns.task_id.in_(task_ids)
        with outside_errors(), self._recorder.writing() as connection:
            now = self._seconds(connection)
            connection.execute(update(work_tasks).where(own).values(seen_at=now))

    def _seconds(self, connection: Connection) -> int:
        return int(connection.execute(self._now).scalar_one())

    def _found(
        self, connection: Connection, query: Select[tuple[object, ...]], now: int
    ) -> KeptTask | None:
        row = connection.execute(query).mappings().first()
        if row is None:
            return None
        told = {name: value for name, value in row.items() if name not in ("process", "seen_at")}
        return KeptTask(**told, alive=row["seen_at"] >= now - ALIVE_SECONDS)

    def _values(self, task: KeptTask, now: int) -> dict[str, object]:
        return {
            "what": task.what[:80],
            "owner": task.owner[:200],
            "total": task.total,
            "done": task.done,
            "state": task.state,
            "about": task.about,
            "result": task.result,
            "problem": task.problem,
            "process": self._process,
            "seen_at": now,
        }


def _one(task_id: UUID) -> Select[tuple[object, ...]]:
    return select(work_tasks).where(work_tasks.c.task_id == task_id)


def _may_begin(found: KeptTask) -> bool:
    return found.state == "refused" or (found.state != "done" and not found.alive)
