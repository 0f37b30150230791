"""Ids sort by time, and what is named again gets the same id again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import RFC_4122

import pytest
from hypothesis import given
from hypothesis import strategies as st

from application.ids import random_time_ordered, time_ordered

milliseconds = st.integers(0, 2**48 - 1)
sources = st.lists(st.text(), min_size=1, max_size=3)


@given(milliseconds, sources)
def test_the_same_thing_gets_the_same_id(at: int, source: list[str]) -> None:
    assert time_ordered(at, *source) == time_ordered(at, *source)


@given(milliseconds, sources)
def test_an_id_is_a_uuid_of_version_8(at: int, source: list[str]) -> None:
    made = time_ordered(at, *source)
    assert (made.version, made.variant) == (8, RFC_4122)
    assert made.int >> 80 == at


@given(st.lists(milliseconds, min_size=2, max_size=2, unique=True), sources, sources)
def test_ids_sort_by_time(times: list[int], one: list[str], other: list[str]) -> None:
    early, late = sorted(times)
    assert time_ordered(early, *one) < time_ordered(late, *other)


@given(sources, sources)
def test_different_things_of_one_moment_have_different_ids(
    one: list[str], other: list[str]
) -> None:
    assert (time_ordered(5, *one) == time_ordered(5, *other)) == (one == other)


def test_the_borders_between_sources_count() -> None:
    assert time_ordered(5, "ab", "c") != time_ordered(5, "a", "bc")


@pytest.mark.parametrize("at", [-1, 2**48])
def test_a_time_that_does_not_fit_is_refused(at: int) -> None:
    with pytest.raises(ValueError, match="a time is 0 to"):
        time_ordered(at, "call")


def test_an_id_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one source"):
        time_ordered(5)


def test_a_random_id_has_its_time_and_its_entropy() -> None:
    now = datetime(2026, 11, 21, 12, 0, 0, 999_999, tzinfo=UTC)
    made = random_time_ordered(now, b"0123456789")
    assert made.version == 8
    since = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=made.int >> 80)
    assert since == now.replace(microsecond=999_000)
    assert made == random_time_ordered(now, b"0123456789")
    assert made != random_time_ordered(now, b"9876543210")


def test_a_random_id_needs_a_zone_and_entropy() -> None:
    now = datetime(2026, 11, 21, tzinfo=UTC)
    with pytest.raises(ValueError, match="zone"):
        random_time_ordered(now.replace(tzinfo=None), b"0123456789")
    with pytest.raises(ValueError, match="10 random bytes"):
        random_time_ordered(now, b"012345678")
