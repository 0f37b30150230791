"""The rules that a ledger is verified by, and what is found where one of them is broken."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from heapq import heappush, heapreplace
from typing import NamedTuple

from attrs import frozen

MOST_FINDINGS = 100
"""Findings that are kept with their words; all are counted."""


class Rule(StrEnum):
    """Each is a sentence about every ledger that was never tampered with."""

    READABLE = "every fact can be read"
    UNBROKEN = "the facts of a stream are numbered without a gap"
    ONE_THING = "a stream tells of one thing, from its beginning"
    BALANCE = "no balance is below zero, and nothing spends what is held"
    AMOUNTS = "an amount is not below zero, and in the unit of its account"
    CHARGE_IN_HOLD = "no charge is above its hold"
    HOLD_COVERS = "a hold covers the price of the time granted"
    HOLD_ENDS_ONCE = "a hold is placed once and ended once"
    HOLD_ENDED = "every hold has ended, or its attempt may still be up"
    HOLD_OF_ATTEMPT = "holds and attempts belong together, with the same amounts"
    PRICE = "a charge follows from the recorded terms"
    CORRECTION = "a correction starts from what is charged and follows from its terms, once"
    CORRECTED = "what a correction moved is on the account, with the same amounts"
    COST = "the cost of a call follows from the recorded terms of its route"
    SETTLED_ONCE = "an attempt is started once and settled once"
    SETUP_ONCE = "a card pays its setup fee once"
    FEE_ONCE = "a day is charged once, in order"
    TOP_UP_ONCE = "a top-up or an adjustment counts once, with its own amount"
    STATUS = "every change of a card's status is allowed"
    FORFEITED = "only void and expired cards lose what is left"
    CARD_NUMBER = "a card number belongs to one card"
    CALLER_ID = "a caller ID has one owner"
    READ_MODEL = "the read models say what the facts say"


class Place(NamedTuple):
    """Where a fact is, and when it was recorded. Streams are numbers here: they compare and travel
    faster than ids."""

    position: int
    stream: int
    at: datetime


@frozen
class Finding:
    """The position of a fact that breaks a rule, and why."""

    position: int
    rule: Rule
    why: str
    follows: bool = False
    """It may follow from facts that cannot be read or are missing, so those are named first."""


class Findings:
    """Counts what is found and keeps what comes first in the log."""

    def __init__(self, most: int = MOST_FINDINGS) -> None:
        self.counts: dict[Rule, int] = {}
        self._most = most
        self._pushed = 0
        self._heap: list[tuple[bool, int, int, Finding]] = []

    @property
    def first(self) -> list[Finding]:
        return [entry[-1] for entry in sorted(self._heap, key=lambda each: each[:3], reverse=True)]

    @property
    def incomplete(self) -> bool:
        """Some facts cannot be read or are missing, so what they told of is missing too."""
        return any(rule in self.counts for rule in (Rule.READABLE, Rule.UNBROKEN, Rule.ONE_THING))

    def add(self, position: int, rule: Rule, why: str, *, follows: bool = False) -> None:
        self.counts[rule] = self.counts.get(rule, 0) + 1
        self._push(Finding(position, rule, why, follows))

    def merge(self, other: Findings) -> None:
        for rule, count in other.counts.items():
            self.counts[rule] = self.counts.get(rule, 0) + count
        for finding in other.first:
            self._push(finding)

    def _push(self, finding: Finding) -> None:
        self._pushed += 1
        entry = (not finding.follows, -finding.position, -self._pushed, finding)
        if len(self._heap) < self._most:
            heappush(self._heap, entry)
        elif entry[:3] > self._heap[0][:3]:
            heapreplace(self._heap, entry)
