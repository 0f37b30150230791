"""Numbers are said from few sounds, in every language by its own rules."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.voice.numbers import LARGEST, SCALES, WORDS, words_of


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (0, "0"),
        (99, "99"),
        (100, "1 hundred"),
        (123, "1 hundred 23"),
        (1000, "1 thousand"),
        (12_000_405, "12 million 4 hundred 5"),
        (100_000, "1 hundred thousand"),
        (10**12, "1 trillion"),
    ],
)
def test_a_number_is_said_in_groups_of_three_digits(number: int, said: str) -> None:
    assert " ".join(words_of(number, "en")) == said


@given(st.integers(0, LARGEST))
def test_the_words_of_a_number_add_up_to_it(number: int) -> None:
    sizes = {name: size for size, name in SCALES}
    total = group = 0
    for word in words_of(number, "en"):
        assert word in WORDS
        if word == "hundred":
            group *= 100
        elif word in sizes:
            total, group = total + group * sizes[word], 0
        else:
            group += int(word)
    assert total + group == number


@given(st.integers(LARGEST, 10**30))
def test_a_number_too_large_to_say_is_said_as_the_largest(number: int) -> None:
    assert words_of(number, "en") == words_of(LARGEST, "en")
