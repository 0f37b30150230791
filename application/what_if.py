"""What if: the calls of some days under another price list, and what of it would be left.

Nothing is written. Each attempt is priced again with the same seconds at the same moment; what
callers would have done at other prices nobody knows.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Sequence
from enum import StrEnum
from heapq import nsmallest
from uuid import UUID

from attrs import define, field, frozen

from application import kinds
from application.bulk import BulkAppends
from application.correction_totals import MOST_NAMED
from application.corrections import Progress, no_progress
from application.looking import look_at
from application.ports import Clock, UnitsOfWork
from application.repricing import Repricing, SheetPrices, is_operator
from application.talked_attempts import CallPages, TalkedAttempt, TalkedAttempts, check_selected
from domain.corrections import Pricing, Selected
from domain.costs import margin
from domain.distributors import Distribution
from domain.errors import NotFound, SettingNotAllowed
from domain.money import Money
from domain.recharging import price_of

MOST_ROWS = 50_000
"""Rows of one kind in a report."""

USUAL_TOP = 20
MOST_TOP = 1_000
"""Customers that are named: those for whom it would change most."""


class By(StrEnum):
    """What a row sums up; a customer is a card that pays."""

    TOTAL = "total"
    GROUP = "group"
    DISTRIBUTOR = "distributor"
    DESTINATION = "destination"
    CUSTOMER = "customer"


@frozen
class Row:
    """Attempts in one unit. ``cost`` is what providers ask where it is known, and the margins are
    of the ``charged_at_cost`` and ``would_at_cost`` of those attempts alone."""

    by: By
    name: str
    attempts: int
    seconds: int
    charged: Money
    would: Money
    cost: Money
    charged_at_cost: Money
    would_at_cost: Money
    unknown_costs: int

    @property
    def difference(self) -> Money:
        return self.would - self.charged

    @property
    def margin_before(self) -> Money:
        return self.charged_at_cost - self.cost

    @property
    def margin_after(self) -> Money:
        return self.would_at_cost - self.cost


@frozen
class Unpriced:
    """Attempts to a destination that has no price there: they are in no row."""

    destination: str
    attempts: int
    charged: Money


@frozen
class WhatIf:
    prices: str
    rows: Sequence[Row]
    unpriced: Sequence[Unpriced]

    def by(self, by: By) -> Sequence[Row]:
        return [row for row in self.rows if row.by is by]


@define
class _Sums:
    attempts: int = 0
    seconds: int = 0
    charged: int = 0
    would: int = 0
    cost: int = 0
    charged_at_cost: int = 0
    would_at_cost: int = 0
    unknown_costs: int = 0

    def add(self, attempt: TalkedAttempt, would: int, cost: int | None) -> None:
        charged = attempt.now.charge.micros
        self.attempts += 1
        self.seconds += attempt.talk.seconds
        self.charged += charged
        self.would += would
        if cost is None:
            self.unknown_costs += 1
            return
        self.cost += cost
        self.charged_at_cost += charged
        self.would_at_cost += would

    def row(self, by: By, name: str, unit: str) -> Row:
        return Row(
            by,
            name,
            self.attempts,
            self.seconds,
            Money(self.charged, unit),
            Money(self.would, unit),
            Money(self.cost, unit),
            Money(self.charged_at_cost, unit),
            Money(self.would_at_cost, unit),
            self.unknown_costs,
        )


_COLUMNS = 8


@define
class _Customers:
    """Sums by card, eight machine numbers each: there may be a million."""

    _places: dict[UUID, int] = field(factory=dict)
    _sums: array[int] = field(factory=lambda: array("q"))
    _units: dict[UUID, str] = field(factory=dict)
    usual: str = ""

    def add(self, attempt: TalkedAttempt, would: int, cost: int | None) -> None:
        card_id, unit = attempt.started.card_id, attempt.now.charge.unit
        self.usual = self.usual or unit
        place = self._places.get(card_id)
        if place is None:
            place = self._places[card_id] = len(self._places)
            self._sums.extend([0] * _COLUMNS)
            if unit != self.usual:
                self._units[card_id] = unit
        known = self._at(place)
        known.add(attempt, would, cost)
        start = place * _COLUMNS
        self._sums[start : start + _COLUMNS] = array(
            "q",
            (
                known.attempts,
                known.seconds,
                known.charged,
                known.would,
                known.cost,
                known.charged_at_cost,
                known.would_at_cost,
                known.unknown_costs,
            ),
        )

    def top(self, most: int) -> list[tuple[UUID, str, _Sums]]:
        """Those for whom it would change most, up or down."""

        def change(item: tuple[UUID, int]) -> tuple[int, int]:
            start = item[1] * _COLUMNS
            return -abs(self._sums[start + 3] - self._sums[start + 2]), item[1]

        return [
            (card_id, self._units.get(card_id, self.usual), self._at(place))
            for card_id, place in nsmallest(most, self._places.items(), key=change)
        ]

    def _at(self, place: int) -> _Sums:
        start = place * _COLUMNS
        return _Sums(*self._sums[start : start + _COLUMNS])


@define
class _Report:
    """What is summed up while attempts go by."""

    sums: dict[tuple[By, str, str], _Sums] = field(factory=dict)
    unpriced: dict[tuple[str, str], list[int]] = field(factory=dict)
    customers: _Customers = field(factory=_Customers)

    def add(self, attempt: TalkedAttempt, would: Money, distributor: str) -> None:
        cost = _cost(attempt)
        self.customers.add(attempt, would.micros, cost)
        for by, name in (
            (By.TOTAL, ""),
            (By.GROUP, attempt.group),
            (By.DISTRIBUTOR, distributor),
            (By.DESTINATION, attempt.started.destination_name),
        ):
            key = (by, name, would.unit)
            known = self.sums.get(key)
            if known is None:
                if len(self.sums) >= MOST_ROWS:
                    accepted = f"at most {MOST_ROWS}: ask for fewer days, or a group or a prefix"
                    raise SettingNotAllowed("rows of the report", f"over {MOST_ROWS}", accepted)
                known = self.sums[key] = _Sums()
            known.add(attempt, would.micros, cost)

    def without_price(self, attempt: TalkedAttempt) -> None:
        name = attempt.started.destination_name
        if (name, attempt.now.charge.unit) not in self.unpriced and (
            len(self.unpriced) >= MOST_NAMED
        ):
            name = "others"
        told = self.unpriced.setdefault((name, attempt.now.charge.unit), [0, 0])
        told[0] += 1
        told[1] += attempt.now.charge.micros


@frozen
class WhatIfs:
    units: UnitsOfWork
    bulk: BulkAppends
    calls: CallPages
    prices: SheetPrices
    clock: Clock
    sheet_tariff: Callable[[UUID], str]
    """The tariff that a sheet was imported for. Raises NotFound."""

    def version(self, tariff: str, number: int | None) -> Pricing:
        """The prices of a version of a tariff, or of its newest one. Raises NotFound."""
        known = look_at(self.units, kinds.TARIFFS, kinds.tariff_id(tariff))
        if known is None:
            raise NotFound("tariff", tariff)
        number = known.last_version if number is None else number
        return Pricing(known.version(number).sheet_id, f"{tariff} version {number}")

    def sheet(self, sheet_id: UUID) -> Pricing:
        """The prices of any sheet, a draft too. Raises NotFound."""
        return Pricing(sheet_id, f"{self.sheet_tariff(sheet_id)} sheet {sheet_id}")

    def ask(
        self,
        selected: Selected,
        pricing: Pricing,
        top: int = USUAL_TOP,
        progress: Progress = no_progress,
    ) -> WhatIf:
        """Prices the attempts again. Memory is taken by rows and by cards that pay, not by calls.

        Raises SettingNotAllowed.
        """
        check_selected(selected)
        if not 0 <= top <= MOST_TOP:
            raise SettingNotAllowed("customers", str(top), f"0 to {MOST_TOP}")
        now = self.clock.now()
        repricing = Repricing(self.bulk, self.prices, pricing, now)
        distribution = look_at(self.units, kinds.DISTRIBUTION, kinds.DISTRIBUTION_ID)
        report, looked_at = _Report(), 0
        for page in TalkedAttempts(self.bulk, self.calls, now).of(selected):
            for attempt in page:
                self._add(report, attempt, repricing, distribution or Distribution())
            looked_at += len(page)
            progress(looked_at)
        return self._told(report, pricing, top)

    def _add(
        self,
        report: _Report,
        attempt: TalkedAttempt,
        repricing: Repricing,
        distribution: Distribution,
    ) -> None:
        terms = repricing.terms(attempt)
        if terms is None:
            report.without_price(attempt)
            return
        would = attempt.now.charge if is_operator(attempt) else price_of(attempt.talk, terms)
        report.add(attempt, would, distribution.holder(attempt.card.number) or "")

    def _told(self, report: _Report, pricing: Pricing, top: int) -> WhatIf:
        rows = [sums.row(by, name, unit) for (by, name, unit), sums in report.sums.items()]
        worst = report.customers.top(top)
        cards = self.bulk.load(kinds.CARDS, [card_id for card_id, _, _ in worst]) if worst else {}
        for card_id, unit, sums in worst:
            card = cards[card_id].state
            rows.append(sums.row(By.CUSTOMER, card.number if card else str(card_id), unit))
        order = list(By)
        rows.sort(key=lambda row: (order.index(row.by), -abs(row.difference.micros), row.name))
        unpriced = [
            Unpriced(name, attempts, Money(micros, unit))
            for (name, unit), (attempts, micros) in sorted(report.unpriced.items())
        ]
        return WhatIf(pricing.name, rows, unpriced)


def _cost(attempt: TalkedAttempt) -> int | None:
    """In the unit of the charge; None: unknown."""
    routed, charge = attempt.routed, attempt.settled.charge
    left = margin(charge, routed.cost, routed.exchange) if routed is not None else None
    return None if left is None else charge.micros - left.micros
