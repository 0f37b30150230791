"""Lists and single rows of the read models, and the history of one stream from the log itself."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, Table, and_, false, func, or_, select

from adapters.persistence.codec import FactMapper
from adapters.persistence.read_models import tables
from adapters.persistence.recorder import EventRecorder
from application.ports import OpenAttempt
from application.views import (
    MOST_ROWS,
    AccountRow,
    AttemptRow,
    CallRow,
    CardRow,
    RecordedEvent,
)
from domain.distributors import NumberRange
from domain.money import Money

_RANGES_AT_ONCE = 200


class LedgerViews:
    """The ports ``Views`` and ``OpenAttempts`` on the ledger's database."""

    def __init__(self, recorder: EventRecorder, mapper: FactMapper) -> None:
        self._recorder = recorder
        self._mapper = mapper

    # ---- accounts

    def account(self, account_id: UUID) -> AccountRow | None:
        rows = self._rows(select(tables.accounts).where(tables.accounts.c.account_id == account_id))
        return _account(rows[0]) if rows else None

    def accounts(self, after: UUID | None, limit: int) -> Sequence[AccountRow]:
        return [_account(row) for row in self._page(tables.accounts, after, limit)]

    # ---- cards

    def card(self, card_id: UUID) -> CardRow | None:
        rows = self._rows(cards_with_groups().where(tables.cards.c.card_id == card_id))
        return card_row(rows[0]) if rows else None

    def cards(
        self,
        after: UUID | None,
        limit: int,
        *,
        group: str | None = None,
        status: str | None = None,
        ranges: Sequence[NumberRange] | None = None,
    ) -> Sequence[CardRow]:
        if ranges is not None and len(ranges) > _RANGES_AT_ONCE:
            return self._in_many_ranges(after, limit, group, status, ranges)
        conditions: list[ColumnElement[bool]] = []
        if group is not None:
            conditions.append(tables.card_groups.c.name == group)
        if status is not None:
            conditions.append(tables.cards.c.status == status)
        if ranges is not None:
            conditions.append(_in_ranges(ranges))
        query = paged(cards_with_groups().where(*conditions), tables.cards.c.card_id, after, limit)
        return [card_row(row) for row in self._rows(query)]

    def _in_many_ranges(
        self,
        after: UUID | None,
        limit: int,
        group: str | None,
        status: str | None,
        ranges: Sequence[NumberRange],
    ) -> Sequence[CardRow]:
        """A statement has a bounded number of values, so more ranges are asked for in parts."""
        found: list[CardRow] = []
        for start in range(0, len(ranges), _RANGES_AT_ONCE):
            part = ranges[start : start + _RANGES_AT_ONCE]
            found += self.cards(after, limit, group=group, status=status, ranges=part)
        return sorted(found, key=lambda row: row.card_id)[: min(limit, MOST_ROWS)]

    # ---- calls

    def call(self, session_id: UUID) -> CallRow | None:
        rows = self._rows(select(tables.calls).where(tables.calls.c.session_id == session_id))
        return _call(rows[0]) if rows else None

    def calls(
        self,
        after: UUID | None,
        limit: int,
        *,
        card_id: UUID | None = None,
        disputed: bool | None = None,
        open_only: bool = False,
    ) -> Sequence[CallRow]:
        conditions: list[ColumnElement[bool]] = []
        if card_id is not None:
            conditions.append(tables.calls.c.card_id == card_id)
        if disputed is not None:
            conditions.append(tables.calls.c.disputed.is_(disputed))
        if open_only:
            conditions.append(tables.calls.c.ended_at.is_(None))
        rows = self._page(tables.calls, after, limit, *conditions)
        return [_call(row) for row in rows]

    def attempts(self, session_id: UUID) -> Sequence[AttemptRow]:
        query = select(tables.attempts).where(tables.attempts.c.session_id == session_id)
        return [_attempt(row) for row in self._rows(query.order_by(tables.attempts.c.number))]

    def of_node(self, node: str, most: int) -> Sequence[OpenAttempt]:
        table = tables.attempts
        query = select(table).where(table.c.state == "open", table.c.node == node)
        rows = self._rows(query.order_by(table.c.placed_at).limit(most))
        return [
            OpenAttempt(row.session_id, row.reference, row.number, row.placed_at, row.deadline)
            for row in rows
        ]

    def overdue(self, now: datetime, most: int) -> Sequence[UUID]:
        table = tables.attempts
        query = select(table.c.session_id).where(table.c.state == "open", table.c.deadline <= now)
        rows = self._rows(query.distinct().limit(most))
        return [row.session_id for row in rows]

    # ---- the log

    def history(self, stream_id: UUID, after_version: int, limit: int) -> Sequence[RecordedEvent]:
        stored = self._recorder.select_events(
            stream_id, gt=after_version, limit=min(limit, MOST_ROWS)
        )
        events = []
        for each in stored:
            recorded = self._mapper.to_domain_event(each)
            events.append(
                RecordedEvent(
                    stream_id,
                    recorded.originator_version,
                    recorded.recorded_at,
                    each.topic,
                    recorded.fact,
                )
            )
        return events

    # ---- reading

    def _page(
        self, table: Table, after: UUID | None, limit: int, *conditions: ColumnElement[bool]
    ) -> Sequence[Any]:
        key = next(iter(table.primary_key.columns))
        return self._rows(paged(select(table).where(*conditions), key, after, limit))

    def _rows(self, query: Select[Any]) -> Sequence[Any]:
        with self._recorder.reading() as connection:
            return connection.execute(query).all()


def paged(
    query: Select[Any], key: ColumnElement[UUID], after: UUID | None, limit: int
) -> Select[Any]:
    if after is not None:
        query = query.where(key > after)
    return query.order_by(key).limit(min(limit, MOST_ROWS))


def _in_ranges(ranges: Sequence[NumberRange]) -> ColumnElement[bool]:
    number = tables.cards.c.number
    return or_(
        false(),
        *(
            and_(number.between(each.first, each.last), func.length(number) == len(each.first))
            for each in ranges
        ),
    )


def cards_with_groups() -> Select[Any]:
    return select(tables.cards, tables.card_groups.c.name.label("group_name")).join(
        tables.card_groups, tables.card_groups.c.group_id == tables.cards.c.group_id
    )


def _account(row: Any) -> AccountRow:
    return AccountRow(
        row.account_id,
        row.holder_kind,
        row.holder,
        Money(row.balance, row.unit),
        Money(row.held, row.unit),
        row.opened_at,
    )


def card_row(row: Any) -> CardRow:
    return CardRow(
        row.card_id,
        row.number,
        row.group_name,
        row.status,
        row.account_id,
        Money(row.face_value, row.unit),
        row.caller_id,
        row.generated_at,
        row.first_used_at,
        row.sold,
    )


def _call(row: Any) -> CallRow:
    return CallRow(
        row.session_id,
        row.reference,
        row.node,
        row.access_number,
        row.caller_id,
        row.card_id,
        row.started_at,
        row.ended_at,
        row.attempts,
        row.open_attempts,
        row.disputed,
        row.seconds,
        Money(row.charged, row.unit) if row.unit else None,
    )


def _attempt(row: Any) -> AttemptRow:
    return AttemptRow(
        row.session_id,
        row.number,
        row.destination,
        row.destination_name,
        row.state,
        Money(row.held, row.unit),
        row.limit_seconds,
        row.placed_at,
        row.deadline,
        row.answered_at,
        row.seconds,
        Money(row.charge, row.unit) if row.charge is not None else None,
        row.evidence,
        row.cause,
    )
