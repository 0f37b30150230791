"""Ledgers in the shapes they had once, with everything in them that was in them then."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory

from adapters.persistence import migrations
from adapters.persistence.read_models import ALL
from adapters.persistence.recorder import EventRecorder
from adapters.persistence.tables import claims, events, projection_positions


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    return config


def revisions() -> Sequence[str]:
    """Every shape that a ledger has had, oldest first; the last one is of today."""
    found = ScriptDirectory.from_config(_config()).walk_revisions()
    return [each.revision for each in found][::-1]


def migrate_to(recorder: EventRecorder, revision: str) -> None:
    config = _config()
    with recorder.migrating() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, revision)


def copy_log(source: EventRecorder, target: EventRecorder) -> None:
    """Facts and claims of one ledger into another without any. Their shape never changed."""
    for table in (events, claims):
        with source.reading() as connection:
            found = [dict(row) for row in connection.execute(sa.select(table)).mappings()]
        with target.writing() as connection:
            connection.execute(sa.insert(table), found)


def copy_read_models(source: EventRecorder, target: EventRecorder) -> None:
    """The read models of a ledger of today into one of an older shape, as far as it has them."""
    with target.reading() as connection:
        there = sa.inspect(connection)
        columns = {
            table: {each["name"] for each in there.get_columns(table)}
            for table in there.get_table_names()
        }
    for model in ALL:
        if any(table.name not in columns for table in model.tables):
            continue
        for table in model.tables:
            shared = [each for each in table.columns if each.name in columns[table.name]]
            with source.reading() as connection:
                found = [dict(row) for row in connection.execute(sa.select(*shared)).mappings()]
            if found:
                older = sa.table(table.name, *(sa.column(each.name, each.type) for each in shared))
                with target.writing() as connection:
                    connection.execute(sa.insert(older), found)
        highest = sa.select(sa.func.max(events.c.position)).scalar_subquery()
        with target.writing() as connection:
            connection.execute(
                sa.insert(projection_positions).values(name=model.name, position=highest)
            )
