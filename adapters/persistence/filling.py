"""Gives every fact of a log to some read models, which write into new tables (ADR 0031)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from uuid import UUID

from attrs import frozen
from eventsourcing.persistence import MapperDeserialisationError
from sqlalchemy import Connection

from adapters.persistence.codec import FactMapper, RecordedFact
from adapters.persistence.log_reader import LogReader, Row
from adapters.persistence.new_tables import NewTables
from adapters.persistence.read_model import Page, ReadModel, for_each
from adapters.persistence.recorder import EventRecorder
from adapters.persistence.view_store import ViewStore
from adapters.persistence.write_behind import MOST_ROWS, WriteBehind

Progress = Callable[[int, int], object]
"""Is told how many facts were applied, and how many there are."""

PAGE = 10_000
"""Facts that are decoded at a time."""

TAIL = 2_000
"""Facts that may be applied while the tables are locked to be swapped."""

_ROUNDS = 5


@frozen
class Limits:
    """The most at a time: facts of a page, rows in memory, facts that are left to a swap."""

    page: int = PAGE
    most_rows: int = MOST_ROWS
    tail: int = TAIL


class DecodedLog:
    """The facts in their order, each page decoded once for all who take something from it."""

    def __init__(self, recorder: EventRecorder, mapper: FactMapper, page: int) -> None:
        self._log = LogReader(recorder, mapper, page=page)
        self._mapper = mapper

    def end(self) -> int:
        return self._log.end()

    def count(self, *, after: int, until: int) -> int:
        return self._log.count(after=after, until=until)

    def pages(self, after: int, until: int | None) -> Iterator[Page]:
        """Raises MapperDeserialisationError for a fact that this program cannot read."""
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


class Filling:
    """New tables of some models, from the first fact up to where they have ``reached``."""

    def __init__(
        self,
        connection: Connection,
        log: DecodedLog,
        models: Sequence[ReadModel],
        new: NewTables,
        limits: Limits,
    ) -> None:
        """``connection`` reads what others have committed."""
        self._log = log
        self._models = models
        self._views = WriteBehind(connection, new, most_rows=limits.most_rows)
        self._tail = limits.tail
        self.reached = 0
        """The position that the tables tell of."""
        self.applied = 0
        """The number of facts up to there."""

    def go_on(self, progress: Progress) -> None:
        """Until no more facts are left than a swap may apply, and all rows are stored."""
        for _ in range(_ROUNDS):
            until = self._log.end()
            there = self.applied + self._log.count(after=self.reached, until=until)
            if there - self.applied <= self._tail and self.reached:
                break
            for page in self._log.pages(self.reached, until):
                apply_page(self._models, self._views, page)
                self._views.make_room()
                self.applied += len(page)
                progress(self.applied, there)
            self.reached = until
            # What was recorded meanwhile takes less time, and so there is less of it.
            self._views.store_all()


def apply_page(models: Sequence[ReadModel], views: ViewStore, page: Page) -> None:
    for model, part in zip(models, for_each(models, page), strict=True):
        if part:
            model.apply(views, part)
