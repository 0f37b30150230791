"""A sealed number is a text that reads back as what it was, and nothing else reads as one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.sealed_numbers import BOX_BYTES, SealedNumber, is_sealed, read

NUMBERS = st.builds(SealedNumber, st.uuids(), st.binary(min_size=BOX_BYTES, max_size=BOX_BYTES))


@given(NUMBERS)
def test_a_sealed_number_reads_back_as_it_was(sealed: SealedNumber) -> None:
    assert read(str(sealed)) == sealed
    assert is_sealed(str(sealed))
    assert len(str(sealed)) == 67


@given(NUMBERS, NUMBERS)
def test_different_numbers_are_different_texts(one: SealedNumber, other: SealedNumber) -> None:
    assert (str(one) == str(other)) == (one == other)


@given(NUMBERS)
def test_a_pseudonym_is_of_the_person_alone(sealed: SealedNumber) -> None:
    again = SealedNumber(sealed.person_id, bytes(BOX_BYTES))
    assert sealed.pseudonym == again.pseudonym == f"erased-{sealed.person_id.hex[:12]}"


@pytest.mark.parametrize("text", ["", "+48600316058", "~", "~a.b", "erased-0123456789ab"])
def test_what_is_not_sealed_is_refused_and_not_repeated(text: str) -> None:
    with pytest.raises(ValueError, match="kept sealed") as refused:
        read(text)
    assert "+48600316058" not in str(refused.value)


@given(NUMBERS, st.integers(0, 66), st.sampled_from(["", "=", "ż", " ", "/"]))
def test_a_damaged_one_is_refused(sealed: SealedNumber, place: int, instead: str) -> None:
    text = str(sealed)
    damaged = text[:place] + instead + text[place + 1 :]
    with pytest.raises(ValueError, match="kept sealed"):
        read(damaged)
