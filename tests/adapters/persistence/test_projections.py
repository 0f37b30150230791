"""Read models: every fact applied once, in pages, whoever does it."""

from __future__ import annotations

from uuid import UUID, uuid4

import pytest
from sqlalchemy import func, select

from adapters.persistence.codec import FactMapper
from adapters.persistence.projections import Page, Projections
from adapters.persistence.recorder import EventRecorder
from adapters.persistence.units_of_work import LedgerUnitsOfWork
from adapters.persistence.view_store import ViewStore
from application.ports import Unit
from tests.adapters.persistence import worker
from tests.adapters.persistence.purses import added, opened
from tests.adapters.persistence.worker import Entries, entries


def record(units: LedgerUnitsOfWork, facts: int) -> None:
    """Opens a purse with this many facts."""
    purse_id: UUID = uuid4()

    def decide(unit: Unit) -> None:
        opened(unit, purse_id)
        for _ in range(facts - 1):
            added(unit, purse_id, uuid4(), 1)

    units.run(decide, writes=[purse_id])


class Paged(Entries):
    """Notes how many facts came at once, and fails when a test says so."""

    def __init__(self) -> None:
        self.pages: list[int] = []
        self.fails = False

    def apply(self, views: ViewStore, page: Page) -> None:
        super().apply(views, page)
        self.pages.append(len(page))
        if self.fails:
            raise ArithmeticError


@pytest.fixture
def projections(recorder: EventRecorder, mapper: FactMapper) -> Projections:
    with recorder.writing() as connection:
        entries.create(connection)
    return Projections(recorder, mapper, page=10)


def rows(recorder: EventRecorder) -> int:
    with recorder.reading() as connection:
        return connection.execute(select(func.count()).select_from(entries)).scalar_one()


def test_a_model_catches_up_in_pages(
    projections: Projections, units: LedgerUnitsOfWork, recorder: EventRecorder
) -> None:
    record(units, 25)
    model = Paged()
    assert projections.catch_up(model) == 25
    assert model.pages == [10, 10, 5]
    assert projections.position(model) == recorder.max_notification_id()
    record(units, 3)
    assert projections.catch_up(model) == 3
    assert projections.catch_up(model) == 0
    assert rows(recorder) == 28


def test_a_page_that_fails_leaves_no_trace(
    projections: Projections, units: LedgerUnitsOfWork, recorder: EventRecorder
) -> None:
    record(units, 5)
    model = Paged()
    model.fails = True
    with pytest.raises(ArithmeticError):
        projections.catch_up(model)
    assert rows(recorder) == 0
    model.fails = False
    assert projections.catch_up(model) == 5


def test_a_model_is_rebuilt_from_the_first_fact(
    projections: Projections, units: LedgerUnitsOfWork, recorder: EventRecorder
) -> None:
    record(units, 15)
    model = Paged()
    projections.catch_up(model)
    with recorder.writing() as connection:
        connection.execute(entries.update().values(name="wrong"))
    assert projections.rebuild(model) == 15
    with recorder.reading() as connection:
        names = set(connection.execute(select(entries.c.name)).scalars())
    assert names == {"PurseOpened", "FundsAdded"}
    assert rows(recorder) == 15


def test_the_slower_of_two_followers_discards_its_page(
    projections: Projections, units: LedgerUnitsOfWork, recorder: EventRecorder, mapper: FactMapper
) -> None:
    record(units, 10)
    faster, slower = Projections(recorder, mapper, page=10), projections
    read = slower._read

    def overtaken(start: int) -> Page:
        page = read(start)
        faster.catch_up(Entries())
        return page

    slower._read = overtaken  # type: ignore[method-assign]
    model = Paged()
    assert slower.catch_up(model) == 0
    assert model.pages == []
    assert rows(recorder) == 10


@pytest.mark.processes
def test_processes_that_follow_at_once_apply_each_fact_once(
    projections: Projections, units: LedgerUnitsOfWork, recorder: EventRecorder, ledger_url: str
) -> None:
    record(units, 1_000)
    running = [worker.start("follow", ledger_url) for _ in range(3)]
    applied = [int(each.communicate(timeout=60)[0]) for each in running]
    assert sum(applied) == 1_000
    assert rows(recorder) == 1_000
