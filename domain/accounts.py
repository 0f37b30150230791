"""A prepaid account: what it holds for calls in progress, and what is left to spend.

Charging rules 1 and 2: money is reserved before it is spent, and a balance never goes below zero.
The account keeps no list of past top-ups or calls: the thing that happens once (a call attempt, a
top-up) has a stream of its own and guards its own once-ness, so this state stays small for ever.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from enum import StrEnum
from typing import assert_never
from uuid import UUID

from attrs import evolve as changed
from attrs import field, frozen

from domain.errors import (
    AlreadyExists,
    ChargeExceedsHold,
    InsufficientFunds,
    SettingNotAllowed,
    TooManyCalls,
)
from domain.money import MICROS, MOST, Money, check_unit


class Forfeiture(StrEnum):
    """Why what is left on an account falls to the operator."""

    EXPIRED = "expired"
    VOID = "void"


# Facts.


@frozen
class AccountOpened:
    """An account of one unit begins, empty, for a holder such as a card."""

    unit: str
    holder_kind: str
    holder: UUID


@frozen
class FundsAdded:
    """A top-up arrived. Its own stream makes sure that it arrives once."""

    top_up_id: UUID
    amount: Money


@frozen
class HoldPlaced:
    """Money is set aside for one attempt; it stays in the balance but cannot be spent."""

    hold_id: UUID
    amount: Money


@frozen
class HoldCaptured:
    """The attempt was charged; what was held beyond the charge is free again."""

    hold_id: UUID
    charge: Money


@frozen
class HoldReleased:
    """The attempt cost nothing; all that was held for it is free again."""

    hold_id: UUID


@frozen
class DailyFeeCharged:
    """The fee of one calendar day, or as much of it as was available."""

    day: date
    amount: Money


@frozen
class BalanceAdjusted:
    """A person put the balance right; below zero it was lowered. Its own stream says who and why,
    and makes sure that it happens once."""

    adjustment_id: UUID
    amount: Money


@frozen
class BalanceForfeited:
    """Nobody can spend it any more: all that was available fell to the operator (breakage)."""

    amount: Money
    reason: Forfeiture


@frozen
class ChargeCorrected:
    """The charge of an attempt that was settled before is another one now; the difference went
    back, or was taken. The attempt's own stream says why, and makes sure that it happens once."""

    hold_id: UUID
    correction_id: UUID
    charge_before: Money
    charge: Money


AccountFact = (
    AccountOpened
    | FundsAdded
    | HoldPlaced
    | HoldCaptured
    | HoldReleased
    | DailyFeeCharged
    | BalanceAdjusted
    | BalanceForfeited
    | ChargeCorrected
)

# State and decisions.


