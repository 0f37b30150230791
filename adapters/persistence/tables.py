"""Where the ledger keeps its facts, the names they claim, and how far each read model has read."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    UniqueConstraint,
    Uuid,
)

metadata = MetaData()

events = Table(
    "events",
    metadata,
    # SQLite counts only an INTEGER PRIMARY KEY by itself and never gives a number twice.
    Column("position", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("stream_id", Uuid, nullable=False),
    Column("version", BigInteger, nullable=False),
    Column("name", String, nullable=False),
    Column("data", LargeBinary, nullable=False),
    UniqueConstraint("stream_id", "version", name="events_stream_version"),
    sqlite_autoincrement=True,
)
"""The facts, for ever. The unique pair is what keeps two writers from deciding on one state."""

claims = Table(
    "claims",
    metadata,
    Column("kind", String, primary_key=True),
    Column("key", String, primary_key=True),
    Column("stream_id", Uuid, nullable=False),
)
"""Names that belong to one stream only, written in the same transaction as the facts."""

projection_positions = Table(
    "projection_positions",
    metadata,
    Column("name", String, primary_key=True),
    Column("position", BigInteger, nullable=False),
)
"""The last position that each read model has applied, written in the same transaction."""
