"""A story with carriers: providers with rates, trunks and routes, and what comes of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from application.dialling import Dialling
from application.exchange import ExchangeRates
from application.margins import BelowCost, Loss, MarginGuard
from application.ports import Price
from application.routes import LedgerRoutes, RouteSettings, TrunkList
from application.routing import Routing
from application.trunk_load import TrunkLoad
from domain.providers import ProviderTerms, tariff_of
from domain.rating import RateTerms
from domain.trunks import TrunkTerms
from tests.support.story import Story

EURO_IN_DOLLARS = 1_100_000


class ProviderRates:
    """The port ``Prices`` for the sheets of providers: rates by prefix."""

    def __init__(self) -> None:
        self.by_tariff: dict[str, dict[str, RateTerms]] = {}

    def find(self, tariff: str, number: str, now: datetime) -> Price | None:
        rates, digits = self.by_tariff.get(tariff, {}), number.removeprefix("+")
        for length in range(len(digits), -1, -1):
            if (terms := rates.get(digits[:length])) is not None:
                return Price(digits[:length], "somewhere", terms)
        return None

    def at(self, tariff: str, now: datetime) -> Callable[[str], RateTerms | None]:
        def terms_of(digits: str) -> RateTerms | None:
            price = self.find(tariff, digits, now)
            return price.terms if price is not None else None

        return terms_of


class Carriers:
    """What an operator sets up on a story to get its calls out."""

    def __init__(
        self,
        story: Story,
        *,
        settings: RouteSettings | None = None,
        below_cost: BelowCost = BelowCost.WARN,
        servers: int = 1,
        listed: tuple[tuple[str, str], ...] = (("carrier", ""),),
        exchange: Mapping[tuple[str, str], int] | None = None,
    ) -> None:
        self.rates = ProviderRates()
        self.routing = Routing(story.units)
        self.load = TrunkLoad(servers)
        self.losses: list[Loss] = []
        rates = ExchangeRates(exchange or {("EUR", "USD"): EURO_IN_DOLLARS})
        self.routes = LedgerRoutes(
            story.configuration,
            self.rates,
            story.clock,
            self.load,
            TrunkList(listed),
            rates,
            settings or RouteSettings(nominal_seconds=60),
        )
        guard = MarginGuard(rates, below_cost, 60, self.losses.append)
        story.dialling = Dialling(
            story.units, story.prices, self.routes, story.clock, margins=guard
        )

    def provider(self, name: str, rates: Mapping[str, int] | None = None, unit: str = "USD") -> str:
        """A provider with rates for sixty seconds by prefix; none: it serves all, cost unknown."""
        self.routing.add_provider(name, ProviderTerms(unit, rates is not None), "ann", "")
        sheet = {prefix: RateTerms(unit, micros) for prefix, micros in (rates or {}).items()}
        self.rates.by_tariff[tariff_of(name)] = sheet
        return name

    def trunk(self, name: str, provider: str, **terms: Any) -> str:
        self.routing.add_trunk(name, TrunkTerms(provider, **terms), "ann", "")
        return name

    def line(self, name: str, micros: int, unit: str = "USD", **terms: Any) -> str:
        """A trunk to a provider of its own that serves the world at one rate."""
        return self.trunk(name, self.provider(f"of-{name}", {"": micros}, unit), **terms)

    def trunks_to(self, number: str) -> list[str]:
        return [route.trunk for route in self.routes.to(number)]
