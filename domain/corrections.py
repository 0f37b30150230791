"""A correction of many charges under one name: which attempts, by what prices, and what came of it.

The attempts themselves know what was done to them; this says what was asked for, so that the same
name means the same correction whenever it is run again (ADR 0028).
"""

from __future__ import annotations

from datetime import datetime
from typing import assert_never
from uuid import UUID

from attrs import evolve as changed
from attrs import frozen

from domain.cards import check_words
from domain.errors import AlreadyExists, SettingNotAllowed
from domain.money import Money

LONGEST_NAME = 60


@frozen
class Selected:
    """Which attempts: those of one call, or of the calls that began from a moment until another.

    ``tariff`` is what an attempt was sold by, ``prefix`` what its number begins with.
    """

    begins: datetime | None = None
    ends: datetime | None = None
    reference: str | None = None
    group: str | None = None
    tariff: str | None = None
    prefix: str | None = None


@frozen
class Pricing:
    """By which prices: a sheet, or (None) those published by now for the moment of each call.

    ``name`` says it in words, such as retail version 3.
    """

    sheet_id: UUID | None
    name: str
    charge_more: bool = False
    """Calls that become dearer cost more, as far as there is money for it."""


@frozen
class Outcome:
    """Attempts and amounts, by unit. ``untaken`` was asked for and not available; ``unspendable``
    was given back to cards that nobody can use any more."""

    attempts: int = 0
    given_back: tuple[Money, ...] = ()
    taken: tuple[Money, ...] = ()
    untaken: tuple[Money, ...] = ()
    unspendable: tuple[Money, ...] = ()
    unpriced: int = 0


# Facts.


@frozen
class CorrectionBegun:
    """Attempts that were settled by ``at`` are corrected, by the prices published by then."""

    name: str
    selected: Selected
    pricing: Pricing
    at: datetime
    by: str
    why: str


@frozen
class CorrectionEnded:
    outcome: Outcome


CorrectionFact = CorrectionBegun | CorrectionEnded

# State and decisions.


@frozen
class Correction:
    begun: CorrectionBegun
    outcome: Outcome | None = None
    """None: it has begun, and was perhaps interrupted."""

    def end(self, outcome: Outcome) -> list[CorrectionFact]:
        """Once: whoever comes second did the same."""
        return [] if self.outcome is not None else [CorrectionEnded(outcome)]


def begin(correction: Correction | None, begun: CorrectionBegun) -> list[CorrectionFact]:
    """Once for each name. Raises AlreadyExists if the name was used for another correction."""
    check_words(begun.by, begun.why)
    name = begun.name
    if not (name.isprintable() and 1 <= len(name.strip()) == len(name) <= LONGEST_NAME):
        accepted = f"1 to {LONGEST_NAME} printable characters, without spaces around them"
        raise SettingNotAllowed("name", name[:80], accepted)
    if correction is None:
        return [begun]
    before = correction.begun
    if (before.selected, before.pricing) != (begun.selected, begun.pricing):
        raise AlreadyExists("correction", name)
    return []


def evolve(correction: Correction | None, fact: CorrectionFact) -> Correction:
    if isinstance(fact, CorrectionBegun):
        return Correction(fact)
    assert correction is not None, "a correction begins with CorrectionBegun"
    match fact:
        case CorrectionEnded(outcome):
            return changed(correction, outcome=outcome)
        case _:
            assert_never(fact)
