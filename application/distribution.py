"""Distributors: who sells which range of cards, and what each of them sees."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from attrs import frozen

from application import kinds
from application.lot_views import LotViews
from application.ports import Unit, UnitsOfWork
from application.views import CardRow
from domain.distributors import Distribution, DistributionFact, NumberRange


@frozen
class Distributors:
    units: UnitsOfWork
    views: LotViews

    def add(self, distributor: str, by: str) -> None:
        self._record(lambda state: state.add(distributor, by))

    def assign(self, distributor: str, cards: NumberRange, by: str, why: str) -> None:
        """Raises RangeTaken for cards of another distributor, NotFound."""
        self._record(lambda state: state.assign(distributor, cards, by, why))

    def take_back(self, distributor: str, cards: NumberRange, by: str, why: str) -> None:
        self._record(lambda state: state.take_back(distributor, cards, by, why))

    def distribution(self) -> Distribution:
        state = self.units.run(
            lambda unit: unit.get(kinds.DISTRIBUTION, kinds.DISTRIBUTION_ID),
            writes=(),
            reads=(kinds.DISTRIBUTION_ID,),
        )
        return state or Distribution()

    def cards_of(self, distributor: str, after_number: str | None, limit: int) -> Sequence[CardRow]:
        """A distributor's own cards, by number and shorter numbers first, and nobody else's.

        Raises NotFound for a distributor that does not exist.
        """
        found: list[CardRow] = []
        seen = (len(after_number), after_number) if after_number is not None else (0, "")
        for cards in self.distribution().ranges_of(distributor):
            if (len(cards.last), cards.last) <= seen:
                continue
            inside = after_number if after_number is not None and after_number in cards else None
            found += self.views.cards_in(cards, inside, limit - len(found))
            if len(found) >= limit:
                break
        return found

    def _record(self, decision: Callable[[Distribution], list[DistributionFact]]) -> None:
        def decide(unit: Unit) -> None:
            state = unit.get(kinds.DISTRIBUTION, kinds.DISTRIBUTION_ID) or Distribution()
            unit.record(kinds.DISTRIBUTION, kinds.DISTRIBUTION_ID, decision(state))

        self.units.run(decide, writes=(kinds.DISTRIBUTION_ID,))
