"""Sealed PINs of lots that were not exported yet: ciphertext only, deleted with the export."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from uuid import UUID

from sqlalchemy import Column, Index, LargeBinary, Table, Uuid, delete, insert, select

from adapters.persistence.recorder import EventRecorder
from adapters.persistence.tables import metadata

lot_pins = Table(
    "lot_pins",
    metadata,
    Column("seal_id", Uuid, primary_key=True),
    Column("lot_id", Uuid, nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    Index("lot_pins_lot", "lot_id"),
)


class StoredLotPins:
    """The port ``LotPins`` on the ledger's database."""

    def __init__(self, recorder: EventRecorder) -> None:
        self._recorder = recorder

    def keep(self, seal_id: UUID, lot_id: UUID, sealed: bytes) -> None:
        with self._recorder.writing() as connection:
            connection.execute(
                insert(lot_pins).values(seal_id=seal_id, lot_id=lot_id, sealed=sealed)
            )

    def sealed(self, seal_ids: Sequence[UUID]) -> Iterator[bytes]:
        for seal_id in seal_ids:
            query = select(lot_pins.c.sealed).where(lot_pins.c.seal_id == seal_id)
            with self._recorder.reading() as connection:
                sealed = connection.execute(query).scalar()
            if sealed is None:
                raise LookupError(f"the sealed PINs {seal_id} are gone")
            yield bytes(sealed)

    def forget(self, lot_id: UUID) -> None:
        with self._recorder.writing() as connection:
            connection.execute(delete(lot_pins).where(lot_pins.c.lot_id == lot_id))
