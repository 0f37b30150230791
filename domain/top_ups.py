"""A top-up: money that arrives for an account, exactly once, however often it is announced."""

from __future__ import annotations

from uuid import UUID

from attrs import frozen

from domain.errors import AlreadyExists
from domain.money import Money

# Facts.


@frozen
class TopUpReceived:
    """``channel`` is how the money came (cash, a payment provider), ``by`` who took it."""

    account_id: UUID
    amount: Money
    channel: str
    by: str


TopUpFact = TopUpReceived

# State and decisions.


@frozen
class TopUp:
    account_id: UUID
    amount: Money


def receive(
    top_up: TopUp | None, account_id: UUID, amount: Money, channel: str, by: str
) -> list[TopUpFact]:
    """Once. Raises AlreadyExists if the same id came before with other money or account."""
    if top_up is None:
        return [TopUpReceived(account_id, amount, channel, by)]
    if (top_up.account_id, top_up.amount) != (account_id, amount):
        raise AlreadyExists("top-up", f"of {top_up.amount} to account {top_up.account_id}")
    return []


def evolve(_: TopUp | None, fact: TopUpFact) -> TopUp:
    return TopUp(fact.account_id, fact.amount)
