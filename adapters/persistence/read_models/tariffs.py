"""The tariffs there are, by name; their versions and drafts are asked of the tariff itself."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Column, String, Table, Uuid

from adapters.persistence.read_model import Page
from adapters.persistence.read_models.rows import Rows
from adapters.persistence.tables import metadata
from adapters.persistence.view_store import ViewStore
from domain.tariffs import TariffCreated

tariffs = Table(
    "view_tariffs",
    metadata,
    Column("tariff_id", Uuid, primary_key=True),
    Column("name", String, nullable=False),
    Column("unit", String(3), nullable=False),
)


class Tariffs:
    name = "tariffs"
    tables: Sequence[Table] = (tariffs,)
    facts: Sequence[type] = (TariffCreated,)

    def apply(self, views: ViewStore, page: Page) -> None:
        created = [r for _, r in page if isinstance(r.fact, TariffCreated)]
        rows = Rows(views, tariffs, ())
        for recorded in created:
            fact = recorded.fact
            rows.put({"tariff_id": recorded.originator_id, "name": fact.name, "unit": fact.unit})
        rows.write()
