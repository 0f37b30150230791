"""Sales, usage and margin by day and what they are asked by."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_MOMENT = sa.DateTime(timezone=True)


def _key(name: str, kind: Any) -> sa.Column[Any]:
    return sa.Column(name, kind, primary_key=True, autoincrement=False)


def _sums(*names: str) -> tuple[sa.Column[int], ...]:
    return tuple(sa.Column(name, sa.BigInteger, nullable=False) for name in names)


def upgrade() -> None:
    op.create_table(
        "report_usage",
        _key("grain", sa.SmallInteger),
        _key("dimension", sa.String(20)),
        _key("slot", sa.Integer),
        _key("group_id", sa.Uuid),
        _key("name", sa.String),
        _key("detail", sa.String),
        _key("unit", sa.String(3)),
        *_sums("attempts", "answered", "seconds", "charged", "cost", "uncosted"),
        *_sums("unknown_costs", "passed_over", "announced", "announced_seconds"),
        *_sums("delivered_seconds", "cut_at_limit", "cut_by_fault", "unwitnessed"),
        *_sums("short_seconds"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "report_sales",
        _key("grain", sa.SmallInteger),
        _key("slot", sa.Integer),
        _key("group_id", sa.Uuid),
        _key("distributor", sa.String),
        _key("unit", sa.String(3)),
        *_sums("sold", "sold_value", "returned", "returned_value", "activated"),
        *_sums("activated_value", "top_ups", "topped_up", "calls", "fees", "forfeited"),
        *_sums("adjusted"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "report_refusals",
        _key("grain", sa.SmallInteger),
        _key("slot", sa.Integer),
        _key("access_number", sa.String),
        _key("caller_id", sa.String),
        _key("reason", sa.String),
        *_sums("refused"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "report_liability",
        _key("group_id", sa.Uuid),
        _key("lot_mark", sa.Uuid),
        _key("since", sa.Date),
        _key("unit", sa.String(3)),
        *_sums("accounts", "balance", "held"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "report_accounts",
        sa.Column("account_id", sa.Uuid, primary_key=True),
        sa.Column("holder", sa.Uuid, nullable=False),
        sa.Column("number", sa.String, nullable=False),
        sa.Column("group_id", sa.Uuid, nullable=False),
        sa.Column("lot_mark", sa.Uuid, nullable=False),
        sa.Column("unit", sa.String(3), nullable=False),
        sa.Column("balance", sa.BigInteger, nullable=False),
        sa.Column("held", sa.BigInteger, nullable=False),
        sa.Column("since", sa.Date, nullable=False),
    )
    op.create_table(
        "report_holds",
        sa.Column("hold_id", sa.Uuid, primary_key=True),
        sa.Column("amount", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "report_lots",
        sa.Column("lot_mark", sa.Uuid, primary_key=True),
        sa.Column("lot_id", sa.Uuid, nullable=False),
    )
    op.create_table(
        "report_ranges",
        _key("length", sa.SmallInteger),
        _key("first", sa.String(20)),
        sa.Column("last", sa.String(20), nullable=False),
        sa.Column("distributor", sa.String, nullable=False),
    )
    op.create_table(
        "report_open_calls",
        sa.Column("session_id", sa.Uuid, primary_key=True),
        sa.Column("access_number", sa.String, nullable=False),
        sa.Column("caller_id", sa.String, nullable=False),
        sa.Column("started_at", _MOMENT, nullable=False),
    )
    op.create_index("report_open_calls_started", "report_open_calls", ["started_at"])
    op.create_table(
        "report_open_attempts",
        sa.Column("session_id", sa.Uuid, primary_key=True),
        _key("number", sa.Integer),
        sa.Column("group_id", sa.Uuid, nullable=False),
        sa.Column("destination", sa.String, nullable=False),
        sa.Column("access_number", sa.String, nullable=False),
        sa.Column("unit", sa.String(3), nullable=False),
        sa.Column("held", sa.BigInteger, nullable=False),
        sa.Column("limit_seconds", sa.Integer, nullable=False),
        sa.Column("announced", sa.Integer),
        sa.Column("placed_at", _MOMENT, nullable=False),
        sa.Column("routes", sa.String, nullable=False),
    )
