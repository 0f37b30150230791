"""A card or an account as it was at any past moment, beside what it is now."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from attrs import frozen

from adapters.http.as_of import AccountThen, AsOfAsked, CardThen
from adapters.http.asking import read_parameters
from adapters.http.pages.cards import known
from adapters.http.pages.formats import plain
from adapters.http.pages.timeline import Attempt
from adapters.http.pages.visits import Page, Reply, Shown, Visit
from adapters.http.problems import AskedWrongly, Problem
from application.permissions import Action
from domain.errors import NotFound

CALLS_KNOWN = 50
"""Calls of a card that a hold is looked for in."""


@frozen
class Compared:
    """A line: what it was, and what it is."""

    label: str
    kind: str
    then: object
    now: object

    @property
    def told(self) -> bool:
        """Whether there is anything to tell, then or now."""
        return any(each not in (None, "", 0) for each in (self.then, self.now))

    @property
    def other(self) -> bool:
        return plain(self.then) != plain(self.now)


def show_card(visit: Visit) -> Reply:
    card = visit.ask("GET", "/v1/cards/{id}", id=visit.here("id"))
    path = f"/cards/{card.card_id}"
    crumbs = [(path, f"Card {card.number}")]
    now: CardThen = _ask(visit, "cards", visit.services.clock.now())
    asked, problem = _moment(visit)
    found: CardThen | None = None
    if asked is not None:
        with suppress(NotFound):
            found = _ask(visit, "cards", asked)
    streams = [card.card_id, *([card.account_id] if now.account else [])]
    context = {
        "what": "card",
        "path": path,
        "at": asked,
        "found": found,
        "account": found.account if found else None,
        "calls": _calls(visit, card.card_id),
        "compared": _cards(found, now) if found else [],
        "problem_at": problem,
        "crumbs": crumbs,
        **_steps(visit, asked, streams),
    }
    return Shown("as_of.html", f"Card {card.number}", context)


def show_account(visit: Visit) -> Reply:
    account = visit.ask("GET", "/v1/accounts/{id}", id=visit.here("id"))
    path = f"/accounts/{account.account_id}"
    now: AccountThen = _ask(visit, "accounts", visit.services.clock.now())
    asked, problem = _moment(visit)
    found: AccountThen | None = None
    if asked is not None:
        with suppress(NotFound):
            found = _ask(visit, "accounts", asked)
    context = {
        "what": "account",
        "path": path,
        "at": asked,
        "found": found,
        "account": found,
        "calls": _calls(visit, account.holder),
        "compared": _accounts(found, now) if found else [],
        "problem_at": problem,
        "crumbs": [(path, "The account")],
        **_steps(visit, asked, [account.account_id]),
    }
    return Shown("as_of.html", "Account", context)


def _ask(visit: Visit, topic: str, at: datetime) -> Any:
    path = f"/v1/{topic}/{{id}}/as-of"
    return visit.ask("GET", path, given={"at": at.isoformat()}, id=visit.here("id"))


def _moment(visit: Visit) -> tuple[datetime | None, Problem | None]:
    """What the address says; now where it says nothing, or what is still to come. A field of a
    page tells UTC."""
    text = visit.query.get("at", "").strip()
    if not text:
        return visit.services.clock.now(), None
    try:
        at = read_parameters([("at", in_utc(text))], AsOfAsked).at.astimezone(UTC)
        return min(at, visit.services.clock.now()), None
    except AskedWrongly as error:
        return None, error.problem


def in_utc(text: str) -> str:
    """A moment as a field of a page tells it, with its zone."""
    if len(text) == len("2026-01-31"):
        text = f"{text}T00:00"
    if len(text) == len("2026-01-31T08:00"):
        text = f"{text}:00"
    return text if text.endswith("Z") or "+" in text or text[-6:-5] == "-" else f"{text}Z"


def _steps(visit: Visit, at: datetime | None, streams: Sequence[UUID]) -> dict[str, object]:
    """Where the links lead that go from change to change."""
    if at is None:
        return {"earlier": None, "later": None}
    earlier, later = visit.services.histories.changes(streams, at)
    return {"earlier": earlier, "later": later}


def _calls(visit: Visit, card_id: UUID) -> Mapping[UUID, Attempt]:
    """The calls of a card, the last ones, by their holds."""
    if not visit.may(Action.SEE_CALLS):
        return {}
    given = {"card": card_id, "limit": CALLS_KNOWN, "order": "newest"}
    calls = visit.ask("GET", "/v1/calls", given=given).items
    return known(visit, (), calls).attempts


def _cards(then: CardThen, now: CardThen) -> list[Compared]:
    return [
        Compared("Status", "status", then.status, now.status),
        *_money(then.account, now.account),
        Compared("First used", "moment", then.first_used_at, now.first_used_at),
        Compared("Expires", "moment", then.expires_at, now.expires_at),
        Compared("Expired", "text", then.expired, now.expired),
        Compared("Opens without PIN", "code", then.caller_id, now.caller_id),
        Compared("Sold", "text", then.sold, now.sold),
        Compared("Card group", "text", then.group, now.group),
        Compared("Tariff", "text", then.terms.tariff, now.terms.tariff),
        Compared("Face value", "money", then.terms.face_value, now.terms.face_value),
        Compared("Setup fee", "money", then.terms.setup_fee, now.terms.setup_fee),
        Compared("Daily fee", "money", then.terms.daily_fee, now.terms.daily_fee),
        Compared("Days valid", "number", then.terms.valid_days, now.terms.valid_days),
    ]


def _accounts(then: AccountThen, now: AccountThen) -> list[Compared]:
    return _money(then, now)


def _money(then: AccountThen | None, now: AccountThen | None) -> list[Compared]:
    lines = (
        ("Balance", "money", "balance"),
        ("Held for calls", "money", "held"),
        ("Can be spent", "money", "available"),
        ("Daily fee paid through", "day", "daily_fee_through"),
    )
    return [
        Compared(label, kind, getattr(then, name, None), getattr(now, name, None))
        for label, kind, name in lines
    ]


PAGES = (
    Page("/cards/{id}/as-of", Action.SEE_ACCOUNTS, show_card),
    Page("/accounts/{id}/as-of", Action.SEE_ACCOUNTS, show_account),
)
