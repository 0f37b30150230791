"""What the tests let other processes do with a ledger: ``python -m ...worker <what> <url> ...``."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import Column, Integer, MetaData, String, Table

from adapters.persistence.codec import FactMapper
from adapters.persistence.connecting import connect
from adapters.persistence.leases import leases_of
from adapters.persistence.migrations import upgrade
from adapters.persistence.projections import Page, Projections
from adapters.persistence.tables import claims
from adapters.persistence.units_of_work import LedgerUnitsOfWork
from adapters.persistence.view_store import ViewStore
from application.ports import Unit
from tests.adapters.persistence.purses import FACTS, UPCASTS, added, opened
from tests.support.stores import FixedClock

ROOT = Path(__file__).parents[3]

entries = Table(
    "entries",
    MetaData(),
    Column("position", Integer, primary_key=True),
    Column("name", String, nullable=False),
)


class Entries:
    """A tiny read model: one row for each fact, so a fact that is applied twice is an error."""

    name = "entries"
    tables = (entries,)
    facts = tuple(FACTS.values())

    def apply(self, views: ViewStore, page: Page) -> None:
        rows = [
            {"position": position, "name": type(recorded.fact).__name__}
            for position, recorded in page
        ]
        views.execute(views.table(entries).insert(), rows)


def start(what: str, *arguments: object, **options: Any) -> subprocess.Popen[str]:
    """Starts a process that does one of the things below."""
    return subprocess.Popen(
        [sys.executable, "-m", "tests.adapters.persistence.worker", what, *map(str, arguments)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
        **options,
    )


def write(url: str, count: str, threads: str) -> None:
    """Records facts in purses of its own, several threads at once, until each has its count."""
    with connect(url) as recorder:
        units = LedgerUnitsOfWork(recorder, FactMapper(FACTS, UPCASTS), FixedClock())

        def work() -> None:
            purse_id = uuid4()
            units.run(lambda unit: opened(unit, purse_id), writes=[purse_id])
            for _ in range(int(count) - 1):
                units.run(lambda unit: added(unit, purse_id, uuid4(), 1), writes=[purse_id])

        running = [threading.Thread(target=work) for _ in range(int(threads))]
        for thread in running:
            thread.start()
        for thread in running:
            thread.join()


def acknowledge(url: str) -> None:
    """Says which top-up is stored, after each one, until it is killed."""
    with connect(url) as recorder:
        units = LedgerUnitsOfWork(recorder, FactMapper(FACTS, UPCASTS), FixedClock())
        purse_id = uuid4()
        units.run(lambda unit: opened(unit, purse_id), writes=[purse_id])
        while True:
            top_up_id = uuid4()
            _add(units, purse_id, top_up_id)
            print(purse_id, top_up_id, flush=True)  # noqa: T201 - the test reads it


def acknowledge_early(url: str) -> None:
    """The same mistake on purpose: it says so before the transaction ends."""
    with connect(url) as recorder, recorder.writing() as connection:
        number = 0
        while True:
            number += 1
            connection.execute(
                claims.insert().values(kind="early", key=str(number), stream_id=uuid4())
            )
            print("early", number, flush=True)  # noqa: T201 - the test reads it


def take_turns(url: str, purse: str, count: str) -> None:
    """Adds to one purse that other processes add to as well."""
    purse_id = UUID(purse)
    with connect(url) as recorder:
        units = LedgerUnitsOfWork(recorder, FactMapper(FACTS, UPCASTS), FixedClock())
        for _ in range(int(count)):
            _add(units, purse_id, uuid4())


def migrate(url: str) -> None:
    """Brings the tables up to date, and records a fact to prove it."""
    with connect(url) as recorder:
        upgrade(recorder)
    write(url, "1", "1")


def follow(url: str) -> None:
    """Moves the read model forward until it has seen everything."""
    with connect(url) as recorder:
        projections = Projections(recorder, FactMapper(FACTS, UPCASTS), page=50)
        print(projections.catch_up(Entries()))  # noqa: T201 - the test reads it


def hold(url: str, lease: str) -> None:
    """Takes a lease, says so, and keeps it until it is killed."""
    with leases_of(url) as leases:
        print(leases.take(lease), flush=True)  # noqa: T201 - the test reads it
        while leases.take(lease):
            threading.Event().wait(0.2)


def _add(units: LedgerUnitsOfWork, purse_id: UUID, top_up_id: UUID) -> None:
    def decide(unit: Unit) -> None:
        added(unit, purse_id, top_up_id, 1)

    units.run(decide, writes=[purse_id])


DOES: dict[str, Callable[..., None]] = {
    each.__name__: each
    for each in (write, acknowledge, acknowledge_early, take_turns, migrate, follow, hold)
}

if __name__ == "__main__":
    DOES[sys.argv[1]](*sys.argv[2:])
