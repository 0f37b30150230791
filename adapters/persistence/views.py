"""Lists and single rows of the read models, and the history of one stream from the log itself."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID

from attrs import evolve
from eventsourcing.persistence import StoredEvent
from sqlalchemy import ColumnElement, Select, Table, select

from adapters.persistence.card_lists import (
    cards_with_groups,
    listed_cards,
    numbered_cards,
    paged,
    runs_of,
)
from adapters.persistence.codec import FactMapper
from adapters.persistence.hints import unindexed
from adapters.persistence.read_models import tables
from adapters.persistence.recorder import EventRecorder
from application.persons import Numbers, opened_facts
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

CallerRow = TypeVar("CallerRow", CardRow, CallRow)


class LedgerViews:
    """The ports ``Views`` and ``OpenAttempts`` on the ledger's database.

    Callers' numbers are sealed in it; ``numbers`` opens them for those who look at it.
    """

    def __init__(self, recorder: EventRecorder, mapper: FactMapper, numbers: Numbers) -> None:
        self._recorder = recorder
        self._mapper = mapper
        self._numbers = numbers

    # ---- accounts

    def account(self, account_id: UUID) -> AccountRow | None:
        rows = self._rows(select(tables.accounts).where(tables.accounts.c.account_id == account_id))
        return _account(rows[0]) if rows else None

    def accounts(
        self, after: UUID | None, limit: int, *, newest: bool = False
    ) -> Sequence[AccountRow]:
        rows = self._page(tables.accounts, after, limit, newest=newest)
        return [_account(row) for row in rows]

    # ---- cards

    def card(self, card_id: UUID) -> CardRow | None:
        rows = self._rows(cards_with_groups().where(tables.cards.c.card_id == card_id))
        return self._opened([card_row(rows[0])])[0] if rows else None

    def cards(
        self,
        after: UUID | None,
        limit: int,
        *,
        group: str | None = None,
        status: str | None = None,
        sold: bool | None = None,
        ranges: Sequence[NumberRange] | None = None,
        newest: bool = False,
    ) -> Sequence[CardRow]:
        limit = min(limit, MOST_ROWS)
        if ranges is not None:
            return self._in_ranges(after, limit, group, status, sold, ranges, newest)
        query = listed_cards(after, limit, group=group, status=status, sold=sold, newest=newest)
        return self._opened([card_row(row) for row in self._rows(query)])

    def _in_ranges(
        self,
        after: UUID | None,
        limit: int,
        group: str | None,
        status: str | None,
        sold: bool | None,
        ranges: Sequence[NumberRange],
        newest: bool,
    ) -> Sequence[CardRow]:
        last = self.card(after) if after is not None else None
        if after is not None and last is None:
            return []
        seen = last.number if last is not None else None
        found: list[CardRow] = []
        for run in runs_of(ranges, seen, newest=newest):
            query = numbered_cards(
                run,
                limit - len(found),
                group=group,
                status=status,
                sold=sold,
                newest=newest,
            )
            found += [card_row(row) for row in self._rows(query)]
            if len(found) == limit:
                break
        return self._opened(found)

    # ---- calls

    def call(self, session_id: UUID) -> CallRow | None:
        rows = self._rows(select(tables.calls).where(tables.calls.c.session_id == session_id))
        return self._opened([_call(rows[0])])[0] if rows else None

    def calls(
        self,
        after: UUID | None,
        limit: int,
        *,
        card_id: UUID | None = None,
        disputed: bool | None = None,
        open_only: bool = False,
        newest: bool = False,
    ) -> Sequence[CallRow]:
        conditions: list[ColumnElement[bool]] = []
        if card_id is not None:
            # Open and disputed calls are few and have indexes of their own; a card may have many.
            few = open_only or bool(disputed)
            own = unindexed(tables.calls.c.card_id) if few else tables.calls.c.card_id
            conditions.append(own == card_id)
        if disputed is not None:
            conditions.append(tables.calls.c.disputed.is_(disputed))
        if open_only:
            conditions.append(tables.calls.c.ended_at.is_(None))
        rows = self._page(tables.calls, after, limit, *conditions, newest=newest)
        return self._opened([_call(row) for row in rows])

    def calls_from(self, sealed: str, after: UUID | None, limit: int) -> Sequence[CallRow]:
        rows = self._page(tables.calls, after, limit, tables.calls.c.caller_id == sealed)
        return self._opened([_call(row) for row in rows])

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
        return self._told(
            stream_id,
            self._recorder.select_events(stream_id, gt=after_version, limit=min(limit, MOST_ROWS)),
        )

    def latest(self, stream_id: UUID, limit: int) -> Sequence[RecordedEvent]:
        return self._told(
            stream_id,
            self._recorder.select_events(stream_id, desc=True, limit=min(limit, MOST_ROWS)),
        )

    def _told(self, stream_id: UUID, stored: Sequence[StoredEvent]) -> Sequence[RecordedEvent]:
        recorded = [self._mapper.to_domain_event(each) for each in stored]
        facts = opened_facts(self._numbers, [each.fact for each in recorded])
        return [
            RecordedEvent(
                stream_id, each.originator_version, each.recorded_at, as_stored.topic, fact
            )
            for as_stored, each, fact in zip(stored, recorded, facts, strict=True)
        ]

    # ---- reading

    def _opened(self, rows: list[CallerRow]) -> list[CallerRow]:
        sealed = {row.caller_id for row in rows if row.caller_id is not None}
        if not sealed:
            return rows
        known = self._numbers.opened(sealed)
        return [
            row if row.caller_id is None else evolve(row, caller_id=known[row.caller_id])
            for row in rows
        ]

    def _page(
        self,
        table: Table,
        after: UUID | None,
        limit: int,
        *conditions: ColumnElement[bool],
        newest: bool = False,
    ) -> Sequence[Any]:
        key = next(iter(table.primary_key.columns))
        return self._rows(paged(select(table).where(*conditions), key, after, limit, newest))

    def _rows(self, query: Select[Any]) -> Sequence[Any]:
        with self._recorder.reading() as connection:
            return connection.execute(query).all()


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
