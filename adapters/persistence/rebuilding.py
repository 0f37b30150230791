"""Makes read models again from all facts, beside the tables that everybody goes on reading."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from time import sleep
from uuid import UUID

from eventsourcing.persistence import MapperDeserialisationError, PersistenceError
from sqlalchemy import Connection

from adapters.persistence.codec import FactMapper, RecordedFact
from adapters.persistence.garbage import without_collection
from adapters.persistence.log_reader import LogReader, Row
from adapters.persistence.new_tables import NewTables, is_busy
from adapters.persistence.read_model import Page, ReadModel, for_each, locked_positions, move
from adapters.persistence.recorder import EventRecorder
from adapters.persistence.view_store import StoredViews, ViewStore
from adapters.persistence.write_behind import MOST_ROWS, WriteBehind

PAGE = 10_000
"""Facts that are decoded at a time."""

TAIL = 2_000
"""Facts that may be applied while the tables are locked to be swapped."""

_ROUNDS = 5
_TRIES = 600

Progress = Callable[[int, int], object]
"""Is told how many facts were applied, and how many there are."""


class Rebuild:
    """One pass over the log for all models: each page is decoded once and given to all of them.

    The rows are stored in new tables. Those who read see the old ones, which go on being followed,
    until the new ones take their place, model by model. A rebuild that is killed leaves everything
    as it was but for new tables, which the next one begins again.
    """

    def __init__(
        self,
        recorder: EventRecorder,
        mapper: FactMapper,
        *,
        page: int = PAGE,
        most_rows: int = MOST_ROWS,
        tail: int = TAIL,
    ) -> None:
        self._recorder = recorder
        self._mapper = mapper
        self._log = LogReader(recorder, mapper, page=page)
        self._most_rows = most_rows
        self._tail = tail

    def run(
        self, models: Sequence[ReadModel], progress: Progress = lambda applied, of: None
    ) -> int:
        """Gives the number of facts that the models were made of.

        Raises MapperDeserialisationError for a fact that this program cannot read, and
        ConcurrencyConflict if another rebuild was begun after this one.
        """
        new = NewTables(self._recorder, [table for model in models for table in model.tables])
        new.begin()
        with without_collection():
            reached, applied = self._filled(models, new, progress)
        new.prepare()
        for model in models:
            self._swapped(model, new, reached)
        return applied

    def _filled(
        self, models: Sequence[ReadModel], new: NewTables, progress: Progress
    ) -> tuple[int, int]:
        """The position that the new tables tell of, and the number of facts up to there."""
        reached = applied = 0
        with self._recorder.reading() as connection:
            views = WriteBehind(connection, new, most_rows=self._most_rows)
            for _ in range(_ROUNDS):
                until = self._log.end()
                there = applied + self._log.count(after=reached, until=until)
                if there - applied <= self._tail and reached:
                    break
                for page in self._pages(reached, until):
                    _apply(models, views, page)
                    views.make_room()
                    applied += len(page)
                    progress(applied, there)
                reached = until
                # What was recorded meanwhile takes less time, and so there is less of it.
                views.store_all()
        return reached, applied

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
        for page in self._pages(reached, None):
            _apply((model,), views, page)
            reached = page[-1][0]
        new.swap(connection, model.tables)
        move(connection, (model,), reached)

    def _pages(self, after: int, until: int | None) -> Iterator[Page]:
        for rows in self._log.pages(after=after, until=until):
            yield self._decoded(rows)

    def _decoded(self, rows: Sequence[Row]) -> Page:
        decode = self._mapper.decode
        ids: dict[str, UUID] = {}
        page: list[tuple[int, RecordedFact]] = []
        for position, stream, version, name, data in rows:
            try:
                at, fact = decode(name, data)
            except Exception as error:
                raise MapperDeserialisationError(
                    f"fact {version} ({name}) of stream {UUID(stream)} cannot be read: {error}"
                ) from error
            stream_id = ids.get(stream)
            if stream_id is None:
                stream_id = ids[stream] = UUID(stream)
            page.append((position, RecordedFact(stream_id, version, at, fact)))
        return page


def _apply(models: Sequence[ReadModel], views: ViewStore, page: Page) -> None:
    for model, part in zip(models, for_each(models, page), strict=True):
        if part:
            model.apply(views, part)
