"""A balance adjustment: money that a person adds or takes away, with a reason, once."""

from __future__ import annotations

from uuid import UUID, uuid5

from attrs import frozen

from domain.cards import check_words
from domain.errors import AlreadyExists
from domain.money import Money

# Facts.


@frozen
class AdjustmentMade:
    """``amount`` is signed: below zero it was taken away."""

    account_id: UUID
    amount: Money
    by: str
    why: str


AdjustmentFact = AdjustmentMade

# State and decisions.


@frozen
class Adjustment:
    account_id: UUID
    amount: Money


def make(
    adjustment: Adjustment | None, account_id: UUID, amount: Money, by: str, why: str
) -> list[AdjustmentFact]:
    """Once. Raises AlreadyExists if the same id was another adjustment before."""
    check_words(by, why)
    if adjustment is None:
        return [AdjustmentMade(account_id, amount, by, why)]
    if (adjustment.account_id, adjustment.amount) != (account_id, amount):
        raise AlreadyExists("adjustment", f"of {adjustment.amount}")
    return []


def adjustment_of(approval_id: UUID) -> UUID:
    """The id of the one adjustment that an approval is for, under whatever id it is asked for."""
    return uuid5(approval_id, "1")


def evolve(_: Adjustment | None, fact: AdjustmentFact) -> Adjustment:
    return Adjustment(fact.account_id, fact.amount)
