"""Tables of the reports: sums by time and by what is asked for, and what is open just now.

Sums are kept twice, by quarter of an hour for days of any time zone and by day of UTC, so that the
usual question reads few rows. Amounts are millionths of the unit in the same row.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Date,
    Index,
    Integer,
    SmallInteger,
    String,
    Table,
    Uuid,
)

from adapters.persistence.read_models.tables import Moment
from adapters.persistence.tables import metadata

QUARTERS, DAYS = 0, 1
"""Grains: a slot is a quarter of an hour, or the first quarter of a day of UTC."""

SLOT_SECONDS = 900
SLOTS_IN_A_DAY = 96


def _key(name: str, kind: Any) -> Column[Any]:
    return Column(name, kind, primary_key=True, autoincrement=False)


def _sum(name: str) -> Column[int]:
    return Column(name, BigInteger, nullable=False)


usage = Table(
    "report_usage",
    metadata,
    _key("grain", SmallInteger),
    _key("dimension", String(20)),
    _key("slot", Integer),
    _key("group_id", Uuid),
    _key("name", String),
    _key("detail", String),
    _key("unit", String(3)),
    _sum("attempts"),
    _sum("answered"),
    _sum("seconds"),
    _sum("charged"),
    _sum("cost"),
    _sum("uncosted"),
    _sum("unknown_costs"),
    _sum("passed_over"),
    _sum("announced"),
    _sum("announced_seconds"),
    _sum("delivered_seconds"),
    _sum("cut_at_limit"),
    _sum("cut_by_fault"),
    _sum("unwitnessed"),
    _sum("short_seconds"),
    sqlite_with_rowid=False,
)
"""Settled attempts, by the time they were placed. ``dimension`` says what ``name`` and ``detail``
are: of a route the provider and the trunk, both empty where no route is known."""

sales = Table(
    "report_sales",
    metadata,
    _key("grain", SmallInteger),
    _key("slot", Integer),
    _key("group_id", Uuid),
    _key("distributor", String),
    _key("unit", String(3)),
    _sum("sold"),
    _sum("sold_value"),
    _sum("returned"),
    _sum("returned_value"),
    _sum("activated"),
    _sum("activated_value"),
    _sum("top_ups"),
    _sum("topped_up"),
    _sum("calls"),
    _sum("fees"),
    _sum("forfeited"),
    _sum("adjusted"),
    sqlite_with_rowid=False,
)
"""Cards and money, by the time they were recorded. ``activated_value``, ``topped_up`` and
``adjusted`` less ``calls``, ``fees`` and ``forfeited`` is what all accounts together gained."""

refusals = Table(
    "report_refusals",
    metadata,
    _key("grain", SmallInteger),
    _key("slot", Integer),
    _key("access_number", String),
    _key("caller_id", String),
    _key("reason", String),
    _sum("refused"),
    sqlite_with_rowid=False,
)
"""Failed logins; ``caller_id`` is empty for a hidden one."""

liability = Table(
    "report_liability",
    metadata,
    _key("group_id", Uuid),
    _key("lot_mark", Uuid),
    _key("since", Date),
    _key("unit", String(3)),
    _sum("accounts"),
    _sum("balance"),
    _sum("held"),
    sqlite_with_rowid=False,
)
"""What accounts own, by the day money last arrived. ``accounts`` are those with a balance."""

accounts = Table(
    "report_accounts",
    metadata,
    Column("account_id", Uuid, primary_key=True),
    Column("holder", Uuid, nullable=False),
    Column("number", String, nullable=False),
    Column("group_id", Uuid, nullable=False),
    Column("lot_mark", Uuid, nullable=False),
    Column("unit", String(3), nullable=False),
    Column("balance", BigInteger, nullable=False),
    Column("held", BigInteger, nullable=False),
    Column("since", Date, nullable=False),
)

holds = Table(
    "report_holds",
    metadata,
    Column("hold_id", Uuid, primary_key=True),
    Column("amount", BigInteger, nullable=False),
)

lots = Table(
    "report_lots",
    metadata,
    Column("lot_mark", Uuid, primary_key=True),
    Column("lot_id", Uuid, nullable=False),
)
"""A lot by the id of the card in its first place, which every card of the lot tells."""

ranges = Table(
    "report_ranges",
    metadata,
    Column("length", SmallInteger, primary_key=True, autoincrement=False),
    Column("first", String(20), primary_key=True),
    Column("last", String(20), nullable=False),
    Column("distributor", String, nullable=False),
)
"""Which card numbers are with which distributor now."""

open_calls = Table(
    "report_open_calls",
    metadata,
    Column("session_id", Uuid, primary_key=True),
    Column("access_number", String, nullable=False),
    Column("caller_id", String, nullable=False),
    Column("started_at", Moment, nullable=False),
    Index("report_open_calls_started", "started_at"),
)

open_attempts = Table(
    "report_open_attempts",
    metadata,
    Column("session_id", Uuid, primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("group_id", Uuid, nullable=False),
    Column("destination", String, nullable=False),
    Column("access_number", String, nullable=False),
    Column("unit", String(3), nullable=False),
    Column("held", BigInteger, nullable=False),
    Column("limit_seconds", Integer, nullable=False),
    Column("announced", Integer),
    Column("placed_at", Moment, nullable=False),
    Column("routes", String, nullable=False),
)
"""Attempts whose holds are open. ``routes`` are the planned providers and trunks, as JSON."""

ALL = (
    usage,
    sales,
    refusals,
    liability,
    accounts,
    holds,
    lots,
    ranges,
    open_calls,
    open_attempts,
)
