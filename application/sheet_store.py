"""Where rate sheets lie: what is asked of whoever keeps their rows, and lists the tariffs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Protocol
from uuid import UUID

from application.rate_files import Progress, Seal, no_progress
from domain.rate_checks import PricedPrefix


class SheetStore(Protocol):
    """Rate sheets under ids of their own; a sheet that no fact names is never looked at."""

    def keep(
        self,
        sheet_id: UUID,
        unit: str,
        rows: Iterable[PricedPrefix],
        now: datetime,
        progress: Progress = no_progress,
    ) -> tuple[int, str]:
        """Keeps all rows of a new sheet or none; gives how many, and their SHA-256.

        Raises ValueError for a row that cannot be used.
        """
        ...

    def finish(self, sheet_id: UUID) -> None:
        """Notes that a fact names the sheet now."""
        ...

    def unfinished(self, before: datetime) -> Sequence[UUID]:
        """Sheets whose import began before a moment and was not noted to have ended."""
        ...

    def is_begun(self, sheet_id: UUID) -> bool:
        """Whether an import of the sheet began and was not noted to have ended."""
        ...

    def discard(self, sheet_id: UUID) -> None: ...

    def rows(
        self, sheet_id: UUID, after: str = "", seal: Seal | None = None
    ) -> Iterator[PricedPrefix]:
        """The rows beyond a prefix in the order of prefixes; each is added to the seal."""
        ...

    def prefixes_of(self, sheet_id: UUID, digits: str) -> Sequence[PricedPrefix]:
        """The rows whose prefixes begin these digits, the shortest first."""
        ...


class TariffViews(Protocol):
    def tariffs(self, after: UUID | None, limit: int) -> Sequence[tuple[UUID, str, str]]:
        """Ids, names and units, ordered by id."""
        ...
