"""Call sessions: who called whom, what it cost, and the facts it follows from."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from msgspec import Meta, Struct

from adapters.http import accounts
from adapters.http.asking import Answer, Asked, Order, Page, PageAsked
from adapters.http.operations import Operation, Routes
from adapters.http.services import HttpServices
from adapters.http.wire import MoneyTold, tell
from application.permissions import Action
from application.views import CallRow
from domain.errors import NotFound


class CallShown(Struct, frozen=True):
    """``charged`` is what its settled attempts cost together now, null if none is settled.

    ``caller_id`` is null for a hidden number, and ``erased-`` with twelve digits for one that was
    forgotten.
    """

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
    charged: MoneyTold | None


class AttemptShown(Struct, frozen=True):
    """``state`` is open or settled; ``charge`` is what is charged now, after all corrections;
    ``cause`` is Asterisk's hangup cause (ITU-T Q.850)."""

    session_id: UUID
    number: int
    destination: str
    destination_name: str
    state: str
    held: MoneyTold
    limit_seconds: int
    placed_at: datetime
    deadline: datetime
    answered_at: datetime | None
    seconds: int | None
    charge: MoneyTold | None
    evidence: str | None
    cause: int | None


class CallsAsked(PageAsked, frozen=True, forbid_unknown_fields=True, kw_only=True):
    card: Annotated[UUID, Meta(description="Calls that this card paid for.")] | None = None
    disputed: Annotated[bool, Meta(description="Calls that are put up for review.")] | None = None
    order: Order = "oldest"
    open: Annotated[Literal["true"], Meta(description="Calls that have not ended.")] | None = None


def listed(services: HttpServices, asked: Asked) -> Answer:
    given = asked.parameters(CallsAsked)
    rows = services.views.calls(
        given.after,
        given.limit,
        card_id=given.card,
        disputed=given.disputed,
        open_only=given.open is not None,
        newest=given.order == "newest",
    )
    last = rows[-1].session_id if rows else None
    return asked.page([tell(CallShown, row) for row in rows], last)


def one(services: HttpServices, asked: Asked) -> Answer:
    return Answer(tell(CallShown, _row(services, asked)))


def attempts(services: HttpServices, asked: Asked) -> Answer:
    """All of them: a call has a bounded number."""
    rows = services.views.attempts(_row(services, asked).session_id)
    return Answer(Page([tell(AttemptShown, row) for row in rows], None))


def events(services: HttpServices, asked: Asked) -> Answer:
    return accounts.history(services, asked, _row(services, asked).session_id)


def _row(services: HttpServices, asked: Asked) -> CallRow:
    session_id = asked.id("call")
    row = services.views.call(session_id)
    if row is None:
        raise NotFound("call session", str(session_id))
    return row


ROUTES: Routes = {
    "/v1/calls": {
        "GET": Operation(
            listed,
            Action.SEE_CALLS,
            "Call sessions, oldest first.",
            Page[CallShown],
            query=CallsAsked,
            csv=True,
        )
    },
    "/v1/calls/{id}": {"GET": Operation(one, Action.SEE_CALLS, "One call session.", CallShown)},
    "/v1/calls/{id}/attempts": {
        "GET": Operation(
            attempts,
            Action.SEE_CALLS,
            "All attempts of one call session.",
            Page[AttemptShown],
            csv=True,
        )
    },
    "/v1/calls/{id}/events": {"GET": accounts.events_of(events, Action.SEE_CALLS, "call session")},
}
