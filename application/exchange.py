"""What units are worth in one another, as the operator says: for comparing and for margins."""

from __future__ import annotations

from collections.abc import Mapping

from attrs import field, frozen

from domain.costs import Exchange, exchanged
from domain.money import MICROS, Money


@frozen
class ExchangeRates:
    """``rates`` are millionths of the second unit for one whole of the first.

    A pair that is not there is not known: neither turned round nor crossed with others, for then
    nobody could say which rate a margin was figured at.
    """

    rates: Mapping[tuple[str, str], int] = field(factory=dict, hash=False)

    def into(self, unit: str, wanted: str) -> Exchange | None:
        if unit == wanted:
            return Exchange(wanted, MICROS)
        micros = self.rates.get((unit, wanted))
        return Exchange(wanted, micros) if micros is not None else None

    def convert(self, amount: Money, wanted: str) -> Money | None:
        exchange = self.into(amount.unit, wanted)
        return exchanged(amount, exchange) if exchange is not None else None
