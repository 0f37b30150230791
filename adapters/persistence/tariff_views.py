"""The list of tariffs, from their read model."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import select

from adapters.persistence.read_models.tariffs import tariffs
from adapters.persistence.recorder import EventRecorder
from application.views import MOST_ROWS


class LedgerTariffViews:
    """The port ``TariffViews`` on the ledger's database."""

    def __init__(self, recorder: EventRecorder) -> None:
        self._recorder = recorder

    def tariffs(self, after: UUID | None, limit: int) -> Sequence[tuple[UUID, str, str]]:
        if not 1 <= limit <= MOST_ROWS:
            raise ValueError(f"a page has 1 to {MOST_ROWS} rows, not {limit}")
        query = select(tariffs.c.tariff_id, tariffs.c.name, tariffs.c.unit)
        if after is not None:
            query = query.where(tariffs.c.tariff_id > after)
        query = query.order_by(tariffs.c.tariff_id).limit(limit)
        with self._recorder.reading() as connection:
            return [(row[0], row[1], row[2]) for row in connection.execute(query)]
