"""The books: a fold that tells every money fact as one balanced transaction.

A fact alone does not say all: a capture does not know its prices, funds do not know how they came.
So the fold remembers what was recorded in other streams, and tells a transaction at the later of
the two facts that make it. They are stored in one unit of work, so whoever reads whole units finds
nothing waiting. The state changes in place: it holds millions of accounts, and is nobody else's.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any
from uuid import UUID

from attrs import frozen

from domain.accounts import (
    AccountOpened,
    BalanceAdjusted,
    BalanceForfeited,
    ChargeCorrected,
    DailyFeeCharged,
    FundsAdded,
    HoldCaptured,
    HoldPlaced,
    HoldReleased,
)
from domain.adjustments import AdjustmentMade, adjustment_of
from domain.approvals import ApprovalGiven
from domain.call_sessions import (
    AttemptRefunded,
    AttemptRerated,
    AttemptRouted,
    AttemptSettled,
    AttemptStarted,
)
from domain.card_groups import CardGroupCreated
from domain.cards import CardGenerated
from domain.ledger import (
    BREAKAGE,
    UNKNOWN,
    Move,
    Transaction,
    adjustments,
    carriage,
    clearing,
    fees,
    held,
    payable,
    prepaid,
)
from domain.money import Money
from domain.rating import RateTerms
from domain.revenue import parts, revenue
from domain.top_ups import TopUpReceived

DAILY = fees("daily")


@frozen
class Names:
    """The two ledger accounts of one prepaid account."""

    prepaid: str
    held: str


@frozen
class _Waiting:
    """One of two facts that make a transaction, until the other one comes."""

    position: int
    account_id: UUID
    amount: Money


_Change = tuple[str, int]
"""A ledger account of revenue, and the micros that it gains."""


class Books:
    """Feed it every fact of the log in order; those it does not know mean no money."""

    def __init__(self) -> None:
        self._groups: dict[UUID, str] = {}
        self._group_of: dict[UUID, UUID] = {}
        self._names: dict[UUID, Names] = {}
        self._holds: dict[UUID, Money] = {}
        self._attempts: dict[tuple[UUID, int], tuple[UUID, RateTerms]] = {}
        self._settled: dict[UUID, dict[str, int]] = {}
        self._captured: dict[UUID, _Waiting] = {}
        self._channels: dict[UUID, str] = {}
        self._added: dict[UUID, _Waiting] = {}
        self._approvers: dict[UUID, str] = {}
        self._made: dict[UUID, str] = {}
        self._amended: dict[tuple[UUID, UUID], tuple[str, list[_Change]]] = {}
        self._corrected: dict[tuple[UUID, UUID], _Waiting] = {}
        self._adjusted: dict[UUID, _Waiting] = {}
        self._tells: dict[type, Callable[[int, UUID, Any], tuple[str, list[Move]] | None]] = {
            CardGroupCreated: self._group_created,
            CardGenerated: self._card_generated,
            AccountOpened: self._account_opened,
            FundsAdded: self._funds_added,
            TopUpReceived: self._top_up_received,
            HoldPlaced: self._hold_placed,
            HoldCaptured: self._hold_captured,
            HoldReleased: self._hold_released,
            AttemptStarted: self._attempt_started,
            AttemptSettled: self._attempt_settled,
            AttemptRouted: self._attempt_routed,
            DailyFeeCharged: self._daily_fee,
            BalanceForfeited: self._forfeited,
            ApprovalGiven: self._approval_given,
            AdjustmentMade: self._adjustment_made,
            BalanceAdjusted: self._balance_adjusted,
            AttemptRerated: self._attempt_rerated,
            AttemptRefunded: self._attempt_refunded,
            ChargeCorrected: self._charge_corrected,
        }

    @property
    def reads(self) -> frozenset[type]:
        """The classes of facts that mean something here."""
        return frozenset(self._tells)

    @property
    def waiting(self) -> list[int]:
        """The positions of facts whose other half has not come: none after a whole unit."""
        halves = (
            *self._captured.values(),
            *self._added.values(),
            *self._adjusted.values(),
            *self._corrected.values(),
        )
        return sorted(each.position for each in halves)

    def names(self, account_id: UUID) -> Names:
        """The ledger accounts of a prepaid account."""
        known = self._names.get(account_id)
        if known is None:
            group_id = self._group_of.get(account_id)
            group = self._groups.get(group_id, UNKNOWN) if group_id else UNKNOWN
            known = Names(prepaid(group, account_id), held(group, account_id))
            self._names[account_id] = known
        return known

    def add(self, position: int, at: datetime, stream_id: UUID, fact: object) -> Transaction | None:
        """The transaction that is complete with this fact, if there is one.

        Raises ValueError for a fact that ends what never began: such a log has to be verified.
        """
        tell = self._tells.get(type(fact))
        if tell is None:
            return None
        try:
            told = tell(position, stream_id, fact)
        except KeyError as missing:
            raise ValueError(
                f"fact {position} ({type(fact).__name__} of {stream_id}) ends what never began:"
                " the ledger is damaged, and `talktime audit verify` tells where"
            ) from missing
        if told is None or not told[1]:
            return None
        return Transaction(position, at, stream_id, *told)

    # Whose account it is

    def _group_created(self, _: int, group_id: UUID, fact: CardGroupCreated) -> None:
        self._groups[group_id] = fact.name

    def _card_generated(self, _: int, __: UUID, fact: CardGenerated) -> None:
        self._group_of[fact.account_id] = fact.group_id

    def _account_opened(self, _: int, account_id: UUID, __: AccountOpened) -> None:
        self.names(account_id)
        self._group_of.pop(account_id, None)

    # Money that comes

    def _funds_added(
        self, position: int, account_id: UUID, fact: FundsAdded
    ) -> tuple[str, list[Move]] | None:
        channel = self._channels.pop(fact.top_up_id, None)
        if channel is None:
            self._added[fact.top_up_id] = _Waiting(position, account_id, fact.amount)
            return None
        return self._top_up(account_id, channel, fact.amount)

    def _top_up_received(
        self, _: int, top_up_id: UUID, fact: TopUpReceived
    ) -> tuple[str, list[Move]] | None:
        waiting = self._added.pop(top_up_id, None)
        if waiting is None:
            self._channels[top_up_id] = fact.channel
            return None
        return self._top_up(waiting.account_id, fact.channel, waiting.amount)

    def _top_up(self, account_id: UUID, channel: str, amount: Money) -> tuple[str, list[Move]]:
        return "top-up", _moves((clearing(channel), self.names(account_id).prepaid, amount))

    # Money for calls

    def _hold_placed(self, _: int, account_id: UUID, fact: HoldPlaced) -> tuple[str, list[Move]]:
        self._holds[fact.hold_id] = fact.amount
        names = self.names(account_id)
        return "hold", _moves((names.prepaid, names.held, fact.amount))

    def _hold_released(
        self, _: int, account_id: UUID, fact: HoldReleased
    ) -> tuple[str, list[Move]]:
        amount, names = self._holds.pop(fact.hold_id), self.names(account_id)
        self._settled.pop(fact.hold_id, None)
        return "release", _moves((names.held, names.prepaid, amount))

    def _hold_captured(
        self, position: int, account_id: UUID, fact: HoldCaptured
    ) -> tuple[str, list[Move]] | None:
        parts = self._settled.pop(fact.hold_id, None)
        if parts is None:
            self._captured[fact.hold_id] = _Waiting(position, account_id, fact.charge)
            return None
        return self._capture(account_id, fact.hold_id, fact.charge, parts)

    def _attempt_started(self, _: int, session_id: UUID, fact: AttemptStarted) -> None:
        self._attempts[session_id, fact.number] = (fact.hold_id, fact.terms)

    def _attempt_settled(
        self, _: int, session_id: UUID, fact: AttemptSettled
    ) -> tuple[str, list[Move]] | None:
        hold_id, terms = self._attempts.pop((session_id, fact.number))
        if not fact.charge:
            return None
        parts = revenue(terms, fact)
        waiting = self._captured.pop(hold_id, None)
        if waiting is None:
            self._settled[hold_id] = parts
            return None
        return self._capture(waiting.account_id, hold_id, waiting.amount, parts)

    def _capture(
        self, account_id: UUID, hold_id: UUID, charge: Money, parts: dict[str, int]
    ) -> tuple[str, list[Move]]:
        """What is charged becomes revenue, by kind; the rest of the hold is free again."""
        names, rest = self.names(account_id), self._holds.pop(hold_id) - charge
        told = [(names.held, account, Money(part, charge.unit)) for account, part in parts.items()]
        return "capture", _moves(*told, (names.held, names.prepaid, rest))

    def _attempt_routed(
        self, _: int, __: UUID, fact: AttemptRouted
    ) -> tuple[str, list[Move]] | None:
        if fact.provider is None or fact.cost is None:
            return None
        return "carriage", _moves((carriage(fact.provider), payable(fact.provider), fact.cost))

    # Charges that became others

    def _attempt_rerated(
        self, _: int, __: UUID, fact: AttemptRerated
    ) -> tuple[str, list[Move]] | None:
        return self._amend("re-rating", fact, fact.terms_before)

    def _attempt_refunded(
        self, _: int, __: UUID, fact: AttemptRefunded
    ) -> tuple[str, list[Move]] | None:
        return self._amend("refund", fact, fact.terms)

    def _amend(
        self, what: str, fact: AttemptRerated | AttemptRefunded, terms_before: RateTerms
    ) -> tuple[str, list[Move]] | None:
        if fact.charge == fact.charge_before:
            return None
        changes, key = _changes(fact, terms_before), (fact.hold_id, fact.correction_id)
        waiting = self._corrected.pop(key, None)
        if waiting is None:
            self._amended[key] = (what, changes)
            return None
        return what, self._change(waiting.account_id, waiting.amount.unit, changes)

    def _charge_corrected(
        self, position: int, account_id: UUID, fact: ChargeCorrected
    ) -> tuple[str, list[Move]] | None:
        key = (fact.hold_id, fact.correction_id)
        known = self._amended.pop(key, None)
        if known is None:
            self._corrected[key] = _Waiting(position, account_id, fact.charge)
            return None
        return known[0], self._change(account_id, fact.charge.unit, known[1])

    def _change(self, account_id: UUID, unit: str, changes: list[_Change]) -> list[Move]:
        """Each kind of revenue by itself: one may fall while another one rises."""
        own = self.names(account_id).prepaid
        return [
            Move(own, income, Money(more, unit))
            if more > 0
            else Move(income, own, Money(-more, unit))
            for income, more in changes
        ]

    # Money that goes without a call

    def _daily_fee(self, _: int, account_id: UUID, fact: DailyFeeCharged) -> tuple[str, list[Move]]:
        return "daily fee", _moves((self.names(account_id).prepaid, DAILY, fact.amount))

    def _forfeited(
        self, _: int, account_id: UUID, fact: BalanceForfeited
    ) -> tuple[str, list[Move]]:
        return "breakage", _moves((self.names(account_id).prepaid, BREAKAGE, fact.amount))

    def _approval_given(self, _: int, approval_id: UUID, fact: ApprovalGiven) -> None:
        self._approvers[adjustment_of(approval_id)] = fact.by

    def _adjustment_made(
        self, _: int, adjustment_id: UUID, fact: AdjustmentMade
    ) -> tuple[str, list[Move]] | None:
        approver = self._approvers.pop(adjustment_id, fact.by)
        waiting = self._adjusted.pop(adjustment_id, None)
        if waiting is None:
            self._made[adjustment_id] = approver
            return None
        return self._adjust(waiting.account_id, waiting.amount, approver)

    def _balance_adjusted(
        self, position: int, account_id: UUID, fact: BalanceAdjusted
    ) -> tuple[str, list[Move]] | None:
        approver = self._made.pop(fact.adjustment_id, None)
        if approver is None:
            self._adjusted[fact.adjustment_id] = _Waiting(position, account_id, fact.amount)
            return None
        return self._adjust(account_id, fact.amount, approver)

    def _adjust(self, account_id: UUID, amount: Money, approver: str) -> tuple[str, list[Move]]:
        own, other = self.names(account_id).prepaid, adjustments(approver)
        if amount.micros < 0:
            return "adjustment", _moves((own, other, amount.zero - amount))
        return "adjustment", _moves((other, own, amount))


def _changes(fact: AttemptRerated | AttemptRefunded, terms_before: RateTerms) -> list[_Change]:
    """What each kind of revenue gains, or loses, by a correction."""
    before, after = (
        parts(terms, fact.answered_at, fact.seconds, charged, setup_due=fact.setup_due)
        for terms, charged in ((terms_before, fact.charge_before), (fact.terms, fact.charge))
    )
    sums = {income: after.get(income, 0) - before.get(income, 0) for income in before | after}
    return [(income, more) for income, more in sums.items() if more]


def _moves(*told: tuple[str, str, Money]) -> list[Move]:
    """Moves of what is above zero: a hold of nothing moves nothing."""
    return [Move(debit, credit, amount) for debit, credit, amount in told if amount.micros > 0]
