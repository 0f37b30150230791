"""Read models: tables that are kept in step with the facts by reading the log in pages."""

from __future__ import annotations

from collections.abc import Sequence

from eventsourcing.persistence import MapperDeserialisationError, PersistenceError

from adapters.persistence.codec import FactMapper
from adapters.persistence.filling import Progress
from adapters.persistence.read_model import (
    Page,
    ReadModel,
    for_each,
    locked_positions,
    move,
    positions,
)
from adapters.persistence.rebuilding import Rebuild
from adapters.persistence.recorder import EventRecorder
from adapters.persistence.view_store import StoredViews

__all__ = ["PAGE", "Page", "Projections", "ReadModel"]

PAGE = 1_000
"""How many facts are applied in one transaction."""


class Projections:
    """Moves read models forward. Any number of processes may do so at once."""

    def __init__(
        self,
        recorder: EventRecorder,
        mapper: FactMapper,
        *,
        page: int = PAGE,
        url: str | None = None,
    ) -> None:
        """``url``: the address of the ledger, with which a rebuild can take a second process."""
        self._recorder = recorder
        self._mapper = mapper
        self._page = page
        self._url = url

    def catch_up(self, model: ReadModel) -> int:
        """Applies the facts the model has not seen and returns how many this call applied.

        Each page is applied once, whoever applies it: the position is locked and compared before
        anything is written, so of two processes with the same page the slower one discards it.
        Raises MapperDeserialisationError for a fact that this program cannot read.
        """
        return self.catch_up_all((model,))

    def catch_up_all(self, models: Sequence[ReadModel]) -> int:
        """The same for several models, page after page: what is read is read once for all that are
        at the same place, and applied by them in one transaction.

        A model that cannot go on keeps no other from it: its fault is raised when all are through.
        """
        applied = 0
        faults: list[Exception] = []
        moving = list(models)
        while moving:
            with self._recorder.reading() as connection:
                places = positions(connection, moving)
            still: list[ReadModel] = []
            for start in sorted(set(places.values())):
                together = [each for each in moving if places[each.name] == start]
                try:
                    page = self._read(start)
                except MapperDeserialisationError as fault:
                    faults.append(fault)
                    continue
                if page:
                    done, able = self._applied(together, start, page, faults)
                    applied += done
                    # A page that is not full was the last one, unless others were faster.
                    if not done or len(page) == self._page:
                        still += able
            moving = still
        if faults:
            raise faults[0]
        return applied

    def rebuild(self, *models: ReadModel, progress: Progress = lambda applied, of: None) -> int:
        """Makes the models again from all facts, and gives the number of these (ADR 0031)."""
        return Rebuild(self._recorder, self._mapper, url=self._url).run(models, progress)

    def position(self, model: ReadModel) -> int:
        """The position of the last fact the model has applied, 0 before the first."""
        with self._recorder.reading() as connection:
            return positions(connection, (model,))[model.name]

    def _applied(
        self, models: Sequence[ReadModel], start: int, page: Page, faults: list[Exception]
    ) -> tuple[int, Sequence[ReadModel]]:
        """Also which models can go on; why the others cannot is added to ``faults``."""
        try:
            return self._applied_at_once(models, start, page), models
        except PersistenceError:
            raise
        except Exception as fault:
            if len(models) == 1:
                faults.append(fault)
                return 0, ()
        applied: int = 0
        able: list[ReadModel] = []
        for model in models:
            done, one = self._applied((model,), start, page, faults)
            applied += done
            able += one
        return applied, able

    def _applied_at_once(self, models: Sequence[ReadModel], start: int, page: Page) -> int:
        with self._recorder.writing() as connection:
            places = locked_positions(connection, models)
            here = [each for each in models if places[each.name] == start]
            if not here:
                return 0
            views = StoredViews(connection)
            for model, part in zip(here, for_each(here, page), strict=True):
                if part:
                    model.apply(views, part)
            move(connection, here, page[-1][0])
        return len(page) * len(here)

    def _read(self, start: int) -> Page:
        found = self._recorder.select_notifications(start, self._page, inclusive_of_start=False)
        return [(each.id, self._mapper.to_domain_event(each)) for each in found]
