"""Units of work: all or nothing, exact at once, and never an answer from a state that is old."""

from __future__ import annotations

import threading
from collections.abc import Callable
from uuid import UUID, uuid4

import pytest
from eventsourcing.persistence import OperationalError, StoredEvent

from adapters.persistence.codec import FactMapper
from adapters.persistence.group_commit import StoredClaim
from adapters.persistence.recorder import EventRecorder
from adapters.persistence.units_of_work import ATTEMPTS, LedgerUnitsOfWork
from application.ports import Claim, ClaimTaken, ConcurrencyConflict, LedgerUnavailable, Unit
from application.streams import Kind
from domain.money import Money
from tests.adapters.persistence import worker
from tests.adapters.persistence.purses import (
    PURSES,
    FundsAdded,
    Purse,
    PurseOpened,
    TooLittle,
    added,
    evolve,
    opened,
    taken,
)
from tests.support.stores import FixedClock


def dollars(amount: int) -> Money:
    return Money(amount, "USD")


def a_purse(units: LedgerUnitsOfWork, micros: int = 0, *claims: Claim) -> UUID:
    purse_id = uuid4()

    def decide(unit: Unit) -> None:
        opened(unit, purse_id, *claims)
        if micros:
            added(unit, purse_id, uuid4(), micros)

    units.run(decide, writes=[purse_id])
    return purse_id


def balance(units: LedgerUnitsOfWork, purse_id: UUID) -> int:
    purse = units.run(lambda unit: unit.get(PURSES, purse_id), writes=(), reads=[purse_id])
    assert purse is not None
    return purse.balance.micros


def take(units: LedgerUnitsOfWork, purse_id: UUID, micros: int) -> Money:
    return units.run(lambda unit: taken(unit, purse_id, micros), writes=[purse_id])


class Spy:
    """Counts the selects of a recorder, and breaks its appends when a test says so."""

    def __init__(self, recorder: EventRecorder, monkeypatch: pytest.MonkeyPatch) -> None:
        self.selects = 0
        self.before_append: Callable[[], None] = lambda: None
        self.after_append: Callable[[], None] = lambda: None
        select, insert = recorder.select_streams, recorder.insert_events

        def select_streams(after: dict[UUID, int]) -> object:
            self.selects += 1
            return select(after)

        def insert_events(
            stored_events: list[StoredEvent], *, claims: list[StoredClaim], losses: int
        ) -> object:
            self.before_append()
            positions = insert(stored_events, claims=claims, losses=losses)
            self.after_append()
            return positions

        monkeypatch.setattr(recorder, "select_streams", select_streams)
        monkeypatch.setattr(recorder, "insert_events", insert_events)


@pytest.fixture
def spy(recorder: EventRecorder, monkeypatch: pytest.MonkeyPatch) -> Spy:
    return Spy(recorder, monkeypatch)


def fails() -> None:
    raise OperationalError("the disk is gone")


def test_a_stream_without_facts_has_no_state(units: LedgerUnitsOfWork) -> None:
    assert units.run(lambda unit: unit.get(PURSES, uuid4()), writes=()) is None


def test_a_unit_sees_what_it_recorded(units: LedgerUnitsOfWork) -> None:
    purse_id = a_purse(units, 100)

    def decide(unit: Unit) -> list[Money]:
        return [taken(unit, purse_id, 30), taken(unit, purse_id, 30)]

    assert units.run(decide, writes=[purse_id]) == [dollars(70), dollars(40)]


def test_facts_outlive_the_cache(units: LedgerUnitsOfWork, other_units: LedgerUnitsOfWork) -> None:
    purse_id = a_purse(units, 100)
    take(units, purse_id, 30)
    assert balance(other_units, purse_id) == 70


def test_facts_carry_the_time_they_were_recorded(
    units: LedgerUnitsOfWork, recorder: EventRecorder, mapper: FactMapper, clock: FixedClock
) -> None:
    a_purse(units, 5)
    log = [mapper.to_domain_event(each) for each in recorder.select_notifications(None, 10)]
    assert log[0].fact == PurseOpened("USD")
    assert {each.recorded_at for each in log} == {clock.time}


