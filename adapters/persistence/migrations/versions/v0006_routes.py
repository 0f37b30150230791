"""Providers, trunks, routes, blocked prefixes and access numbers as lists show them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_MOMENT = sa.DateTime(timezone=True)


def _changed() -> tuple[sa.Column[object], ...]:
    return (
        sa.Column("changed_at", _MOMENT, nullable=False),
        sa.Column("changed_by", sa.String, nullable=False),
        sa.Column("why", sa.String, nullable=False),
    )


def upgrade() -> None:
    op.create_table(
        "view_providers",
        sa.Column("provider_id", sa.Uuid, primary_key=True),
        sa.Column("name", sa.String, nullable=False),
        sa.Column("unit", sa.String(3), nullable=False),
        sa.Column("rated", sa.Boolean, nullable=False),
        sa.Column("active", sa.Boolean, nullable=False),
        *_changed(),
    )
    op.create_index("ix_view_providers_name", "view_providers", ["name"])
    op.create_table(
        "view_trunks",
        sa.Column("trunk_id", sa.Uuid, primary_key=True),
        sa.Column("name", sa.String, nullable=False),
        sa.Column("provider", sa.String, nullable=False),
        sa.Column("capacity", sa.Integer, nullable=False),
        sa.Column("priority", sa.Integer, nullable=False),
        sa.Column("translations", sa.String, nullable=False),
        sa.Column("caller_id", sa.String),
        sa.Column("active", sa.Boolean, nullable=False),
        *_changed(),
    )
    op.create_index("ix_view_trunks_name", "view_trunks", ["name"])
    op.create_table(
        "view_routes",
        sa.Column("prefix", sa.String, primary_key=True),
        sa.Column("trunks", sa.String, nullable=False),
        sa.Column("trunk_order", sa.String, nullable=False),
        *_changed(),
    )
    op.create_table(
        "view_prefix_rules",
        sa.Column("prefix", sa.String, primary_key=True),
        sa.Column("name", sa.String, nullable=False),
        sa.Column("allowed", sa.Boolean, nullable=False),
        *_changed(),
    )
    op.create_table(
        "view_access_numbers",
        sa.Column("access_id", sa.Uuid, primary_key=True),
        sa.Column("number", sa.String, nullable=False),
        sa.Column("service", sa.String, nullable=False),
        sa.Column("login_mode", sa.String, nullable=False),
        sa.Column("language", sa.String, nullable=False),
        sa.Column("first_announcement", sa.String),
        sa.Column("surcharge", sa.BigInteger),
        sa.Column("surcharge_unit", sa.String(3)),
        sa.Column("surcharge_per_minute", sa.BigInteger),
        sa.Column("surcharge_per_minute_unit", sa.String(3)),
        sa.Column("country", sa.String(2), nullable=False),
        sa.Column("open", sa.Boolean, nullable=False),
        sa.Column("changed_at", _MOMENT, nullable=False),
        sa.Column("changed_by", sa.String),
    )
    op.create_index("ix_view_access_numbers_number", "view_access_numbers", ["number"])
