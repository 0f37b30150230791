"""Applies migrations with Alembic, which is loaded only where some are missing."""

from __future__ import annotations

from alembic import command
from alembic.config import Config

from adapters.persistence.migrations import FOLDER
from adapters.persistence.postgres import PostgresRecorder, raise_epoch
from adapters.persistence.recorder import EventRecorder


def migrate(recorder: EventRecorder) -> None:
    """All that are missing, in one transaction."""
    config = Config()
    config.set_main_option("script_location", str(FOLDER))
    with recorder.migrating() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
        if isinstance(recorder, PostgresRecorder):
            raise_epoch(connection)
