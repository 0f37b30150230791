"""Work that takes longer than a request should: asked for, done behind the door, looked at.

A handler gives it a task under the id of the request, which is the same for every repetition::

    def import_sheet(services, asked):
        task_id = asked.command_id("rate sheet")
        task = Task(task_id, "rate sheet", asked.actor.identity, total=rows, run=run)
        return Answer(_shown(services.work.start(task)), 202)

``run`` is called with a function that is told how much is done, and gives what becomes the task's
``result`` in the end; what the rules refuse is the task's ``problem``. It is done by the process
that was asked, and when that one is gone, the same request begins it again anywhere: so the work
has to be one that may be done again. The topic shows it, found by its id, at a GET of its own:
``adjustments`` is a short example.

Where several processes serve requests, each knows the tasks of the others by what is kept of them
(``application.kept_tasks``). For that a topic says what its tasks remember and come to::

    kept("rate sheet", about=Outcome, result=Outcome)
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable
from threading import Condition
from time import monotonic
from typing import Any
from uuid import UUID

import msgspec
import structlog
from attrs import define, evolve, field, frozen

from adapters.http import problems
from adapters.http.problems import RETRY_AFTER, Problem, asked_wrongly
from adapters.http.refusals import KINDS, problem_of
from application.kept_tasks import KeptTask, KeptTasks
from application.ports import LedgerUnavailable

MOST_WAITING = 100
MOST_REMEMBERED = 100
"""Tasks that are over and still told of: a report may name thousands of cards."""

TELL_SECONDS = 1.0
"""How often other processes are told how far a task is."""

STILL_HERE_SECONDS = 5.0
"""How often they are told that its process is alive."""

GONE = "the server that did it has ended; asked for again, it goes on where it was"

Progress = Callable[[int], object]

_log = structlog.get_logger(__name__)


class Stopping(Exception):
    """The program ends: work stops where it may be taken up again."""


@define(eq=False)
class Task:
    """``state``: waiting, running, done or refused. ``owner``: the identity of who asked;
    ``about``: what its topic remembers of it."""

    task_id: UUID
    what: str
    owner: str
    total: int
    run: Callable[[Progress], object]
    about: object = None
    state: str = "waiting"
    done: int = 0
    result: object = None
    problem: Problem | None = None

    @property
    def over(self) -> bool:
        return self.state in ("done", "refused")

    def perform(
        self,
        stopping: Callable[[], bool] = lambda: False,
        tell: Callable[[], object] = lambda: None,
    ) -> None:
        """Does it, whatever comes of it: a fault is logged, as one of a request would be.

        ``tell`` is called now and then while it is under way.
        """
        told = monotonic()

        def progress(done: int) -> None:
            nonlocal told
            self.done = done
            if monotonic() >= told + TELL_SECONDS:
                tell()
                told = monotonic()
            if stopping():
                raise Stopping

        self.state = "running"
        try:
            self.result = self.run(progress)
            self.state = "done"
        except Stopping:
            detail = "the server was stopped; asked for again, it goes on where it was"
            self.problem, self.state = Problem(problems.OVERLOADED, detail), "refused"
        except Exception as error:
            problem = problem_of(error)
            if problem is None:
                _log.exception("a task failed", task=self.what, task_id=str(self.task_id))
                problem = Problem(
                    problems.FAULT, f"the fault is in the log under the task {self.task_id}"
                )
            self.problem = problem
            self.state = "refused"
        finally:
            # What it holds on to, such as a file's rows, is needed no more.
            self.run = _nothing


@define(eq=False)
class Work:
    """Tasks, done one after the other by the thread that calls ``run_next`` again and again."""

    _kept: KeptTasks | None = None
    _tasks: OrderedDict[UUID, Task] = field(factory=OrderedDict)
    _waiting: deque[Task] = field(factory=deque)
    _changed: Condition = field(factory=Condition)
    _untold: dict[UUID, Task] = field(factory=dict)
    _stopped: bool = False

    def start(self, task: Task, most: int = MOST_WAITING) -> Task:
        """The task under this id: the one that was started before, unless it was refused.

        Raises AskedWrongly when too many are waiting, or ``most`` of the same owner.
        """
        with self._changed:
            known = self._tasks.get(task.task_id)
            if known is not None and known.state != "refused":
                return known
            own = sum(each.owner == task.owner for each in self._waiting)
            if len(self._waiting) >= MOST_WAITING or own >= most:
                raise asked_wrongly(
                    problems.OVERLOADED, "too much work is waiting; ask again", RETRY_AFTER
                )
        if self._kept and task.what in _KEPT and (elsewhere := self._kept.begin(_row(task))):
            return self.find(task.task_id) or _told(elsewhere)
        with self._changed:
            self._tasks[task.task_id] = task
            self._untold.pop(task.task_id, None)
            self._tasks.move_to_end(task.task_id)
            self._waiting.append(task)
            self._forget()
            self._changed.notify()
            return task

    def at_once(self, task: Task) -> Task:
        """Performs a short task now, unless it was done before; lets refusals of the rules pass."""
        known = self.find(task.task_id)
        if known is not None and known.state != "refused":
            return known
        task.result, task.state = task.run(lambda done: None), "done"
        with self._changed:
            self._tasks[task.task_id] = task
            self._forget()
        if self._kept and task.what in _KEPT:
            self._kept.begin(_row(task))
        return task

    def find(self, task_id: UUID) -> Task | None:
        """A task of this process, or of another one as far as it has told."""
        with self._changed:
            known = self._tasks.get(task_id)
        if self._kept and (known is None or known.state == "refused"):
            # What was refused here may have been begun again elsewhere.
            elsewhere = self._kept.find(task_id)
            if elsewhere is not None and elsewhere.what in _KEPT:
                return _told(elsewhere)
        return known

    def still_here(self) -> None:
        """Tells other processes that the tasks of this one are not forgotten, and what became of
        those whose end could not be told before."""
        with self._changed:
            under_way = [task_id for task_id, each in self._tasks.items() if not each.over]
        if self._kept and under_way:
            self._kept.still_here(under_way)
        for task in list(self._untold.values()):
            if task.over:
                self._tell(task)

    def run_next(self, seconds: float | None = 0.0) -> bool:
        """Performs one task; waits so many seconds for one, None: until there is one.

        False if there is none, or the end has come.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._stopped, seconds)
            if self._stopped or not self._waiting:
                return False
            task = self._waiting.popleft()
        task.perform(lambda: self._stopped, lambda: self._tell(task))
        self._tell(task)
        return True

    def stop(self) -> None:
        """No further task is begun, and one that is running stops when it tells how far it is."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()

    def _tell(self, task: Task) -> None:
        if self._kept is None or task.what not in _KEPT:
            return
        try:
            self._kept.save(_row(task))
            self._untold.pop(task.task_id, None)
        except LedgerUnavailable as error:
            # The work itself has its own words for that; the next telling brings this one too.
            _log.warning("task_not_told", task_id=str(task.task_id), fault=str(error))
            self._untold[task.task_id] = task

    def _forget(self) -> None:
        over = [each for each, task in self._tasks.items() if task.over]
        for each in over[: max(0, len(over) - MOST_REMEMBERED)]:
            del self._tasks[each]


def _nothing(_: Progress) -> object:
    return None


@frozen
class _Kinds:
    about: Any
    result: Any


_KEPT: dict[str, _Kinds] = {}


def kept(what: str, *, about: Any = None, result: Any = None) -> None:
    """Tasks of this name are known to all processes: what they remember and come to are of these
    types, which can be written as JSON."""
    _KEPT[what] = _Kinds(about, None if result is None else result | None)


def _row(task: Task) -> KeptTask:
    problem = b""
    if task.problem is not None:
        problem = msgspec.json.encode([task.problem.kind.slug, task.problem.detail])
    return KeptTask(
        task.task_id,
        task.what,
        task.owner,
        task.total,
        task.done,
        task.state,
        msgspec.json.encode(task.about),
        msgspec.json.encode(task.result),
        problem,
    )


def _told(row: KeptTask) -> Task:
    types = _KEPT[row.what]
    problem = None
    if row.problem:
        slug, detail = msgspec.json.decode(row.problem, type=tuple[str, str])
        problem = Problem(KINDS[slug], detail)
    task = Task(
        row.task_id,
        row.what,
        row.owner,
        row.total,
        _nothing,
        msgspec.json.decode(row.about, type=types.about),
        row.state,
        row.done,
        msgspec.json.decode(row.result, type=types.result),
        problem,
    )
    if not task.over and not row.alive:
        return evolve(task, state="refused", problem=Problem(problems.OVERLOADED, GONE))
    return task
