"""Tables of the read models of lots, approvals and daily fees."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Date, Index, Integer, String, Table, Uuid

from adapters.persistence.read_models.tables import Moment
from adapters.persistence.tables import metadata

lots = Table(
    "view_lots",
    metadata,
    Column("lot_id", Uuid, primary_key=True),
    Column("name", String(80), nullable=False),
    Column("group_id", Uuid, nullable=False),
    Column("run", String(4), nullable=False),
    Column("batch", String(5), nullable=False),
    Column("first_number", String(20), nullable=False),
    Column("last_number", String(20), nullable=False),
    Column("ordered", Integer, nullable=False),
    Column("made", Integer, nullable=False),
    Column("kept", Integer, nullable=False),
    Column("state", String(20), nullable=False),
    Column("face_value", BigInteger, nullable=False),
    Column("unit", String(3), nullable=False),
    Column("ordered_at", Moment, nullable=False),
    Column("by", String(200), nullable=False),
    Index("view_lots_batch", "run", "batch"),
)

approvals = Table(
    "view_approvals",
    metadata,
    Column("approval_id", Uuid, primary_key=True),
    Column("action", String(80), nullable=False),
    Column("subject", String, nullable=False),
    Column("details", String, nullable=False),
    Column("by", String(200), nullable=False),
    Column("why", String(200), nullable=False),
    Column("state", String(20), nullable=False),
    Column("decided_by", String(200)),
    Column("requested_at", Moment, nullable=False),
    Column("expires_at", Moment, nullable=False),
    Index("view_approvals_state", "state", "approval_id"),
)

fee_days = Table(
    "view_fee_days",
    metadata,
    Column("account_id", Uuid, primary_key=True),
    Column("through", Date, nullable=False),
)
"""The last day for which an account has paid its daily fee."""
