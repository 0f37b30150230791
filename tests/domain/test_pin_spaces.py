"""At most one PIN in five of a length is in use."""

from __future__ import annotations

import pytest
from hypothesis import given as for_all
from hypothesis import strategies as st

from domain.errors import PinsUsedUp
from domain.pin_spaces import PinSpace, PinsReserved, evolve
from tests.support.story import given


def test_the_refusal_says_how_many_are_left() -> None:
    space = given(evolve, PinsReserved(4, 1_990, "lot spring"))
    with pytest.raises(PinsUsedUp) as refused:
        space.reserve(11, "lot autumn")
    assert (refused.value.length, refused.value.wanted, refused.value.left) == (4, 11, 10)
    assert space.reserve(10, "lot autumn") == [PinsReserved(4, 10, "lot autumn")]


@for_all(st.lists(st.integers(-500, 900), max_size=20))
def test_what_is_in_use_is_never_more_than_a_fifth_nor_less_than_nothing(
    steps: list[int],
) -> None:
    space, book = PinSpace(4), 0
    for step in steps:
        if step > 0 and book + step <= 2_000:
            facts = space.reserve(step, "lot")
            book += step
        elif step > 0:
            with pytest.raises(PinsUsedUp):
                space.reserve(step, "lot")
            continue
        elif -step <= book:
            facts = space.give_back(-step, "lot")
            book += step
        else:
            with pytest.raises(ValueError, match="given back"):
                space.give_back(-step, "lot")
            continue
        for fact in facts:
            space = evolve(space, fact)
        assert space.in_use == book
        assert 0 <= space.in_use <= 2_000
