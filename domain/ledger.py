"""Double entry: the chart of accounts, and transactions that sum to nothing in every unit.

Names of ledger accounts are accepted by hledger and Beancount alike: components that begin with a
capital letter or a digit and hold letters, digits and hyphens, joined by colons. A debit is above
zero and a credit below, as both of them write it (ADR 0024).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from datetime import datetime
from hashlib import sha256
from uuid import UUID

from attrs import field, frozen

from domain.money import Money

LONGEST_COMPONENT = 40
"""Characters of a component that is made of somebody's words."""

CALLS = "Income:Calls"
SURCHARGES = "Income:Surcharges"
BREAKAGE = "Income:Breakage"
UNKNOWN = "Unknown"
"""The component for a group, a channel or a person that the log does not name."""

_PLAIN = re.compile(r"[A-Za-z0-9 _.-]+", re.ASCII)


def clearing(channel: str) -> str:
    """Money on its way to the bank: what a payment channel owes."""
    return f"Assets:Clearing:{component(channel)}"


def prepaid(group: str, account_id: UUID) -> str:
    """What is owed to the holder of one account, holds apart."""
    return f"Liabilities:Prepaid:{component(group)}:{str(account_id).upper()}"


def held(group: str, account_id: UUID) -> str:
    """What is owed to the same holder and set aside for calls in progress."""
    return f"Liabilities:Held:{component(group)}:{str(account_id).upper()}"


def fees(kind: str) -> str:
    return f"Income:Fees:{component(kind)}"


def carriage(provider: str) -> str:
    return f"Expenses:Carriage:{component(provider)}"


def payable(provider: str) -> str:
    return f"Liabilities:Payable:{component(provider)}"


def adjustments(approver: str) -> str:
    """What balances were put right by, under the name of whoever allowed it."""
    return f"Expenses:Adjustments:{component(approver)}"


def component(words: str) -> str:
    """Somebody's words as one component of an account's name.

    Plain words stay readable: ``face value`` is Face-value. Where anything is lost but spaces and
    the like, the beginning of the words' SHA-256 is added, so that two names stay two accounts.
    """
    decomposed = unicodedata.normalize("NFKD", words)
    plain = "".join(each for each in decomposed if each.isascii())
    told = re.sub(r"[^A-Za-z0-9]+", "-", plain).strip("-")[:LONGEST_COMPONENT].rstrip("-")
    if not words.strip():
        return UNKNOWN
    if not _PLAIN.fullmatch(words) or len(words) > LONGEST_COMPONENT or not told:
        told = f"{told or 'X'}-{sha256(words.encode()).hexdigest()[:8]}"
    return told[0].upper() + told[1:]


@frozen
class Move:
    """An amount debited to one ledger account and credited to another: why all is balanced."""

    debit: str
    credit: str
    amount: Money = field()

    @amount.validator
    def _above_zero(self, _: object, amount: Money) -> None:
        if amount.micros <= 0:
            raise ValueError(f"a move is of an amount above zero, not {amount}")


@frozen
class Posting:
    """What one ledger account gains: a debit is above zero, a credit below."""

    account: str
    amount: Money


@frozen
class Transaction:
    """The moves of one fact, under its position in the log and the moment it was recorded."""

    position: int
    at: datetime
    stream_id: UUID
    what: str
    moves: Sequence[Move]

    @property
    def postings(self) -> list[Posting]:
        """One for each ledger account and unit; together they sum to zero in every unit."""
        sums: dict[tuple[str, str], int] = {}
        for move in self.moves:
            unit, micros = move.amount.unit, move.amount.micros
            debit, credit = (move.debit, unit), (move.credit, unit)
            sums[debit] = sums.get(debit, 0) + micros
            sums[credit] = sums.get(credit, 0) - micros
        return [
            Posting(account, Money(micros, unit))
            for (account, unit), micros in sums.items()
            if micros
        ]


@frozen
class Balance:
    """What was debited and credited to one ledger account in one unit, all in all."""

    account: str
    unit: str
    debits: int
    credits: int
    """Micros, zero or more."""

    @property
    def amount(self) -> Money:
        """Above zero where more was debited, below where more was credited."""
        return Money(self.debits - self.credits, self.unit)


class Balances:
    """The running sums of all ledger accounts. Debits equal credits in every unit."""

    def __init__(self) -> None:
        self._sums: dict[tuple[str, str], list[int]] = {}

    def add(self, transaction: Transaction) -> None:
        for posting in transaction.postings:
            micros = posting.amount.micros
            key = (posting.account, posting.amount.unit)
            sums = self._sums.get(key)
            if sums is None:
                sums = self._sums[key] = [0, 0]
            sums[micros < 0] += abs(micros)

    def of(self, account: str, unit: str) -> Money:
        debits, credits = self._sums.get((account, unit), (0, 0))
        return Money(debits - credits, unit)

    def rows(self, depth: int | None = None) -> list[Balance]:
        """By name of account. ``depth``: so many components, the rest summed up in them."""
        found: dict[tuple[str, str], list[int]] = {}
        for (account, unit), (debits, credits) in self._sums.items():
            name = account if depth is None else ":".join(account.split(":")[:depth])
            sums = found.setdefault((name, unit), [0, 0])
            sums[0] += debits
            sums[1] += credits
        return [Balance(*key, *sums) for key, sums in sorted(found.items())]
