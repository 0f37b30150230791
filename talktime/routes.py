"""The ways out as the settings say: trunks, exchange rates, and who is told of losses."""

from __future__ import annotations

import structlog
from attrs import define, field

from application.configuration import Configuration
from application.exchange import ExchangeRates
from application.margins import Loss
from application.ports import Clock, Prices
from application.routes import LedgerRoutes, RouteSettings, TrunkList
from application.trunk_load import TrunkLoad
from domain.costs import MOST_RATE_OF_EXCHANGE
from domain.money import parse
from talktime.settings import Settings, SettingsError

_log = structlog.get_logger("talktime.routes")

_TOLD_DIGITS = 6
"""Of a number, plus sign included: enough to tell where it is, too few to tell whose."""
_MOST_TOLD = 1_000


@define
class LossWarnings:
    """Warns of destinations that are sold below cost: once each, or a busy one would fill the
    log."""

    _told: set[tuple[str, str]] = field(factory=set, init=False)

    def tell(self, loss: Loss) -> None:
        key = (loss.trunk, loss.number[:_TOLD_DIGITS])
        if key in self._told or len(self._told) >= _MOST_TOLD:
            return
        self._told.add(key)
        _log.warning(
            "sold_below_cost",
            number=f"{loss.number[:_TOLD_DIGITS]}…",
            trunk=loss.trunk,
            provider=loss.provider,
            price=str(loss.price),
            cost=str(loss.cost),
            seconds=loss.seconds,
        )


def routes_of(
    settings: Settings, configuration: Configuration, prices: Prices, clock: Clock
) -> LedgerRoutes:
    """The trunks of the ledger, or those of the settings while it has none."""
    rates: dict[tuple[str, str], int] = {}
    for each in settings.exchange:
        micros = parse(each.rate, each.to).micros
        if not 1 <= micros <= MOST_RATE_OF_EXCHANGE:
            raise SettingsError(f"exchange: the rate {each.rate} is above 0 and at most 1000000")
        rates[each.from_, each.to] = micros
    listed = TrunkList(tuple((trunk.name, trunk.prefix) for trunk in settings.trunks))
    own = settings.routing
    return LedgerRoutes(
        configuration,
        prices,
        clock,
        TrunkLoad(own.servers),
        listed,
        ExchangeRates(rates),
        RouteSettings(own.nominal_seconds, own.unit, own.most_routes),
    )
