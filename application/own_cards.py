"""Whose cards are whose: a distributor sees and switches the cards that were given to it."""

from __future__ import annotations

from attrs import frozen

from application import kinds
from application.permissions import Actor
from application.ports import UnitsOfWork
from domain.distributors import Distribution, NumberRange
from domain.errors import NotFound


@frozen
class OwnCards:
    units: UnitsOfWork

    def ranges(self, actor: Actor) -> list[NumberRange] | None:
        """The card numbers this actor sees; None: all there are."""
        if actor.distributor is None:
            return None
        distribution = self._distribution()
        if actor.distributor not in distribution.distributors:
            return []
        return distribution.ranges_of(actor.distributor)

    def check(self, actor: Actor, number: str, asked_for: str) -> None:
        """Raises NotFound for another's card, as for one that is not there.

        ``asked_for`` is what the card was asked for by: nothing else of it is told.
        """
        if actor.distributor is not None and (
            self._distribution().holder(number) != actor.distributor
        ):
            raise NotFound("card", asked_for)

    def _distribution(self) -> Distribution:
        found = self.units.run(
            lambda unit: unit.get(kinds.DISTRIBUTION, kinds.DISTRIBUTION_ID),
            writes=(),
            reads=(kinds.DISTRIBUTION_ID,),
        )
        return found or Distribution()
