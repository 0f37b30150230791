"""Cards sold and activated, money in and out, and what is owed to customers, added up."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from uuid import UUID

from adapters.persistence.codec import RecordedFact
from adapters.persistence.read_models import report_tables as tables
from adapters.persistence.read_models.from_log import firsts
from adapters.persistence.read_models.report_ranges import Ranges
from adapters.persistence.read_models.rows import Row, Rows
from adapters.persistence.read_models.sums import Key, Sums
from adapters.persistence.view_store import ViewStore
from application import kinds
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
from domain.cards import CardGenerated, CardSold, CardUnsold
from domain.distributors import CardRangeAssigned, CardRangeTakenBack
from domain.lots import LotOrdered

NOBODY = UUID(int=0)
"""Stands for no card group, and for no lot."""

_OF_ACCOUNTS = (
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
_OF_HOLDS = (HoldPlaced, HoldCaptured, HoldReleased)
_OF_SALES = (CardSold, CardUnsold)
OF_MONEY = (*_OF_ACCOUNTS, *_OF_SALES, CardRangeAssigned, CardRangeTakenBack, LotOrdered)


def slots(at: datetime) -> Sequence[tuple[int, int]]:
    """The grains and slots that a moment falls into."""
    slot = int(at.timestamp()) // tables.SLOT_SECONDS
    day = slot - slot % tables.SLOTS_IN_A_DAY
    return ((tables.QUARTERS, slot), (tables.DAYS, day))


class Money:
    """The facts of one page about money and cards."""

    def __init__(self, views: ViewStore, facts: Sequence[RecordedFact]) -> None:
        self._facts = [r for r in facts if isinstance(r.fact, OF_MONEY)]
        self._views = views

    def apply(self) -> None:
        if not self._facts:
            return
        views, facts = self._views, self._facts
        self._cards: Mapping[UUID, CardGenerated] = firsts(views.connection, _cards_of(facts))
        opened = {(r.originator_id,) for r in facts if isinstance(r.fact, AccountOpened)}
        known = ((account_id,) for account_id in _accounts_of(facts))
        self._accounts = Rows(views, tables.accounts, known, new=opened)
        placed = {(r.fact.hold_id,) for r in facts if isinstance(r.fact, HoldPlaced)}
        hold_ids = ((r.fact.hold_id,) for r in facts if isinstance(r.fact, _OF_HOLDS))
        self._holds = Rows(views, tables.holds, hold_ids, new=placed)
        marks = ((kinds.lot_mark(card_id),) for card_id in self._cards)
        self._lots = Rows(views, tables.lots, marks)
        self._sales = Sums(views, tables.sales)
        self._liability = Sums(views, tables.liability)
        self._ranges = Ranges(views)
        self._ranges.about(card.number for card in self._cards.values())
        self._ranges.about(row["number"] for row in self._accounts.all())
        for recorded in facts:
            self._apply(recorded)
        for written in (self._accounts, self._holds, self._lots, self._sales, self._liability):
            written.write()

    def _apply(self, recorded: RecordedFact) -> None:
        stream_id, at = recorded.originator_id, recorded.recorded_at
        match recorded.fact:
            case AccountOpened(unit, holder_kind, holder):
                self._open(stream_id, unit, holder_kind, holder, at)
            case FundsAdded(top_up_id, amount):
                row = self._accounts.change(stream_id)
                if top_up_id == kinds.face_value_id_of_card(row["holder"]):
                    self._count(row, at, activated_value=amount.micros)
                else:
                    self._count(row, at, top_ups=1, topped_up=amount.micros)
                self._owe(row, balance=amount.micros, since=at.date())
            case HoldPlaced(hold_id, amount):
                self._owe(self._accounts.change(stream_id), held=amount.micros)
                self._holds.put({"hold_id": hold_id, "amount": amount.micros})
            case HoldCaptured(hold_id, charge):
                row = self._accounts.change(stream_id)
                held = self._holds.remove(hold_id)["amount"]
                self._count(row, at, calls=charge.micros)
                self._owe(row, balance=-charge.micros, held=-held)
            case HoldReleased(hold_id):
                held = self._holds.remove(hold_id)["amount"]
                self._owe(self._accounts.change(stream_id), held=-held)
            case DailyFeeCharged(_, amount):
                row = self._accounts.change(stream_id)
                self._count(row, at, fees=amount.micros)
                self._owe(row, balance=-amount.micros)
            case BalanceAdjusted(_, amount):
                row = self._accounts.change(stream_id)
                self._count(row, at, adjusted=amount.micros)
                self._owe(row, balance=amount.micros)
            case BalanceForfeited(amount):
                row = self._accounts.change(stream_id)
                self._count(row, at, forfeited=amount.micros)
                self._owe(row, balance=-amount.micros)
            case ChargeCorrected(_, _, before, charge):
                # On the day it was recorded: the books of a day that is over stay as they are.
                row = self._accounts.change(stream_id)
                self._count(row, at, calls=charge.micros - before.micros)
                self._owe(row, balance=before.micros - charge.micros)
            case CardSold():
                card = self._cards[stream_id]
                self._sell(card, at, sold=1, sold_value=card.face_value.micros)
            case CardUnsold():
                card = self._cards[stream_id]
                self._sell(card, at, returned=1, returned_value=card.face_value.micros)
            case CardRangeAssigned(distributor, cards):
                self._ranges.assign(distributor, cards)
            case CardRangeTakenBack(distributor, cards):
                self._ranges.take_back(distributor, cards)
            case LotOrdered():
                mark = kinds.card_id_of_lot(stream_id, 0)
                self._lots.put({"lot_mark": mark, "lot_id": stream_id})

    def _open(
        self, account_id: UUID, unit: str, holder_kind: str, holder: UUID, at: datetime
    ) -> None:
        card = self._cards.get(holder) if holder_kind == "card" else None
        mark = kinds.lot_mark(holder)
        row = {
            "account_id": account_id,
            "holder": holder,
            "number": card.number if card else "",
            "group_id": card.group_id if card else NOBODY,
            "lot_mark": mark if self._lots.get(mark) else NOBODY,
            "unit": unit,
            "balance": 0,
            "held": 0,
            "since": at.date(),
        }
        self._accounts.put(row)
        self._count(row, at, activated=1 if card else 0)

    def _count(self, row: Row, at: datetime, **amounts: int) -> None:
        distributor = self._ranges.holder(row["number"])
        for when in slots(at):
            self._sales.add((*when, row["group_id"], distributor, row["unit"]), **amounts)

    def _sell(self, card: CardGenerated, at: datetime, **amounts: int) -> None:
        distributor = self._ranges.holder(card.number)
        for when in slots(at):
            key = (*when, card.group_id, distributor, card.face_value.unit)
            self._sales.add(key, **amounts)

    def _owe(self, row: Row, *, balance: int = 0, held: int = 0, since: date | None = None) -> None:
        """Takes the account out of the sums as it was, and puts it in as it is."""
        self._liability.add(_owed(row), **_amounts(row, -1))
        row["balance"] += balance
        row["held"] += held
        row["since"] = since or row["since"]
        self._liability.add(_owed(row), **_amounts(row, 1))


def _cards_of(facts: Sequence[RecordedFact]) -> Iterable[UUID]:
    for recorded in facts:
        if isinstance(recorded.fact, _OF_SALES):
            yield recorded.originator_id
        elif isinstance(recorded.fact, AccountOpened) and recorded.fact.holder_kind == "card":
            yield recorded.fact.holder


def _accounts_of(facts: Sequence[RecordedFact]) -> Iterable[UUID]:
    for recorded in facts:
        if isinstance(recorded.fact, _OF_ACCOUNTS):
            yield recorded.originator_id


def _owed(row: Row) -> Key:
    return (row["group_id"], row["lot_mark"], row["since"], row["unit"])


def _amounts(row: Row, sign: int) -> dict[str, int]:
    return {
        "accounts": sign * (row["balance"] > 0),
        "balance": sign * row["balance"],
        "held": sign * row["held"],
    }
