"""Call sessions: who called whom, what it cost, and the facts it follows from."""

from __future__ import annotations

from adapters.http import accounts
from adapters.http.asking import (
    Answer,
    Asked,
    bad_parameter,
    page,
    read_after,
    read_flag,
    read_id,
    read_limit,
)
from adapters.http.services import HttpServices
from adapters.http.wire import to_wire
from application.views import CallRow
from domain.errors import NotFound


def listed(services: HttpServices, asked: Asked) -> Answer:
    given = asked.parameters("after", "limit", "card", "disputed", "open")
    limit, card_id = read_limit(given), None
    if "card" in given and (card_id := read_id(given["card"])) is None:
        raise bad_parameter("card", f"is the id of a card, not {given['card'][:80]!r}")
    if read_flag(given, "open") is False:
        raise bad_parameter("open", "is true, or left out")
    rows = services.views.calls(
        read_after(given),
        limit,
        card_id=card_id,
        disputed=read_flag(given, "disputed"),
        open_only="open" in given,
    )
    last = str(rows[-1].session_id) if rows else None
    return page(asked, given, limit, [to_wire(row) for row in rows], last)


def one(services: HttpServices, asked: Asked) -> Answer:
    asked.parameters()
    return Answer(to_wire(_row(services, asked)))


def attempts(services: HttpServices, asked: Asked) -> Answer:
    """All of them: a call has a bounded number."""
    asked.parameters()
    rows = services.views.attempts(_row(services, asked).session_id)
    return Answer({"items": [to_wire(row) for row in rows], "next": None})


def events(services: HttpServices, asked: Asked) -> Answer:
    return accounts.history(services, asked, _row(services, asked).session_id)


def _row(services: HttpServices, asked: Asked) -> CallRow:
    session_id = asked.id("call")
    row = services.views.call(session_id)
    if row is None:
        raise NotFound("call session", str(session_id))
    return row
