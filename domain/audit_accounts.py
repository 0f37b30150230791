"""Verifies accounts: every balance is folded again, and nothing was spent that was not there.

The arithmetic is this module's own, in plain millionths: an auditor does not add up with the same
code that is audited.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

from attrs import define, field

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
from domain.audit_corrections import ChargeSeen, Key
from domain.audit_rules import Findings, Place, Rule
from domain.money import Money


@define
class AccountSeen:
    unit: str
    holder: int
    balance: int = 0
    held: int = 0
    holds: dict[int, int] = field(factory=dict)
    """What is held, by the number of the hold."""
    charged_through: date | None = None
    position: int = 0
    """Of the last fact."""


@define
class HoldSeen:
    """The account's side of a hold: the positions it was placed and ended at. ``charge`` None: it
    was released."""

    account: int
    placed: int
    amount: int
    ended: int | None = None
    charge: int | None = None


@define
class MoneySeen:
    """A top-up or an adjustment, as one of the two streams that know it tells of it."""

    position: int
    account: int
    micros: int
    unit: str


class AccountsAudit:
    """Feed it the facts of accounts, each stream in order."""

    def __init__(self, findings: Findings) -> None:
        self._findings = findings
        self.accounts: dict[int, AccountSeen] = {}
        self.holds: dict[int, HoldSeen] = {}
        self.arrived: dict[int, list[MoneySeen]] = {}
        """By the number of the top-up or the adjustment; more than one is one too many."""
        self.forfeited: list[tuple[int, Place, str]] = []
        """By which account, where, and for what reason."""
        self.corrected: dict[Key, list[ChargeSeen]] = {}
        self.tells: dict[type, Callable[[Place, Any], object]] = {
            AccountOpened: self._opened,
            FundsAdded: self._funds_added,
            HoldPlaced: self._hold_placed,
            HoldCaptured: self._hold_captured,
            HoldReleased: self._hold_released,
            DailyFeeCharged: self._daily_fee,
            BalanceAdjusted: self._adjusted,
            BalanceForfeited: self._forfeited,
            ChargeCorrected: self._charge_corrected,
        }

    def _opened(self, place: Place, fact: AccountOpened) -> None:
        if place.stream in self.accounts:
            self._find(place, Rule.ONE_THING, "the account was opened before")
            return
        self.accounts[place.stream] = AccountSeen(
            fact.unit, fact.holder.int, position=place.position
        )

    def _funds_added(self, place: Place, fact: FundsAdded) -> None:
        account = self._account(place, fact.amount)
        if account is None:
            return
        if fact.amount.micros <= 0:
            self._find(place, Rule.AMOUNTS, f"{fact.amount} arrived: nothing, or less")
        account.balance += fact.amount.micros
        self._arrived(place, fact.top_up_id.int, fact.amount)

    def _hold_placed(self, place: Place, fact: HoldPlaced) -> None:
        account = self._account(place, fact.amount)
        if account is None:
            return
        hold, micros = fact.hold_id.int, fact.amount.micros
        if hold in self.holds:
            why = f"hold {fact.hold_id} was placed before"
            self._find(place, Rule.HOLD_ENDS_ONCE, why)
            return
        self._spendable(place, account, micros, "held")
        account.holds[hold] = micros
        account.held += micros
        self.holds[hold] = HoldSeen(place.stream, place.position, micros)

    def _hold_captured(self, place: Place, fact: HoldCaptured) -> None:
        account = self._account(place, fact.charge)
        if account is None:
            return
        micros = fact.charge.micros
        seen = self._end(place, account, fact.hold_id.int)
        if seen is None:
            # What was never held can only be charged from what is available.
            self._spendable(place, account, micros, "charged")
        else:
            seen.charge = micros
            if micros > seen.amount:
                held = Money(seen.amount, account.unit)
                self._find(
                    place, Rule.CHARGE_IN_HOLD, f"{fact.charge} was charged, and {held} was held"
                )
            elif micros < 0:
                self._find(place, Rule.AMOUNTS, f"{fact.charge} was charged")
        account.balance -= micros
        self._not_below_zero(place, account)

    def _hold_released(self, place: Place, fact: HoldReleased) -> None:
        account = self._account(place, None)
        if account is not None:
            self._end(place, account, fact.hold_id.int)

    def _daily_fee(self, place: Place, fact: DailyFeeCharged) -> None:
        account = self._account(place, fact.amount)
        if account is None:
            return
        if account.charged_through is not None and fact.day <= account.charged_through:
            why = f"{fact.day} was charged after {account.charged_through}"
            self._find(place, Rule.FEE_ONCE, why)
        account.charged_through = fact.day
        self._take(place, account, fact.amount, "charged as a fee")

    def _adjusted(self, place: Place, fact: BalanceAdjusted) -> None:
        account = self._account(place, fact.amount)
        if account is None:
            return
        if fact.amount.micros < 0:
            self._spendable(place, account, -fact.amount.micros, "taken away")
        account.balance += fact.amount.micros
        self._arrived(place, fact.adjustment_id.int, fact.amount)

    def _forfeited(self, place: Place, fact: BalanceForfeited) -> None:
        account = self._account(place, fact.amount)
        if account is None:
            return
        self._take(place, account, fact.amount, "forfeited")
        self.forfeited.append((place.stream, place, fact.reason.value))

    def _charge_corrected(self, place: Place, fact: ChargeCorrected) -> None:
        account = self._account(place, fact.charge)
        if account is None:
            return
        before, after = fact.charge_before.micros, fact.charge.micros
        if min(before, after) < 0 or before == after or fact.charge_before.unit != account.unit:
            why = f"a charge of {fact.charge_before} became {fact.charge}"
            self._find(place, Rule.AMOUNTS, why)
        if after > before:
            self._spendable(place, account, after - before, "charged more")
        account.balance += before - after
        key = (fact.hold_id.int, fact.correction_id.int)
        seen = ChargeSeen(place.position, place.stream, before, after, account.unit)
        self.corrected.setdefault(key, []).append(seen)

    # How it is done

    def _account(self, place: Place, amount: Money | None) -> AccountSeen | None:
        account = self.accounts.get(place.stream)
        if account is None:
            self._find(place, Rule.ONE_THING, "the account was never opened")
            return None
        account.position = place.position
        if amount is not None and amount.unit != account.unit:
            why = f"{amount} on an account in {account.unit}"
            self._find(place, Rule.AMOUNTS, why)
            return None
        return account

    def _take(self, place: Place, account: AccountSeen, amount: Money, how: str) -> None:
        self._spendable(place, account, amount.micros, how)
        account.balance -= amount.micros

    def _spendable(self, place: Place, account: AccountSeen, micros: int, how: str) -> None:
        available = account.balance - account.held
        if micros < 0:
            why = f"{Money(micros, account.unit)} was {how}"
            self._find(place, Rule.AMOUNTS, why)
        elif micros > available:
            amount, left = Money(micros, account.unit), Money(available, account.unit)
            why = f"{amount} was {how}, and {left} was available"
            self._find(place, Rule.BALANCE, why)

    def _not_below_zero(self, place: Place, account: AccountSeen) -> None:
        if account.balance < account.held or account.balance < 0:
            balance, held = Money(account.balance, account.unit), Money(account.held, account.unit)
            self._find(place, Rule.BALANCE, f"the balance is {balance}, {held} of it held")

    def _end(self, place: Place, account: AccountSeen, hold: int) -> HoldSeen | None:
        micros = account.holds.pop(hold, None)
        seen = self.holds.get(hold)
        if micros is None or seen is None:
            ended = seen.ended if seen is not None else None
            why = f"was ended at {ended} before" if ended else "was never placed"
            self._find(place, Rule.HOLD_ENDS_ONCE, f"the hold {why}")
            return None
        account.held -= micros
        seen.ended = place.position
        return seen

    def _arrived(self, place: Place, number: int, amount: Money) -> None:
        seen = MoneySeen(place.position, place.stream, amount.micros, amount.unit)
        self.arrived.setdefault(number, []).append(seen)

    def _find(self, place: Place, rule: Rule, why: str) -> None:
        self._findings.add(place.position, rule, why)
