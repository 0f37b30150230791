"""Verifies corrections of charges: what each starts from, what its terms make of it, once."""

from __future__ import annotations

from attrs import define, field

from domain.audit_rules import Findings, Rule
from domain.call_sessions import AttemptRefunded, AttemptRerated
from domain.money import Money
from domain.rating import RateTerms, charge

Key = tuple[int, int]
"""The numbers of a hold and of a correction."""

Corrected = AttemptRerated | AttemptRefunded


@define
class ChargeSeen:
    """A corrected charge, as one of the two streams that know it tells of it."""

    position: int
    account: int
    before: int
    after: int
    unit: str


@define
class CorrectedSeen:
    """What an attempt is charged now, and by which terms; None: no correction has told them."""

    charge: int
    refunded: int = 0
    terms: RateTerms | None = None
    corrections: set[int] = field(factory=set)


class CorrectionsAudit:
    """Asked about the corrections of one attempt after another, in the order of its stream."""

    def __init__(self, findings: Findings) -> None:
        self._findings = findings
        self.told: dict[Key, list[ChargeSeen]] = {}

    def add(
        self,
        position: int,
        fact: Corrected,
        known: CorrectedSeen,
        *,
        account: int,
        held: int,
        seconds: int,
        setup: bool,
    ) -> None:
        """Looks at one correction and moves ``known`` on. The others are of the settlement."""
        unit, why = fact.charge_before.unit, []
        if fact.correction_id.int in known.corrections:
            why.append("the same correction was made before")
        if fact.charge_before.micros != known.charge:
            told = Money(known.charge, unit)
            why.append(f"it starts from {fact.charge_before}, and {told} was charged")
        if fact.seconds != seconds or (fact.setup_due and not setup):
            why.append("it is of another talk than was charged")
        before = fact.terms_before if isinstance(fact, AttemptRerated) else fact.terms
        if known.terms is not None:
            if before != known.terms:
                why.append("it starts from other terms than the charge was made by")
        else:
            price = min(_price(fact, before).micros, held)
            if price != known.charge:
                why.append(f"the terms it starts from make {Money(price, unit)}")
        why += _rerated(fact, known) if isinstance(fact, AttemptRerated) else _refunded(fact)
        for each in why:
            self._findings.add(position, Rule.CORRECTION, each)
        self._move_on(fact, known, before)
        if fact.charge != fact.charge_before:
            key = (fact.hold_id.int, fact.correction_id.int)
            micros = (fact.charge_before.micros, fact.charge.micros)
            self.told.setdefault(key, []).append(ChargeSeen(position, account, *micros, unit))

    @staticmethod
    def _move_on(fact: Corrected, known: CorrectedSeen, before: RateTerms) -> None:
        known.terms = before
        known.charge = fact.charge.micros
        known.corrections.add(fact.correction_id.int)
        if isinstance(fact, AttemptRefunded):
            known.refunded += fact.charge_before.micros - fact.charge.micros
        elif fact.charge != fact.charge_before:
            known.terms = fact.terms


def _rerated(fact: AttemptRerated, known: CorrectedSeen) -> list[str]:
    why = []
    due, before = _price(fact, fact.terms), fact.charge_before
    if due != fact.due:
        why.append(f"it says that {fact.due} is due, and its terms make {due}")
    aim = fact.charge + fact.untaken
    if due < before:
        wanted = due
    else:
        wanted = Money(max(before.micros, due.micros - known.refunded), due.unit)
    if aim != wanted or not 0 <= fact.untaken.micros <= (wanted - min(wanted, before)).micros:
        why.append(f"it makes {before} into {fact.charge}, {fact.untaken} left out: not {wanted}")
    return why


def _refunded(fact: AttemptRefunded) -> list[str]:
    if 0 <= fact.charge.micros < fact.charge_before.micros:
        return []
    return [f"it makes {fact.charge_before} into {fact.charge}, which gives nothing back"]


def _price(fact: Corrected, terms: RateTerms) -> Money:
    return charge(terms, fact.answered_at, fact.seconds, setup_due=fact.setup_due).total
