"""Ledger accounts have names that bookkeepers' programs take, and transactions balance."""

from __future__ import annotations

import re
from collections import Counter
from datetime import UTC, datetime
from uuid import UUID

import pytest
from hypothesis import given as forall
from hypothesis import strategies as st

from domain.ledger import (
    Balance,
    Balances,
    Move,
    Transaction,
    adjustments,
    carriage,
    clearing,
    component,
    fees,
    held,
    payable,
    prepaid,
)
from domain.money import Money
from tests.support.story import usd

NOON = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
ACCOUNT = UUID("abcdef00-0000-8000-8000-000000000001")
COMPONENT = re.compile(r"[A-Z0-9][A-Za-z0-9-]*", re.ASCII)


def transaction(*moves: tuple[str, str, Money]) -> Transaction:
    return Transaction(1, NOON, ACCOUNT, "test", [Move(*each) for each in moves])


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("cash", "Cash"),
        ("face value", "Face-value"),
        ("2checkout.com", "2checkout-com"),
        ("", "Unknown"),
        ("  ", "Unknown"),
    ],
)
def test_plain_words_stay_readable(words: str, told: str) -> None:
    assert component(words) == told


@pytest.mark.parametrize("words", ["現金", "Café", "a:b", "x" * 41, "gold\nsilver", "_", "!"])
def test_words_that_lose_something_stay_apart_from_all_others(words: str) -> None:
    assert re.fullmatch(r"[A-Z0-9][A-Za-z0-9-]*-[0-9a-f]{8}", component(words))
    assert component(words) != component(words + "'")


@forall(st.text(max_size=100))
def test_whatever_something_is_called_it_makes_a_component(words: str) -> None:
    assert COMPONENT.fullmatch(component(words))


@forall(st.text(max_size=60), st.uuids())
def test_every_name_of_an_account_is_made_of_components(words: str, account_id: UUID) -> None:
    of_words = (clearing, fees, carriage, payable, adjustments)
    names = [make(words) for make in of_words]
    names += [prepaid(words, account_id), held(words, account_id)]
    for name in names:
        kind, *rest = name.split(":")
        assert kind in ("Assets", "Liabilities", "Income", "Expenses")
        assert all(COMPONENT.fullmatch(each) for each in rest)
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("micros", [0, -1])
def test_nothing_moves_backwards(micros: int) -> None:
    with pytest.raises(ValueError, match="above zero"):
        Move("Assets:A", "Income:B", usd(micros))


moves = st.lists(
    st.tuples(
        st.sampled_from(["Assets:A", "Income:B", "Income:C"]),
        st.sampled_from(["Assets:A", "Income:B", "Income:C"]),
        st.builds(Money, st.integers(1, 1000), st.sampled_from(["USD", "MIN"])),
    ),
    max_size=8,
)


@forall(moves)
def test_the_postings_of_a_transaction_sum_to_nothing_in_every_unit(
    told: list[tuple[str, str, Money]],
) -> None:
    postings = transaction(*told).postings
    sums: Counter[str] = Counter()
    for posting in postings:
        assert posting.amount
        sums[posting.amount.unit] += posting.amount.micros
    assert set(sums.values()) <= {0}
    assert len({(each.account, each.amount.unit) for each in postings}) == len(postings)


@forall(st.lists(moves, max_size=6))
def test_debits_equal_credits_at_every_depth(
    transactions: list[list[tuple[str, str, Money]]],
) -> None:
    balances = Balances()
    for told in transactions:
        balances.add(transaction(*told))
    for depth in (None, 1, 2):
        sums: Counter[str] = Counter()
        for row in balances.rows(depth):
            assert min(row.debits, row.credits) >= 0
            sums[row.unit] += row.debits - row.credits
        assert set(sums.values()) <= {0}


def test_balances_are_summed_up_as_deep_as_asked() -> None:
    balances = Balances()
    balances.add(transaction(("Assets:Clearing:Cash", "Liabilities:Prepaid:Gold:A", usd(5))))
    balances.add(transaction(("Liabilities:Prepaid:Gold:A", "Income:Calls", usd(2))))
    balances.add(transaction(("Assets:Clearing:Cash", "Liabilities:Prepaid:Gold:B", usd(1))))
    assert balances.rows(3) == [
        Balance("Assets:Clearing:Cash", "USD", 6, 0),
        Balance("Income:Calls", "USD", 0, 2),
        Balance("Liabilities:Prepaid:Gold", "USD", 2, 6),
    ]
    assert balances.of("Liabilities:Prepaid:Gold:A", "USD") == usd(-3)
    assert balances.of("Liabilities:Prepaid:Gold:A", "EUR") == Money(0, "EUR")
    assert balances.rows(3)[2].amount == usd(-4)
