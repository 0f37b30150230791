"""Brings the tables of the ledger to the shape this program needs, once, whoever starts first."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config

from adapters.persistence.postgres import PostgresRecorder, raise_epoch
from adapters.persistence.recorder import EventRecorder


def upgrade(recorder: EventRecorder) -> None:
    """Applies the migrations that are missing, all or nothing.

    Processes that start together wait for each other: PostgreSQL by an advisory lock, SQLite by
    the lock of the file.
    """
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    with recorder.migrating() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
        if isinstance(recorder, PostgresRecorder):
            raise_epoch(connection)
