"""The part of a rebuild that a process of its own takes: some models, into tables that are there.

The one that began the rebuild goes on with the other models, and swaps all of them in the end.
"""

from __future__ import annotations

from collections.abc import Sequence

from eventsourcing.persistence import (
    MapperDeserialisationError,
    OperationalError,
    PersistenceError,
)

from adapters.persistence.codec import FactMapper
from adapters.persistence.connecting import connect
from adapters.persistence.facts import FACTS, UPCASTS
from adapters.persistence.filling import DecodedLog, Filling, Limits
from adapters.persistence.new_tables import NewTables
from adapters.persistence.read_models import ALL
from adapters.persistence.side_process import Asker, serve
from application.ports import ConcurrencyConflict

Asked = tuple[str, int, Sequence[str], Limits]
"""The address of the ledger, the mark of the rebuild, the names of the models."""

SAME = (ConcurrencyConflict, MapperDeserialisationError, OperationalError, PersistenceError)
"""Errors that reach whoever began the rebuild as if it had done everything by itself."""


def work(asked: Asked, asker: Asker) -> tuple[int, int]:
    """Tells of each page how many facts are applied and how many there are, and gives the position
    that was reached and the number of facts up to there."""
    url, mark, names, limits = asked

    def progress(applied: int, there: int) -> None:
        asker.tell((applied, there))

    with connect(url) as recorder, recorder.reading() as connection:
        models = [model for model in ALL if model.name in names]
        new = NewTables(recorder, [table for each in models for table in each.tables], mark=mark)
        log = DecodedLog(recorder, FactMapper(FACTS, UPCASTS), limits.page)
        part = Filling(connection, log, models, new, limits)
        part.go_on(progress)
        # The other models may take longer, and more may be recorded until they are there.
        asker.hear()
        part.go_on(progress)
        return part.reached, part.applied


if __name__ == "__main__":
    serve(work, SAME)
