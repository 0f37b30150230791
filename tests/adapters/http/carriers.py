"""What the world of the HTTP door has of tariffs, carriers and access numbers, in memory."""

from __future__ import annotations

import itertools
import random
from collections.abc import Sequence
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID

from attrs import define

from adapters.sheets.files import SheetFiles
from application import kinds
from application.access_numbers import AccessNumbers
from application.administration import Chance
from application.configuration import Configuration
from application.margins import MarginGuard
from application.price_explanation import PriceExplanations
from application.route_preview import RoutePreviews, SheetPrices
from application.route_views import (
    AccessNumberRow,
    PrefixRuleRow,
    ProviderRow,
    RouteRow,
    TrunkRow,
)
from application.routes import LedgerRoutes
from application.routing import Routing
from application.tariffs import Tariffs
from application.trunk_load import TrunkLoad
from domain.providers import Provider
from domain.routing import PrefixAllowed, PrefixBlocked, RouteSet, RoutingPlan
from domain.trunks import Trunk
from tests.support.memory import MemoryUnitsOfWork, SetClock
from tests.support.rates import MemorySheets

T = TypeVar("T")


def carriers_of(units: MemoryUnitsOfWork, clock: SetClock, random: random.Random) -> dict[str, Any]:
    """The fields of the services that are about what calls cost and which way they go."""
    sheets = MemorySheets()
    chance = Chance(random.randrange, random.randbytes)
    # Asked at moments an hour apart, it remembers nothing: a change counts at once.
    configuration = Configuration(units, itertools.count(step=3600).__next__)
    routes = LedgerRoutes(configuration, SheetPrices(units, sheets), clock, TrunkLoad())
    explanations = PriceExplanations(units, sheets)
    return {
        "access_numbers": AccessNumbers(units),
        "tariffs": Tariffs(units, sheets, SheetFiles(), clock, chance, routes),
        "price_explanations": explanations,
        "routing": Routing(units),
        "route_views": MemoryRouteViews(units),
        "route_previews": RoutePreviews(routes, explanations, MarginGuard()),
    }


@define
class MemoryRouteViews:
    """The port ``RouteViews``, folded anew from all facts whenever somebody looks."""

    units: MemoryUnitsOfWork

    def providers(self, after: str | None, limit: int) -> Sequence[ProviderRow]:
        rows = []
        for stream_id, (at, by, why) in self._streams(kinds.PROVIDERS.name):
            state: Provider | None = self.units.state(kinds.PROVIDERS, stream_id)
            assert state is not None
            terms = state.terms
            rows.append(ProviderRow(state.name, terms.unit, terms.rated, terms.active, at, by, why))
        return _page(rows, "name", after, limit)

    def trunks(
        self, after: str | None, limit: int, *, provider: str | None = None
    ) -> Sequence[TrunkRow]:
        rows = []
        for stream_id, (at, by, why) in self._streams(kinds.TRUNKS.name):
            state: Trunk | None = self.units.state(kinds.TRUNKS, stream_id)
            assert state is not None
            terms = state.terms
            if provider not in (None, terms.provider):
                continue
            translations = tuple(f"{e.match}:{e.strip}:{e.prepend}" for e in terms.translations)
            rows.append(
                TrunkRow(
                    state.name,
                    terms.provider,
                    terms.capacity,
                    terms.priority,
                    translations,
                    terms.caller_id,
                    terms.active,
                    at,
                    by,
                    why,
                )
            )
        return _page(rows, "name", after, limit)

    def routes(self, after: str | None, limit: int) -> Sequence[RouteRow]:
        plan, said = self._plan(RouteSet)
        rows = [
            RouteRow(prefix, terms.trunks, terms.order, *said[prefix])
            for prefix, terms in plan.routes.items()
        ]
        return _page(rows, "prefix", after, limit)

    def prefix_rules(self, after: str | None, limit: int) -> Sequence[PrefixRuleRow]:
        plan, said = self._plan(PrefixBlocked, PrefixAllowed)
        rows = [
            PrefixRuleRow(prefix, rule.name, rule.allowed, *said[prefix])
            for prefix, rule in plan.rules.items()
        ]
        return _page(rows, "prefix", after, limit)

    def access_numbers(self, after: str | None, limit: int) -> Sequence[AccessNumberRow]:
        raise AssertionError("the door lists access numbers by their ids")

    def _plan(self, *kinds_: type) -> tuple[RoutingPlan, dict[str, tuple[datetime, str, str]]]:
        said: dict[str, tuple[datetime, str, str]] = {}
        for each in self.units.history(kinds.ROUTING_ID):
            fact: Any = each.fact
            if isinstance(fact, kinds_):
                said[fact.prefix] = (each.recorded_at, fact.by, fact.why)
        return self.units.state(kinds.ROUTING, kinds.ROUTING_ID) or RoutingPlan(), said

    def _streams(self, kind: str) -> list[tuple[UUID, tuple[datetime, str, str]]]:
        found = []
        for stream_id in self.units.streams(kind):
            last = self.units.history(stream_id)[-1]
            found.append((stream_id, (last.recorded_at, last.fact.by, last.fact.why)))
        return found


def _page(rows: list[T], key: str, after: str | None, limit: int) -> list[T]:
    ordered = sorted(rows, key=lambda row: str(getattr(row, key)))
    return [row for row in ordered if after is None or getattr(row, key) > after][:limit]
