"""Indexes for lists of millions of rows."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

_OF_CARDS = {
    "view_cards_number": ["number", "status", "sold", "card_id"],
    "view_cards_group_status": ["group_id", "status", "sold", "card_id"],
    "view_cards_status": ["status", "sold", "card_id"],
}
_OF_FEW_CALLS = {
    "view_calls_disputed": sa.column("disputed").is_(True),
    "view_calls_open": sa.column("ended_at").is_(None),
}


def upgrade() -> None:
    for name, columns in _OF_CARDS.items():
        op.drop_index(name, "view_cards")
        op.create_index(name, "view_cards", columns)
    for name, few in _OF_FEW_CALLS.items():
        op.create_index(name, "view_calls", ["session_id"], sqlite_where=few, postgresql_where=few)
    op.create_index("view_audit_by_action", "view_audit", ["by", "action", "position"])
