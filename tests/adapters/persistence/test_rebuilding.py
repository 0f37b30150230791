"""A rebuild makes the very rows that following makes, and can be killed at any time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from eventsourcing.persistence import OperationalError
from hypothesis import HealthCheck
from hypothesis import given as forall
from hypothesis import strategies as st
from sqlalchemy import MetaData, func, select, text, update

from adapters.persistence import new_tables, rebuilding
from adapters.persistence.new_tables import PREFIX, NewTables
from adapters.persistence.projections import Projections
from adapters.persistence.read_model import Page, ReadModel
from adapters.persistence.read_models import ALL, tables
from adapters.persistence.read_models.accounts import Accounts
from adapters.persistence.rebuild_check import RebuildCheck
from adapters.persistence.rebuilding import Rebuild
from adapters.persistence.recorder import EventRecorder
from adapters.persistence.view_store import ViewStore
from adapters.persistence.write_behind import WriteBehind
from application.ports import ConcurrencyConflict
from tests.adapters.persistence.product import History, NewLedger, Product, mapper, new_ledger
from tests.support.examples import examples

__all__ = ["new_ledger"]

STEPS = st.lists(st.integers(0, 1_000_000), max_size=60)
BOUNDED = examples(8, suppress_health_check=[HealthCheck.function_scoped_fixture])


def rows(recorder: EventRecorder) -> Mapping[str, Sequence[Any]]:
    """Every row of every read model."""
    with recorder.reading() as connection:
        return {
            table.name: connection.execute(
                select(table).order_by(*table.primary_key.columns)
            ).fetchall()
            for model in ALL
            for table in model.tables
        }


def spoil(recorder: EventRecorder) -> None:
    """A rebuild that does nothing would be seen."""
    with recorder.writing() as connection:
        connection.execute(update(tables.accounts).values(balance=-1))
        connection.execute(tables.attempts.delete())


class Watched(Accounts):
    """The accounts, with something that happens before each page, but for those of the swap."""

    def __init__(self, happens: Any) -> None:
        self._happens = happens

    def apply(self, views: ViewStore, page: Page) -> None:
        if isinstance(views, WriteBehind):
            self._happens()
        super().apply(views, page)


@BOUNDED
@forall(
    steps=STEPS,
    followed=st.integers(1, 40),
    page=st.integers(1, 50),
    most_rows=st.integers(1, 60),
    tail=st.integers(0, 30),
)
def test_a_rebuild_makes_the_rows_that_following_makes(
    new_ledger: NewLedger, steps: list[int], followed: int, page: int, most_rows: int, tail: int
) -> None:
    with new_ledger() as recorder:
        product = Product(recorder)
        History(product).play(steps)
        product.catch_up(followed)
        before = rows(recorder)
        spoil(recorder)
        rebuild = Rebuild(recorder, mapper(), page=page, most_rows=most_rows, tail=tail)
        assert rebuild.run(ALL) == len(product.log())
        assert rows(recorder) == before


@pytest.mark.parametrize("most_rows", [10, 100_000])
def test_a_rebuilt_ledger_is_checked_goes_on_and_has_its_shape(
    recorder: EventRecorder, most_rows: int
) -> None:
    def of_models(name: str | None, kind: str, _parents: object) -> bool:
        return kind != "table" or name in declared.tables or str(name).startswith(PREFIX)

    product = Product(recorder)
    history = History(product)
    history.play(range(0, 2_000, 7))
    product.catch_up()
    declared = MetaData()
    for table in (each for model in ALL for each in model.tables):
        table.to_metadata(declared)
    for _ in range(2):
        Rebuild(recorder, mapper(), page=100, most_rows=most_rows).run(ALL)
        history.play(range(0, 300, 7))
        product.catch_up()
        assert RebuildCheck(recorder, mapper()).run().difference is None
    with recorder.reading() as connection:
        options = {"include_name": of_models, "compare_type": True}
        context = MigrationContext.configure(connection, opts=options)
        assert compare_metadata(context, declared) == []


def test_readers_and_followers_go_on_with_the_old_rows_meanwhile(recorder: EventRecorder) -> None:
    product = Product(recorder)
    history = History(product)
    history.play(range(0, 1_000, 7))
    product.catch_up()
    seen: list[int] = []

    def happens() -> None:
        history.play(range(0, 100, 7))
        Projections(recorder, mapper()).catch_up(Accounts())
        with recorder.reading() as connection:
            least = select(func.min(tables.accounts.c.balance))
            seen.append(connection.execute(least).scalar_one())

    model = Watched(happens)
    Rebuild(recorder, mapper(), page=50, tail=0).run([model])
    assert len(seen) > 3
    assert min(seen) >= 0
    assert Projections(recorder, mapper()).catch_up(Accounts()) == 0
    product.catch_up()
    assert RebuildCheck(recorder, mapper()).run().difference is None


@pytest.mark.parametrize("pages", [0, 1, 3])
def test_a_rebuild_that_is_killed_changes_nothing_and_begins_again(
    recorder: EventRecorder, pages: int
) -> None:
    product = Product(recorder)
    History(product).play(range(0, 1_000, 7))
    product.catch_up()
    before = rows(recorder)
    left = [pages]

    def dies() -> None:
        left[0] -= 1
        if left[0] < 0:
            raise KeyboardInterrupt

    others = [model for model in ALL if not isinstance(model, Accounts)]
    with pytest.raises(KeyboardInterrupt):
        Rebuild(recorder, mapper(), page=30, most_rows=20).run([*others, Watched(dies)])
    assert rows(recorder) == before
    assert Projections(recorder, mapper()).catch_up_all(ALL) == 0
    spoil(recorder)
    Rebuild(recorder, mapper(), page=30, most_rows=20).run(ALL)
    assert rows(recorder) == before


def test_a_rebuild_that_is_killed_between_two_models_leaves_each_old_or_new(
    recorder: EventRecorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    product = Product(recorder)
    History(product).play(range(0, 1_000, 7))
    product.catch_up()
    before, swap = rows(recorder), NewTables.swap
    left = [4]

    def dies(*arguments: Any) -> None:
        swap(*arguments)
        left[0] -= 1
        if not left[0]:
            raise KeyboardInterrupt

    monkeypatch.setattr(NewTables, "swap", dies)
    with pytest.raises(KeyboardInterrupt):
        Rebuild(recorder, mapper()).run(ALL)
    assert rows(recorder) == before
    monkeypatch.undo()
    Rebuild(recorder, mapper()).run(ALL)
    assert rows(recorder) == before
    with recorder.reading() as connection:
        for table in (each for model in ALL for each in model.tables):
            assert not recorder_has(connection, PREFIX + table.name)


def recorder_has(connection: Any, name: str) -> bool:
    return bool(connection.dialect.has_table(connection, name))


def test_of_two_rebuilds_the_later_one_goes_on(recorder: EventRecorder) -> None:
    product = Product(recorder)
    History(product).play(range(0, 1_000, 7))
    product.catch_up()
    before = rows(recorder)
    spoil(recorder)
    later: list[int] = []

    def happens() -> None:
        if not later:
            later.append(Rebuild(recorder, mapper()).run(ALL))

    with pytest.raises(ConcurrencyConflict, match="another rebuild"):
        Rebuild(recorder, mapper(), page=50).run([Watched(happens)])
    assert later
    assert rows(recorder) == before


def test_a_rebuild_gives_way_to_a_migration(recorder: EventRecorder) -> None:
    product = Product(recorder)
    History(product).play(range(0, 300, 7))
    product.catch_up()
    before = rows(recorder)

    def migrates() -> None:
        with recorder.writing() as connection:
            connection.execute(text("UPDATE alembic_version SET version_num = 'another'"))

    with pytest.raises(ConcurrencyConflict, match="new shape"):
        Rebuild(recorder, mapper()).run([Watched(migrates)])
    assert rows(recorder) == before


def test_tables_are_swapped_when_nobody_reads_them(
    recorder: EventRecorder, store_kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who reads at the moment of the swap is waited for, and sees one table or the other."""
    product = Product(recorder)
    History(product).play(range(0, 300, 7))
    product.catch_up()
    before = rows(recorder)
    tries: list[int] = []
    with recorder.reading() as reader:
        reader.exec_driver_sql("BEGIN")
        reader.execute(select(tables.accounts)).fetchall()

        def gives_way(_seconds: float) -> None:
            tries.append(1)
            reader.exec_driver_sql("COMMIT")

        monkeypatch.setattr(rebuilding, "sleep", gives_way)
        monkeypatch.setattr(new_tables, "_LOCK_MILLISECONDS", 50)
        Rebuild(recorder, mapper()).run([Accounts()])
        if store_kind == "sqlite":
            # A reader of SQLite has the file as of its own moment, and keeps nobody waiting.
            reader.exec_driver_sql("COMMIT")
        else:
            assert tries == [1]
    assert rows(recorder) == before


def test_who_reads_for_ever_is_told(
    recorder: EventRecorder, store_kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rebuilding, "_TRIES", 2)
    monkeypatch.setattr(new_tables, "_LOCK_MILLISECONDS", 20)
    models: list[ReadModel] = [Accounts()]
    with recorder.reading() as reader:
        reader.exec_driver_sql("BEGIN")
        reader.execute(select(tables.accounts)).fetchall()
        if store_kind == "sqlite":
            assert Rebuild(recorder, mapper()).run(models) == 0
        else:
            with pytest.raises(OperationalError, match="lock timeout"):
                Rebuild(recorder, mapper()).run(models)
        reader.exec_driver_sql("COMMIT")
