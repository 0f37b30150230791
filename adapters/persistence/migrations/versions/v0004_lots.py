"""Lots of cards, their sealed PINs, requests for approval, and paid daily fees."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "lot_pins",
        sa.Column("seal_id", sa.Uuid, primary_key=True),
        sa.Column("lot_id", sa.Uuid, nullable=False),
        sa.Column("sealed", sa.LargeBinary, nullable=False),
    )
    op.create_index("lot_pins_lot", "lot_pins", ["lot_id"])
    op.create_table(
        "view_lots",
        sa.Column("lot_id", sa.Uuid, primary_key=True),
        sa.Column("name", sa.String(80), nullable=False),
        sa.Column("group_id", sa.Uuid, nullable=False),
        sa.Column("run", sa.String(4), nullable=False),
        sa.Column("batch", sa.String(5), nullable=False),
        sa.Column("first_number", sa.String(20), nullable=False),
        sa.Column("last_number", sa.String(20), nullable=False),
        sa.Column("ordered", sa.Integer, nullable=False),
        sa.Column("made", sa.Integer, nullable=False),
        sa.Column("kept", sa.Integer, nullable=False),
        sa.Column("state", sa.String(20), nullable=False),
        sa.Column("face_value", sa.BigInteger, nullable=False),
        sa.Column("unit", sa.String(3), nullable=False),
        sa.Column("ordered_at", _MOMENT, nullable=False),
        sa.Column("by", sa.String(200), nullable=False),
    )
    op.create_index("view_lots_batch", "view_lots", ["run", "batch"])
    op.create_table(
        "view_approvals",
        sa.Column("approval_id", sa.Uuid, primary_key=True),
        sa.Column("action", sa.String(80), nullable=False),
        sa.Column("subject", sa.String, nullable=False),
        sa.Column("details", sa.String, nullable=False),
        sa.Column("by", sa.String(200), nullable=False),
        sa.Column("why", sa.String(200), nullable=False),
        sa.Column("state", sa.String(20), nullable=False),
        sa.Column("decided_by", sa.String(200)),
        sa.Column("requested_at", _MOMENT, nullable=False),
        sa.Column("expires_at", _MOMENT, nullable=False),
    )
    op.create_index("view_approvals_state", "view_approvals", ["state", "approval_id"])
    op.create_table(
        "view_fee_days",
        sa.Column("account_id", sa.Uuid, primary_key=True),
        sa.Column("through", sa.Date, nullable=False),
    )
    op.add_column(
        "view_cards", sa.Column("sold", sa.Boolean, nullable=False, server_default=sa.false())
    )
