"""Makes read models again from all facts, beside the tables that everybody goes on reading."""

from __future__ import annotations

import os
from collections.abc import Sequence
from time import sleep

from attrs import define, evolve
from eventsourcing.persistence import PersistenceError
from sqlalchemy import Connection

from adapters.persistence.codec import FactMapper
from adapters.persistence.filling import (
    PAGE,
    TAIL,
    DecodedLog,
    Filling,
    Limits,
    Progress,
    apply_page,
)
from adapters.persistence.garbage import without_collection
from adapters.persistence.new_tables import NewTables, is_busy
from adapters.persistence.read_model import ReadModel, locked_positions, move
from adapters.persistence.read_models.reports import Reports
from adapters.persistence.rebuild_part import Asked
from adapters.persistence.recorder import EventRecorder
from adapters.persistence.side_process import SILENT_SECONDS, Made, SideProcess, beside
from adapters.persistence.view_store import StoredViews
from adapters.persistence.write_behind import MOST_ROWS

PAYS_ABOVE = 100_000
"""Facts beyond which a second process is worth its start, most of a second."""

_PART = "adapters.persistence.rebuild_part"
_TRIES = 600

Filled = tuple[ReadModel, int]
"""A model, and the position that its new tables tell of."""


class Rebuild:
    """One pass over the log for all models: each page is decoded once and given to all of them.

    A long log is read by two processes side by side. The other one fills the tables of the reports,
    which with the reading take as long as those of all other models.

    The rows are stored in new tables. Those who read see the old ones, which go on being followed,
    until the new ones take their place, model by model. A rebuild that is killed leaves everything
    as it was but for new tables, which the next one begins again.
    """

    def __init__(
        self,
        recorder: EventRecorder,
        mapper: FactMapper,
        *,
        url: str | None = None,
        processes: int | None = None,
        page: int = PAGE,
        most_rows: int = MOST_ROWS,
        tail: int = TAIL,
    ) -> None:
        """``url``: the address of the ledger, without which all is done in this process.

        ``processes``: one or two; else two if that pays and there are cores for them.
        """
        self._recorder = recorder
        self._url = url
        self._processes = processes
        self._limits = Limits(page, most_rows, tail)
        self._log = DecodedLog(recorder, mapper, page)

    def run(
        self, models: Sequence[ReadModel], progress: Progress = lambda applied, of: None
    ) -> int:
        """Gives the number of facts that the models were made of.

        Raises MapperDeserialisationError for a fact that this program cannot read,
        ConcurrencyConflict if another rebuild was begun after this one, and LedgerUnavailable if
        the second process came to nothing.
        """
        new = NewTables(self._recorder, [table for model in models for table in model.tables])
        new.begin()
        with without_collection():
            filled, applied = self._filled(models, new, progress)
        new.prepare()
        for model, reached in filled:
            self._swapped(model, new, reached)
        return applied

    def _filled(
        self, models: Sequence[ReadModel], new: NewTables, progress: Progress
    ) -> tuple[Sequence[Filled], int]:
        """Also the number of facts up to the last of these positions."""
        # The other process knows models by their names only.
        there = [model for model in models if type(model) is Reports]
        here = [model for model in models if model not in there]
        if self._url is not None and here and there and self._two_pay():
            return self._filled_by_two(self._url, here, there, new, progress)
        with self._recorder.reading() as connection:
            own = Filling(connection, self._log, models, new, self._limits)
            own.go_on(progress)
        return [(model, own.reached) for model in models], own.applied

    def _two_pay(self) -> bool:
        if self._processes is not None:
            return self._processes > 1
        if len(os.sched_getaffinity(0)) == 1:
            return False
        return self._log.count(after=0, until=self._log.end()) > PAYS_ABOVE

    def _filled_by_two(
        self,
        url: str,
        here: Sequence[ReadModel],
        there: Sequence[ReadModel],
        new: NewTables,
        progress: Progress,
    ) -> tuple[Sequence[Filled], int]:
        limits = evolve(self._limits, most_rows=self._limits.most_rows // 2)
        asked: Asked = (url, new.mark, [model.name for model in there], limits)
        with (
            self._recorder.reading() as connection,
            beside(_PART, asked, "the process that rebuilds the reports") as side,
        ):
            other = _Other(side, progress)
            own = Filling(connection, self._log, here, new, limits)
            own.go_on(other.beside)
            reached, applied = other.end()
            # One waited for the other, and facts were recorded meanwhile.
            own.go_on(other.here)
        applied = max(applied, own.applied)
        other.both_are_at(applied)
        filled = [(model, own.reached) for model in here] + [(model, reached) for model in there]
        return filled, applied

    def _swapped(self, model: ReadModel, new: NewTables, reached: int) -> None:
        for again in range(_TRIES):
            try:
                with self._recorder.migrating() as connection:
                    self._swap(connection, model, new, reached)
                return
            except PersistenceError as error:
                if not is_busy(error) or again + 1 == _TRIES:
                    raise
            sleep(0.1)

    def _swap(self, connection: Connection, model: ReadModel, new: NewTables, reached: int) -> None:
        locked_positions(connection, (model,))
        new.lock(connection, model.tables)
        views = StoredViews(connection, new.instead)
        for page in self._log.pages(reached, None):
            apply_page((model,), views, page)
            reached = page[-1][0]
        new.swap(connection, model.tables)
        move(connection, (model,), reached)


@define
class _Other:
    """The process beside this one, and how far both are: as far as the slower one."""

    _side: SideProcess
    _progress: Progress
    _applied_here: int = 0
    _applied_there: int = 0
    _of: int = 0
    _told: tuple[int, int] = (0, 0)

    def beside(self, applied: int, of: int) -> None:
        """How far this process is. Raises what became of the other one: neither goes on alone."""
        while self._side.has_told():
            self._hear()
        self.here(applied, of)

    def here(self, applied: int, of: int) -> None:
        """The same after the other one has ended."""
        self._applied_here, self._of = applied, max(of, self._of)
        self._tell()

    def end(self) -> tuple[int, int]:
        """The position that it reached, and the number of facts up to there."""
        self._side.tell("this one is done")
        while (made := self._hear()) is None:
            self._tell()
        reached, applied = made.result
        return reached, applied

    def both_are_at(self, applied: int) -> None:
        self._applied_here = self._applied_there = self._of = applied
        self._tell()

    def _hear(self) -> Made | None:
        told = self._side.hear(SILENT_SECONDS)
        if isinstance(told, Made):
            return told
        self._applied_there, of = told.told
        self._of = max(of, self._of)
        return None

    def _tell(self) -> None:
        far = min(self._applied_here, self._applied_there), self._of
        if far[0] > self._told[0] or far == (far[1], far[1]) != self._told:
            self._told = far
            self._progress(*far)
