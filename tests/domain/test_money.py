"""Money is exact, stays in its unit, and is read only as a person writes it."""

from __future__ import annotations

import pytest
from hypothesis import given as forall
from hypothesis import strategies as st

from domain.money import MOST, Money, divided_up, parse

MOST_MICROS = MOST * 1_000_000
micros = st.integers(-MOST_MICROS, MOST_MICROS)


@forall(micros)
def test_what_is_written_is_what_was_read(amount: int) -> None:
    money = Money(amount, "USD")
    text, unit = str(money).split(" ")
    assert parse(text, unit) == money


@forall(micros, micros)
def test_nothing_is_lost_in_adding_and_taking_away(one: int, other: int) -> None:
    a, b = Money(one, "EUR"), Money(other, "EUR")
    assert (a + b - b, (a + b).micros) == (a, one + other)


@forall(micros, micros)
def test_amounts_are_ordered_as_their_millionths(one: int, other: int) -> None:
    a, b = Money(one, "USD"), Money(other, "USD")
    assert (a < b, a <= b, a > b, a >= b, a == b) == (
        one < other,
        one <= other,
        one > other,
        one >= other,
        one == other,
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0", 0),
        ("-0", 0),
        ("0.000001", 1),
        ("12.5", 12_500_000),
        ("12.50", 12_500_000),
        ("-0.01", -10_000),
        ("1000000000000", MOST_MICROS),
        ("0001", 1_000_000),
    ],
)
def test_a_plain_decimal_is_read_exactly(text: str, expected: int) -> None:
    assert parse(text, "USD") == Money(expected, "USD")


@pytest.mark.parametrize(
    "text",
    ["", " 1", "1 ", "1.", ".5", "+1", "1,50", "1e3", "0.0000001", "--1", "١٢", "NaN", "1\n"],
)
def test_what_is_no_plain_decimal_is_refused_and_shown(text: str) -> None:
    with pytest.raises(ValueError, match="plain decimal with at most six places") as refusal:
        parse(text, "USD")
    assert repr(text) in str(refusal.value)


@pytest.mark.parametrize("text", ["1000000000000.000001", "9999999999999", "-1000000000001"])
def test_an_amount_beyond_the_bound_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="at most 1000000000000"):
        parse(text, "USD")


@pytest.mark.parametrize("unit", ["", "usd", "US", "DOLLARS", "US1", "ÜSD", "USD\n"])
def test_a_unit_is_three_capital_letters(unit: str) -> None:
    with pytest.raises(ValueError, match="three capital letters"):
        parse("1", unit)


@pytest.mark.parametrize("wrong", [1.0, True, "1", None])
def test_money_is_a_whole_number_of_millionths(wrong: object) -> None:
    with pytest.raises(TypeError, match="whole number of millionths"):
        Money(wrong, "USD")  # type: ignore[arg-type]


def test_amounts_of_two_units_are_never_added_or_compared() -> None:
    usd, eur = Money(1, "USD"), Money(1, "EUR")
    for meet in (
        lambda: usd + eur,
        lambda: usd - eur,
        lambda: usd < eur,
        lambda: usd <= eur,
        lambda: usd > eur,
        lambda: usd >= eur,
    ):
        with pytest.raises(ValueError, match="share a unit"):
            meet()
    assert usd != eur


def test_only_nothing_is_false() -> None:
    assert not Money(0, "USD")
    assert Money(-1, "USD")
    assert Money(5, "USD").zero == Money(0, "USD")


@forall(st.integers(-(10**24), 10**24), st.integers(1, 10**9))
def test_a_quotient_is_rounded_up_and_by_less_than_one(numerator: int, denominator: int) -> None:
    quotient = divided_up(numerator, denominator)
    assert 0 <= quotient * denominator - numerator < denominator
