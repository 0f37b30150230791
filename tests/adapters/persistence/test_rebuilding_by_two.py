"""Two processes rebuild side by side as one does, and neither goes on without the other."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from multiprocessing import Pipe
from typing import Any

import pytest
from eventsourcing.persistence import MapperDeserialisationError
from hypothesis import given as forall
from hypothesis import strategies as st
from sqlalchemy import func, select, update

from adapters.persistence import rebuilding
from adapters.persistence.codec import FactMapper
from adapters.persistence.facts import FACTS, UPCASTS
from adapters.persistence.new_tables import NewTables
from adapters.persistence.projections import Projections
from adapters.persistence.read_model import Page, ReadModel
from adapters.persistence.read_models import ALL
from adapters.persistence.read_models.accounts import Accounts
from adapters.persistence.read_models.reports import Reports
from adapters.persistence.rebuild_check import RebuildCheck
from adapters.persistence.rebuilding import Rebuild
from adapters.persistence.recorder import EventRecorder
from adapters.persistence.side_process import Far, SideProcess
from adapters.persistence.tables import events
from adapters.persistence.view_store import ViewStore
from adapters.persistence.write_behind import WriteBehind
from application.ports import ConcurrencyConflict, LedgerUnavailable
from tests.adapters.persistence.product import History, Product, mapper
from tests.adapters.persistence.side_processes import Begun, begun, ended, left_by
from tests.adapters.persistence.test_rebuilding import Watched, rows, spoil
from tests.support.examples import examples

__all__ = ["begun"]

SMALL: dict[str, int] = {"page": 30, "most_rows": 40}


@pytest.fixture
def product(recorder: EventRecorder) -> Product:
    product = Product(recorder)
    History(product).play(range(0, 1_000, 7))
    product.catch_up()
    return product


def by_two(recorder: EventRecorder, url: str, **others: Any) -> Rebuild:
    return Rebuild(recorder, mapper(), url=url, processes=2, **(SMALL | others))


def watched(happens: Callable[[], object]) -> list[ReadModel]:
    """All models; something happens once, before the first page that is filled here."""
    waiting = [happens]

    def once() -> None:
        if waiting:
            waiting.pop()()

    return [Watched(once) if isinstance(model, Accounts) else model for model in ALL]


def spoil_reports(recorder: EventRecorder) -> None:
    spoil(recorder)
    with recorder.writing() as connection:
        for table in Reports.tables:
            connection.execute(table.delete())


@pytest.mark.processes
def test_two_processes_make_the_rows_that_one_makes(
    product: Product, recorder: EventRecorder, ledger_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, facts = rows(recorder), len(product.log())
    spoil_reports(recorder)
    apply, told = Reports.apply, list[tuple[int, int]]()

    def not_here(self: Reports, views: ViewStore, page: Page) -> None:
        assert not isinstance(views, WriteBehind)
        apply(self, views, page)

    monkeypatch.setattr(Reports, "apply", not_here)
    rebuild = by_two(recorder, ledger_url)
    assert rebuild.run(ALL, lambda *far: told.append(far)) == facts
    assert rows(recorder) == before
    assert told[-1] == (facts, facts)
    assert told == sorted(set(told))


@pytest.mark.processes
def test_what_is_recorded_meanwhile_is_in_all_models(
    product: Product, recorder: EventRecorder, ledger_url: str
) -> None:
    told: list[tuple[int, int]] = []

    def progress(applied: int, of: int) -> None:
        told.append((applied, of))
        if len(told) < 4:
            History(product).play(range(0, 200, 7))

    applied = by_two(recorder, ledger_url, tail=0).run(ALL, progress)
    assert applied > told[0][1]
    assert told[-1] == (applied, applied)
    assert told == sorted(set(told))
    assert RebuildCheck(recorder, mapper()).run().difference is None


@pytest.mark.processes
def test_what_one_process_missed_while_it_waited_is_not_left_to_the_swaps(
    product: Product, recorder: EventRecorder, ledger_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    end, swapped = rebuilding._Other.end, list[ReadModel]()

    def recorded_before(other: rebuilding._Other) -> tuple[int, int]:
        while other._applied_there < other._of:
            other._hear()
        History(product).play(range(0, 300, 7))
        return end(other)

    def noted(models: Sequence[ReadModel], *_: object) -> None:
        swapped.extend(models)

    monkeypatch.setattr(rebuilding._Other, "end", recorded_before)
    monkeypatch.setattr(rebuilding, "apply_page", noted)
    assert by_two(recorder, ledger_url, tail=0).run(ALL) == len(product.log())
    assert swapped == []
    assert RebuildCheck(recorder, mapper()).run().difference is None


@examples(50)
@forall(st.lists(st.tuples(st.booleans(), st.integers(1, 5), st.integers(0, 3)), max_size=30))
def test_the_bar_is_where_the_slower_one_is(steps: list[tuple[bool, int, int]]) -> None:
    ours, theirs = Pipe()
    with ours, theirs:
        told: list[tuple[int, int]] = []
        other = rebuilding._Other(SideProcess(ours, "the other one"), lambda *far: told.append(far))
        applied = {True: 0, False: 0}
        for is_here, more, recorded in steps:
            applied[is_here] += more
            of = max(applied.values()) + recorded
            if is_here:
                other.beside(applied[True], of)
            else:
                theirs.send(Far((applied[False], of)))
            assert all(far <= min(applied.values()) for far, _ in told)
        other.beside(applied[True], applied[True])
        assert max((far for far, _ in told), default=0) == min(applied.values())
        most = max(applied.values(), default=0)
        other.both_are_at(most)
        assert not most or told[-1] == (most, most)
        assert [far for far, _ in told] == sorted(far for far, _ in told)


@pytest.mark.processes
def test_a_part_that_is_killed_ends_the_rebuild_and_leaves_the_old_rows(
    product: Product, recorder: EventRecorder, ledger_url: str, begun: Begun
) -> None:
    before = rows(recorder)

    def dies() -> None:
        begun[0].send_signal(signal.SIGKILL)
        begun[0].wait(60)

    with pytest.raises(LedgerUnavailable, match="rebuilds the reports ended too early"):
        by_two(recorder, ledger_url).run(watched(dies))
    assert begun[0].returncode == -signal.SIGKILL
    assert rows(recorder) == before
    assert Projections(recorder, mapper()).catch_up_all(ALL) == 0
    spoil_reports(recorder)
    by_two(recorder, ledger_url).run(ALL)
    assert rows(recorder) == before


@pytest.mark.processes
def test_a_rebuild_that_fails_here_ends_the_other_process(
    product: Product, recorder: EventRecorder, ledger_url: str, begun: Begun
) -> None:
    before = rows(recorder)

    def interrupted() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        by_two(recorder, ledger_url).run(watched(interrupted))
    assert begun[0].returncode == -signal.SIGTERM
    assert rows(recorder) == before


@pytest.mark.processes
def test_a_rebuild_that_is_killed_leaves_nobody_who_writes(
    product: Product, recorder: EventRecorder, ledger_url: str
) -> None:
    before = rows(recorder)
    code = f"""
