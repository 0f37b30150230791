"""Lists of providers, trunks, routes, blocked prefixes and access numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Column, ColumnElement, select

from adapters.persistence.read_models import route_tables as tables
from adapters.persistence.recorder import EventRecorder
from application.route_views import (
    AccessNumberRow,
    PrefixRuleRow,
    ProviderRow,
    RouteRow,
    TrunkRow,
)
from application.views import MOST_ROWS
from domain.money import Money


class LedgerRouteViews:
    """The port ``RouteViews`` on the ledger's database."""

    def __init__(self, recorder: EventRecorder) -> None:
        self._recorder = recorder

    def providers(self, after: str | None, limit: int) -> Sequence[ProviderRow]:
        return [
            ProviderRow(
                row.name, row.unit, row.rated, row.active, row.changed_at, row.changed_by, row.why
            )
            for row in self._page(tables.providers.c.name, after, limit)
        ]

    def trunks(
        self, after: str | None, limit: int, *, provider: str | None = None
    ) -> Sequence[TrunkRow]:
        own = () if provider is None else (tables.trunks.c.provider == provider,)
        return [
            TrunkRow(
                row.name,
                row.provider,
                row.capacity,
                row.priority,
                tuple(row.translations.split()),
                row.caller_id,
                row.active,
                row.changed_at,
                row.changed_by,
                row.why,
            )
            for row in self._page(tables.trunks.c.name, after, limit, *own)
        ]

    def routes(self, after: str | None, limit: int) -> Sequence[RouteRow]:
        return [
            RouteRow(
                row.prefix,
                tuple(row.trunks.split()),
                row.trunk_order,
                row.changed_at,
                row.changed_by,
                row.why,
            )
            for row in self._page(tables.routes.c.prefix, after, limit)
        ]

    def prefix_rules(self, after: str | None, limit: int) -> Sequence[PrefixRuleRow]:
        return [
            PrefixRuleRow(
                row.prefix, row.name, row.allowed, row.changed_at, row.changed_by, row.why
            )
            for row in self._page(tables.prefix_rules.c.prefix, after, limit)
        ]

    def access_numbers(self, after: str | None, limit: int) -> Sequence[AccessNumberRow]:
        return [
            AccessNumberRow(
                row.number,
                row.service,
                row.login_mode,
                row.language,
                row.first_announcement,
                _money(row.surcharge, row.surcharge_unit),
                _money(row.surcharge_per_minute, row.surcharge_per_minute_unit),
                row.country,
                row.open,
                row.changed_at,
                row.changed_by,
            )
            for row in self._page(tables.access_numbers.c.number, after, limit)
        ]

    def _page(
        self, key: Column[str], after: str | None, limit: int, *conditions: ColumnElement[bool]
    ) -> Sequence[Any]:
        query = select(key.table).where(*conditions)
        if after is not None:
            query = query.where(key > after)
        query = query.order_by(key).limit(min(limit, MOST_ROWS))
        with self._recorder.reading() as connection:
            return connection.execute(query).all()


def _money(micros: int | None, unit: str | None) -> Money | None:
    return Money(micros, unit) if micros is not None and unit is not None else None
