"""What attempts are told with: evidence, routes that may be taken, what was charged since."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from attrs import evolve as changed
from attrs import frozen

from domain.costs import Exchange, cost
from domain.money import Money
from domain.rating import RateTerms, whole_seconds

DISPUTED_ABOVE = 1
"""Seconds by which a later record may differ without being put up for review."""


class Evidence(StrEnum):
    """What a settlement is based on, best first."""

    LEG_RECORD = "leg record"
    CHANNEL_EVENTS = "channel events"
    LAST_SIGN_OF_LIFE = "last sign of life"
    DIAL_STATUS = "dial status"
    CALL_ENDED = "call ended"
    LIMIT_PASSED = "limit passed"


@frozen
class PlannedRoute:
    """One way to the number: through which trunk, the digits sent there, and what it costs.

    ``terms`` are the provider's, in its unit; ``exchange`` is what that unit is worth in the unit
    of the charge. Without them the cost, and with it the margin, is unknown.
    """

    trunk: str
    number: str
    provider: str | None = None
    terms: RateTerms | None = None
    exchange: Exchange | None = None

    def cost(self, answered_at: datetime | None, talked_ms: int) -> Money | None:
        """A provider bills what its own switch saw, so what was talked counts, without our limit.
        None: unknown."""
        if self.terms is None:
            return None
        if answered_at is None:
            return Money(0, self.terms.unit)
        return cost(self.terms, answered_at, whole_seconds(talked_ms))


@frozen
class Made:
    """One correction of an attempt: from which charge to which."""

    correction_id: UUID
    before: Money
    after: Money
    untaken: int = 0
    """Micros that were asked for and not available."""


@frozen
class Settled:
    """An attempt that was charged. Its first charge never changes; corrections follow it."""

    seconds: int
    limit_seconds: int
    charge: Money
    """What is charged now, after all corrections."""
    disputed: bool = False
    refunded: int = 0
    """Micros that refunds gave back: no re-rating takes them again (ADR 0028)."""
    terms: RateTerms | None = None
    """Those of the last re-rating that moved money; None: those it was started with."""
    corrections: tuple[Made, ...] = ()

    def made(self, correction_id: UUID) -> Made | None:
        """What a correction did to this attempt, if it was made."""
        return next(
            (each for each in self.corrections if each.correction_id == correction_id), None
        )

    def rerated(
        self, correction_id: UUID, charge: Money, terms: RateTerms, untaken: Money
    ) -> Settled:
        """The terms count from the moment on at which they move money."""
        moved = terms if charge != self.charge else self.terms
        made = Made(correction_id, self.charge, charge, untaken.micros)
        return changed(self, charge=charge, terms=moved, corrections=(*self.corrections, made))

    def given_back(self, correction_id: UUID, charge: Money) -> Settled:
        """After a refund that leaves a charge."""
        refunded = self.refunded + self.charge.micros - charge.micros
        made = Made(correction_id, self.charge, charge)
        return changed(
            self, charge=charge, refunded=refunded, corrections=(*self.corrections, made)
        )
