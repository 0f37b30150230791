"""What calls leave over what they cost: who is told of a loss before it is made, or refused."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from enum import StrEnum

from attrs import field, frozen

from application.exchange import ExchangeRates
from application.ports import Route
from domain.call_sessions import PlannedRoute
from domain.costs import cost
from domain.errors import DestinationNotSold
from domain.money import Money
from domain.rating import RateTerms, charge


class BelowCost(StrEnum):
    """What becomes of a call that costs more than it is sold for."""

    ALLOW = "allow"
    WARN = "warn"
    REFUSE = "refuse"


@frozen
class Loss:
    """A call of the nominal length to a number: its price, and its cost by the cheapest route."""

    number: str
    trunk: str
    provider: str | None
    price: Money
    cost: Money
    seconds: int


def _nobody(loss: Loss) -> None:
    """Nobody is told."""


@frozen
class MarginGuard:
    """Compares price and cost of a call of the nominal length, fees and surcharges counted.

    A cost that is not known, or that nothing converts into the unit of the price, is no loss.
    """

    exchange: ExchangeRates = field(factory=ExchangeRates)
    below_cost: BelowCost = BelowCost.WARN
    nominal_seconds: int = 180
    tell: Callable[[Loss], None] = _nobody

    def planned(self, route: Route, unit: str) -> PlannedRoute:
        """What is recorded of a route for a call that is paid in a unit."""
        exchange = self.exchange.into(route.terms.unit, unit) if route.terms else None
        return PlannedRoute(route.trunk, route.number, route.provider, route.terms, exchange)

    def check(
        self, number: str, routes: Sequence[Route], terms: RateTerms, now: datetime
    ) -> tuple[Route, ...]:
        """The routes that may be taken. Tells of a call that loses by its cheapest route.

        Raises DestinationNotSold if losses are refused and every route makes one.
        """
        costs = {} if self.below_cost is BelowCost.ALLOW else self._costs(routes, terms.unit, now)
        if not costs:
            return tuple(routes)
        price = charge(terms, now, self.nominal_seconds).total
        losing = {place: each for place, each in costs.items() if each > price}
        if len(losing) == len(costs):
            place = min(losing, key=lambda each: losing[each].micros)
            by = routes[place]
            told = Loss(number, by.trunk, by.provider, price, losing[place], self.nominal_seconds)
            self.tell(told)
        if self.below_cost is BelowCost.WARN:
            return tuple(routes)
        left = tuple(route for place, route in enumerate(routes) if place not in losing)
        if not left:
            raise DestinationNotSold(number, "every route costs more than the call is sold for")
        return left

    def _costs(self, routes: Sequence[Route], unit: str, now: datetime) -> dict[int, Money]:
        """By the place of the route, those that are known."""
        found = {}
        for place, route in enumerate(routes):
            if route.terms is None:
                continue
            nominal = cost(route.terms, now, self.nominal_seconds)
            converted = self.exchange.convert(nominal, unit)
            if converted is not None:
                found[place] = converted
        return found
