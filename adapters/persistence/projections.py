"""Read models: tables that are kept in step with the facts by reading the log in pages."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from sqlalchemy import Connection, Select, Table, delete, select, text, update

from adapters.persistence.codec import FactMapper, RecordedFact
from adapters.persistence.recorder import EventRecorder
from adapters.persistence.tables import projection_positions

PAGE = 1_000
"""How many facts are applied in one transaction."""

Page = Sequence[tuple[int, RecordedFact]]
"""Facts with their positions in the log, in order."""


class ReadModel(Protocol):
    """Tables made of facts. They hold nothing that the facts do not tell, and can be rebuilt."""

    @property
    def name(self) -> str:
        """Under which its position is kept: for ever, or it starts again from the first fact."""
        ...

    @property
    def tables(self) -> Sequence[Table]:
        """Everything it writes. A rebuild empties these, in this order."""
        ...

    def apply(self, connection: Connection, page: Page) -> None:
        """Writes what the facts mean, in the transaction that stores the position as well."""
        ...


class Projections:
    """Moves read models forward. Any number of processes may do so at once."""

    def __init__(self, recorder: EventRecorder, mapper: FactMapper, *, page: int = PAGE) -> None:
        self._recorder = recorder
        self._mapper = mapper
        self._page = page

    def catch_up(self, model: ReadModel) -> int:
        """Applies the facts the model has not seen and returns how many this call applied.

        Each page is applied once, whoever applies it: the position is locked and compared before
        anything is written, so of two processes with the same page the slower one discards it.
        Raises MapperDeserialisationError for a fact that this program cannot read.
        """
        return self.catch_up_all((model,))

    def catch_up_all(self, models: Sequence[ReadModel]) -> int:
        """The same for several models, page after page: what is read is read once for all that are
        at the same place."""
        applied = 0
        moving = list(models)
        while moving:
            pages: dict[int, Page] = {}
            still = []
            for model in moving:
                start = self.position(model)
                if start not in pages:
                    pages[start] = self._read(start)
                if page := pages[start]:
                    still.append(model)
                    applied += self._applied(model, start, page)
            moving = still
        return applied

    def _applied(self, model: ReadModel, start: int, page: Page) -> int:
        with self._recorder.writing() as connection:
            if self._locked_position(connection, model) != start:
                return 0
            model.apply(connection, page)
            self._move(connection, model, page[-1][0])
        return len(page)

    def rebuild(self, model: ReadModel) -> int:
        """Empties the model and applies every fact again. Returns how many this call applied."""
        with self._recorder.writing() as connection:
            self._locked_position(connection, model)
            for table in model.tables:
                connection.execute(delete(table))
            self._move(connection, model, 0)
        return self.catch_up(model)

    def position(self, model: ReadModel) -> int:
        """The position of the last fact the model has applied, 0 before the first."""
        with self._recorder.reading() as connection:
            position = connection.execute(_position(model)).scalar()
        return int(position or 0)

    def _read(self, start: int) -> Page:
        found = self._recorder.select_notifications(start, self._page, inclusive_of_start=False)
        return [(each.id, self._mapper.to_domain_event(each)) for each in found]

    def _locked_position(self, connection: Connection, model: ReadModel) -> int:
        connection.execute(
            text(
                "INSERT INTO projection_positions (name, position) VALUES (:name, 0)"
                " ON CONFLICT (name) DO NOTHING"
            ),
            {"name": model.name},
        )
        # SQLite has one writer at a time and leaves FOR UPDATE out.
        return int(connection.execute(_position(model).with_for_update()).scalar_one())

    def _move(self, connection: Connection, model: ReadModel, position: int) -> None:
        connection.execute(
            update(projection_positions)
            .where(projection_positions.c.name == model.name)
            .values(position=position)
        )


def _position(model: ReadModel) -> Select[int]:
    return select(projection_positions.c.position).where(projection_positions.c.name == model.name)
