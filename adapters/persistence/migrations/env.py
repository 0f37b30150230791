"""Runs the migrations on the connection that ``upgrade`` hands over, inside its transaction."""

from __future__ import annotations

from alembic import context

from adapters.persistence.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    transactional_ddl=True,
)
context.run_migrations()
