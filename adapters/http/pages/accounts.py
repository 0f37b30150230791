"""Accounts: what each owns, what is held of it, and every movement."""

from __future__ import annotations

from adapters.http.accounts import AccountShown
from adapters.http.pages.cards import FACTS_SHOWN, known
from adapters.http.pages.lists import Column, ListPage
from adapters.http.pages.timeline import lines
from adapters.http.pages.visits import Page, Reply, Shown, Visit
from application.permissions import Action

LIST = ListPage(
    "accounts",
    "Accounts",
    "/v1/accounts",
    Action.SEE_ACCOUNTS,
    "account_id",
    (
        Column(
            "account_id",
            "Account",
            "code",
            value=lambda row: str(row.account_id)[:13] + "…",
            link="/accounts/{account_id}",
        ),
        Column(
            "holder_kind",
            "Held by",
            value=lambda row: f"a {row.holder_kind}",
            link="/cards/{holder}",
        ),
        Column("balance", "Balance", "money"),
        Column("held", "Held for calls", "money"),
        Column("available", "Can be spent", "money"),
        Column("opened_at", "Opened", "moment", sort=True),
    ),
    icon="fa-solid fa-wallet",
    sorts={"opened_at__desc": {"order": "newest"}, "opened_at__asc": {"order": "oldest"}},
    empty="An account is opened when a card becomes active for the first time.",
)


def show(visit: Visit) -> Reply:
    account: AccountShown = visit.ask("GET", "/v1/accounts/{id}", id=visit.here("id"))
    calls = []
    if visit.may(Action.SEE_CALLS):
        given = {"card": account.holder, "limit": 50, "order": "newest"}
        calls = visit.ask("GET", "/v1/calls", given=given).items
    events = visit.services.views.latest(account.account_id, FACTS_SHOWN)
    context = {
        "account": account,
        "lines": lines(events, known(visit, events, calls)),
        "crumbs": [("/accounts", "Accounts")],
    }
    return Shown("account.html", "Account", context)


PAGES = (Page("/accounts/{id}", Action.SEE_ACCOUNTS, show),)
