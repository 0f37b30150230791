"""Cards and accounts as they were at any past moment, folded from the log."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Annotated
from uuid import UUID

from msgspec import Meta, Struct

from adapters.http.asking import Answer, Asked
from adapters.http.groups import TermsTold
from adapters.http.operations import Operation, Routes
from adapters.http.refusals import KINDS
from adapters.http.services import HttpServices
from adapters.http.wire import MoneyTold, tell
from application.as_of import AccountAsOf
from application.permissions import Action
from domain.errors import SettingNotAllowed

CLOCKS_DIFFER = timedelta(minutes=1)
"""By how much the clock of whoever asks may be ahead."""


class OpenHoldShown(Struct, frozen=True):
    hold_id: UUID
    amount: MoneyTold


class AccountThen(Struct, frozen=True):
    """``facts`` were recorded until then, the last one at ``changed_at``."""

    account_id: UUID
    holder_kind: str
    holder: UUID
    balance: MoneyTold
    held: MoneyTold
    available: MoneyTold
    holds: Sequence[OpenHoldShown]
    daily_fee_through: date | None
    facts: int
    changed_at: datetime


class CardThen(Struct, frozen=True):
    """``terms`` are those of its group at that moment. ``account`` is null for a card that had
    never been active. ``facts`` were recorded until then, the last one at ``changed_at``."""

    card_id: UUID
    number: str
    group: str
    terms: TermsTold
    status: str
    expires_at: datetime | None
    expired: bool
    first_used_at: datetime | None
    caller_id: str | None
    sold: bool
    facts: int
    changed_at: datetime
    account: AccountThen | None


class AsOfAsked(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    at: Annotated[datetime, Meta(tz=True, description="A moment with its offset from UTC.")]


def _moment(services: HttpServices, asked: Asked) -> datetime:
    """Raises SettingNotAllowed for a moment of which not everything is known yet."""
    at = asked.parameters(AsOfAsked).at
    if at > services.clock.now() + CLOCKS_DIFFER:
        raise SettingNotAllowed("at", at.isoformat(), "a moment that has passed")
    return at


def card(services: HttpServices, asked: Asked) -> Answer:
    found = services.histories.card(asked.id("card"), _moment(services, asked))
    return Answer(
        tell(
            CardThen,
            found,
            terms=tell(TermsTold, found.terms),
            account=_account(found.account) if found.account is not None else None,
        )
    )


def account(services: HttpServices, asked: Asked) -> Answer:
    found = services.histories.account(asked.id("account"), _moment(services, asked))
    return Answer(_account(found))


def _account(found: AccountAsOf) -> AccountThen:
    return tell(AccountThen, found, holds=[tell(OpenHoldShown, each) for each in found.holds])


_NOT_THEN = (KINDS["not-found"], KINDS["setting-not-allowed"])

ROUTES: Routes = {
    "/v1/cards/{id}/as-of": {
        "GET": Operation(
            card,
            # A card with its money: who sees accounts, sees cards as well.
            Action.SEE_ACCOUNTS,
            "A card and its account as they were at a moment.",
            CardThen,
            query=AsOfAsked,
            problems=_NOT_THEN,
        )
    },
    "/v1/accounts/{id}/as-of": {
        "GET": Operation(
            account,
            Action.SEE_ACCOUNTS,
            "An account as it was at a moment, with the holds that were open.",
            AccountThen,
            query=AsOfAsked,
            problems=_NOT_THEN,
        )
    },
}
