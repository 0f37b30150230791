"""The system knows a PIN by a keyed digest only."""

from __future__ import annotations

import random

import pytest
from hypothesis import given as forall
from hypothesis import strategies as st

from application.pins import PinDigests, many_random_digits, random_digits

KEY, OTHER_KEY = b"k" * 32, b"l" * 32


def test_a_digest_is_hmac_sha_256_for_ever() -> None:
    assert PinDigests(KEY).digest("12345678") == (
        "25e3f20cd3a3e109d3bd54f3dbd48c1f25b45ad3a48b99704a6a0553e505e35a"
    )


def test_a_digest_depends_on_the_pin_and_on_the_key() -> None:
    digests = {PinDigests(key).digest(pin) for key in (KEY, OTHER_KEY) for pin in ("1", "01", "")}
    assert len(digests) == 6


def test_a_short_key_is_refused_and_no_key_is_shown() -> None:
    with pytest.raises(ValueError, match="at least 32 bytes, not 31"):
        PinDigests(b"k" * 31)
    assert "k" * 8 not in repr(PinDigests(KEY))


@forall(st.integers(1, 20), st.data())
def test_random_digits_have_their_length_and_may_begin_with_zeros(
    length: int, data: st.DataObject
) -> None:
    drawn = data.draw(st.integers(0, 10**length - 1))
    asked: list[int] = []

    def below(most: int) -> int:
        asked.append(most)
        return drawn

    digits = random_digits(length, below)
    assert (len(digits), int(digits), asked) == (length, drawn, [10**length])


@forall(st.integers(1, 20), st.integers(0, 50), st.randoms(use_true_random=False))
def test_many_random_digits_are_as_many_of_their_length(
    length: int, count: int, chance: random.Random
) -> None:
    drawn = list(many_random_digits(count, length, chance.randbytes))
    assert [(len(each), each.isdigit()) for each in drawn] == [(length, True)] * count


def test_bytes_that_would_favour_small_numbers_are_drawn_anew() -> None:
    asked: list[int] = []

    def some_bytes(size: int) -> bytes:
        asked.append(size)
        return b"\xff" * size if len(asked) == 1 else bytes(size - 1) + b"\x07"

    assert list(many_random_digits(1, 3, some_bytes)) == ["007"]
    assert len(asked) == 2
