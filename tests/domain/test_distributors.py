"""A card number is with one distributor at a time, whatever is assigned and taken back."""

from __future__ import annotations

import pytest
from hypothesis import given as for_all
from hypothesis import strategies as st

from domain.distributors import Distribution, NumberRange, evolve
from domain.errors import AlreadyExists, NotFound, RangeTaken

NAMES = ("Kiosk", "Market", "Airport")

ranges = st.tuples(st.integers(0, 99), st.integers(0, 99)).map(
    lambda ends: NumberRange(f"{min(ends):02d}", f"{max(ends):02d}")
)
steps = st.lists(st.tuples(st.sampled_from(NAMES), ranges, st.booleans()), max_size=30)


def _grown(state: Distribution) -> Distribution:
    for name in NAMES:
        for fact in state.add(name, "ann"):
            state = evolve(state, fact)
    return state


@for_all(steps)
def test_who_has_a_number_is_what_a_list_of_all_numbers_says(
    told: list[tuple[str, NumberRange, bool]],
) -> None:
    state = _grown(Distribution())
    book: dict[str, str] = {}
    for name, cards, back in told:
        others = {book[n] for n in cards.numbers() if n in book} - {name}
        if back:
            facts = state.take_back(name, cards, "ann", "returned")
            book = {n: who for n, who in book.items() if who != name or n not in cards}
        elif others:
            with pytest.raises(RangeTaken):
                state.assign(name, cards, "ann", "spring")
            continue
        else:
            facts = state.assign(name, cards, "ann", "spring")
            book |= dict.fromkeys(cards.numbers(), name)
        for fact in facts:
            state = evolve(state, fact)
    for number in (f"{n:02d}" for n in range(100)):
        assert state.holder(number) == book.get(number)
    for name in NAMES:
        mine = [n for cards in state.ranges_of(name) for n in cards.numbers()]
        assert mine == sorted(n for n, who in book.items() if who == name)


def test_numbers_of_another_length_are_other_numbers() -> None:
    state = _grown(Distribution())
    for fact in state.assign("Kiosk", NumberRange("10", "19"), "ann", "spring"):
        state = evolve(state, fact)
    assert state.holder("15") == "Kiosk"
    assert state.holder("150") is None
    assert state.assign("Market", NumberRange("100", "199"), "ann", "spring")


def test_a_refusal_says_which_cards_are_with_whom() -> None:
    state = _grown(Distribution())
    for fact in state.assign("Kiosk", NumberRange("10", "19"), "ann", "spring"):
        state = evolve(state, fact)
    with pytest.raises(RangeTaken) as refused:
        state.assign("Market", NumberRange("15", "30"), "ann", "spring")
    assert (refused.value.first, refused.value.last) == ("15", "19")
    assert refused.value.holder == "Kiosk"


def test_two_distributors_do_not_differ_in_capitals_only() -> None:
    state = _grown(Distribution())
    assert state.add("Kiosk", "ann") == []
    with pytest.raises(AlreadyExists):
        state.add("KIOSK", "ann")
    with pytest.raises(NotFound):
        state.ranges_of("Nobody")


@pytest.mark.parametrize("ends", [("2", "10"), ("20", "10"), ("a", "b"), ("", "")])
def test_a_range_has_two_ends_of_one_length(ends: tuple[str, str]) -> None:
    with pytest.raises(ValueError):
        NumberRange(*ends)
