"""Accounts: what each owns, what is held of it, and the facts it follows from."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from msgspec import Struct

from adapters.http.asking import Answer, Asked, EventsAsked, Order, Page, PageAsked
from adapters.http.operations import Operation, Routes
from adapters.http.services import HttpServices
from adapters.http.wire import MoneyTold, tell, to_wire, told
from application.permissions import Action
from application.views import AccountRow
from domain.errors import NotFound


class AccountShown(Struct, frozen=True):
    """``available`` is what can be spent: the balance without what is held of it."""

    account_id: UUID
    holder_kind: str
    holder: UUID
    balance: MoneyTold
    held: MoneyTold
    available: MoneyTold
    opened_at: datetime


class EventShown(Struct, frozen=True):
    """A fact as it was recorded; PINs and digests of secrets are kept back."""

    stream_id: UUID
    version: int
    recorded_at: datetime
    name: str
    fact: dict[str, Any]


class AccountsAsked(PageAsked, frozen=True, forbid_unknown_fields=True, kw_only=True):
    order: Order = "oldest"


def listed(services: HttpServices, asked: Asked) -> Answer:
    given = asked.parameters(AccountsAsked)
    rows = services.views.accounts(given.after, given.limit, newest=given.order == "newest")
    return asked.page([_shown(row) for row in rows], rows[-1].account_id if rows else None)


def one(services: HttpServices, asked: Asked) -> Answer:
    return Answer(_shown(_row(services, asked)))


def events(services: HttpServices, asked: Asked) -> Answer:
    return history(services, asked, _row(services, asked).account_id)


def history(services: HttpServices, asked: Asked, stream_id: UUID) -> Answer:
    """A page of the facts of one stream, in the order they were recorded."""
    given = asked.parameters(EventsAsked)
    found = services.views.history(stream_id, given.after, given.limit)
    shown = [tell(EventShown, each, fact=to_wire(each.fact)) for each in found]
    return asked.page(shown, found[-1].version if found else None)


def _row(services: HttpServices, asked: Asked) -> AccountRow:
    account_id = asked.id("account")
    row = services.views.account(account_id)
    if row is None:
        raise NotFound("account", str(account_id))
    return row


def _shown(row: AccountRow) -> AccountShown:
    return tell(AccountShown, row, available=told(row.balance - row.held))


def events_of(handler: Any, action: Action, what: str) -> Operation:
    """The operation that lists the facts of a thing."""
    summary = f"The facts of one {what}, in the order they were recorded."
    return Operation(handler, action, summary, Page[EventShown], query=EventsAsked)


ROUTES: Routes = {
    "/v1/accounts": {
        "GET": Operation(
            listed,
            Action.SEE_ACCOUNTS,
            "Accounts, oldest first.",
            Page[AccountShown],
            query=AccountsAsked,
            csv=True,
        )
    },
    "/v1/accounts/{id}": {"GET": Operation(one, Action.SEE_ACCOUNTS, "One account.", AccountShown)},
    "/v1/accounts/{id}/events": {"GET": events_of(events, Action.SEE_ACCOUNTS, "account")},
}
