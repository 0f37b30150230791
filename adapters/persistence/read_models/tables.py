"""The tables of the read models. Amounts are millionths of the unit in the same row."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Index,
    Integer,
    String,
    Table,
    TypeDecorator,
    Uuid,
)
from sqlalchemy.engine import Dialect

from adapters.persistence.tables import metadata


class Moment(TypeDecorator[object]):
    """A time in UTC. SQLite forgets time zones, so they are put back on the way out."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: object, dialect: Dialect) -> object:
        return value.astimezone(UTC) if isinstance(value, datetime) else value

    def process_result_value(self, value: object, dialect: Dialect) -> object:
        if not isinstance(value, datetime):
            return value
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


accounts = Table(
    "view_accounts",
    metadata,
    Column("account_id", Uuid, primary_key=True),
    Column("unit", String(3), nullable=False),
    Column("holder_kind", String, nullable=False),
    Column("holder", Uuid, nullable=False),
    Column("balance", BigInteger, nullable=False),
    Column("held", BigInteger, nullable=False),
    Column("opened_at", Moment, nullable=False),
)

holds = Table(
    "view_holds",
    metadata,
    Column("hold_id", Uuid, primary_key=True),
    Column("account_id", Uuid, nullable=False),
    Column("amount", BigInteger, nullable=False),
)
"""Open holds only: what a capture or a release gives back."""

card_groups = Table(
    "view_card_groups",
    metadata,
    Column("group_id", Uuid, primary_key=True),
    Column("name", String, nullable=False),
)

cards = Table(
    "view_cards",
    metadata,
    Column("card_id", Uuid, primary_key=True),
    Column("number", String, nullable=False),
    Column("group_id", Uuid, nullable=False),
    Column("status", String, nullable=False),
    Column("account_id", Uuid, nullable=False),
    Column("face_value", BigInteger, nullable=False),
    Column("unit", String(3), nullable=False),
    Column("caller_id", String),
    Column("generated_at", Moment, nullable=False),
    Column("first_used_at", Moment),
    Column("sold", Boolean, nullable=False),
    # Each ends with what lists are ordered by; ``card_lists`` says how they are used.
    Index("view_cards_number", "number", "status", "sold", "card_id"),
    Index("view_cards_group_status", "group_id", "status", "sold", "card_id"),
    Index("view_cards_status", "status", "sold", "card_id"),
)

calls = Table(
    "view_calls",
    metadata,
    Column("session_id", Uuid, primary_key=True),
    Column("reference", String, nullable=False),
    Column("node", String, nullable=False),
    Column("access_number", String, nullable=False),
    Column("caller_id", String),
    Column("card_id", Uuid),
    Column("started_at", Moment, nullable=False),
    Column("ended_at", Moment),
    Column("attempts", Integer, nullable=False),
    Column("open_attempts", Integer, nullable=False),
    Column("disputed", Boolean, nullable=False),
    Column("seconds", BigInteger, nullable=False),
    Column("charged", BigInteger, nullable=False),
    Column("unit", String(3)),
    Index("view_calls_card", "card_id", "session_id"),
)
for _name, _few in (
    ("view_calls_disputed", calls.c.disputed.is_(True)),
    ("view_calls_open", calls.c.ended_at.is_(None)),
):
    # Of a million calls a few hundred: found without a look at the others.
    Index(_name, calls.c.session_id, sqlite_where=_few, postgresql_where=_few)

attempts = Table(
    "view_attempts",
    metadata,
    Column("session_id", Uuid, primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("node", String, nullable=False),
    Column("reference", String, nullable=False),
    Column("destination", String, nullable=False),
    Column("destination_name", String, nullable=False),
    Column("state", String, nullable=False),
    Column("held", BigInteger, nullable=False),
    Column("unit", String(3), nullable=False),
    Column("limit_seconds", Integer, nullable=False),
    Column("placed_at", Moment, nullable=False),
    Column("deadline", Moment, nullable=False),
    Column("answered_at", Moment),
    Column("seconds", Integer),
    Column("charge", BigInteger),
    Column("evidence", String),
    Column("cause", Integer),
)
Index(
    "view_attempts_open",
    attempts.c.deadline,
    sqlite_where=attempts.c.state == "open",
    postgresql_where=attempts.c.state == "open",
)
