"""Accounts: what each owns, what is held of it, and the facts it follows from."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from adapters.http.asking import (
    Answer,
    Asked,
    page,
    read_after,
    read_after_version,
    read_limit,
)
from adapters.http.services import HttpServices
from adapters.http.wire import to_wire
from application.views import AccountRow
from domain.errors import NotFound


def listed(services: HttpServices, asked: Asked) -> Answer:
    given = asked.parameters("after", "limit")
    limit = read_limit(given)
    rows = services.views.accounts(read_after(given), limit)
    last = str(rows[-1].account_id) if rows else None
    return page(asked, given, limit, [_account(row) for row in rows], last)


def one(services: HttpServices, asked: Asked) -> Answer:
    asked.parameters()
    return Answer(_account(_row(services, asked)))


def events(services: HttpServices, asked: Asked) -> Answer:
    return history(services, asked, _row(services, asked).account_id)


def history(services: HttpServices, asked: Asked, stream_id: UUID) -> Answer:
    """A page of the facts of one stream, in the order they were recorded."""
    given = asked.parameters("after", "limit")
    limit = read_limit(given)
    found = services.views.history(stream_id, read_after_version(given), limit)
    last = str(found[-1].version) if found else None
    return page(asked, given, limit, [to_wire(each) for each in found], last)


def _row(services: HttpServices, asked: Asked) -> AccountRow:
    account_id = asked.id("account")
    row = services.views.account(account_id)
    if row is None:
        raise NotFound("account", str(account_id))
    return row


def _account(row: AccountRow) -> dict[str, Any]:
    account: dict[str, Any] = to_wire(row)
    account["available"] = to_wire(row.balance - row.held)
    return account
