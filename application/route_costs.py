"""What the cheapest route costs, for the million prefixes of a sheet that is to be published."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime

from attrs import define, field

from application.exchange import ExchangeRates
from application.ports import Prices
from domain.costs import cost
from domain.money import divided_up
from domain.providers import Provider
from domain.rating import RateTerms
from domain.routing import RoutingPlan
from domain.trunks import Translation, Trunk, translated

MOST_SENT = 32
"""Digits that are sent to a trunk at most."""

_MOST_KNOWN = 100_000

Rated = tuple[Sequence[Translation], Callable[[str], RateTerms | None]]
"""A way: how its trunk translates numbers, and its provider's terms for them."""


@define
class CostsAtAMoment:
    """Micros of a unit for sixty seconds by the cheapest way to a number or a prefix.

    Trunks, providers and the sheets in force are looked up once, and each price is converted once:
    a sheet has many prefixes and few prices.
    """

    plan: RoutingPlan
    trunks: Mapping[str, Trunk]
    """Those in use."""
    providers: Mapping[str, Provider]
    """Those in use."""
    prices: Prices
    exchange: ExchangeRates
    unit: str
    nominal_seconds: int
    now: datetime
    _ways: dict[tuple[str, ...], list[Rated]] = field(factory=dict, init=False)
    _known: dict[int, tuple[RateTerms, int | None]] = field(factory=dict, init=False)

    def __call__(self, digits: str) -> int | None:
        """None: no way, or none of a known cost."""
        if not digits:
            return None
        lowest = None
        for translations, terms_of in self._ways_to(digits):
            if translations and not 0 < len(translated(translations, digits)) <= MOST_SENT:
                continue
            if (terms := terms_of(digits)) is None or (micros := self._micros(terms)) is None:
                continue
            if lowest is None or micros < lowest:
                lowest = micros
        return lowest

    def _ways_to(self, digits: str) -> list[Rated]:
        names = self.plan.trunks
        if self.plan.routes:
            names = self.plan.route_of(digits)[1].trunks or names
        ways = self._ways.get(names)
        if ways is None:
            ways = self._ways[names] = list(self._rated(names))
        return ways

    def _rated(self, names: Sequence[str]) -> Iterator[Rated]:
        seen = set()
        for name in names:
            trunk = self.trunks.get(name)
            provider = self.providers.get(trunk.terms.provider) if trunk is not None else None
            if trunk is None or provider is None or not provider.terms.rated:
                continue
            # Numbers that are sent alike cost alike by every trunk of a provider.
            if (way := (provider.name, trunk.terms.translations)) not in seen:
                seen.add(way)
                yield trunk.terms.translations, self.prices.at(provider.tariff, self.now)

    def _micros(self, terms: RateTerms) -> int | None:
        known = self._known.get(id(terms))
        if known is None:
            nominal = cost(terms, self.now, self.nominal_seconds)
            converted = self.exchange.convert(nominal, self.unit)
            micros = None
            if converted is not None:
                micros = divided_up(converted.micros * 60, self.nominal_seconds)
            if len(self._known) >= _MOST_KNOWN:
                self._known.clear()
            # The terms are kept with it: an object that lives keeps its id.
            known = self._known[id(terms)] = (terms, micros)
        return known[1]
