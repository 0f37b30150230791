"""The tables come into being once, whoever starts first, and are what the program expects."""

from __future__ import annotations

import sys

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import text

from adapters.persistence.connecting import connect
from adapters.persistence.migrations import FOLDER, NEWEST, NewerLedger, upgrade
from adapters.persistence.tables import metadata
from tests.adapters.persistence import worker


def test_migrating_again_changes_nothing(ledger_url: str) -> None:
    worker.write(ledger_url, "2", "1")
    with connect(ledger_url) as recorder:
        upgrade(recorder)
        assert len(recorder.select_notifications(None, 10)) == 2


def test_the_migrations_make_the_tables_that_the_program_declares(ledger_url: str) -> None:
    def declared(name: str | None, kind: str, _parents: object) -> bool:
        # Read models declare tables of their own; ``position_epoch`` is used in plain SQL only.
        return kind != "table" or name in metadata.tables

    with connect(ledger_url) as recorder, recorder.writing() as connection:
        context = MigrationContext.configure(connection, opts={"include_name": declared})
        assert compare_metadata(context, metadata) == []


def test_a_ledger_that_is_up_to_date_is_opened_without_what_migrates(
    ledger_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "adapters.persistence.migrations.running", None)
    with connect(ledger_url) as recorder:
        upgrade(recorder)


def test_a_ledger_that_is_not_up_to_date_is_migrated(
    empty_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control: the test above would see it."""
    monkeypatch.setitem(sys.modules, "adapters.persistence.migrations.running", None)
    with connect(empty_url) as recorder, pytest.raises(ImportError):
        upgrade(recorder)


def test_a_ledger_that_a_newer_version_has_used_is_left_alone(ledger_url: str) -> None:
    with connect(ledger_url) as recorder:
        with recorder.writing() as connection:
            connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
        with pytest.raises(NewerLedger, match=f"9999, and this version knows {NEWEST}"):
            upgrade(recorder)


def test_migrations_are_in_files_named_by_their_revision() -> None:
    scripts = ScriptDirectory(str(FOLDER))
    assert scripts.get_current_head() == NEWEST
    for script in scripts.walk_revisions():
        assert script.module.__name__.startswith(f"v{script.revision}_")
