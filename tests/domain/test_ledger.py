"""Every fact about money is told as postings that sum to nothing."""

from __future__ import annotations

from collections import Counter
from datetime import date
from uuid import UUID

import pytest
from hypothesis import given as forall
from hypothesis import strategies as st

from domain.accounts import (
    AccountFact,
    AccountOpened,
    DailyFeeCharged,
    FundsAdded,
    HoldCaptured,
    HoldPlaced,
    HoldReleased,
    evolve,
)
from domain.errors import Refused
from domain.ledger import Posting, postings
from tests.support.story import given, usd

ACCOUNT, CALL = UUID(int=0), UUID(int=1)
PREPAID = f"liability:prepaid:{ACCOUNT}"
MONDAY = date(2026, 11, 23)


@pytest.mark.parametrize(
    ("fact", "posting"),
    [
        (FundsAdded(CALL, usd(5)), Posting("assets:clearing", PREPAID, usd(5))),
        (HoldCaptured(CALL, usd(5)), Posting(PREPAID, "revenue:calls", usd(5))),
        (DailyFeeCharged(MONDAY, usd(5)), Posting(PREPAID, "revenue:fees", usd(5))),
    ],
)
def test_money_goes_from_one_account_to_another(fact: AccountFact, posting: Posting) -> None:
    assert postings(ACCOUNT, fact) == [posting]


@pytest.mark.parametrize(
    "fact",
    [
        AccountOpened("USD", "card", CALL),
        HoldPlaced(CALL, usd(5)),
        HoldReleased(CALL),
        HoldCaptured(CALL, usd(0)),
        DailyFeeCharged(MONDAY, usd(0)),
    ],
)
def test_what_moves_no_money_has_no_posting(fact: AccountFact) -> None:
    assert postings(ACCOUNT, fact) == []


ids = st.integers(1, 4).map(lambda n: UUID(int=n))
amounts = st.integers(0, 100).map(usd)
days = st.integers(1, 28).map(lambda n: date(2026, 11, n))
requests = st.one_of(
    st.tuples(st.just("add_funds"), ids, amounts),
    st.tuples(st.just("hold"), ids, amounts),
    st.tuples(st.just("capture"), ids, amounts),
    st.tuples(st.just("release"), ids),
    st.tuples(st.just("charge_daily_fee"), days, amounts),
)


@forall(st.lists(requests, max_size=40))
def test_whatever_is_asked_the_balance_is_the_sum_of_the_postings(
    script: list[tuple[object, ...]],
) -> None:
    account = given(evolve, AccountOpened("USD", "card", CALL))
    ledger: Counter[str] = Counter()
    for verb, *args in script:
        most = {"most": 3} if verb == "hold" else {}
        try:
            facts = getattr(account, str(verb))(*args, **most)
        except Refused:
            continue
        for fact in facts:
            account = evolve(account, fact)
            for posting in postings(ACCOUNT, fact):
                ledger[posting.source] -= posting.amount.micros
                ledger[posting.destination] += posting.amount.micros
        assert account.available.micros >= 0
        assert account.held.micros == sum(held.micros for held in account.holds.values())
        assert len(account.holds) <= 3
        assert ledger[PREPAID] == account.balance.micros
        assert sum(ledger.values()) == 0
