"""The ledger in memory keeps the promises of the port, so tests on it mean something."""

from __future__ import annotations

from threading import Thread
from uuid import UUID

import pytest

from application.ports import Claim, ClaimTaken, ConcurrencyConflict, LedgerUnavailable, Unit
from application.streams import Kind
from tests.support.memory import MemoryUnitsOfWork


def _add(total: int | None, number: int) -> int:
    return (total or 0) + number


SUMS: Kind[int, int] = Kind("sum", _add)
NAMES: Kind[int, int] = Kind("name", _add)
A, B = UUID(int=1), UUID(int=2)


def test_what_a_unit_recorded_is_stored_together_or_not_at_all() -> None:
    units = MemoryUnitsOfWork()

    def refused(unit: Unit) -> None:
        unit.record(SUMS, A, [1])
        unit.record(SUMS, B, [2])
        assert (unit.get(SUMS, A), unit.get(SUMS, B)) == (1, 2)
        raise LookupError

    with pytest.raises(LookupError):
        units.run(refused, writes=(A, B))
    assert units.log() == []


def test_parallel_units_lose_no_fact() -> None:
    units = MemoryUnitsOfWork()
    refused = []

    def add() -> None:
        for _ in range(200):
            try:
                units.run(lambda unit: unit.record(SUMS, A, [1]), writes=(A,))
            except ConcurrencyConflict:
                refused.append(1)

    threads = [Thread(target=add) for _ in range(4)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert units.state(SUMS, A) == 800 - len(refused)
    assert [each.version for each in units.history(A)] == list(range(1, 801 - len(refused)))


@pytest.mark.parametrize("declared", [{"writes": (A, B)}, {"writes": (A,), "reads": (B,)}])
def test_a_decision_on_an_old_state_is_made_again(declared: dict[str, tuple[UUID, ...]]) -> None:
    units = MemoryUnitsOfWork()
    seen = []

    def first() -> None:
        units.before_storing = lambda: None
        units.run(lambda unit: unit.record(SUMS, B, [5]), writes=(B,))

    def decide(unit: Unit) -> None:
        seen.append(unit.get(SUMS, B))
        unit.record(SUMS, A, [1])

    units.before_storing = first
    units.run(decide, **declared)
    assert seen == [None, 5]
    assert units.facts(A) == [1]


def test_who_never_comes_first_gives_up_and_stores_nothing() -> None:
    units = MemoryUnitsOfWork()

    def always_first() -> None:
        hook, units.before_storing = units.before_storing, lambda: None
        units.run(lambda unit: unit.record(SUMS, A, [1]), writes=(A,))
        units.before_storing = hook

    units.before_storing = always_first
    with pytest.raises(ConcurrencyConflict):
        units.run(lambda unit: unit.record(SUMS, A, [100]), writes=(A,))
    assert 100 not in units.facts(A)


def test_a_claim_has_one_owner() -> None:
    units = MemoryUnitsOfWork()
    claim = Claim("name", "anna")
    units.run(lambda unit: unit.record(SUMS, A, [1], [claim]), writes=(A,))
    units.run(lambda unit: unit.record(SUMS, A, [1], [claim]), writes=(A,))
    with pytest.raises(ClaimTaken):
        units.run(lambda unit: unit.record(SUMS, B, [1], [claim]), writes=(B,))

    assert units.find("name", "anna") == A
    assert units.find_many("name", ["anna", "bert"]) == {"anna": A}
    assert units.facts(B) == []


def test_wrong_use_is_refused() -> None:
    units = MemoryUnitsOfWork()
    with pytest.raises(ValueError, match="did not declare"):
        units.run(lambda unit: unit.record(SUMS, B, [1]), writes=(A,), reads=(B,))
    with pytest.raises(ValueError, match="explains"):
        units.run(lambda unit: unit.record(SUMS, A, [], [Claim("name", "a")]), writes=(A,))
    units.run(lambda unit: unit.record(SUMS, A, [1]), writes=(A,))
    with pytest.raises(TypeError, match="of kind sum"):
        units.run(lambda unit: unit.get(NAMES, A), writes=(A,))


def test_an_answer_can_be_lost_although_the_facts_are_stored() -> None:
    units = MemoryUnitsOfWork()
    units.lose_next_answer = True
    with pytest.raises(LedgerUnavailable):
        units.run(lambda unit: unit.record(SUMS, A, [1]), writes=(A,))
    assert units.facts(A) == [1]
    units.unavailable = True
    with pytest.raises(LedgerUnavailable):
        units.find("name", "anna")
