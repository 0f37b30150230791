"""Double entry: every money fact, told as postings that sum to nothing."""

from __future__ import annotations

from typing import assert_never
from uuid import UUID

from attrs import frozen

from domain.accounts import (
    AccountFact,
    AccountOpened,
    BalanceAdjusted,
    DailyFeeCharged,
    FundsAdded,
    HoldCaptured,
    HoldPlaced,
    HoldReleased,
)
from domain.money import Money


@frozen
class Posting:
    """Moves an amount from one ledger account to another, so it balances by construction."""

    source: str
    destination: str
    amount: Money


def postings(account_id: UUID, fact: AccountFact) -> list[Posting]:
    """The postings of a fact of this account. A hold moves nothing until it is captured."""
    prepaid = f"liability:prepaid:{account_id}"
    match fact:
        case FundsAdded(_, amount):
            return [Posting("assets:clearing", prepaid, amount)]
        case HoldCaptured(_, charge):
            return [Posting(prepaid, "revenue:calls", charge)] if charge else []
        case DailyFeeCharged(_, amount):
            return [Posting(prepaid, "revenue:fees", amount)] if amount else []
        case BalanceAdjusted(_, amount):
            if amount.micros < 0:
                return [Posting(prepaid, "expense:adjustments", amount.zero - amount)]
            return [Posting("expense:adjustments", prepaid, amount)]
        case AccountOpened() | HoldPlaced() | HoldReleased():
            return []
        case _:
            assert_never(fact)