def test_several_streams_change_together_or_not_at_all(
    units: LedgerUnitsOfWork, other_units: LedgerUnitsOfWork
) -> None:
    rich, poor = a_purse(units, 100), a_purse(units)

    def move(unit: Unit) -> None:
        added(unit, poor, uuid4(), 60)
        taken(unit, rich, 60)

    units.run(move, writes=[rich, poor])
    with pytest.raises(TooLittle):
        units.run(move, writes=[rich, poor])
    assert [balance(units, each) for each in (rich, poor)] == [40, 60]
    assert [balance(other_units, each) for each in (rich, poor)] == [40, 60]


def test_a_cached_state_is_decided_on_without_reading(units: LedgerUnitsOfWork, spy: Spy) -> None:
    purse_id = a_purse(units, 100)
    before = spy.selects
    take(units, purse_id, 10)
    take(units, purse_id, 10)
    assert spy.selects == before


def test_everything_declared_is_read_with_one_select(
    units: LedgerUnitsOfWork, other_units: LedgerUnitsOfWork, spy: Spy
) -> None:
    purses = [a_purse(units, 10) for _ in range(4)]
    before = spy.selects

    def total(unit: Unit) -> int:
        return sum(purse.balance.micros for each in purses if (purse := unit.get(PURSES, each)))

    assert other_units.run(total, writes=purses[:2], reads=purses[2:]) == 40
    assert spy.selects == before + 1


def test_a_stale_state_is_decided_again(
    units: LedgerUnitsOfWork, other_units: LedgerUnitsOfWork
) -> None:
    purse_id = a_purse(units, 100)
    take(other_units, purse_id, 60)
    assert take(units, purse_id, 30) == dollars(10)


def test_a_stale_state_never_refuses(
    units: LedgerUnitsOfWork, other_units: LedgerUnitsOfWork
) -> None:
    purse_id = a_purse(units)
    other_units.run(lambda unit: added(unit, purse_id, uuid4(), 50), writes=[purse_id])
    assert take(units, purse_id, 30) == dollars(20)


def test_an_answer_without_facts_is_never_stale(
    units: LedgerUnitsOfWork, other_units: LedgerUnitsOfWork
) -> None:
    purse_id = a_purse(units, 100)
    take(other_units, purse_id, 60)

    def look(unit: Unit) -> Purse | None:
        return unit.get(PURSES, purse_id)

    seen = units.run(look, writes=[purse_id])
    assert seen is not None
    assert seen.balance == dollars(40)


@pytest.mark.parametrize("is_declared", [True, False])
def test_a_fact_in_one_stream_never_rests_on_a_stale_other(
    units: LedgerUnitsOfWork, other_units: LedgerUnitsOfWork, is_declared: bool
) -> None:
    looked_at, written = a_purse(units, 100), a_purse(units)
    take(other_units, looked_at, 60)

    def copy(unit: Unit) -> None:
        purse = unit.get(PURSES, looked_at)
        assert purse is not None
        added(unit, written, uuid4(), purse.balance.micros)

    units.run(copy, writes=[looked_at, written] if is_declared else [written])
    assert balance(units, written) == 40


def test_a_failed_append_leaves_no_phantom_debit(units: LedgerUnitsOfWork, spy: Spy) -> None:
    purse_id = a_purse(units, 100)
    spy.before_append = fails
    with pytest.raises(LedgerUnavailable):
        take(units, purse_id, 60)
    spy.before_append = lambda: None
    before = spy.selects
    assert take(units, purse_id, 60) == dollars(40)
    # Nobody knows what a failed append did, so the state is read again, not remembered.
    assert spy.selects == before + 1


