"""Lists of lots, requests for approval and distributors' cards: read models, a moment behind."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Protocol
from uuid import UUID

from attrs import frozen

from application.views import CardRow
from domain.distributors import NumberRange
from domain.money import Money


@frozen
class LotRow:
    """``state`` is being made, made, being exported or exported."""

    lot_id: UUID
    name: str
    group: str
    run: str
    batch: str
    first_number: str
    last_number: str
    ordered: int
    made: int
    kept: int
    state: str
    face_value: Money
    ordered_at: datetime
    by: str


@frozen
class StatusCount:
    """How many cards have a status, of those that are sold or of those that are not."""

    status: str
    sold: bool
    cards: int


@frozen
class ApprovalRow:
    """``state`` is waiting, approved, declined or used; who looks compares ``expires_at``."""

    approval_id: UUID
    action: str
    subject: str
    details: str
    by: str
    why: str
    state: str
    decided_by: str | None
    requested_at: datetime
    expires_at: datetime


class LotViews(Protocol):
    """Lists are ordered by id (oldest first, or ``newest`` first) and paged by the id of the last
    row seen."""

    def lots(
        self, after: UUID | None, limit: int, *, group: str | None = None, newest: bool = False
    ) -> Sequence[LotRow]: ...

    def lots_of_batch(self, run: str, batch: str) -> Sequence[LotRow]: ...

    def approvals(
        self, after: UUID | None, limit: int, *, state: str | None = None, newest: bool = False
    ) -> Sequence[ApprovalRow]: ...

    def cards_in(
        self, cards: NumberRange, after_number: str | None, limit: int
    ) -> Sequence[CardRow]:
        """The cards with numbers of a range, by number: what a distributor sees."""
        ...

    def statuses(self, first: UUID, last: UUID, numbers: NumberRange) -> Sequence[StatusCount]:
        """The cards from one id to another, counted, as far as they have these numbers."""
        ...

    def groups(self) -> Sequence[tuple[UUID, str]]:
        """All card groups with their names."""
        ...

    def fee_due(
        self, group_id: UUID, today: date, after: UUID | None, limit: int
    ) -> Sequence[UUID]:
        """Cards of a group that were used before the end of a day and have not paid for it yet.

        They are candidates: what is due is decided on the facts.
        """
        ...
