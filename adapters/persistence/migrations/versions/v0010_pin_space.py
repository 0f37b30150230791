"""PINs of cards that were made before PINs were counted count towards one in five, too."""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, datetime
from uuid import UUID, uuid5

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

_NAMED = UUID("6f6f4f0e-0d3c-4c0e-9a53-2f8f6f0f7c11")
"""What the ids of PIN spaces are made from."""

_LOG = sa.text(
    "SELECT stream_id, name, data FROM events WHERE name IN"
    " ('card-group-created', 'card-group-terms-changed', 'card-generated', 'pins-reserved')"
    " ORDER BY position"
).columns(stream_id=sa.Uuid, name=sa.String, data=sa.LargeBinary)

_POSITION = {
    # It rises even where the ids of transactions start low again, in a restored cluster.
    "postgresql": "(SELECT greatest(coalesce(max(position), 0) + 1,"
    " ((SELECT transactions FROM position_epoch) + pg_current_xact_id()::text::bigint) * 65536)"
    " FROM events)",
    "sqlite": "NULL",
}


def upgrade() -> None:
    connection = op.get_bind()
    position = _POSITION[connection.dialect.name]
    append = sa.text(
        "INSERT INTO events (position, stream_id, version, name, data)"  # noqa: S608 - a constant
        f" VALUES ({position}, :stream,"
        " (SELECT coalesce(max(version), 0) + 1 FROM events WHERE stream_id = :stream),"
        " 'pins-reserved', :data)"
    ).bindparams(sa.bindparam("stream", type_=sa.Uuid))
    for length, count in sorted(_uncounted(connection).items()):
        fact = {"length": length, "count": count, "reserved_for": "cards made before"}
        stored = {"v": 1, "at": datetime.now(UTC).isoformat(), "fact": fact}
        told = {"stream": uuid5(_NAMED, f"pin-space:{length}"), "data": json.dumps(stored).encode()}
        connection.execute(append, told)


def _uncounted(connection: sa.Connection) -> Counter[int]:
    """Cards by the length of their PINs, up to the first reservation of PINs of this length.

    A card has a PIN as long as its group said when the card was made.
    """
    lengths: dict[UUID, int] = {}
    found: Counter[int] = Counter()
    counted: set[int] = set()
    last: dict[int, str] = {}
    for stream_id, name, data in connection.execute(_LOG):
        fact = json.loads(data)["fact"]
        if name == "pins-reserved":
            length = fact["length"]
            # A single card is made in one transaction with the reservation behind it.
            if length not in counted and fact["reserved_for"] == f"card {last.get(length)}":
                found[length] -= 1
            counted.add(length)
        elif name != "card-generated":
            lengths[stream_id] = fact["terms"]["pin_length"]
        elif (length := lengths[UUID(fact["group_id"])]) not in counted:
            found[length] += 1
            last[length] = fact["number"]
    return +found
