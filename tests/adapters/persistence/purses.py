"""A small aggregate for the tests of the store: a purse that never goes below zero."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from enum import Enum
from typing import assert_never
from uuid import UUID

from attrs import evolve as changed
from attrs import field, frozen

from application.ports import Claim, Unit
from application.streams import Kind
from domain.errors import Refused
from domain.money import Money


@frozen
class PurseOpened:
    unit: str


@frozen
class FundsAdded:
    top_up_id: UUID
    amount: Money


@frozen
class FundsTaken:
    amount: Money


PurseFact = PurseOpened | FundsAdded | FundsTaken


class TooLittle(Refused):
    """The purse holds less than was asked for."""


@frozen
class Purse:
    balance: Money
    top_ups: frozenset[UUID] = frozenset()

    def add(self, top_up_id: UUID, amount: Money) -> Sequence[PurseFact]:
        return () if top_up_id in self.top_ups else (FundsAdded(top_up_id, amount),)

    def take(self, amount: Money) -> Sequence[PurseFact]:
        if amount > self.balance:
            raise TooLittle(self.balance)
        return (FundsTaken(amount),)


def evolve(purse: Purse | None, fact: PurseFact) -> Purse:
    if isinstance(fact, PurseOpened):
        return Purse(Money(0, fact.unit))
    assert purse is not None
    match fact:
        case FundsAdded():
            return changed(
                purse,
                balance=purse.balance + fact.amount,
                top_ups=purse.top_ups | {fact.top_up_id},
            )
        case FundsTaken():
            return changed(purse, balance=purse.balance - fact.amount)
    assert_never(fact)


PURSES: Kind[Purse, PurseFact] = Kind("purse", evolve)


def opened(unit: Unit, purse_id: UUID, *claims: Claim) -> None:
    """Opens a purse in US dollars; a purse that is open stays as it is."""
    if unit.get(PURSES, purse_id) is None:
        unit.record(PURSES, purse_id, [PurseOpened("USD")], claims)


def taken(unit: Unit, purse_id: UUID, micros: int) -> Money:
    """Takes money from a purse and returns what is left."""
    purse = unit.get(PURSES, purse_id)
    assert purse is not None
    facts = purse.take(Money(micros, "USD"))
    unit.record(PURSES, purse_id, facts)
    left = unit.get(PURSES, purse_id)
    assert left is not None
    return left.balance


def added(unit: Unit, purse_id: UUID, top_up_id: UUID, micros: int) -> None:
    """Adds money to a purse, once for each top-up."""
    purse = unit.get(PURSES, purse_id)
    assert purse is not None
    unit.record(PURSES, purse_id, purse.add(top_up_id, Money(micros, "USD")))


class Colour(Enum):
    RED = "red"
    BLUE = "blue"


@frozen
class Step:
    """A nested value, as rating terms are."""

    seconds: int
    price: Money


@frozen
class EverythingHappened:
    """Every type that a field of a fact may have."""

    subject_id: UUID
    at: datetime
    price: Money
    colour: Colour
    steps: tuple[Step, ...]
    names: tuple[str, ...] = ()
    limit: Money | None = None
    note: str | None = None
    counts: dict[str, int] = field(factory=dict)


FACTS: dict[str, type] = {
    "purse-opened": PurseOpened,
    "funds-added": FundsAdded,
    "funds-taken": FundsTaken,
    "everything-happened": EverythingHappened,
}

UPCASTS = {
    # Version 1 had the bare number of micros, always in US dollars.
    "funds-taken": (lambda v1: {"amount": {"micros": v1["micros"], "unit": "USD"}},),
}