def test_an_append_that_is_only_reported_as_failed_is_seen(
    units: LedgerUnitsOfWork, spy: Spy
) -> None:
    purse_id, top_up_id = a_purse(units), uuid4()
    spy.after_append = fails
    with pytest.raises(LedgerUnavailable):
        units.run(lambda unit: added(unit, purse_id, top_up_id, 50), writes=[purse_id])
    spy.after_append = lambda: None
    # The same id again: it was stored after all, so nothing is added twice.
    units.run(lambda unit: added(unit, purse_id, top_up_id, 50), writes=[purse_id])
    assert balance(units, purse_id) == 50


def test_others_who_always_come_first_end_in_a_conflict(
    units: LedgerUnitsOfWork, other_units: LedgerUnitsOfWork, spy: Spy
) -> None:
    purse_id = a_purse(units, 100)
    decisions = 0

    def someone_else_first() -> None:
        spy.before_append = lambda: None
        take(other_units, purse_id, 1)
        spy.before_append = someone_else_first

    def decide(unit: Unit) -> None:
        nonlocal decisions
        decisions += 1
        taken(unit, purse_id, 10)

    spy.before_append = someone_else_first
    with pytest.raises(ConcurrencyConflict):
        units.run(decide, writes=[purse_id])
    spy.before_append = lambda: None
    assert decisions == ATTEMPTS
    assert balance(units, purse_id) == 100 - ATTEMPTS


def test_a_claim_is_found_at_once_and_belongs_to_one_stream(
    units: LedgerUnitsOfWork, other_units: LedgerUnitsOfWork
) -> None:
    first = a_purse(units, 0, Claim("pin", "1234"))
    assert other_units.find("pin", "1234") == first
    with pytest.raises(ClaimTaken, match="pin 1234 is already taken") as refused:
        a_purse(other_units, 0, Claim("pin", "9"), Claim("pin", "1234"))
    assert (refused.value.kind, refused.value.key) == ("pin", "1234")
    assert other_units.find_many("pin", ["9", "1234"]) == {"1234": first}
    assert units.find("pin", "9") is None


def test_a_stream_may_claim_again_what_it_holds(units: LedgerUnitsOfWork) -> None:
    purse_id = a_purse(units, 0, Claim("cli", "+14155550100"))

    def again(unit: Unit) -> None:
        facts = [FundsAdded(uuid4(), dollars(1))]
        claims = [Claim("cli", "+14155550100"), Claim("cli", "+14155550101")]
        unit.record(PURSES, purse_id, facts, claims)

    units.run(again, writes=[purse_id])
    assert units.find("cli", "+14155550101") == purse_id
    assert balance(units, purse_id) == 1


def test_two_streams_of_one_unit_cannot_share_a_claim(units: LedgerUnitsOfWork) -> None:
    first, second = uuid4(), uuid4()

    def decide(unit: Unit) -> None:
        opened(unit, first, Claim("pin", "1"))
        opened(unit, second, Claim("pin", "1"))

    with pytest.raises(ClaimTaken):
        units.run(decide, writes=[first, second])
    assert units.find("pin", "1") is None


def test_a_refused_claim_stores_nothing_of_its_unit(units: LedgerUnitsOfWork) -> None:
    a_purse(units, 0, Claim("pin", "1"))
    other = a_purse(units, 100)

    def decide(unit: Unit) -> None:
        taken(unit, other, 40)
        unit.record(PURSES, other, [FundsAdded(uuid4(), dollars(1))], [Claim("pin", "1")])

    with pytest.raises(ClaimTaken):
        units.run(decide, writes=[other])
    assert take(units, other, 100) == dollars(0)


def test_recording_in_a_stream_that_was_not_declared_is_refused(units: LedgerUnitsOfWork) -> None:
    purse_id = a_purse(units, 100)
    with pytest.raises(ValueError, match="did not declare"):
        units.run(lambda unit: taken(unit, purse_id, 1), writes=(), reads=[purse_id])
    assert balance(units, purse_id) == 100


def test_a_stream_is_of_one_kind(units: LedgerUnitsOfWork) -> None:
    purse_id = a_purse(units, 100)
    bags = Kind("bag", evolve)
    with pytest.raises(TypeError, match="of kind purse, not bag"):
        units.run(lambda unit: unit.get(bags, purse_id), writes=[purse_id])


