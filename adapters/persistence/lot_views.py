"""Lists of lots, requests for approval and ranges of cards, from the read models."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import Select, func, or_, select

from adapters.persistence.card_lists import cards_with_groups, groups_by_name, paged
from adapters.persistence.read_models import lot_tables, tables
from adapters.persistence.recorder import EventRecorder
from adapters.persistence.views import card_row
from application.lot_views import ApprovalRow, LotRow, StatusCount
from application.views import MOST_ROWS, CardRow
from domain.cards import Status
from domain.distributors import NumberRange
from domain.money import Money

_PAYS_FEES = (Status.ACTIVE.value, Status.USED.value, Status.ON_HOLD.value)
_MOST_LOTS_OF_A_BATCH = 10_000


class LedgerLotViews:
    """The port ``LotViews`` on the ledger's database."""

    def __init__(self, recorder: EventRecorder) -> None:
        self._recorder = recorder

    def lots(
        self, after: UUID | None, limit: int, *, group: str | None = None, newest: bool = False
    ) -> Sequence[LotRow]:
        query = _lots()
        if group is not None:
            query = query.where(tables.card_groups.c.name == group)
        query = paged(query, lot_tables.lots.c.lot_id, after, limit, newest)
        return [_lot(row) for row in self._rows(query)]

    def lots_of_batch(self, run: str, batch: str) -> Sequence[LotRow]:
        query = _lots().where(lot_tables.lots.c.run == run, lot_tables.lots.c.batch == batch)
        query = query.order_by(lot_tables.lots.c.lot_id).limit(_MOST_LOTS_OF_A_BATCH)
        return [_lot(row) for row in self._rows(query)]

    def approvals(
        self, after: UUID | None, limit: int, *, state: str | None = None, newest: bool = False
    ) -> Sequence[ApprovalRow]:
        table = lot_tables.approvals
        query = select(table)
        if state is not None:
            query = query.where(table.c.state == state)
        return [
            ApprovalRow(**row._mapping)
            for row in self._rows(paged(query, table.c.approval_id, after, limit, newest))
        ]

    def cards_in(
        self, cards: NumberRange, after_number: str | None, limit: int
    ) -> Sequence[CardRow]:
        number = tables.cards.c.number
        query = cards_with_groups().where(number >= cards.first, number <= cards.last)
        if after_number is not None:
            query = query.where(number > after_number)
        # Longer numbers sort between the ends of the range as well, and are none of it.
        query = query.where(func.length(number) == len(cards.first))
        query = query.order_by(number).limit(min(limit, MOST_ROWS))
        return [card_row(row) for row in self._rows(query)]

    def statuses(self, first: UUID, last: UUID, numbers: NumberRange) -> Sequence[StatusCount]:
        cards = tables.cards.c
        query = (
            select(cards.status, cards.sold, func.count().label("cards"))
            .where(cards.card_id >= first, cards.card_id <= last)
            .where(cards.number >= numbers.first, cards.number <= numbers.last)
            .group_by(cards.status, cards.sold)
            .order_by(cards.status, cards.sold)
        )
        return [StatusCount(row.status, row.sold, row.cards) for row in self._rows(query)]

    def groups(self) -> Sequence[tuple[UUID, str]]:
        return [(row.group_id, row.name) for row in self._rows(groups_by_name())]

    def fee_due(
        self, group_id: UUID, today: date, after: UUID | None, limit: int
    ) -> Sequence[UUID]:
        cards, paid = tables.cards, lot_tables.fee_days
        query = (
            select(cards.c.card_id)
            .join(paid, paid.c.account_id == cards.c.account_id, isouter=True)
            .where(
                cards.c.group_id == group_id,
                cards.c.status.in_(_PAYS_FEES),
                cards.c.first_used_at.is_not(None),
                or_(paid.c.through.is_(None), paid.c.through < today),
            )
        )
        return [row.card_id for row in self._rows(paged(query, cards.c.card_id, after, limit))]

    def _rows(self, query: Select[Any]) -> Sequence[Any]:
        with self._recorder.reading() as connection:
            return connection.execute(query).all()


def _lots() -> Select[Any]:
    groups = tables.card_groups
    return select(lot_tables.lots, groups.c.name.label("group_name")).join(
        groups, groups.c.group_id == lot_tables.lots.c.group_id
    )


def _lot(row: Any) -> LotRow:
    return LotRow(
        row.lot_id,
        row.name,
        row.group_name,
        row.run,
        row.batch,
        row.first_number,
        row.last_number,
        row.ordered,
        row.made,
        row.kept,
        row.state,
        Money(row.face_value, row.unit),
        row.ordered_at,
        row.by,
    )
