"""hledger and Beancount read our books, find nothing wrong, and agree to the millionth."""

from __future__ import annotations

import csv
import io
import subprocess
import sys
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from beancount import loader
from beancount.core import realization

from adapters.exports.journals import JOURNALS, beancount, hledger
from domain.ledger import Balances, Move, Transaction, component, prepaid
from domain.money import Money
from tests.application.test_bookkeeping import Shop

ZONE = ZoneInfo("Europe/Warsaw")
Sums = dict[tuple[str, str], Decimal]


def business() -> list[Transaction]:
    """Calls in two units, fees, fractions of a cent, a top-up, names in other scripts."""
    shop = Shop()
    shop.group("Kartka złota „50”", longest_call=60)
    shop.group("Minutes", unit="MIN", face_value=Money(5_000_000, "MIN"))
    for name in ("Gold", "Kartka złota „50”"):
        card = shop.card(name)
        for seconds in (1, 7, 30, 59):
            shop.clock.pass_by(minutes=17)
            shop.talks(card, seconds)
    shop.card("Minutes")
    return list(shop.books.transactions())


def odd() -> list[Transaction]:
    """The smallest and a large amount, a clock that went back a day, many units at once."""
    at = datetime(2026, 3, 1, 0, 30, tzinfo=UTC)
    account = prepaid("Gold", UUID(int=0x8000))
    moves = [
        Move("Assets:Clearing:Cash", account, Money(1, "USD")),
        Move("Assets:Clearing:Cash", account, Money(10**15 + 1, "USD")),
        Move("Assets:Clearing:Cash", account, Money(333_333, "EUR")),
        Move(account, "Income:Calls", Money(7, "MIN")),
    ]
    return [
        Transaction(1, at, UUID(int=1), "top-up", moves[:1]),
        Transaction(2, at - timedelta(days=1), UUID(int=2), "top-up", moves),
        Transaction(3, at + timedelta(days=400), UUID(int=3), "capture", moves[3:]),
    ]


BOOKS = {"a business": business, "odd amounts and clocks": odd}


def ours(transactions: Iterable[Transaction]) -> Sums:
    balances = Balances()
    for each in transactions:
        balances.add(each)
    return {
        (row.account, row.unit): Decimal(row.amount.micros).scaleb(-6)
        for row in balances.rows()
        if row.amount
    }


def written(tmp_path: Path, form: str, transactions: Sequence[Transaction]) -> Path:
    path = tmp_path / f"books.{form}"
    path.write_text("".join(JOURNALS[form](transactions, ZONE)), encoding="utf-8")
    return path


def run(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr + done.stdout
    return done.stdout


def sums_of_hledger(path: Path) -> Sums:
    report = run(
        "hledger", "-f", str(path), "balance", "--flat", "-N", "--layout=bare", "-O", "csv"
    )
    rows = csv.DictReader(io.StringIO(report))
    return {(row["account"], row["commodity"]): Decimal(row["balance"]) for row in rows}


def sums_of_beancount(path: Path) -> Sums:
    entries, errors, _ = loader.load_file(str(path))
    assert errors == []
    root = realization.realize(entries)
    return {
        (node.account, position.units.currency): position.units.number
        for node in realization.iter_children(root)
        for position in node.balance
        if position.units.number
    }


@pytest.mark.parametrize("name", sorted(BOOKS))
def test_hledger_finds_nothing_wrong_and_agrees_to_the_millionth(tmp_path: Path, name: str) -> None:
    transactions = BOOKS[name]()
    path = written(tmp_path, "hledger", transactions)
    run("hledger", "-f", str(path), "check", "--strict")
    assert sums_of_hledger(path) == ours(transactions)


@pytest.mark.parametrize("name", sorted(BOOKS))
def test_beancount_finds_nothing_wrong_and_agrees_to_the_millionth(
    tmp_path: Path, name: str
) -> None:
    transactions = BOOKS[name]()
    path = written(tmp_path, "beancount", transactions)
    run(str(Path(sys.executable).with_name("bean-check")), str(path))
    assert sums_of_beancount(path) == ours(transactions)


@pytest.mark.parametrize("form", sorted(JOURNALS))
def test_a_journal_that_lost_a_millionth_is_found(tmp_path: Path, form: str) -> None:
    """The control: both programs do look."""
    transactions = business()
    path = written(tmp_path, form, transactions)
    text = path.read_text()
    assert "  10.000000 USD" in text or " 10.000000 USD" in text
    path.write_text(text.replace(" 10.000000 USD", " 10.000001 USD", 1))
    command = {
        "hledger": ["hledger", "-f", str(path), "check"],
        "beancount": [str(Path(sys.executable).with_name("bean-check")), str(path)],
    }
    done = subprocess.run(command[form], capture_output=True, timeout=120, check=False)
    assert done.returncode != 0


def test_a_day_is_a_day_where_the_business_is() -> None:
    late = datetime(2026, 3, 1, 23, 30, tzinfo=UTC)
    moves = [Move("Assets:Clearing:Cash", "Income:Calls", Money(1, "USD"))]
    one = [Transaction(7, late, UUID(int=1), "top-up", moves)]
    for journal in (hledger, beancount):
        assert "2026-03-02 * " in "".join(journal(one, ZONE))
        assert "2026-03-01 * " in "".join(journal(one, ZoneInfo("UTC")))


@pytest.mark.parametrize("form", sorted(JOURNALS))
def test_books_without_a_transaction_are_a_journal_too(tmp_path: Path, form: str) -> None:
    path = written(tmp_path, form, [])
    assert (sums_of_hledger if form == "hledger" else sums_of_beancount)(path) == {}


@pytest.mark.parametrize(
    "words",
    ["złoto", "金卡", "a:b;c", '"; drop', "--", "9 lives", "x" * 99, "tab\there", "emoji 😀"],
)
def test_whatever_a_group_is_called_both_programs_take_the_name(tmp_path: Path, words: str) -> None:
    moves = [Move(f"Income:Fees:{component(words)}", "Income:Calls", Money(1, "USD"))]
    one = [Transaction(1, datetime(2026, 1, 1, tzinfo=UTC), UUID(int=1), "fee", moves)]
    path = written(tmp_path, "hledger", one)
    run("hledger", "-f", str(path), "check", "--strict")
    assert sums_of_hledger(path) == ours(one)
    assert sums_of_beancount(written(tmp_path, "beancount", one)) == ours(one)
