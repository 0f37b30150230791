"""The books for auditors: a trial balance, statements of ledger accounts, what is owed by day."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from decimal import Decimal
from urllib.parse import urlencode

from attrs import frozen

from adapters.http.books import (
    LedgerBalance,
    LiabilityShown,
    OwedShown,
    StatementShown,
    StillReading,
    TrialBalanceShown,
)
from adapters.http.files import CSV
from adapters.http.pages.as_of import in_utc
from adapters.http.pages.charts import Figure, Picture, Series, by_day
from adapters.http.pages.formats import money
from adapters.http.pages.visits import Download, Gone, Page, Reply, Shown, Visit
from adapters.http.wire import MoneyTold
from application.csv_safe import table
from application.permissions import Action
from application.views import MOST_ROWS
from domain.money import MICROS, Money

TABS = (
    ("/books", "Trial balance"),
    ("/books/statement", "Statement"),
    ("/books/liability", "Owed by day"),
)

KINDS = {
    "Assets": "what others owe us, or hold for us",
    "Liabilities": "what we owe to others",
    "Income": "what we earned",
    "Expenses": "what it cost us",
}
"""The first component of a ledger account's name, in words."""

USUAL = (
    ("Income:Calls", "What calls brought in"),
    ("Income:Fees", "Fees of all kinds"),
    ("Income:Breakage", "What expired and void cards left"),
    ("Assets:Clearing", "How money came, by channel"),
    ("Liabilities:Prepaid", "What is owed and free to spend"),
    ("Liabilities:Held", "What is owed and held for calls"),
    ("Expenses:Carriage", "What carriers ask, by provider"),
    ("Liabilities:Payable", "What is owed to carriers"),
    ("Expenses:Adjustments", "Balances put right, by approver"),
)
"""Where a statement may begin."""

USUAL_DAYS = 30
LINES_SHOWN = 100


@frozen
class Part:
    """The ledger accounts of one kind."""

    kind: str
    words: str
    rows: Sequence[LedgerBalance]


def balances(visit: Visit) -> Reply:
    given = _given(visit, "at", "depth")
    found = visit.ask("GET", "/v1/books/trial-balance", given=given)
    if isinstance(found, StillReading):
        return _waiting("Books", "/books", found)
    assert isinstance(found, TrialBalanceShown), "that was asked"
    parts = [
        Part(kind, words, rows)
        for kind, words in KINDS.items()
        if (rows := [each for each in found.accounts if each.account.partition(":")[0] == kind])
    ]
    context = {**_frame(visit, "/books"), "found": found, "parts": parts}
    return Shown("books.html", "Books", context)


def balances_csv(visit: Visit) -> Reply:
    found = visit.ask("GET", "/v1/books/trial-balance", given=_given(visit, "at", "depth"))
    if isinstance(found, StillReading):
        return _not_yet("/books", visit)
    columns = ("account", "unit", "debits", "credits", "balance")
    rows = [
        (
            each.account,
            each.balance.unit,
            _decimal(each.debits),
            _decimal(each.credits),
            _decimal(each.balance),
        )
        for each in found.accounts
    ]
    return _file(f"trial-balance-{found.at:%Y-%m-%d}.csv", columns, rows)


def statement(visit: Visit) -> Reply:
    given = _given(visit, "account", "card", "since", "until", "after")
    context = {**_frame(visit, "/books/statement"), "usual": USUAL, "found": None}
    if not given["account"] and not given["card"]:
        return Shown("book_statement.html", "Books", context)
    found = visit.ask("GET", "/v1/books/statement", given={**given, "limit": LINES_SHOWN})
    if isinstance(found, StillReading):
        return _waiting("Books", "/books/statement", found)
    assert isinstance(found, StatementShown), "that was asked"
    kept = {name: value for name, value in given.items() if value and name != "after"}
    context |= {
        "found": found,
        "next": urlencode({**kept, "after": found.next}) if found.next else "",
        "first": urlencode(kept),
    }
    return Shown("book_statement.html", "Books", context)


def statement_csv(visit: Visit) -> Reply:
    """All lines that are told, page after page of one reading."""
    given = _given(visit, "account", "card", "since", "until")
    if not given["account"] and not given["card"]:
        return Gone("/books/statement")
    columns = ("position", "when", "what", "unit", "amount", "balance", "against")
    rows: list[Sequence[object]] = []
    after = 0
    while True:
        asked = {**given, "after": after, "limit": MOST_ROWS}
        found = visit.ask("GET", "/v1/books/statement", given=asked)
        if isinstance(found, StillReading):
            return _not_yet("/books/statement", visit)
        rows += [
            (
                each.position,
                each.at.isoformat(),
                each.what,
                each.amount.unit,
                _decimal(each.amount),
                _decimal(each.balance),
                " ".join(each.others),
            )
            for each in found.lines
        ]
        if found.next is None:
            break
        after = found.next
    ends = [(None, None, "opening", e.unit, None, _decimal(e), None) for e in found.opening]
    closes = [(None, None, "closing", e.unit, None, _decimal(e), None) for e in found.closing]
    name = (given["account"] or f"card-{given['card']}").replace(":", "-")
    return _file(f"statement-{name}.csv", columns, [*ends, *rows, *closes])


