"""Rows are found by their keys without a look at the others, however many there are."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import Connection, Table, event, text

from adapters.persistence.connecting import connect
from adapters.persistence.read_models import ALL, report_tables, tables
from adapters.persistence.read_models.from_log import facts_at
from adapters.persistence.recorder import EventRecorder
from adapters.persistence.view_store import StoredViews, key_names
from domain.accounts import AccountOpened
from tests.adapters.persistence.product import History, Product

Asked = list[tuple[str, Any]]


def plans(recorder: EventRecorder, does: Callable[[Connection], object]) -> list[str]:
    """How the database does what is asked of it."""
    asked: Asked = []

    def note(_c: Any, _cursor: Any, statement: str, values: Any, *_: Any) -> None:
        asked.append((statement, values))

    with recorder.reading() as connection:
        event.listen(connection, "before_cursor_execute", note)
        does(connection)
        event.remove(connection, "before_cursor_execute", note)
        return [
            str(row[-1])
            for statement, values in asked
            for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values)
        ]


def keys_of(table: Table, many: int) -> Sequence[tuple[Any, ...]]:
    """Keys that nothing has."""
    return [
        tuple(
            uuid4() if table.c[name].type.python_type.__name__ == "UUID" else _some(table, name)
            for name in key_names(table)
        )
        for _ in range(many)
    ]


def _some(table: Table, name: str) -> Any:
    return 1 if table.c[name].type.python_type is int else "x"


@pytest.mark.parametrize(
    "table", [tables.attempts, report_tables.open_attempts, report_tables.usage], ids=str
)
@pytest.mark.parametrize("many", [1, 300])
def test_keys_of_several_columns_are_looked_up_in_their_index(
    ledger_url: str, store_kind: str, table: Table, many: int
) -> None:
    with connect(ledger_url) as recorder:
        if store_kind == "sqlite":
            keys = keys_of(table, many)
            found = plans(recorder, lambda at: StoredViews(at).load(table, keys))
            assert any(each.startswith(f"SEARCH {table.name} ") for each in found)
            assert not any(each.startswith(f"SCAN {table.name}") for each in found)
            places = [(uuid4(), 1) for _ in range(many)]
            found = plans(recorder, lambda at: facts_at(at, places))
            assert any(each.startswith("SEARCH events ") for each in found)
            assert not any(each.startswith("SCAN events") for each in found)
            return
        with recorder.writing() as connection:
            # Whatever is cheap for the few rows of a test.
            connection.execute(text("SET LOCAL enable_seqscan = off"))
            assert StoredViews(connection).load(table, keys_of(table, many)) == {}


def test_rows_are_found_by_keys_of_one_column_and_of_several(recorder: EventRecorder) -> None:
    product = Product(recorder)
    History(product).play(range(0, 2_000, 7))
    product.catch_up()
    opened = [each for each in product.log() if isinstance(each.fact, AccountOpened)]
    with recorder.reading() as connection:
        views = StoredViews(connection)
        wanted = [(each.originator_id,) for each in opened]
        assert views.load(tables.accounts, [*wanted, (uuid4(),)]).keys() == set(wanted)
        for table in (each for model in ALL for each in model.tables):
            rows = {
                tuple(row[name] for name in key_names(table)): dict(row)
                for row in connection.execute(table.select()).mappings()
            }
            assert views.load(table, list(rows)) == rows
        places = {(each.originator_id, 1): each.fact for each in opened}
        assert facts_at(connection, [*places, (uuid4(), 1)]) == places