def test_a_unit_of_work_has_limits(units: LedgerUnitsOfWork) -> None:
    with pytest.raises(ValueError, match="2000 streams at most"):
        units.run(lambda unit: None, writes=[uuid4() for _ in range(2_001)])


def test_the_cache_keeps_the_most_recent_states_only(
    recorder: EventRecorder, mapper: FactMapper, clock: FixedClock, spy: Spy
) -> None:
    units = LedgerUnitsOfWork(recorder, mapper, clock, cached_states=2)
    old, *recent = [a_purse(units, 100) for _ in range(3)]
    before = spy.selects
    for each in recent:
        take(units, each, 1)
    assert spy.selects == before
    take(units, old, 1)
    assert spy.selects == before + 1


def test_an_append_wakes_who_follows_the_log(
    recorder: EventRecorder, mapper: FactMapper, clock: FixedClock
) -> None:
    woken: list[int] = []
    units = LedgerUnitsOfWork(recorder, mapper, clock, appended=lambda: woken.append(1))
    purse_id = a_purse(units, 1)
    balance(units, purse_id)
    assert woken == [1]


def test_two_hundred_takes_from_money_for_37_give_exactly_37(units: LedgerUnitsOfWork) -> None:
    purse_id = a_purse(units, 37)
    got: list[bool] = []

    def work() -> None:
        for _ in range(25):
            try:
                take(units, purse_id, 1)
                got.append(True)
            except TooLittle:
                got.append(False)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (got.count(True), got.count(False)) == (37, 163)
    assert balance(units, purse_id) == 0


def test_transfers_both_ways_at_once_do_not_wait_for_each_other_for_ever(
    units: LedgerUnitsOfWork,
) -> None:
    first, second = a_purse(units, 1_000), a_purse(units, 1_000)

    def work(source: UUID, target: UUID) -> None:
        def move(unit: Unit) -> None:
            taken(unit, source, 1)
            added(unit, target, uuid4(), 1)

        for _ in range(25):
            units.run(move, writes=[source, target])

    threads = [
        threading.Thread(target=work, args=pair) for pair in [(first, second), (second, first)] * 3
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert balance(units, first) + balance(units, second) == 2_000


@pytest.mark.processes
def test_processes_that_share_a_purse_lose_nothing(
    units: LedgerUnitsOfWork, ledger_url: str
) -> None:
    purse_id = a_purse(units)
    running = [worker.start("take_turns", ledger_url, purse_id, 20) for _ in range(3)]
    for each in running:
        each.communicate(timeout=60)
    assert [each.returncode for each in running] == [0, 0, 0]
    assert balance(units, purse_id) == 60


def test_a_claim_that_was_found_is_not_asked_again_but_a_missing_one_is(
    units: LedgerUnitsOfWork,
    other_units: LedgerUnitsOfWork,
    recorder: EventRecorder,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[list[str]] = []
    select = recorder.select_claims

    def select_claims(kind: str, keys: list[str]) -> dict[str, UUID]:
        asked.append(keys)
        return select(kind, keys)

    monkeypatch.setattr(recorder, "select_claims", select_claims)
    assert units.find("pin", "1234") is None
    holder = a_purse(other_units, 0, Claim("pin", "1234"))
    assert units.find("pin", "1234") == holder
    assert units.find("pin", "1234") == holder
    assert units.find_many("pin", ["1234", "9"]) == {"1234": holder}
    assert asked == [["1234"], ["1234"], ["9"]]


def test_the_claims_that_are_remembered_have_a_limit(
    recorder: EventRecorder, mapper: FactMapper, clock: FixedClock
) -> None:
    units = LedgerUnitsOfWork(recorder, mapper, clock, cached_claims=2)
    holders = {key: a_purse(units, 0, Claim("pin", key)) for key in "123"}
    assert units.find_many("pin", "123") == holders
    assert len(units._claims) == 2
