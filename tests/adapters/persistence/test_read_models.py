"""The read models say what the facts say, whoever reads them, in whatever pages."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from importlib import import_module
from pkgutil import iter_modules
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from hypothesis import HealthCheck
from hypothesis import given as forall
from hypothesis import strategies as st
from sqlalchemy import select

from adapters import persistence
from adapters.persistence.connecting import connect
from adapters.persistence.projections import Projections
from adapters.persistence.read_models import ALL, tables
from adapters.persistence.recorder import EventRecorder
from adapters.persistence.tables import metadata
from application import kinds
from domain.accounts import AccountOpened
from domain.call_sessions import (
    AttemptSettled,
    AttemptStarted,
    CallEnded,
    CallStarted,
    SettlementDisputed,
)
from domain.cards import CardGenerated
from tests.adapters.persistence.product import (
    History,
    NewLedger,
    Product,
    mapper,
    new_ledger,
)
from tests.support.examples import examples

__all__ = ["new_ledger"]

Rows = Mapping[str, list[dict[str, Any]]]

STEPS = st.lists(st.integers(0, 1_000_000), max_size=60)
BOUNDED = examples(12, suppress_health_check=[HealthCheck.function_scoped_fixture])


def rows(recorder: EventRecorder) -> Rows:
    """Every row of every read model."""
    found = {}
    with recorder.reading() as connection:
        for table in (each for model in ALL for each in model.tables):
            query = select(table).order_by(*table.primary_key.columns)
            found[table.name] = [dict(row) for row in connection.execute(query).mappings()]
    return found


def check_accounts(product: Product, found: Rows) -> None:
    states = product.states(kinds.ACCOUNTS, AccountOpened)
    told = {row["account_id"]: row for row in found["view_accounts"]}
    assert told.keys() == states.keys()
    for account_id, state in states.items():
        row = told[account_id]
        assert (row["balance"], row["held"]) == (state.balance.micros, state.held.micros)
        assert (row["unit"], row["holder_kind"]) == (state.unit, state.holder_kind)
        assert row["holder"] == state.holder
    holds = {row["hold_id"]: (row["account_id"], row["amount"]) for row in found["view_holds"]}
    assert holds == {
        hold_id: (account_id, amount.micros)
        for account_id, state in states.items()
        for hold_id, amount in state.holds.items()
    }


def check_cards(product: Product, found: Rows) -> None:
    states = product.states(kinds.CARDS, CardGenerated)
    told = {row["card_id"]: row for row in found["view_cards"]}
    assert told.keys() == states.keys()
    for card_id, state in states.items():
        row = told[card_id]
        assert row["number"] == state.number
        assert row["status"] == state.status.value
        assert row["caller_id"] == state.caller_id
        assert row["first_used_at"] == state.first_used_at
        assert (row["group_id"], row["account_id"]) == (state.group_id, state.account_id)
        assert row["face_value"] == state.face_value.micros
    assert {row["name"] for row in found["view_card_groups"]} == {"Gold", "Tin"}


def check_calls(product: Product, found: Rows) -> None:
    states = product.states(kinds.CALL_SESSIONS, CallStarted)
    log = product.log()
    told = {row["session_id"]: row for row in found["view_calls"]}
    assert told.keys() == states.keys()
    for session_id, state in states.items():
        row = told[session_id]
        facts = [each for each in log if each.originator_id == session_id]
        settled = [each.fact for each in facts if isinstance(each.fact, AttemptSettled)]
        ends = [each.recorded_at for each in facts if isinstance(each.fact, CallEnded)]
        disputes = [each for each in facts if isinstance(each.fact, SettlementDisputed)]
        assert row["reference"] == state.started.reference
        assert row["caller_id"] == state.started.caller_id
        assert row["card_id"] == state.card_id
        assert row["started_at"] == facts[0].recorded_at
        assert row["ended_at"] == (ends[0] if ends else None)
        assert (row["attempts"], row["open_attempts"]) == (
            state.last_attempt,
            len(state.attempts),
        )
        assert row["disputed"] == bool(disputes)
        assert row["seconds"] == sum(each.seconds for each in settled)
        assert row["charged"] == sum(each.charge.micros for each in settled)
    attempts = {(row["session_id"], row["number"]): row for row in found["view_attempts"]}
    started = {
        (each.originator_id, each.fact.number): each.fact
        for each in log
        if isinstance(each.fact, AttemptStarted)
    }
    assert attempts.keys() == started.keys()
    for (session_id, number), fact in started.items():
        row = attempts[session_id, number]
        state = states[session_id]
        assert (row["state"] == "open") == (number in state.attempts)
        assert (row["held"], row["limit_seconds"]) == (fact.held.micros, fact.limit_seconds)
        assert (row["placed_at"], row["deadline"]) == (fact.placed_at, fact.deadline)
        assert row["reference"] == state.started.reference
        if number in state.settled:
            assert row["seconds"] == state.settled[number].seconds
        else:
            seen = state.attempts[number].seen
            assert row["seconds"] == (seen.seconds if seen else None)


@BOUNDED
@forall(steps=STEPS, page=st.integers(1, 40))
def test_the_tables_are_what_the_facts_say(
    new_ledger: NewLedger, steps: list[int], page: int
) -> None:
    with new_ledger() as recorder:
        product = Product(recorder)
        History(product).play(steps)
        product.catch_up(page)
        found = rows(recorder)
        check_accounts(product, found)
        check_cards(product, found)
        check_calls(product, found)


@BOUNDED
@forall(steps=STEPS, pages=st.lists(st.integers(1, 20), min_size=1, max_size=4))
def test_a_rebuild_gives_the_same_rows(
    new_ledger: NewLedger, steps: list[int], pages: list[int]
) -> None:
    with new_ledger() as recorder:
        product = Product(recorder)
        history = History(product)
        for number, page in enumerate(pages):
            history.play(steps[number :: len(pages)])
            product.catch_up(page)
        before = rows(recorder)
        assert product.projections.rebuild(*ALL) == len(product.log())
        assert rows(recorder) == before


def test_what_a_rebuild_finds_wrong_it_puts_right(recorder: EventRecorder) -> None:
    product = Product(recorder)
    History(product).play(range(0, 2_000, 7))
    product.catch_up()
    before = rows(recorder)
    with recorder.writing() as connection:
        connection.execute(tables.accounts.update().values(balance=-1))
        connection.execute(tables.attempts.delete())
    product.projections.rebuild(*ALL)
    assert rows(recorder) == before


def test_followers_that_work_at_once_write_each_fact_once(
    recorder: EventRecorder, ledger_url: str
) -> None:
    product = Product(recorder)
    history = History(product)
    history.play(range(0, 1_500, 11))
    applied: list[int] = []
    begins = threading.Barrier(4)

    def follow() -> None:
        with connect(ledger_url) as own:
            projections = Projections(own, mapper(), page=7)
            begins.wait()
            applied.append(sum(projections.catch_up(model) for model in ALL))

    threads = [threading.Thread(target=follow) for _ in range(3)]
    for thread in threads:
        thread.start()
    begins.wait()
    for thread in threads:
        thread.join(60)
    assert sum(applied) == len(ALL) * len(product.log())
    found = rows(recorder)
    check_accounts(product, found)
    check_cards(product, found)
    check_calls(product, found)


@pytest.mark.parametrize("behind", [1, 3, 50])
def test_a_model_that_is_behind_tells_of_a_moment_that_was(
    recorder: EventRecorder, behind: int
) -> None:
    product = Product(recorder)
    history = History(product)
    history.play(range(0, 900, 13))
    product.catch_up()
    before = rows(recorder)
    for _ in range(behind):
        history.sells(0)
    assert rows(recorder) == before
    product.catch_up()
    assert len(rows(recorder)["view_cards"]) == len(before["view_cards"]) + behind


def test_all_tables_of_the_program_are_what_the_migrations_make(ledger_url: str) -> None:
    for module in iter_modules(persistence.__path__, "adapters.persistence."):
        # A table is known when its module is.
        import_module(module.name)

    def declared(name: str | None, kind: str, _parents: object) -> bool:
        # Alembic's own table, and the one that is used in plain SQL only.
        return kind != "table" or name not in ("alembic_version", "position_epoch")

    with connect(ledger_url) as recorder, recorder.writing() as connection:
        options = {"include_name": declared, "compare_type": True}
        context = MigrationContext.configure(connection, opts=options)
        assert compare_metadata(context, metadata) == []
