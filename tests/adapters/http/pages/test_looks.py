"""How amounts, times and facts look, and that no fact is without words."""

from __future__ import annotations

import types
from datetime import datetime, timedelta, timezone
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.http.pages.formats import (
    as_input,
    duration,
    field_error,
    moment,
    money,
    number,
    plain,
)
from adapters.http.pages.timeline import tell
from domain import accounts, call_sessions, cards, top_ups
from domain.money import Money, parse
from tests.adapters.persistence.golden import sample
from tests.adapters.persistence.golden_samples import SAMPLES


@pytest.mark.parametrize(
    ("micros", "unit", "told"),
    [
        (5_000_000, "USD", "5.00 USD"),
        (1_234_567_890_000, "USD", "1,234,567.89 USD"),
        (1, "USD", "0.000001 USD"),
        (-2_500_000, "EUR", "−2.50 EUR"),
        (90_000_000, "MIN", "90 min"),
        (0, "USD", "0.00 USD"),
    ],
)
def test_money_looks_like_money(micros: int, unit: str, told: str) -> None:
    assert money(Money(micros, unit)) == told


@given(st.integers(0, 10**15))
def test_no_amount_is_rounded_for_the_eye(micros: int) -> None:
    told = money(Money(micros, "USD"))
    assert parse(told.removesuffix(" USD").replace(",", ""), "USD") == Money(micros, "USD")
    assert parse(as_input(Money(micros, "USD")), "USD").micros == micros


def test_times_are_told_in_utc() -> None:
    warsaw = timezone(timedelta(hours=1))
    assert moment(datetime(2026, 11, 22, 3, 5, 9, tzinfo=warsaw)) == "22 Nov 2026, 02:05:09"
    assert as_input(datetime(2026, 11, 22, 3, 5, tzinfo=warsaw)) == "2026-11-22T02:05"
    assert moment(None) == "—"


@pytest.mark.parametrize(("seconds", "told"), [(0, "0:00"), (61, "1:01"), (3_661, "1:01:01")])
def test_durations(seconds: int, told: str) -> None:
    assert duration(seconds) == told


def test_plain_values() -> None:
    assert plain(None) == plain("") == plain(()) == "—"
    assert plain(["a", None, True]) == "a, —, yes"
    assert number(1_000_000) == "1,000,000"
    assert plain({"amount": "5", "unit": "USD"}) == "5.00 USD"


def test_what_programs_say_of_a_field_is_told_to_people() -> None:
    assert field_error("$.a: Expected `int` >= 4") == "At least 4."
    assert field_error("$.a: Expected `str` matching regex '^x$'") == (
        "This is not written as it has to be."
    )
    assert field_error("Why: fill this in") == "Why: fill this in."


STRICT = {type(fact): fact for fact in SAMPLES.values()}
"""Facts that cannot be made up."""

FACTS = [
    fact
    for module in (accounts, call_sessions, cards, top_ups)
    for name, union in vars(module).items()
    if name.endswith("Fact") and name[0].isupper()
    for fact in (get_args(union) if isinstance(union, types.UnionType) else (union,))
    if getattr(fact, "__module__", "") == module.__name__
]


@pytest.mark.parametrize("fact", FACTS, ids=lambda fact: fact.__name__)
def test_every_fact_of_a_card_and_a_call_has_its_words(fact: Any) -> None:
    told = tell(STRICT.get(fact) or sample(fact))
    assert told.title
    assert "None" not in told.title + told.detail
