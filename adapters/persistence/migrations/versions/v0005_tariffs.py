"""Rate sheets as drafts: equal names and terms stored once, each prefix with its line."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

# Digits have one order everywhere, and "C" compares them fastest.
_PREFIX = sa.String(15).with_variant(sa.String(15, collation="C"), "postgresql")


def upgrade() -> None:
    op.rename_table("rates", "rates_before")
    op.create_table(
        "rate_sheets",
        sa.Column("sheet_id", sa.Uuid, primary_key=True),
        sa.Column("begun_at", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_table(
        "rate_names",
        sa.Column("sheet_id", sa.Uuid, nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("destination", sa.String(200), nullable=False),
        sa.PrimaryKeyConstraint("sheet_id", "number", name="rate_names_key"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "rate_terms",
        sa.Column("sheet_id", sa.Uuid, nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("terms", sa.String, nullable=False),
        sa.Column("effective_on", sa.Date),
        sa.PrimaryKeyConstraint("sheet_id", "number", name="rate_terms_key"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "rates",
        sa.Column("sheet_id", sa.Uuid, nullable=False),
        sa.Column("prefix", _PREFIX, nullable=False),
        sa.Column("line", sa.Integer, nullable=False),
        sa.Column("name", sa.Integer, nullable=False),
        sa.Column("terms", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("sheet_id", "prefix", "line", name="rates_key"),
        sqlite_with_rowid=False,
    )
    for table, column in (("rate_names", "destination"), ("rate_terms", "terms")):
        op.execute(
            f"INSERT INTO {table} (sheet_id, number, {column})"  # noqa: S608 - constant names
            f" SELECT sheet_id, row_number() OVER (PARTITION BY sheet_id ORDER BY {column}) - 1,"
            f" {column} FROM (SELECT DISTINCT sheet_id, {column} FROM rates_before) AS each_once"
        )
    op.execute(
        "INSERT INTO rates (sheet_id, prefix, line, name, terms)"
        " SELECT b.sheet_id, b.prefix, 0, n.number, t.number FROM rates_before AS b"
        " JOIN rate_names AS n ON n.sheet_id = b.sheet_id AND n.destination = b.destination"
        " JOIN rate_terms AS t ON t.sheet_id = b.sheet_id AND t.terms = b.terms"
    )
    op.drop_table("rates_before")
    op.create_table(
        "view_tariffs",
        sa.Column("tariff_id", sa.Uuid, primary_key=True),
        sa.Column("name", sa.String, nullable=False),
        sa.Column("unit", sa.String(3), nullable=False),
    )
