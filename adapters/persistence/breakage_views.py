"""Which cards may have money left that nobody can spend, from the read models."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, or_, select, true

from adapters.persistence.card_lists import groups_by_name, paged
from adapters.persistence.read_models import tables
from adapters.persistence.recorder import EventRecorder
from domain.cards import Status


class LedgerBreakageViews:
    """The port ``BreakageViews`` on the ledger's database."""

    def __init__(self, recorder: EventRecorder) -> None:
        self._recorder = recorder

    def groups(self) -> Sequence[tuple[UUID, str]]:
        with self._recorder.reading() as connection:
            return [(row.group_id, row.name) for row in connection.execute(groups_by_name())]

    def left_over(
        self,
        group_id: UUID,
        *,
        everything: bool,
        used_until: datetime | None,
        after: UUID | None,
        limit: int,
    ) -> Sequence[UUID]:
        cards, accounts = tables.cards.c, tables.accounts.c
        wanted: list[ColumnElement[bool]] = [cards.status == Status.VOID.value]
        if everything:
            wanted.append(true())
        if used_until is not None:
            wanted.append(cards.first_used_at <= used_until)
        query = (
            select(cards.card_id)
            .join(tables.accounts, accounts.account_id == cards.account_id)
            .where(cards.group_id == group_id, or_(*wanted), accounts.balance > accounts.held)
        )
        with self._recorder.reading() as connection:
            rows = connection.execute(paged(query, cards.card_id, after, limit))
            return [row.card_id for row in rows]
