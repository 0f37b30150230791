"""The ledger: facts, claims, and the positions of the read models."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "events",
        sa.Column(
            "position", sa.BigInteger().with_variant(sa.Integer, "sqlite"), autoincrement=False
        ),
        sa.Column("stream_id", sa.Uuid, nullable=False),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.Column("name", sa.String, nullable=False),
        sa.Column("data", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("position"),
        sa.UniqueConstraint("stream_id", "version", name="events_stream_version"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "claims",
        sa.Column("kind", sa.String),
        sa.Column("key", sa.String),
        sa.Column("stream_id", sa.Uuid, nullable=False),
        sa.PrimaryKeyConstraint("kind", "key"),
    )
    op.create_table(
        "projection_positions",
        sa.Column("name", sa.String),
        sa.Column("position", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
    if op.get_bind().dialect.name == "postgresql":
        # What is added to the transaction ids of this cluster; raised after a restore.
        op.create_table(
            "position_epoch",
            sa.Column("one_row", sa.Boolean, sa.CheckConstraint("one_row")),
            sa.Column("transactions", sa.BigInteger, nullable=False),
            sa.PrimaryKeyConstraint("one_row"),
        )
        op.execute("INSERT INTO position_epoch (one_row, transactions) VALUES (TRUE, 0)")
