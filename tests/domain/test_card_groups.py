"""The terms of a card group: every one has a limit and is refused by its name."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest
from attrs import evolve as changed

from domain.card_groups import (
    LONGEST_CALL,
    CardGroup,
    CardGroupCreated,
    CardGroupTermsChanged,
    GroupTerms,
    create,
    evolve,
)
from domain.errors import AlreadyExists
from domain.money import Money
from domain.rating import MOST_RATE
from tests.support.story import dollars, given, usd

TERMS = GroupTerms("USD", dollars(10), "retail")
GOLD = given(evolve, CardGroupCreated("Gold", TERMS))
DEARER = changed(TERMS, setup_fee=dollars(1))


def test_a_group_is_created_once() -> None:
    assert create(None, "Gold", TERMS) == [CardGroupCreated("Gold", TERMS)]
    assert create(GOLD, "Gold", TERMS) == []


def test_a_name_stands_for_one_group() -> None:
    with pytest.raises(AlreadyExists):
        create(GOLD, "Gold", DEARER)


def test_terms_change_and_the_change_says_who() -> None:
    facts = GOLD.change_terms(DEARER, "ann")
    assert facts == [CardGroupTermsChanged(DEARER, "ann")]
    assert given(evolve, CardGroupCreated("Gold", TERMS), *facts) == CardGroup("Gold", DEARER)
    assert GOLD.change_terms(TERMS, "ann") == []


def test_a_group_keeps_its_unit() -> None:
    with pytest.raises(AlreadyExists):
        GOLD.change_terms(GroupTerms("EUR", Money(1, "EUR"), "retail"), "ann")


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("number_length", 3),
        ("number_length", 21),
        ("pin_length", 3),
        ("pin_length", 21),
        ("valid_days", -1),
        ("simultaneous_calls", 0),
        ("simultaneous_calls", 101),
        ("longest_call", 0),
        ("longest_call", LONGEST_CALL + 1),
        ("ghost_percent", 0),
        ("face_value", usd(-1)),
        ("setup_fee", usd(-1)),
        ("setup_fee", usd(MOST_RATE + 1)),
        ("daily_fee", usd(-1)),
        ("most_held", Money(1, "EUR")),
        ("minimum_balance", Money(1, "MIN")),
        ("languages", ()),
        ("expires_on", datetime(2030, 1, 1)),  # noqa: DTZ001 - that it has no zone is the point
    ],
)
def test_a_term_beyond_its_limit_is_refused_by_its_name(name: str, wrong: Any) -> None:
    with pytest.raises(ValueError, match=name):
        changed(TERMS, **{name: wrong})


def test_a_setup_fee_in_talk_minutes_is_whole_minutes() -> None:
    minutes = GroupTerms("MIN", Money(60_000_000, "MIN"), "talk", setup_fee=Money(10**6, "MIN"))
    with pytest.raises(ValueError, match="setup_fee is whole talk minutes"):
        changed(minutes, setup_fee=Money(1, "MIN"))


@pytest.mark.parametrize("unit", ["usd", "", "DOLLARS"])
def test_a_group_sells_in_a_real_unit(unit: str) -> None:
    with pytest.raises(ValueError, match="three capital letters"):
        GroupTerms(unit, dollars(1), "retail")


def test_without_a_minimum_nothing_is_the_minimum() -> None:
    assert TERMS.least_balance == usd(0)
    assert changed(TERMS, minimum_balance=usd(5)).least_balance == usd(5)
