"""Every page there is, in the order of the menu: the one table that pages are added to."""

from __future__ import annotations

from collections.abc import Sequence

from attrs import frozen

from adapters.http.pages import (
    access_numbers,
    accounts,
    adjustments,
    approvals,
    as_of,
    audit,
    books,
    calls,
    card_changes,
    card_imports,
    cards,
    carriers,
    corrections,
    dashboard,
    distributors,
    explanations,
    groups,
    lots,
    own_account,
    people,
    prices,
    rate_sheets,
    reports,
    routes,
    seals,
    tariffs,
)
from adapters.http.pages.lists import ListPage
from adapters.http.pages.visits import Page


@frozen
class Section:
    """A heading of the menu. Pages without a label are reached from others."""

    label: str
    pages: Sequence[Page | ListPage]


MENU = (
    Section("Start", (dashboard.DASHBOARD,)),
    Section(
        "Cards",
        (
            cards.LIST,
            *cards.PAGES,
            *card_changes.PAGES,
            lots.LIST,
            *lots.PAGES,
            groups.LIST,
            *groups.PAGES,
            distributors.LIST,
            *distributors.PAGES,
            approvals.LIST,
            *approvals.PAGES,
            card_imports.PAGE,
            *adjustments.PAGES,
        ),
    ),
    Section(
        "Traffic",
        (
            calls.LIST,
            *calls.PAGES,
            *explanations.PAGES,
            corrections.LIST,
            *corrections.PAGES,
        ),
    ),
    Section("Reports", reports.PAGES),
    Section("Prices", (tariffs.LIST, *tariffs.PAGES, *rate_sheets.PAGES, prices.PRICE)),
    Section(
        "Network",
        (
            access_numbers.LIST,
            *access_numbers.PAGES,
            carriers.PROVIDERS,
            *carriers.PAGES,
            carriers.TRUNKS,
            *carriers.TRUNK_PAGES,
            routes.LIST,
            *routes.PAGES,
        ),
    ),
    Section(
        "Money",
        (accounts.LIST, *accounts.PAGES, *as_of.PAGES, *books.PAGES, *seals.PAGES),
    ),
    Section(
        "Administration",
        (
            people.LIST,
            *people.PAGES,
            people.KEYS,
            *people.KEY_PAGES,
            audit.LIST,
            *own_account.PAGES,
        ),
    ),
)


def pages() -> list[Page | ListPage]:
    return [page for section in MENU for page in section.pages]
