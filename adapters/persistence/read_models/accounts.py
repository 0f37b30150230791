"""Accounts as lists show them: what each owns, and what of it is held."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Table

from adapters.persistence.read_model import Page
from adapters.persistence.read_models import tables
from adapters.persistence.read_models.rows import Rows
from adapters.persistence.view_store import ViewStore
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

_MINE = (
    AccountOpened,
    FundsAdded,
    HoldPlaced,
    HoldCaptured,
    HoldReleased,
    DailyFeeCharged,
    BalanceAdjusted,
    BalanceForfeited,
    ChargeCorrected,
)
_OF_A_HOLD = (HoldPlaced, HoldCaptured, HoldReleased)


class Accounts:
    name = "accounts"
    tables: Sequence[Table] = (tables.holds, tables.accounts)
    facts: Sequence[type] = _MINE

    def apply(self, views: ViewStore, page: Page) -> None:
        mine = [recorded for _, recorded in page if isinstance(recorded.fact, _MINE)]
        if not mine:
            return
        opened = {(r.originator_id,) for r in mine if isinstance(r.fact, AccountOpened)}
        known = ((r.originator_id,) for r in mine)
        accounts = Rows(views, tables.accounts, known, new=opened)
        placed = {(r.fact.hold_id,) for r in mine if isinstance(r.fact, HoldPlaced)}
        hold_ids = ((r.fact.hold_id,) for r in mine if isinstance(r.fact, _OF_A_HOLD))
        holds = Rows(views, tables.holds, hold_ids, new=placed)
        for recorded in mine:
            account_id = recorded.originator_id
            match recorded.fact:
                case AccountOpened(unit, holder_kind, holder):
                    accounts.put(
                        {
                            "account_id": account_id,
                            "unit": unit,
                            "holder_kind": holder_kind,
                            "holder": holder,
                            "balance": 0,
                            "held": 0,
                            "opened_at": recorded.recorded_at,
                        }
                    )
                case FundsAdded(_, amount):
                    accounts.change(account_id)["balance"] += amount.micros
                case HoldPlaced(hold_id, amount):
                    accounts.change(account_id)["held"] += amount.micros
                    holds.put(
                        {"hold_id": hold_id, "account_id": account_id, "amount": amount.micros}
                    )
                case HoldCaptured(hold_id, charge):
                    account = accounts.change(account_id)
                    account["held"] -= holds.remove(hold_id)["amount"]
                    account["balance"] -= charge.micros
                case HoldReleased(hold_id):
                    accounts.change(account_id)["held"] -= holds.remove(hold_id)["amount"]
                case DailyFeeCharged(_, amount):
                    accounts.change(account_id)["balance"] -= amount.micros
                case BalanceAdjusted(_, amount):
                    accounts.change(account_id)["balance"] += amount.micros
                case BalanceForfeited(amount):
                    accounts.change(account_id)["balance"] -= amount.micros
                case ChargeCorrected(_, _, before, charge):
                    accounts.change(account_id)["balance"] += before.micros - charge.micros
        accounts.write()
        holds.write()
