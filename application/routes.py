"""The ways out: which trunks lead to a number, and in which order they are tried."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from attrs import define, evolve, field, frozen

from application import kinds, numbers
from application.configuration import Configuration
from application.exchange import ExchangeRates
from application.ports import Clock, Prices, Route, Routes
from application.route_costs import MOST_SENT, CostsAtAMoment
from application.trunk_load import TrunkLoad
from domain.blocked_ranges import BlockedRange
from domain.costs import cost
from domain.errors import DestinationNotSold
from domain.money import Money
from domain.providers import Provider
from domain.routing import NUMBERING_PLAN, Order, RoutingPlan
from domain.trunks import Trunk, translated


@frozen
class TrunkList:
    """The port ``Routes`` for an operator whose every trunk reaches every number.

    ``trunks`` are names with the digits each wants in front of the number, cheapest first.
    """

    trunks: tuple[tuple[str, str], ...]

    def to(self, number: str) -> Sequence[Route]:
        digits = number.removeprefix("+")
        return [Route(trunk, prefix + digits) for trunk, prefix in self.trunks]


@frozen
class RouteSettings:
    nominal_seconds: int = 180
    """The length of call that routes are compared by."""
    unit: str = "USD"
    """What routes are compared in."""
    most: int = 5
    """Routes tried in one attempt: each may ring, and the hold covers the time it may ring."""


@frozen
class LeftOut:
    """A trunk that is not tried, and why."""

    trunk: str
    provider: str | None
    why: str


@frozen
class Choice:
    """The ways to a number in the order of its route, and the trunks that are none."""

    prefix: str
    """The prefix whose route it is; empty for that of all other numbers."""
    order: Order
    ways: Sequence[Route]
    left_out: Sequence[LeftOut]


@define
class LedgerRoutes:
    """The ports ``Routes`` and ``RouteCosts`` by the providers, trunks and routes in the ledger.

    While the ledger has no trunk, ``otherwise`` says the ways. What is blocked is blocked in both.
    """

    configuration: Configuration
    prices: Prices
    clock: Clock
    load: TrunkLoad
    otherwise: Routes = field(factory=lambda: TrunkList(()))
    exchange: ExchangeRates = field(factory=ExchangeRates)
    settings: RouteSettings = field(factory=RouteSettings)
    _no_plan_at: float | None = field(default=None, init=False)

    def to(self, number: str) -> Sequence[Route]:
        """At most ``settings.most`` ways, those with room first, then by the order of the route:
        cheapest first for a call of the nominal length, then by priority, then by name."""
        plan = self.plan()
        self.check(number, plan)
        if not plan.trunks:
            return list(self.otherwise.to(number))[: self.settings.most]
        ways = list(self.choose(number.removeprefix("+"), plan).ways)
        # A full trunk comes last and not never: it may have room by the time it is its turn.
        ways.sort(key=lambda route: not self.load.has_room(route.trunk, route.capacity))
        return ways[: self.settings.most]

    def cheapest(self, number_or_prefix: str, unit: str | None = None) -> int | None:
        digits = number_or_prefix.removeprefix("+")
        if digits and not (digits.isascii() and digits.isdigit()):
            raise ValueError(f"a prefix is digits alone, such as 4822, not {number_or_prefix!r}")
        return self.costs_now(unit)(digits)

    def costs_now(self, unit: str | None = None) -> CostsAtAMoment:
        plan = self.plan()
        named = {*plan.trunks, *(name for each in plan.routes.values() for name in each.trunks)}
        trunks = [each for each in self._trunks(named) if each.terms.active]
        providers = (
            self.configuration.get(kinds.PROVIDERS, kinds.provider_id(name))
            for name in {each.terms.provider for each in trunks}
        )
        return CostsAtAMoment(
            plan,
            {each.name: each for each in trunks},
            {each.name: each for each in providers if each is not None and each.terms.active},
            self.prices,
            self.exchange,
            unit or self.settings.unit,
            self.settings.nominal_seconds,
            self.clock.now(),
        )

    def nominal_cost(self, route: Route, now: datetime) -> Money | None:
        """What a call of the nominal length costs by a route, in its provider's unit."""
        if route.terms is None:
            return None
        return cost(route.terms, now, self.settings.nominal_seconds)

    def check(self, number: str, plan: RoutingPlan | None = None) -> None:
        """Raises DestinationNotSold for what is blocked, however it is spelled, and for what is no
        number in E.164."""
        try:
            told = numbers.readings(number)
        except ValueError as error:
            raise DestinationNotSold(number[:20], str(error)) from error
        plan = plan or self.plan()
        for reading in told:
            if (blocked := plan.blocked(reading.digits, reading.premium_in)) is not None:
                raise DestinationNotSold(number, _told(blocked))

    def plan(self) -> RoutingPlan:
        """The plan; that there is none is remembered as long as the rest of the configuration,
        because an operator who needs none should not pay for asking at every call."""
        now = self.configuration.monotonic()
        if self._no_plan_at is not None and now - self._no_plan_at < self.configuration.every:
            return RoutingPlan()
        found = self.configuration.get(kinds.ROUTING, kinds.ROUTING_ID)
        self._no_plan_at = now if found is None else None
        return found or RoutingPlan()

    def choose(self, digits: str, plan: RoutingPlan) -> Choice:
        """All that could carry the number, in the order of its route, and all that could not."""
        now = self.clock.now()
        prefix, terms = plan.route_of(digits)
        found: list[tuple[Trunk, Route]] = []
        left_out: list[LeftOut] = []
        for trunk in self._trunks(terms.trunks or plan.trunks):
            way = self._way(digits, trunk, now)
            if isinstance(way, Route):
                found.append((trunk, way))
            else:
                left_out.append(LeftOut(trunk.name, trunk.terms.provider, way))
        if terms.order is Order.CHEAPEST:
            found.sort(
                key=lambda each: (*self._cost(each[1], now), each[0].terms.priority, each[0].name)
            )
        return Choice(prefix, terms.order, [route for _, route in found], left_out)

    def _trunks(self, names: Iterable[str]) -> list[Trunk]:
        known = (self.configuration.get(kinds.TRUNKS, kinds.trunk_id(name)) for name in names)
        return [trunk for trunk in known if trunk is not None]

    def _way(self, digits: str, trunk: Trunk, now: datetime) -> Route | str:
        """The way through a trunk, or why there is none."""
        if not trunk.terms.active:
            return "the trunk is not in use"
        provider: Provider | None = self.configuration.get(
            kinds.PROVIDERS, kinds.provider_id(trunk.terms.provider)
        )
        if provider is None or not provider.terms.active:
            return "its provider is not in use"
        sent = translated(trunk.terms.translations, digits)
        if not sent or len(sent) > MOST_SENT:
            return f"its translation sends {len(sent)} digits, and 1 to {MOST_SENT} can be sent"
        route = Route(
            trunk.name,
            sent,
            provider.name,
            capacity=trunk.terms.capacity,
            caller_id=trunk.terms.caller_id,
        )
        if not provider.terms.rated:
            return route
        price = self.prices.find(provider.tariff, digits, now)
        if price is None:
            return "its provider has no rate for the number"
        return evolve(route, terms=price.terms)

    def _cost(self, route: Route, now: datetime) -> tuple[bool, int]:
        """Sorts what is not known, or cannot be compared, behind what is."""
        nominal = self.nominal_cost(route, now)
        known = None if nominal is None else self.exchange.convert(nominal, self.settings.unit)
        return (True, 0) if known is None else (False, known.micros)


def _told(blocked: BlockedRange) -> str:
    if blocked.source == NUMBERING_PLAN:
        return f"it is a premium rate number of +{blocked.prefix} ({blocked.source})"
    return f"+{blocked.prefix} is blocked: {blocked.name} ({blocked.source})"
