"""In which order the facts of all streams are read, and how far it is safe to read.

A reader that follows the log remembers the last position it has seen. It misses a fact if one
with a lower position appears later, which is what a plain sequence does on PostgreSQL: numbers
are taken when a transaction writes and appear when it commits. Two strategies avoid that without
a lock on the table; the recorder of PostgreSQL takes either.
"""

from __future__ import annotations

from typing import Protocol

ORDINALS = 1 << 16
"""How many facts one transaction may store: the low 16 bits of a position number them."""


class Positions(Protocol):
    """SQL for PostgreSQL: positions of facts being stored, and which are safe to read."""

    @property
    def given(self) -> str:
        """An expression for the position of a fact; ``e.ordinal`` counts those of its append."""
        ...

    @property
    def settled(self) -> str:
        """A condition on ``position`` that holds when no lower position can still appear."""
        ...


class TransactionPositions:
    """Positions made of the id of the transaction, for any number of writing processes.

    The position is the 64-bit transaction id, shifted left, plus the ordinal of the fact. A reader
    stops at the oldest transaction that is still running, so whatever it has passed is complete.
    The price: a writing transaction left open anywhere in the cluster holds up all readers (never
    the writers), which is why the engine sets ``idle_in_transaction_session_timeout``.

    Transaction ids belong to a cluster. A ledger restored into a new cluster adds the offset in
    ``position_epoch``, see ``adapters.persistence.postgres.raise_epoch``. Both sides read it
    inside their statement, so it may be raised while others read and write.
    """

    _EPOCH = "(SELECT transactions FROM position_epoch)"

    given = f"({_EPOCH} + pg_current_xact_id()::text::bigint) * {ORDINALS} + e.ordinal"
    settled = (
        f"position < ({_EPOCH} + pg_snapshot_xmin(pg_current_snapshot())::text::bigint)"
        f" * {ORDINALS}"
    )


class OneWriterPositions:
    """Positions that continue from the highest one stored, for exactly one writing process.

    For databases that speak PostgreSQL's protocol without its transaction ids, with one writer a
    shard. A second writer is refused by the unique position, never put into the wrong order.
    """

    given = "(SELECT coalesce(max(position), 0) FROM events) + e.ordinal"
    settled = "TRUE"
