"""What a call to a number would try: which trunks in which order, at what cost, and which not."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from attrs import evolve, frozen

from application import kinds, numbers
from application.looking import look_at
from application.margins import BelowCost, MarginGuard
from application.ports import Price, Route, UnitsOfWork
from application.price_explanation import PriceExplanations
from application.routes import LedgerRoutes, LeftOut
from application.sheet_store import SheetStore
from domain.money import Money
from domain.rating import RateTerms


@frozen
class SheetPrices:
    """The port ``Prices``, looked up in the sheet itself: slower than a deck, never behind it."""

    units: UnitsOfWork
    sheets: SheetStore

    def find(self, tariff: str, number: str, now: datetime) -> Price | None:
        known = look_at(self.units, kinds.TARIFFS, kinds.tariff_id(tariff))
        version = known.at(now) if known is not None else None
        if version is None:
            return None
        found = self.sheets.prefixes_of(version.sheet_id, number.removeprefix("+"))
        if not found:
            return None
        return Price(found[-1].prefix, found[-1].destination, found[-1].terms)

    def at(self, tariff: str, now: datetime) -> Callable[[str], RateTerms | None]:
        def terms_of(digits: str) -> RateTerms | None:
            price = self.find(tariff, digits, now)
            return price.terms if price is not None else None

        return terms_of


@frozen
class Tried:
    """One way in its place. ``cost`` is that of a call of the nominal length as the provider asks
    for it; ``converted`` the same in the unit of the price; None: nobody knows."""

    route: Route
    cost: Money | None
    converted: Money | None
    margin: Money | None
    has_room: bool


@frozen
class Preview:
    """``price``: of a call of ``seconds`` with a card of the group; None if no group is named."""

    number: str
    prefix: str
    order: str
    seconds: int
    price: Money | None
    tried: tuple[Tried, ...]
    left_out: tuple[LeftOut, ...]


@frozen
class RoutePreviews:
    """``routes`` look at the ledger itself, so that what was just changed is seen."""

    routes: LedgerRoutes
    prices: PriceExplanations
    guard: MarginGuard

    def preview(
        self, number: str, group: str | None = None, access_number: str | None = None
    ) -> Preview:
        """The plan for a number, as a call would have it now.

        Raises NumberNotDialable, DestinationNotSold for what is blocked or has no price, NotFound
        for the group, its tariff or the access number.
        """
        dialled = numbers.destination(number.removeprefix("+"))
        routes, now = self.routes, self.routes.clock.now()
        seconds = routes.settings.nominal_seconds
        plan = routes.plan()
        routes.check(dialled, plan)
        price = None
        if group is not None and access_number is not None:
            told = self.prices.explain(group, access_number, dialled, now, seconds)
            price = told.charge.total
        if not plan.trunks:
            ways = tuple(self._tried(each, now, price) for each in routes.to(dialled))
            return Preview(dialled, "", "as listed", seconds, price, ways, ())
        choice = routes.choose(dialled.removeprefix("+"), plan)
        tried = [self._tried(each, now, price) for each in choice.ways]
        tried.sort(key=lambda each: not each.has_room)
        left_out = [
            LeftOut(
                each.route.trunk, each.route.provider, f"{routes.settings.most} others come first"
            )
            for each in tried[routes.settings.most :]
        ]
        tried = tried[: routes.settings.most]
        if self.guard.below_cost is BelowCost.REFUSE:
            losing = [each for each in tried if each.margin is not None and each.margin.micros < 0]
            why = "it costs more than the call is sold for"
            left_out += [LeftOut(each.route.trunk, each.route.provider, why) for each in losing]
            tried = [each for each in tried if each not in losing]
        named = {each.route.trunk for each in tried} | {
            each.trunk for each in (*left_out, *choice.left_out)
        }
        told_of = choice.prefix or "all other numbers"
        others = [
            LeftOut(name, None, f"the route of {told_of} does not name it")
            for name in plan.trunks
            if name not in named
        ]
        return Preview(
            dialled,
            choice.prefix,
            choice.order.value,
            seconds,
            price,
            tuple(tried),
            (*left_out, *choice.left_out, *others),
        )

    def _tried(self, route: Route, now: datetime, price: Money | None) -> Tried:
        cost = self.routes.nominal_cost(route, now)
        unit = price.unit if price is not None else self.routes.settings.unit
        converted = None if cost is None else self.routes.exchange.convert(cost, unit)
        margin = price - converted if price is not None and converted is not None else None
        room = self.routes.load.has_room(route.trunk, route.capacity)
        return Tried(route, cost, converted, margin, room)


def fresh(routes: LedgerRoutes, units: UnitsOfWork, sheets: SheetStore) -> LedgerRoutes:
    """The same routes by what the ledger says at the moment, for somebody who just changed it."""
    configuration = evolve(routes.configuration, every=0.0)
    return evolve(routes, configuration=configuration, prices=SheetPrices(units, sheets))
