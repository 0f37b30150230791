"""The tables of providers, trunks, routes, blocked prefixes and access numbers."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Integer, String, Table, Uuid

from adapters.persistence.read_models.tables import Moment
from adapters.persistence.tables import metadata

providers = Table(
    "view_providers",
    metadata,
    Column("provider_id", Uuid, primary_key=True),
    Column("name", String, nullable=False, index=True),
    Column("unit", String(3), nullable=False),
    Column("rated", Boolean, nullable=False),
    Column("active", Boolean, nullable=False),
    Column("changed_at", Moment, nullable=False),
    Column("changed_by", String, nullable=False),
    Column("why", String, nullable=False),
)

trunks = Table(
    "view_trunks",
    metadata,
    Column("trunk_id", Uuid, primary_key=True),
    Column("name", String, nullable=False, index=True),
    Column("provider", String, nullable=False),
    Column("capacity", Integer, nullable=False),
    Column("priority", Integer, nullable=False),
    Column("translations", String, nullable=False),
    Column("caller_id", String),
    Column("active", Boolean, nullable=False),
    Column("changed_at", Moment, nullable=False),
    Column("changed_by", String, nullable=False),
    Column("why", String, nullable=False),
)
"""``translations`` are match:strip:prepend, one after another, spaces between them."""

routes = Table(
    "view_routes",
    metadata,
    Column("prefix", String, primary_key=True),
    Column("trunks", String, nullable=False),
    Column("trunk_order", String, nullable=False),
    Column("changed_at", Moment, nullable=False),
    Column("changed_by", String, nullable=False),
    Column("why", String, nullable=False),
)
"""``trunks`` are names with spaces between them; empty: all."""

prefix_rules = Table(
    "view_prefix_rules",
    metadata,
    Column("prefix", String, primary_key=True),
    Column("name", String, nullable=False),
    Column("allowed", Boolean, nullable=False),
    Column("changed_at", Moment, nullable=False),
    Column("changed_by", String, nullable=False),
    Column("why", String, nullable=False),
)
"""The operator's word on prefixes; the built-in ranges are not in it."""

access_numbers = Table(
    "view_access_numbers",
    metadata,
    Column("access_id", Uuid, primary_key=True),
    Column("number", String, nullable=False, index=True),
    Column("service", String, nullable=False),
    Column("login_mode", String, nullable=False),
    Column("language", String, nullable=False),
    Column("first_announcement", String),
    Column("surcharge", BigInteger),
    Column("surcharge_unit", String(3)),
    Column("surcharge_per_minute", BigInteger),
    Column("surcharge_per_minute_unit", String(3)),
    Column("country", String(2), nullable=False),
    Column("open", Boolean, nullable=False),
    Column("changed_at", Moment, nullable=False),
    Column("changed_by", String),
)
