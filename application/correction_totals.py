"""What corrections do, attempt by attempt, in sum and in words."""

from __future__ import annotations

from attrs import define, field, frozen

from application.talked_attempts import TalkedAttempt
from domain.accounts import Forfeiture
from domain.corrections import Outcome, Selected
from domain.money import Money

MOST_NAMED = 1_000
"""Destinations without a price that are named; all are counted."""


@frozen
class Line:
    """What a correction does to one attempt. ``moved`` is above zero where money goes back."""

    reference: str
    attempt: int
    card: str
    destination: str
    destination_name: str
    seconds: int
    charge: Money
    """What is charged before it."""
    after: Money
    untaken: Money
    forfeits: Forfeiture | None

    @property
    def moved(self) -> Money:
        return self.charge - self.after


@define
class Totals:
    """Adds up what corrections do; amounts of different units stay apart."""

    looked_at: int = 0
    attempts: int = 0
    unpriced: int = 0
    unpriced_names: dict[str, int] = field(factory=dict)
    """How many attempts to destinations that have no price, by their names."""
    _given_back: dict[str, int] = field(factory=dict)
    _taken: dict[str, int] = field(factory=dict)
    _untaken: dict[str, int] = field(factory=dict)
    _unspendable: dict[str, int] = field(factory=dict)

    def add(self, moved: Money, untaken: Money, forfeits: Forfeiture | None) -> None:
        self.attempts += 1
        _add(self._given_back if moved.micros > 0 else self._taken, moved.unit, abs(moved.micros))
        _add(self._untaken, untaken.unit, untaken.micros)
        if forfeits is not None and moved.micros > 0:
            _add(self._unspendable, moved.unit, moved.micros)

    def without_price(self, attempt: TalkedAttempt) -> None:
        self.unpriced += 1
        name = attempt.started.destination_name
        if name in self.unpriced_names or len(self.unpriced_names) < MOST_NAMED:
            self.unpriced_names[name] = self.unpriced_names.get(name, 0) + 1

    @property
    def outcome(self) -> Outcome:
        return Outcome(
            self.attempts,
            _amounts(self._given_back),
            _amounts(self._taken),
            _amounts(self._untaken),
            _amounts(self._unspendable),
            self.unpriced,
        )


def in_words(selected: Selected) -> str:
    told = [f"call {selected.reference}"] if selected.reference else []
    if selected.begins is not None and selected.ends is not None:
        told.append(f"calls from {selected.begins.isoformat()} until {selected.ends.isoformat()}")
    for name, value in (
        ("group", selected.group),
        ("tariff", selected.tariff),
        ("prefix", selected.prefix),
    ):
        if value is not None:
            told.append(f"{name} {value}")
    return ", ".join(told)


def _add(sums: dict[str, int], unit: str, micros: int) -> None:
    if micros:
        sums[unit] = sums.get(unit, 0) + micros


def _amounts(sums: dict[str, int]) -> tuple[Money, ...]:
    return tuple(Money(micros, unit) for unit, micros in sorted(sums.items()))
