"""What a call costs the operator: a provider's terms, in the provider's unit, and what is left."""

from __future__ import annotations

from datetime import datetime

from attrs import field, frozen, validators

from domain.money import MICROS, Money, check_unit, divided_up
from domain.rating import LONGEST_CALL, RateTerms, charge

MOST_RATE_OF_EXCHANGE = 1_000_000 * MICROS
"""Millionths: nothing is worth more than a million of anything else."""


@frozen
class Exchange:
    """What one whole of a provider's unit is worth: so many millionths of ``unit``."""

    unit: str = field(converter=check_unit)
    micros: int = field(
        validator=[
            validators.instance_of(int),
            validators.ge(1),
            validators.le(MOST_RATE_OF_EXCHANGE),
        ]
    )


def cost(terms: RateTerms, answered_at: datetime, seconds: int) -> Money:
    """What a provider asks for a call answered at a moment that lasted some whole seconds.

    The same arithmetic as a customer's price, in the unit of the terms. Seconds beyond the longest
    call that can be rated are not counted: no call of ours lasts that long.
    """
    return charge(terms, answered_at, min(seconds, LONGEST_CALL)).total


def exchanged(amount: Money, exchange: Exchange) -> Money:
    """An amount of a provider's unit in the unit of the exchange, rounded up: it is a cost."""
    return Money(divided_up(amount.micros * exchange.micros, MICROS), exchange.unit)


def margin(charged: Money, cost: Money | None, exchange: Exchange | None) -> Money | None:
    """What a call left after its cost, below zero for a loss.

    None when it is unknown: a provider without rates, or no exchange into the unit of the charge.
    """
    if cost is None:
        return None
    if cost.unit == charged.unit:
        return charged - cost
    if exchange is None or exchange.unit != charged.unit:
        return None
    return charged - exchanged(cost, exchange)
