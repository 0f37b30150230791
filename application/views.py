"""What people and machines look at: read models, kept in step with the facts, a moment behind."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol
from uuid import UUID

from attrs import frozen

from domain.distributors import NumberRange
from domain.money import Money

MOST_ROWS = 500
"""Rows in one page of any list."""


@frozen
class AccountRow:
    account_id: UUID
    holder_kind: str
    holder: UUID
    balance: Money
    held: Money
    opened_at: datetime


@frozen
class CardRow:
    card_id: UUID
    number: str
    group: str
    status: str
    account_id: UUID
    face_value: Money
    caller_id: str | None
    generated_at: datetime
    first_used_at: datetime | None
    sold: bool = False


@frozen
class CallRow:
    """One call session. ``charged`` is what its settled attempts cost together, None if none."""

    session_id: UUID
    reference: str
    node: str
    access_number: str
    caller_id: str | None
    card_id: UUID | None
    started_at: datetime
    ended_at: datetime | None
    attempts: int
    open_attempts: int
    disputed: bool
    seconds: int
    charged: Money | None


@frozen
class AttemptRow:
    """One attempt; ``state`` is open or settled."""

    session_id: UUID
    number: int
    destination: str
    destination_name: str
    state: str
    held: Money
    limit_seconds: int
    placed_at: datetime
    deadline: datetime
    answered_at: datetime | None
    seconds: int | None
    charge: Money | None
    evidence: str | None
    cause: int | None


@frozen
class RecordedEvent:
    """A fact as it was recorded: its place in its stream, when, its stored name, its fields."""

    stream_id: UUID
    version: int
    recorded_at: datetime
    name: str
    fact: object


class Views(Protocol):
    """Lists are ordered by id (oldest first, or ``newest`` first) and paged by the id of the last
    row seen."""

    def account(self, account_id: UUID) -> AccountRow | None: ...

    def accounts(
        self, after: UUID | None, limit: int, *, newest: bool = False
    ) -> Sequence[AccountRow]: ...

    def card(self, card_id: UUID) -> CardRow | None: ...

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
        """``ranges``: only cards with a number in one of these, ordered by their numbers; none of
        them: no cards."""
        ...

    def call(self, session_id: UUID) -> CallRow | None: ...

    def calls(
        self,
        after: UUID | None,
        limit: int,
        *,
        card_id: UUID | None = None,
        disputed: bool | None = None,
        open_only: bool = False,
        newest: bool = False,
    ) -> Sequence[CallRow]: ...

    def attempts(self, session_id: UUID) -> Sequence[AttemptRow]: ...

    def history(self, stream_id: UUID, after_version: int, limit: int) -> Sequence[RecordedEvent]:
        """The facts of one stream; exact, because they come from the log itself."""
        ...

    def latest(self, stream_id: UUID, limit: int) -> Sequence[RecordedEvent]:
        """The last facts of one stream, the newest first."""
        ...


class Directory(Protocol):
    """What is set up under a name: card groups, access numbers, tariffs; by the kind's name."""

    def listed(
        self, kind: str, after: UUID | None, limit: int, *, name: str | None = None
    ) -> Sequence[UUID]:
        """Their ids in order, from behind the last one seen."""
        ...
