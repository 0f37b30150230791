"""Figures of the books: told at once where the log is short, and read behind the door elsewhere.

Whoever asks again meets the same reading, and then its figures. As of a moment that has passed they
stay the same for ever. Figures of now that took long to make are told for a while, with the moment
that they are of: else a long log would be read again and again, and nobody would see the end.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from datetime import datetime, timedelta
from threading import Lock
from uuid import UUID, uuid5

from attrs import define, field, frozen

from adapters.http import problems
from adapters.http.problems import AskedWrongly, asked_wrongly
from adapters.http.work import Progress, Task, Work
from application.book_questions import AskedBooks, Figures, Question
from application.ports import Clock

READING = "reading of the books"

AT_ONCE = 20_000
"""Facts that are read while the client waits: a fraction of a second."""

MOST_KEPT = 8
"""Figures that are remembered: a statement may have thousands of lines."""

MOST_READINGS = 2
"""Readings that one person or machine may have waiting."""

TOLD_FOR = 10
"""Figures of now are told for so many times as long as they took to make."""

_READINGS = UUID("8a4d2f0c-6f0e-4a55-9a55-1f0f5b6d3c21")


@frozen
class Told:
    """Figures as of a moment: by the facts up to a position."""

    figures: Figures
    at: datetime
    position: int


@frozen
class Reading:
    """How far a reading is: a position, of the position where it ends."""

    done: int
    total: int
    at: datetime


@frozen
class _Asked:
    question: Question
    at: datetime | None
    """None: now, whenever that is."""


@define(eq=False)
class _Known:
    """One reading, and what came of it."""

    at: datetime
    task: Task
    told: Told | None = None
    good_until: datetime | None = None
    """None: for ever."""

    def is_good(self, now: datetime) -> bool:
        return self.told is None or self.good_until is None or now <= self.good_until


@define(eq=False)
class BookAnswers:
    """Answers questions to the books, and remembers the last ones."""

    books: AskedBooks
    clock: Clock
    at_once: int = AT_ONCE
    _known: OrderedDict[_Asked, _Known] = field(factory=OrderedDict)
    _lock: Lock = field(factory=Lock)
    _readings: int = 0

    def ask(
        self, work: Work, owner: str, question: Question, at: datetime | None
    ) -> Told | Reading:
        """Raises what the rules refuse, and AskedWrongly when too much is being read already."""
        now = self.clock.now()
        asked = _Asked(question, at if at is not None and at < now else None)
        moment = asked.at or now
        known = self._find(asked, now)
        if known is None:
            position = self.books.position(asked.at)
            if position <= self.at_once:
                figures = self._read(question, position, lambda read: None)
                return Told(figures, moment, position)
            known = self._begin(work, owner, asked, moment, position)
        if known.told is not None:
            return known.told
        if known.task.state == "refused":
            with self._lock:
                self._known.pop(asked, None)
            assert known.task.problem is not None, "what is refused says why"
            raise AskedWrongly(known.task.problem)
        return Reading(known.task.done, known.task.total, known.at)

    def _find(self, asked: _Asked, now: datetime) -> _Known | None:
        with self._lock:
            known = self._known.get(asked)
            if known is not None and not known.is_good(now):
                del self._known[asked]
                return None
            if known is not None:
                self._known.move_to_end(asked)
            return known

    def _begin(
        self, work: Work, owner: str, asked: _Asked, moment: datetime, position: int
    ) -> _Known:
        """Two who ask the same at the same time find the same reading."""
        with self._lock:
            if (known := self._known.get(asked)) is not None:
                return known
            self._readings += 1
            task_id = uuid5(_READINGS, f"{self._readings}")
            known = _Known(moment, Task(task_id, READING, owner, position, lambda _: None))
            known.task.run = self._run(known, asked, position)
            work.start(known.task, MOST_READINGS)
            self._known[asked] = known
            self._forget()
            return known

    def _run(self, known: _Known, asked: _Asked, position: int) -> Callable[[Progress], object]:
        def run(progress: Progress) -> None:
            begun = self.clock.now()
            figures = self._read(asked.question, position, progress)
            if asked.at is None:
                took = self.clock.now() - begun
                known.good_until = self.clock.now() + max(took * TOLD_FOR, timedelta(seconds=10))
            known.told = Told(figures, known.at, position)

        return run

    def _read(self, question: Question, position: int, progress: Progress) -> Figures:
        try:
            return self.books.answer(question, position, progress)
        except ValueError as error:
            raise asked_wrongly(problems.DAMAGED, str(error)) from error

    def _forget(self) -> None:
        """The oldest figures; a reading that is under way is never forgotten."""
        over = [each for each, known in self._known.items() if known.task.over]
        for each in over[: max(0, len(over) - MOST_KEPT)]:
            del self._known[each]
