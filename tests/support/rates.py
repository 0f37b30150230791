"""Rate sheets in memory: what comes in is kept, sealed and given back as a real store does."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from uuid import UUID

from application.rate_files import Progress, Seal, no_progress
from domain.rate_checks import PricedPrefix


class MemorySheets:
    """The port ``SheetStore``."""

    def __init__(self) -> None:
        self.stored: dict[UUID, list[PricedPrefix]] = {}
        self.begun: dict[UUID, datetime] = {}

    def keep(
        self,
        sheet_id: UUID,
        unit: str,
        rows: Iterable[PricedPrefix],
        now: datetime,
        progress: Progress = no_progress,
    ) -> tuple[int, str]:
        assert sheet_id not in self.stored, "a sheet has an id of its own"
        kept = sorted(rows, key=lambda row: (row.prefix, row.line))
        for row in kept:
            if row.terms.unit != unit:
                raise ValueError(f"prefix {row.prefix} is in {row.terms.unit}, not in {unit}")
        self.begun[sheet_id] = now
        self.stored[sheet_id] = kept
        progress("storing", len(kept), len(kept))
        seal = Seal()
        for _ in self.rows(sheet_id, seal=seal):
            pass
        return len(kept), seal.digest

    def finish(self, sheet_id: UUID) -> None:
        self.begun.pop(sheet_id, None)

    def unfinished(self, before: datetime) -> Sequence[UUID]:
        return [sheet_id for sheet_id, begun in self.begun.items() if begun < before]

    def is_begun(self, sheet_id: UUID) -> bool:
        return sheet_id in self.begun

    def discard(self, sheet_id: UUID) -> None:
        self.stored.pop(sheet_id, None)
        self.begun.pop(sheet_id, None)

    def rows(
        self, sheet_id: UUID, after: str = "", seal: Seal | None = None
    ) -> Iterator[PricedPrefix]:
        for row in self.stored.get(sheet_id, []):
            if row.prefix > after:
                if seal is not None:
                    seal.add(row.prefix, row.destination, repr(row.terms))
                yield row

    def prefixes_of(self, sheet_id: UUID, digits: str) -> Sequence[PricedPrefix]:
        return [row for row in self.rows(sheet_id) if digits.startswith(row.prefix)]
