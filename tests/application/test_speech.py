"""Amounts and times are said as people say them, and never more than there is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from application.speech import (
    CURRENCIES,
    Amount,
    Count,
    Counted,
    Digits,
    Frame,
    Prompt,
    Tone,
    amount_of,
    time_of,
)
from domain.money import MICROS, Money, parse

UNITS = st.sampled_from((*CURRENCIES, "KWD"))


def micros_said(amount: Amount) -> int:
    """What a listener adds up."""
    parts = {words for words in CURRENCIES.values() if amount.whole.of == words[1]}
    if parts and amount.whole.of not in {words[0] for words in CURRENCIES.values()}:
        return amount.whole.number * MICROS // 100
    said = amount.whole.number * MICROS + int(amount.decimals or "0") * MICROS // 100
    return said + (amount.part.number * MICROS // 100 if amount.part else 0)


@given(st.integers(0, 10**18), UNITS)
def test_never_more_is_announced_than_there_is(micros: int, unit: str) -> None:
    said = micros_said(amount_of(Money(micros, unit)))
    smallest = MICROS if unit in CURRENCIES and CURRENCIES[unit][1] is None else MICROS // 100
    assert 0 <= micros - said < smallest


@given(st.integers(-(10**18), 0), st.sampled_from((*CURRENCIES, "KWD", "MIN")))
def test_less_than_nothing_is_said_as_nothing(micros: int, unit: str) -> None:
    amount = amount_of(Money(micros, unit))
    assert (amount.whole.number, amount.part, amount.decimals) == (0, None, "")


@pytest.mark.parametrize(
    ("text", "unit", "said"),
    [
        ("4.25", "USD", Amount(Count(4, Counted.DOLLAR), Count(25, Counted.CENT))),
        ("4.259999", "USD", Amount(Count(4, Counted.DOLLAR), Count(25, Counted.CENT))),
        ("4.009", "USD", Amount(Count(4, Counted.DOLLAR))),
        ("0.25", "EUR", Amount(Count(25, Counted.EURO_CENT))),
        ("0.001", "GBP", Amount(Count(0, Counted.POUND))),
        ("25000.75", "VND", Amount(Count(25000, Counted.DONG))),
        ("12.05", "KWD", Amount(Count(12, Counted.UNIT), decimals="05")),
        ("12", "KWD", Amount(Count(12, Counted.UNIT))),
        ("12.9", "MIN", Amount(Count(12, Counted.MINUTE))),
        ("0.5", "MIN", Amount(Count(30, Counted.SECOND))),
        ("0", "MIN", Amount(Count(0, Counted.MINUTE))),
    ],
)
def test_an_amount_is_said_as_people_say_it(text: str, unit: str, said: Amount) -> None:
    assert amount_of(parse(text, unit)) == said


@given(st.integers(0, 10**9))
def test_a_time_is_said_in_whole_minutes_and_seconds_only_below_one(seconds: int) -> None:
    said = time_of(seconds)
    length = {Counted.MINUTE: 60, Counted.SECOND: 1}[said.of]
    assert 0 <= seconds - said.number * length < length
    assert (said.of is Counted.SECOND) == (seconds < 60)


def test_every_sentence_has_a_name_of_its_own() -> None:
    for kind in (Prompt, Tone, Frame, Counted):
        assert len(list(kind)) == len(kind.__members__)
    names = [member.name for kind in (Prompt, Tone, Frame, Counted) for member in kind]
    assert len(names) == len(set(names))


def test_a_prompt_is_one_file_for_the_dial_command() -> None:
    assert Prompt.TWO_MINUTES_LEFT.sound == "talktime/two-minutes-left"


def test_a_refused_login_does_not_tell_which_part_was_wrong() -> None:
    assert "card number or PIN" in Prompt.LOGIN_FAILED.text


@pytest.mark.parametrize("digits", ["", "12a", "+1202", "１２", "1" * 33])
def test_only_digits_are_read_out(digits: str) -> None:
    with pytest.raises(ValueError, match="1 to 32 digits"):
        Digits(digits)
