"""An access number answers under its own terms."""

from __future__ import annotations

from typing import Any

import pytest

from domain.access_numbers import (
    AccessNumber,
    AccessNumberAdded,
    AccessNumberChanged,
    AccessTerms,
    add,
    evolve,
)
from domain.errors import AlreadyExists
from domain.money import Money
from domain.rating import MOST_RATE
from tests.support.story import ACCESS, given, usd

TERMS, CLOSED = AccessTerms(), AccessTerms(open=False)
ADDED = AccessNumberAdded(ACCESS, TERMS)


def test_an_access_number_is_added_once() -> None:
    assert add(None, ACCESS, TERMS) == [ADDED]
    assert add(given(evolve, ADDED), ACCESS, TERMS) == []
    with pytest.raises(AlreadyExists):
        add(given(evolve, ADDED), ACCESS, CLOSED)


def test_terms_change_once_and_the_change_says_who() -> None:
    facts = given(evolve, ADDED).change(CLOSED, "ann")
    assert facts == [AccessNumberChanged(CLOSED, "ann")]
    assert given(evolve, ADDED, *facts) == AccessNumber(ACCESS, CLOSED)
    assert given(evolve, ADDED).change(TERMS, "ann") == []


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("surcharge", usd(-1)),
        ("surcharge", usd(MOST_RATE + 1)),
        ("surcharge", Money(1, "MIN")),
        ("surcharge_per_minute", usd(-1)),
        ("surcharge_per_minute", Money(1_000_000, "MIN")),
        ("country", "us"),
        ("country", "USA"),
        ("service", "fax"),
    ],
)
def test_a_term_beyond_its_limit_is_refused_by_its_name(name: str, wrong: Any) -> None:
    with pytest.raises(ValueError, match=name):
        AccessTerms(**{name: wrong})


def test_a_surcharge_may_be_a_whole_talk_minute() -> None:
    assert AccessTerms(surcharge=Money(1_000_000, "MIN")).surcharge == Money(1_000_000, "MIN")
