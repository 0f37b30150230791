"""A number stands in for the PIN of one card at most."""

from __future__ import annotations

from uuid import UUID

import pytest

from domain.caller_ids import (
    RECEIVED,
    CallerId,
    CallerIdBound,
    CallerIdRebound,
    CallerIdUnbound,
    PersonErased,
    evolve,
)
from domain.errors import AlreadyExists, CallerIdNotUsable
from tests.support.story import given

NUMBER, MINE, YOURS, PERSON = "+48600316058", UUID(int=1), UUID(int=2), UUID(int=3)
BOUND = CallerIdBound(NUMBER, MINE)


def test_a_free_number_is_bound() -> None:
    assert CallerId(NUMBER).bind(MINE) == [BOUND]
    assert CallerId(NUMBER).rebind(MINE) == [BOUND]


def test_a_number_has_one_owner() -> None:
    with pytest.raises(AlreadyExists):
        given(evolve, BOUND).bind(YOURS)


def test_rebinding_moves_the_number_and_remembers_from_where() -> None:
    facts = given(evolve, BOUND).rebind(YOURS)
    assert facts == [CallerIdRebound(NUMBER, YOURS, previous_card_id=MINE)]
    assert given(evolve, BOUND, *facts) == CallerId(NUMBER, YOURS)


def test_an_unbound_number_is_free_again() -> None:
    free = given(evolve, BOUND, CallerIdUnbound(NUMBER, MINE))
    assert free.bind(YOURS) == [CallerIdBound(NUMBER, YOURS)]


def test_a_number_that_has_moved_on_is_not_unbound_by_its_old_card() -> None:
    moved = given(evolve, BOUND, CallerIdRebound(NUMBER, YOURS, MINE))
    assert moved.unbind(MINE) == []


def test_asking_twice_changes_nothing() -> None:
    owned = given(evolve, BOUND)
    assert owned.bind(MINE) == owned.rebind(MINE) == CallerId(NUMBER).unbind(MINE) == []


@pytest.mark.parametrize("usable", ["1", "+1", "48600316058", "+48600316058", "0" * 32])
def test_digits_perhaps_after_a_plus_are_a_caller_id(usable: str) -> None:
    assert RECEIVED.fullmatch(usable)


@pytest.mark.parametrize(
    "odd", ["", "+", "++1", "1+", "anonymous", "1 2", "1-2", "1\n", "٤٨", "<1>", "0" * 33]
)
def test_anything_else_is_not(odd: str) -> None:
    assert not RECEIVED.fullmatch(odd)


def test_an_erased_number_is_unbound_first_and_bound_no_more() -> None:
    bound = given(evolve, CallerIdBound(NUMBER, MINE))
    facts = bound.erase(PERSON, "ann", "asked by letter")
    assert facts == [CallerIdUnbound(NUMBER, MINE), PersonErased(PERSON, "ann", "asked by letter")]
    erased = given(evolve, CallerIdBound(NUMBER, MINE), *facts)
    assert (erased.card_id, erased.erased) == (None, True)
    assert erased.erase(PERSON, "bob", "again") == []
    for change in (erased.bind, erased.rebind):
        with pytest.raises(CallerIdNotUsable):
            change(MINE)
    assert given(evolve, PersonErased(PERSON, "ann", "x")).erased
