"""Why a call cost what it did: its steps, and its price made again from the recorded terms."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import UUID

from msgspec import Struct

from adapters.http.asking import Answer, Asked
from adapters.http.operations import Operation, Routes
from adapters.http.services import HttpServices
from adapters.http.wire import MoneyTold, tell, told
from application.explaining import Explanation, PricedAttempt
from application.permissions import Action
from domain.errors import NotFound
from domain.money import Money
from domain.rating import Charge, ChargeLine


class StepShown(Struct, frozen=True):
    """``internal``: of carriers, costs and logins, nothing for a customer's copy."""

    at: datetime
    position: int
    told: str
    because: Sequence[str]
    internal: bool


class PriceLineShown(Struct, frozen=True):
    """``what`` is talk or a fee. Talk says at what rate, and when: a call may see several."""

    what: str
    amount: MoneyTold
    seconds: int
    per_minute: MoneyTold
    since: datetime | None
    until: datetime | None


class PriceShown(Struct, frozen=True):
    """The lines add up to the total, to the millionth."""

    total: MoneyTold
    billed_seconds: int
    lines: list[PriceLineShown]


class CorrectedShown(Struct, frozen=True):
    """``kind`` is re-rating or refund; ``price`` is by the terms in ``rate``, which count from then
    on; ``untaken`` was asked for and not available."""

    at: datetime
    correction_id: UUID
    kind: str
    charge_before: MoneyTold
    charge: MoneyTold
    rate: str
    price: PriceShown
    untaken: MoneyTold
    by: str
    why: str


class PricedAttemptShown(Struct, frozen=True):
    """``charge`` is the first charge, ``charged_now`` after all corrections. ``rate`` is in words.
    ``seconds`` null: not settled yet. ``cost`` null: nobody knows it. ``agrees``: the recorded
    charge is the price, or what of it the hold covered, and so is what corrections say is due."""

    number: int
    destination: str
    destination_name: str
    rate: str
    held: MoneyTold
    limit_seconds: int
    answered_at: datetime | None
    seconds: int | None
    price: PriceShown | None
    charge: MoneyTold | None
    charged_now: MoneyTold | None
    corrections: list[CorrectedShown]
    cost: MoneyTold | None
    margin: MoneyTold | None
    agrees: bool


class ExplanationShown(Struct, frozen=True):
    """``charged`` by unit; ``agrees``: every recorded charge is what the recorded terms make."""

    session_id: UUID
    reference: str
    agrees: bool
    charged: list[MoneyTold]
    attempts: list[PricedAttemptShown]
    steps: list[StepShown]


def explanation(services: HttpServices, asked: Asked) -> Answer:
    session_id = asked.id("call")
    row = services.views.call(session_id)
    if row is None:
        raise NotFound("call session", str(session_id))
    return Answer(_shown(session_id, services.explanations.explain(row.reference)))


def _shown(session_id: UUID, found: Explanation) -> ExplanationShown:
    return ExplanationShown(
        session_id,
        found.reference,
        found.agrees,
        [told(each) for each in found.charged],
        [_attempt(each) for each in found.attempts],
        [tell(StepShown, each) for each in found.steps],
    )


def _attempt(one: PricedAttempt) -> PricedAttemptShown:
    price = _price(one.price) if one.price is not None else None
    corrections = [tell(CorrectedShown, each, price=_price(each.price)) for each in one.corrections]
    return tell(PricedAttemptShown, one, price=price, corrections=corrections)


def _price(price: Charge) -> PriceShown:
    unit = price.total.unit
    return PriceShown(
        told(price.total), price.billed_seconds, [_line(each, unit) for each in price.lines]
    )


def _line(line: ChargeLine, unit: str) -> PriceLineShown:
    return PriceLineShown(
        line.what,
        told(Money(line.micros, unit)),
        line.seconds,
        told(Money(line.per_minute, unit)),
        line.since.astimezone(UTC) if line.since else None,
        line.until.astimezone(UTC) if line.until else None,
    )


ROUTES: Routes = {
    "/v1/calls/{id}/explanation": {
        "GET": Operation(
            explanation,
            Action.SEE_CALLS,
            "Why a call cost what it did, step by step.",
            ExplanationShown,
        )
    }
}
