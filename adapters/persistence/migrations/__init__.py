"""Brings the tables of the ledger to the shape this program needs, once, whoever starts first."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import inspect, text

from adapters.persistence.postgres import PostgresRecorder, raise_epoch
from adapters.persistence.recorder import EventRecorder
from adapters.persistence.sqlite import SqliteRecorder

FOLDER = Path(__file__).parent

NEWEST = max(path.name[1:5] for path in (FOLDER / "versions").glob("v[0-9]*.py"))
"""The revision that this program needs: the files are named by theirs."""


class NewerLedger(Exception):
    """The ledger was given a shape that this program does not know."""


def upgrade(recorder: EventRecorder) -> None:
    """Applies the migrations that are missing, all or nothing. Raises NewerLedger.

    Processes that start together wait for each other: PostgreSQL by an advisory lock, SQLite by
    the lock of the file. Where nothing is missing nobody waits, and a node is up again sooner.
    """
    found = _revision(recorder)
    if found is not None and found > NEWEST:
        raise NewerLedger(
            f"a newer version of Talktime has used this ledger (its shape is {found}, and this"
            f" version knows {NEWEST}): start that version"
        )
    if found != NEWEST:
        # Loading what migrates takes longer than all else that a start does to the ledger.
        from adapters.persistence.migrations.running import migrate

        migrate(recorder)
    elif isinstance(recorder, PostgresRecorder):
        with recorder.writing() as connection:
            raise_epoch(connection)


def _revision(recorder: EventRecorder) -> str | None:
    """Where the tables are, None before there are any."""
    if isinstance(recorder, SqliteRecorder) and not recorder.path.exists():
        return None
    with recorder.reading() as connection:
        if not inspect(connection).has_table("alembic_version"):
            return None
        found: str | None = connection.execute(
            text("SELECT version_num FROM alembic_version")
        ).scalar()
    return found
