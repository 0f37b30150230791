"""Prices attempts again, by a sheet of one's choice or by what was published since."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol
from uuid import UUID

from attrs import define, evolve, field

from application import kinds
from application.bulk import BulkAppends
from application.dialling import OPERATOR_TALK
from application.ports import Price
from application.talked_attempts import TalkedAttempt
from domain.corrections import Pricing
from domain.rating import RateTerms
from domain.tariffs import Tariff


class SheetPrices(Protocol):
    """The prices of any sheet, in force or not."""

    def price(self, sheet_id: UUID, digits: str) -> Price | None:
        """The longest prefix of the sheet that the digits begin with; None: it has none."""
        ...


@define
class Repricing:
    """The terms that attempts have by other prices. One for each use: it remembers tariffs."""

    bulk: BulkAppends
    prices: SheetPrices
    pricing: Pricing
    at: datetime
    """What was published later does not count, so that an interrupted run ends as it began."""
    _tariffs: dict[str, Tariff | None] = field(factory=dict, init=False)

    def terms(self, attempt: TalkedAttempt) -> RateTerms | None:
        """The rate of the number with what the access number and the card group added to it then.

        None: the number has no price there, or one in another unit.
        """
        recorded = attempt.started.terms
        if is_operator(attempt):
            return recorded
        sheet_id = self.pricing.sheet_id or self._sheet_of(attempt)
        if sheet_id is None:
            return None
        digits = attempt.started.destination.removeprefix("+")
        price = self.prices.price(sheet_id, digits)
        if price is None or price.terms.unit != recorded.unit:
            return None
        # Rate sheets have no column for these: what is recorded of them was added when dialling.
        return evolve(
            price.terms,
            surcharge=recorded.surcharge,
            surcharge_per_minute=recorded.surcharge_per_minute,
            setup_fee=recorded.setup_fee,
        )

    def _sheet_of(self, attempt: TalkedAttempt) -> UUID | None:
        """The sheet that is in force for the moment of the call, as published by now."""
        name = attempt.tariff
        if name not in self._tariffs:
            self._tariffs[name] = self._tariff(name)
        tariff = self._tariffs[name]
        version = tariff.at(attempt.started.placed_at) if tariff is not None else None
        return version.sheet_id if version is not None else None

    def _tariff(self, name: str) -> Tariff | None:
        tariff_id = kinds.tariff_id(name)
        state: Tariff | None = None
        for at, fact in self.bulk.histories((tariff_id,))[tariff_id]:
            if at <= self.at:
                state = kinds.TARIFFS.evolve(state, fact)
        return state


def is_operator(attempt: TalkedAttempt) -> bool:
    """Calls to the operator are free by no tariff, and stay so."""
    started = attempt.started
    return started.destination_name == "operator" and started.terms.grace_seconds == OPERATOR_TALK
