"""Bulk appends keep every promise of a unit of work, on every kind of store."""

from __future__ import annotations

import threading
from typing import Any
from uuid import UUID, uuid4

import pytest

from adapters.persistence.bulk import LedgerBulkAppends
from adapters.persistence.codec import FactMapper
from adapters.persistence.connecting import connect
from adapters.persistence.recorder import EventRecorder
from adapters.persistence.units_of_work import LedgerUnitsOfWork
from application.bulk import Addition, BulkAppends, Overtaken, stored_in_parts
from application.ports import Claim, Unit
from tests.adapters.persistence.purses import PURSES, PurseOpened, added, opened
from tests.support.bulk import MemoryBulkAppends
from tests.support.memory import MemoryUnitsOfWork
from tests.support.stores import KINDS, FixedClock

Both = tuple[BulkAppends, Any]


@pytest.fixture(params=["memory", *KINDS])
def store_kind(request: pytest.FixtureRequest) -> str:
    """Every kind of store, and the memory that the tests of the use cases run on."""
    kind: str = request.param
    return kind


@pytest.fixture
def both(
    store_kind: str, mapper: FactMapper, clock: FixedClock, request: pytest.FixtureRequest
) -> Both:
    """The bulk appends, and units of work on the same ledger: as far as caches go, elsewhere."""
    if store_kind == "memory":
        units = MemoryUnitsOfWork()
        return MemoryBulkAppends(units), units
    recorder: EventRecorder = request.getfixturevalue("recorder")
    return (
        LedgerBulkAppends(recorder, mapper, clock),
        LedgerUnitsOfWork(recorder, mapper, clock),
    )


def new(purse_id: UUID, *names: str) -> Addition:
    claims = tuple(Claim("name", name) for name in names)
    return Addition(PURSES, purse_id, 0, [PurseOpened("USD")], claims)


def test_many_streams_and_their_names_are_stored_together(both: Both) -> None:
    bulk, units = both
    ids = [uuid4() for _ in range(900)]
    bulk.append([new(each, f"name {n}") for n, each in enumerate(ids)])
    assert bulk.holders("name", ["name 7", "name 899", "nobody"]) == {
        "name 7": ids[7],
        "name 899": ids[899],
    }
    assert {loaded.version for loaded in bulk.load(PURSES, ids).values()} == {1}
    assert units.find("name", "name 3") == ids[3]


def test_a_version_that_exists_stores_nothing_at_all(both: Both) -> None:
    bulk, units = both
    first, second = uuid4(), uuid4()
    bulk.append([new(first)])
    with pytest.raises(Overtaken):
        bulk.append([new(second, "mine"), new(first)])
    assert bulk.load(PURSES, [second])[second].version == 0
    assert units.find("name", "mine") is None


def test_a_name_that_is_held_stores_nothing_at_all(both: Both) -> None:
    bulk, _ = both
    first, second, third = uuid4(), uuid4(), uuid4()
    bulk.append([new(first, "mine")])
    with pytest.raises(Overtaken):
        bulk.append([new(second, "other"), new(third, "mine")])
    assert bulk.holders("name", ["mine", "other"]) == {"mine": first}
    assert bulk.load(PURSES, [second])[second].state is None


def test_a_unit_of_work_that_cached_an_older_state_decides_anew(both: Both) -> None:
    bulk, units = both
    purse_id = uuid4()
    units.run(lambda unit: opened(unit, purse_id), writes=[purse_id])
    loaded = bulk.load(PURSES, [purse_id])[purse_id]
    top_up = loaded.state
    assert top_up is not None
    facts = [fact for _, fact in bulk.histories([purse_id])[purse_id]]
    assert facts == [PurseOpened("USD")]

    def add(unit: Unit) -> None:
        added(unit, purse_id, uuid4(), 5)

    units.run(add, writes=[purse_id])
    with pytest.raises(Overtaken):
        bulk.append([Addition(PURSES, purse_id, loaded.version, facts)])
    units.run(add, writes=[purse_id])
    assert bulk.load(PURSES, [purse_id])[purse_id].version == 3


def test_what_is_overtaken_is_decided_anew_in_halves(both: Both) -> None:
    bulk, _ = both
    ids = [uuid4() for _ in range(8)]
    bulk.append([new(ids[5])])
    seen: list[int] = []

    def decide(some: Any) -> tuple[list[Addition], int]:
        seen.append(len(some))
        if seen == [8]:
            return [new(each) for each in some], len(some)
        loaded = bulk.load(PURSES, some)
        missing = [each for each in some if loaded[each].state is None]
        return [new(each) for each in missing], len(some)

    assert sum(stored_in_parts(bulk, ids, decide)) == 8
    assert seen == [8, 4, 4]
    assert {each.version for each in bulk.load(PURSES, ids).values()} == {1}


@pytest.mark.parametrize("store_kind", KINDS, indirect=True)
def test_a_follower_misses_nothing_of_bulk_appends_beside_single_ones(
    ledger_url: str, mapper: FactMapper, clock: FixedClock
) -> None:
    writers, chunks = 6, 15
    with connect(ledger_url) as recorder:

        def in_bulk() -> None:
            bulk = LedgerBulkAppends(recorder, mapper, clock)
            for _ in range(chunks):
                bulk.append([new(uuid4()) for _ in range(20)])

        def alone() -> None:
            units = LedgerUnitsOfWork(recorder, mapper, clock)
            for _ in range(chunks * 3):
                purse_id = uuid4()
                units.run(lambda unit, p=purse_id: opened(unit, p), writes=[purse_id])

        threads = [threading.Thread(target=each) for each in (in_bulk, alone) * (writers // 2)]
        for thread in threads:
            thread.start()
        seen: list[UUID] = []
        position: int | None = None
        while True:
            running = any(thread.is_alive() for thread in threads)
            page = recorder.select_notifications(position, 50, inclusive_of_start=False)
            seen += [UUID(str(each.originator_id)) for each in page]
            position = page[-1].id if page else position
            if not page and not running:
                break
        for thread in threads:
            thread.join()
    expected = (writers // 2) * (chunks * 20 + chunks * 3)
    assert len(seen) == len(set(seen)) == expected