import os
from adapters.persistence.connecting import connect
from adapters.persistence.read_models import ALL
from adapters.persistence.rebuilding import Rebuild
from tests.adapters.persistence.product import mapper
with connect({ledger_url!r}) as recorder:
    rebuild = Rebuild(recorder, mapper(), url={ledger_url!r}, processes=2, page=10, most_rows=10)
    rebuild.run(ALL, lambda applied, of: os.kill(os.getpid(), {signal.SIGKILL:d}))
"""
    assert ended(left_by(code))
    assert rows(recorder) == before
    assert Projections(recorder, mapper()).catch_up_all(ALL) == 0
    spoil_reports(recorder)
    by_two(recorder, ledger_url).run(ALL)
    assert rows(recorder) == before


class Forgiving(FactMapper):
    """Gives no model what cannot be read."""

    def decode(self, name: str, state: bytes) -> tuple[datetime, Any]:
        try:
            return super().decode(name, state)
        except ValueError:
            return datetime.min.replace(tzinfo=UTC), None


@pytest.mark.processes
def test_a_fact_that_only_the_other_process_sees_to_be_unreadable_is_told_as_ever(
    product: Product, recorder: EventRecorder, ledger_url: str, begun: Begun
) -> None:
    before = rows(recorder)
    with recorder.writing() as connection:
        last = select(func.max(events.c.position)).scalar_subquery()
        connection.execute(update(events).where(events.c.position == last).values(data=b"{}"))
    with pytest.raises(MapperDeserialisationError) as alone:
        Rebuild(recorder, mapper(), **SMALL).run(ALL)
    forgiving = Forgiving(FACTS, UPCASTS)
    with pytest.raises(MapperDeserialisationError) as told:
        Rebuild(recorder, forgiving, url=ledger_url, processes=2, **SMALL).run(ALL)
    assert str(told.value) == str(alone.value)
    assert begun[0].returncode is not None
    assert rows(recorder) == before


@pytest.mark.processes
def test_a_part_that_another_rebuild_overtook_says_so(
    product: Product, recorder: EventRecorder, ledger_url: str, begun: Begun
) -> None:
    before = rows(recorder)

    def overtaken() -> None:
        NewTables(recorder, []).begin()
        # What the other process says of it is there before this one stores a row.
        begun[0].wait(60)

    with pytest.raises(ConcurrencyConflict, match=r"^another rebuild was begun") as told:
        by_two(recorder, ledger_url, most_rows=1_000_000).run(watched(overtaken))
    assert told.traceback[-1].name == "hear"
    assert rows(recorder) == before


class Begins(Exception):
    """A second process would be started."""


@pytest.mark.parametrize(
    ("cores", "above", "pays"),
    [({0, 1}, 10, True), ({1}, 10, False), ({0, 1}, 100_000, False)],
)
def test_a_second_process_needs_a_long_log_a_core_and_the_address(
    product: Product,
    recorder: EventRecorder,
    ledger_url: str,
    monkeypatch: pytest.MonkeyPatch,
    cores: set[int],
    above: int,
    pays: bool,
) -> None:
    def begins(*_: object) -> None:
        raise Begins

    monkeypatch.setattr(rebuilding, "beside", begins)
    monkeypatch.setattr(rebuilding, "PAYS_ABOVE", above)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _pid: cores)
    facts = len(product.log())
    addressed = Projections(recorder, mapper(), url=ledger_url)
    if pays:
        with pytest.raises(Begins):
            addressed.rebuild(*ALL)
    else:
        assert addressed.rebuild(*ALL) == facts
    assert Projections(recorder, mapper()).rebuild(*ALL) == facts
    # Nothing would be left to do here, or there.
    assert addressed.rebuild(Reports()) == facts
    assert addressed.rebuild(Accounts()) == facts
