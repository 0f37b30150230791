"""What reports consist of: a line for each day and thing, in one unit, and what follows of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any, TypeVar

import attrs
from attrs import evolve, frozen

from domain.money import Money

_TENTH = Decimal("0.1")


def percent(part: int, whole: int) -> Decimal | None:
    """A share in per cent with one decimal place; None of nothing."""
    if not whole:
        return None
    return (Decimal(part * 100) / whole).quantize(_TENTH, ROUND_HALF_EVEN)


@frozen
class UsageRow:
    """Attempts that were placed on a day and are settled, and the money they moved.

    ``name`` is what was asked by, ``detail`` the trunk of a route. ``seconds`` are those charged.
    ``cost`` is what providers ask, where it is known and can be told in the unit of the charge;
    ``uncosted`` is the revenue of the ``unknown_costs`` calls where it is not.
    """

    day: date | None
    name: str | None
    detail: str | None
    attempts: int
    answered: int
    seconds: int
    revenue: Money
    cost: Money
    uncosted: Money
    unknown_costs: int = 0
    passed_over: int = 0
    """Attempts that had this route before the one they ended on: it was full, or failed."""

    @property
    def margin(self) -> Money:
        """What is left of the revenue whose cost is known."""
        return self.revenue - self.uncosted - self.cost

    @property
    def margin_percent(self) -> Decimal | None:
        return percent(self.margin.micros, (self.revenue - self.uncosted).micros)

    @property
    def asr(self) -> Decimal | None:
        """Answer-seizure ratio, per cent (ITU-T E.411); a route passed over was seized in vain."""
        return percent(self.answered, self.attempts + self.passed_over)

    @property
    def acd(self) -> int | None:
        """Average duration of an answered call, whole seconds."""
        return round(Decimal(self.seconds) / self.answered) if self.answered else None

    @property
    def minutes(self) -> Decimal:
        return (Decimal(self.seconds) / 60).quantize(_TENTH, ROUND_HALF_EVEN)


@frozen
class MinutesRow:
    """Announced against delivered, of answered attempts whose callers were told a time."""

    day: date | None
    name: str | None
    announced: int
    announced_seconds: int
    delivered_seconds: int
    cut_at_limit: int
    cut_by_fault: int
    unwitnessed: int
    short_seconds: int
    """What was announced and could not be talked, of the calls that were cut."""

    @property
    def cut(self) -> int:
        return self.cut_at_limit + self.cut_by_fault

    @property
    def honest(self) -> Decimal | None:
        """Per cent of the witnessed calls whose announced time could be talked."""
        seen = self.announced - self.unwitnessed
        return percent(seen - self.cut, seen)


@frozen
class SalesRow:
    """Cards and money of a day. ``calls``, ``fees`` and ``forfeited`` are what was earned."""

    day: date | None
    name: str | None
    sold: int
    sold_value: Money
    returned: int
    returned_value: Money
    activated: int
    activated_value: Money
    top_ups: int
    topped_up: Money
    calls: Money
    fees: Money
    forfeited: Money
    adjusted: Money

    @property
    def owed_more(self) -> Money:
        """What all balances together have gained."""
        came = self.activated_value + self.topped_up + self.adjusted
        return came - self.calls - self.fees - self.forfeited


@frozen
class LiabilityRow:
    """What customers own: ``spendable`` now, and ``held`` for calls that are up."""

    name: str | None
    accounts: int
    spendable: Money
    held: Money

    @property
    def owed(self) -> Money:
        return self.spendable + self.held


@frozen
class RefusalsRow:
    """Failed logins of a day; ``name`` is None for a caller who hides the number."""

    day: date | None
    name: str | None
    refused: int


@frozen
class SourceRow:
    """A caller ID with many failed logins, on how many access numbers, and why they failed."""

    caller_id: str | None
    refused: int
    access_numbers: int
    throttled: int
    unknown_cards: int
    wrong_pins: int
    first_day: date
    last_day: date


@frozen
class OpenMoney:
    """Open attempts in one unit: the money at risk in them, and when the oldest was placed."""

    attempts: int
    held: Money
    since: datetime


@frozen
class LiveFigures:
    """``calls_up`` includes callers who have not dialled yet."""

    calls_up: int
    since: datetime | None
    at_risk: Sequence[OpenMoney]


Row = TypeVar("Row", UsageRow, MinutesRow, SalesRow, LiabilityRow, RefusalsRow)


def totals(rows: Iterable[Row]) -> list[Row]:
    """One line for each unit in the rows: amounts of different units are never added."""
    found: dict[str, Row] = {}
    for row in rows:
        unit = _unit(row)
        before = found.get(unit)
        found[unit] = _nameless(row) if before is None else _added(before, row)
    return list(found.values())


def _unit(row: Any) -> str:
    values = (getattr(row, each.name) for each in attrs.fields(type(row)))
    return next((value.unit for value in values if isinstance(value, Money)), "")


def _nameless(row: Any) -> Any:
    names = {each.name for each in attrs.fields(type(row))} & {"day", "name", "detail"}
    return evolve(row, **dict.fromkeys(names))


def _added(one: Any, other: Any) -> Any:
    summed = {
        each.name: getattr(one, each.name) + getattr(other, each.name)
        for each in attrs.fields(type(one))
        if isinstance(getattr(one, each.name), int | Money)
    }
    return evolve(one, **summed)