def of_account(visit: Visit) -> Reply:
    """The statement of the card that holds an account."""
    account = visit.ask("GET", "/v1/accounts/{id}", id=visit.here("id"))
    if account.holder_kind != "card":
        visit.nothing_here()
    card = visit.services.administration.card(account.holder)
    return Gone(f"/books/statement?card={card.number}")


def liability(visit: Visit) -> Reply:
    given = _days(visit)
    found = visit.ask("GET", "/v1/books/liability", given=given)
    if isinstance(found, StillReading):
        return _waiting("Books", "/books/liability", found)
    assert isinstance(found, LiabilityShown), "that was asked"
    days = [found.first + timedelta(days=n) for n in range((found.last - found.first).days + 1)]
    units = list(dict.fromkeys(each.total.unit for each in found.days))
    context = {
        **_frame(visit, "/books/liability"),
        "found": found,
        "given": given,
        "pictures": [_picture(found.days, unit, days) for unit in units],
        "last": [each for each in found.days if each.day == found.last],
    }
    return Shown("book_liability.html", "Books", context)


def liability_csv(visit: Visit) -> Reply:
    found = visit.ask("GET", "/v1/books/liability", given=_days(visit))
    if isinstance(found, StillReading):
        return _not_yet("/books/liability", visit)
    columns = ("day", "group", "unit", "prepaid", "held", "total")
    rows = [
        (
            each.day,
            each.group,
            each.total.unit,
            _decimal(each.prepaid),
            _decimal(each.held),
            _decimal(each.total),
        )
        for each in found.days
    ]
    return _file(f"liability-{found.first}-{found.last}.csv", columns, rows)


def _picture(rows: Sequence[OwedShown], unit: str, days: Sequence[date]) -> Picture:
    """What is owed in one unit at the end of each day, and what of it is held."""

    def figures(name: str) -> list[Figure]:
        sums = dict.fromkeys(days, 0)
        for each in rows:
            if each.total.unit == unit:
                sums[each.day] += getattr(each, name).money().micros
        return [Figure(sums[day] / MICROS, money(Money(sums[day], unit))) for day in days]

    series = [
        Series("Owed in all", "area", "accent", figures("total")),
        Series("Of it held for calls", "line", "amber", figures("held")),
    ]
    told = "talk minutes" if unit == "MIN" else unit
    return by_day(f"owed-{unit}", f"Owed to cardholders, {told}", days, series)


def _days(visit: Visit) -> dict[str, str]:
    """The days of the address, the usual where it says nothing."""
    last = visit.query.get("until", "").strip() or str(visit.services.clock.now().date())
    first = visit.query.get("since", "").strip()
    if not first:
        try:
            first = str(date.fromisoformat(last) - timedelta(days=USUAL_DAYS - 1))
        except (ValueError, OverflowError):
            first = last  # the operation tells what is wrong with it
    return {"since": first, "until": last}


def _given(visit: Visit, *names: str) -> dict[str, str]:
    """What the form says; its moments are of UTC."""
    given = {name: visit.query.get(name, "").strip() for name in names}
    for name in ("at", "since", "until"):
        if given.get(name):
            given[name] = in_utc(given[name])
    return given


def _frame(visit: Visit, here: str) -> dict[str, object]:
    asked = {name: value for name, value in visit.query.items() if value and name != "after"}
    return {"tabs": TABS, "here": here, "query": visit.query, "asked": urlencode(asked)}


def _waiting(title: str, here: str, found: StillReading) -> Reply:
    context = {"tabs": TABS, "here": here, "far": found}
    return Shown("book_reading.html", title, context)


def _not_yet(path: str, visit: Visit) -> Reply:
    told = "The books are being read. Take the file when they are shown."
    return Gone(f"{path}?{urlencode(dict(visit.query))}", told, "info")


def _file(name: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> Reply:
    return Download("".join(table(columns, rows)).encode(), CSV, name)


def _decimal(amount: MoneyTold) -> Decimal:
    return Decimal(amount.amount)


PAGES: Sequence[Page] = (
    Page("/books", Action.SEE_BOOKS, balances, label="Books", icon="fa-solid fa-book"),
    Page("/books/csv", Action.SEE_BOOKS, balances_csv),
    Page("/books/statement", Action.SEE_BOOKS, statement),
    Page("/books/statement/csv", Action.SEE_BOOKS, statement_csv),
    Page("/books/liability", Action.SEE_BOOKS, liability),
    Page("/books/liability/csv", Action.SEE_BOOKS, liability_csv),
    Page("/accounts/{id}/statement", Action.SEE_BOOKS, of_account),
)