@frozen
class Account:
    balance: Money
    """What the account owns, holds included."""
    held: Money
    """The sum of ``holds``, kept so that reading it costs nothing."""
    holder_kind: str
    holder: UUID
    holds: Mapping[UUID, Money] = field(factory=dict, hash=False)
    daily_fee_through: date | None = None

    @property
    def unit(self) -> str:
        return self.balance.unit

    @property
    def available(self) -> Money:
        """What can be spent or held now: the balance less all holds (charging rule 2)."""
        return self.balance - self.held

    def add_funds(self, top_up_id: UUID, amount: Money) -> list[AccountFact]:
        """Raises SettingNotAllowed for an amount of another unit or not above zero."""
        self._check_unit(amount)
        if amount.micros <= 0:
            raise SettingNotAllowed("amount", str(amount), "an amount above zero")
        self._check_most(amount)
        return [FundsAdded(top_up_id, amount)]

    def adjust(self, adjustment_id: UUID, amount: Money) -> list[AccountFact]:
        """Puts the balance right by a signed amount.

        Raises InsufficientFunds rather than take what is held or push the balance below zero, and
        SettingNotAllowed for another unit or an amount of zero.
        """
        self._check_unit(amount)
        if not amount:
            raise SettingNotAllowed("amount", str(amount), "an amount above or below zero")
        if (self.available + amount).micros < 0:
            raise InsufficientFunds(needed=amount.zero - amount, available=self.available)
        self._check_most(amount)
        return [BalanceAdjusted(adjustment_id, amount)]

    def check_room(self, most: int) -> None:
        """Raises TooManyCalls if ``most`` calls are up already."""
        if len(self.holds) >= most:
            raise TooManyCalls(most)

    def hold(self, hold_id: UUID, amount: Money, *, most: int) -> list[AccountFact]:
        """Sets money aside for an attempt, one of at most ``most`` at a time.

        Raises InsufficientFunds, or TooManyCalls.
        """
        if hold_id in self.holds:
            return []
        _not_negative("a hold", amount)
        self.check_room(most)
        if amount > self.available:
            raise InsufficientFunds(needed=amount, available=self.available)
        return [HoldPlaced(hold_id, amount)]

    def capture(self, hold_id: UUID, charge: Money) -> list[AccountFact]:
        """Charges an attempt. A charge never exceeds its hold: raises ChargeExceedsHold."""
        held = self.holds.get(hold_id)
        if held is None:
            return []
        _not_negative("a charge", charge)
        if charge > held:
            raise ChargeExceedsHold(charge, held)
        return [HoldCaptured(hold_id, charge)]

    def release(self, hold_id: UUID) -> list[AccountFact]:
        return [HoldReleased(hold_id)] if hold_id in self.holds else []

    def charge_daily_fee(self, day: date, fee: Money) -> list[AccountFact]:
        """The fee of ``day``, once: days are charged in order, so the last one is enough to know.

        Never takes more than is available: a fee does not push a balance below zero, and never
        takes what is held for a call.
        """
        if self.daily_fee_through is not None and day <= self.daily_fee_through:
            return []
        _not_negative("a fee", fee)
        return [DailyFeeCharged(day, min(fee, self.available))]

    def forfeit(self, reason: Forfeiture) -> list[AccountFact]:
        """Takes all that is available. What is held for a call stays until the call has ended, so
        it is asked for again then; asking twice finds nothing more to take."""
        return [BalanceForfeited(self.available, reason)] if self.available else []

    def correct(
        self, hold_id: UUID, correction_id: UUID, before: Money, charge: Money
    ) -> list[AccountFact]:
        """Makes a charge another one. Raises InsufficientFunds rather than take what is held or
        push the balance below zero."""
        _not_negative("a charge", before)
        _not_negative("a charge", charge)
        if charge - before > self.available:
            raise InsufficientFunds(needed=charge - before, available=self.available)
        return [ChargeCorrected(hold_id, correction_id, before, charge)] if charge != before else []

    def _check_unit(self, amount: Money) -> None:
        if amount.unit != self.unit:
            raise SettingNotAllowed("unit", amount.unit, f"{self.unit}, the unit of this account")

    def _check_most(self, amount: Money) -> None:
        if self.balance + amount > Money(MOST * MICROS, self.unit):
            raise SettingNotAllowed("amount", str(amount), f"a balance of at most {MOST} units")


def open_account(
    account: Account | None, unit: str, holder_kind: str, holder: UUID
) -> list[AccountFact]:
    """Opens an account once. Raises AlreadyExists if the id belongs to another holder or unit."""
    if account is None:
        return [AccountOpened(check_unit(unit), holder_kind, holder)]
    if (account.unit, account.holder_kind, account.holder) != (unit, holder_kind, holder):
        raise AlreadyExists("account", f"of {account.holder_kind} {account.holder}")
    return []


def evolve(account: Account | None, fact: AccountFact) -> Account:
    if isinstance(fact, AccountOpened):
        nothing = Money(0, fact.unit)
        return Account(nothing, nothing, fact.holder_kind, fact.holder)
    assert account is not None, "an account begins with AccountOpened"
    match fact:
        case FundsAdded(_, amount):
            return changed(account, balance=account.balance + amount)
        case HoldPlaced(hold_id, amount):
            return changed(
                account, held=account.held + amount, holds={**account.holds, hold_id: amount}
            )
        case HoldCaptured(hold_id, charge):
            return changed(_ended(account, hold_id), balance=account.balance - charge)
        case HoldReleased(hold_id):
            return _ended(account, hold_id)
        case DailyFeeCharged(day, amount):
            return changed(account, balance=account.balance - amount, daily_fee_through=day)
        case BalanceAdjusted(_, amount):
            return changed(account, balance=account.balance + amount)
        case BalanceForfeited(amount):
            return changed(account, balance=account.balance - amount)
        case ChargeCorrected(_, _, before, charge):
            return changed(account, balance=account.balance + before - charge)
        case _:
            assert_never(fact)


def _not_negative(what: str, amount: Money) -> None:
    """A negative amount would make money out of nothing, so it is a fault and not a refusal."""
    if amount.micros < 0:
        raise ValueError(f"{what} is zero or more, not {amount}")


def _ended(account: Account, hold_id: UUID) -> Account:
    return changed(
        account,
        held=account.held - account.holds[hold_id],
        holds={other: held for other, held in account.holds.items() if other != hold_id},
    )
