"""The rows of rate sheets."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "rates",
        sa.Column("sheet_id", sa.Uuid, nullable=False),
        sa.Column("prefix", sa.String(15), nullable=False),
        sa.Column("destination", sa.String(200), nullable=False),
        sa.Column("terms", sa.String, nullable=False),
        sa.PrimaryKeyConstraint("sheet_id", "prefix"),
    )
