"""Keys of persons, so that what is known of them can be forgotten."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "persons",
        sa.Column("person_id", sa.Uuid, primary_key=True),
        sa.Column("lookup", sa.LargeBinary, nullable=False),
        sa.Column("wrapped", sa.LargeBinary, nullable=False),
        sa.Column("box", sa.LargeBinary, nullable=False),
        sa.Column("key_id", sa.String(8), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.UniqueConstraint("lookup", name="persons_lookup"),
    )
    op.create_table(
        "person_keys",
        sa.Column("one", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("key_id", sa.String(8), nullable=False),
    )
