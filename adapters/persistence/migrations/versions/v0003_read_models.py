"""The first read models: accounts, cards, call sessions and attempts."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "view_accounts",
        sa.Column("account_id", sa.Uuid, primary_key=True),
        sa.Column("unit", sa.String(3), nullable=False),
        sa.Column("holder_kind", sa.String, nullable=False),
        sa.Column("holder", sa.Uuid, nullable=False),
        sa.Column("balance", sa.BigInteger, nullable=False),
        sa.Column("held", sa.BigInteger, nullable=False),
        sa.Column("opened_at", _MOMENT, nullable=False),
    )
    op.create_table(
        "view_holds",
        sa.Column("hold_id", sa.Uuid, primary_key=True),
        sa.Column("account_id", sa.Uuid, nullable=False),
        sa.Column("amount", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "view_card_groups",
        sa.Column("group_id", sa.Uuid, primary_key=True),
        sa.Column("name", sa.String, nullable=False),
    )
    op.create_table(
        "view_cards",
        sa.Column("card_id", sa.Uuid, primary_key=True),
        sa.Column("number", sa.String, nullable=False),
        sa.Column("group_id", sa.Uuid, nullable=False),
        sa.Column("status", sa.String, nullable=False),
        sa.Column("account_id", sa.Uuid, nullable=False),
        sa.Column("face_value", sa.BigInteger, nullable=False),
        sa.Column("unit", sa.String(3), nullable=False),
        sa.Column("caller_id", sa.String),
        sa.Column("generated_at", _MOMENT, nullable=False),
        sa.Column("first_used_at", _MOMENT),
    )
    op.create_index("view_cards_group_status", "view_cards", ["group_id", "status", "card_id"])
    op.create_index("view_cards_status", "view_cards", ["status", "card_id"])
    op.create_table(
        "view_calls",
        sa.Column("session_id", sa.Uuid, primary_key=True),
        sa.Column("reference", sa.String, nullable=False),
        sa.Column("node", sa.String, nullable=False),
        sa.Column("access_number", sa.String, nullable=False),
        sa.Column("caller_id", sa.String),
        sa.Column("card_id", sa.Uuid),
        sa.Column("started_at", _MOMENT, nullable=False),
        sa.Column("ended_at", _MOMENT),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("open_attempts", sa.Integer, nullable=False),
        sa.Column("disputed", sa.Boolean, nullable=False),
        sa.Column("seconds", sa.BigInteger, nullable=False),
        sa.Column("charged", sa.BigInteger, nullable=False),
        sa.Column("unit", sa.String(3)),
    )
    op.create_index("view_calls_card", "view_calls", ["card_id", "session_id"])
    op.create_table(
        "view_attempts",
        sa.Column("session_id", sa.Uuid, primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("node", sa.String, nullable=False),
        sa.Column("reference", sa.String, nullable=False),
        sa.Column("destination", sa.String, nullable=False),
        sa.Column("destination_name", sa.String, nullable=False),
        sa.Column("state", sa.String, nullable=False),
        sa.Column("held", sa.BigInteger, nullable=False),
        sa.Column("unit", sa.String(3), nullable=False),
        sa.Column("limit_seconds", sa.Integer, nullable=False),
        sa.Column("placed_at", _MOMENT, nullable=False),
        sa.Column("deadline", _MOMENT, nullable=False),
        sa.Column("answered_at", _MOMENT),
        sa.Column("seconds", sa.Integer),
        sa.Column("charge", sa.BigInteger),
        sa.Column("evidence", sa.String),
        sa.Column("cause", sa.Integer),
    )
    still_open = sa.text("state = 'open'")
    op.create_index(
        "view_attempts_open",
        "view_attempts",
        ["deadline"],
        sqlite_where=still_open,
        postgresql_where=still_open,
    )
