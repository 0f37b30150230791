"""A tariff has versions, each in force from its own moment on."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given as forall
from hypothesis import strategies as st

from domain.errors import SettingNotAllowed
from domain.tariffs import Tariff, TariffCreated, TariffPublished, create, evolve
from tests.support.story import NOON, given

CREATED = TariffCreated("retail", "USD")
HOUR = timedelta(hours=1)


def version(number: int, since: datetime = NOON, rows: int = 1) -> TariffPublished:
    return TariffPublished(number, UUID(int=number), since, rows, "digest", "ann")


def in_force(tariff: Tariff, now: datetime) -> int | None:
    published = tariff.at(now)
    return published.version if published else None


def tariff(*published: TariffPublished) -> Tariff:
    return given(evolve, CREATED, *published)


def test_a_tariff_is_created_once_in_one_unit() -> None:
    assert create(None, "retail", "USD") == [CREATED]
    assert create(tariff(), "retail", "USD") == []
    with pytest.raises(SettingNotAllowed, match="USD"):
        create(tariff(), "retail", "EUR")


def test_a_tariff_has_no_price_before_its_first_version() -> None:
    assert in_force(tariff(), NOON) is None
    assert in_force(tariff(version(1)), NOON - HOUR) is None
    assert in_force(tariff(version(1)), NOON) == 1


def test_a_version_is_in_force_from_its_moment_on() -> None:
    two = tariff(version(1), version(2, NOON + HOUR))
    assert in_force(two, NOON + HOUR - timedelta(microseconds=1)) == 1
    assert in_force(two, NOON + HOUR) == 2


@pytest.mark.parametrize("number", [0, 1, 3])
def test_versions_are_published_in_order(number: int) -> None:
    assert tariff(version(1)).publish(version(2)) == [version(2)]
    with pytest.raises(SettingNotAllowed, match="the next version, 2"):
        tariff(version(1)).publish(version(number))


def test_an_empty_sheet_is_not_published() -> None:
    with pytest.raises(SettingNotAllowed, match="at least one rate"):
        tariff().publish(version(1, rows=0))


def test_a_moment_without_a_time_zone_is_not_published() -> None:
    with pytest.raises(SettingNotAllowed, match="time zone"):
        tariff().publish(version(1, NOON.replace(tzinfo=None)))


@forall(st.lists(st.integers(-20, 20), min_size=1, max_size=20), st.integers(-25, 25))
def test_the_version_that_began_last_is_in_force_and_a_later_one_of_the_same_moment_replaces_it(
    hours: list[int], now: int
) -> None:
    known = tariff(*(version(n, NOON + h * HOUR) for n, h in enumerate(hours, 1)))
    begun = [(h, n) for n, h in enumerate(hours, 1) if h <= now]
    assert in_force(known, NOON + now * HOUR) == (max(begun)[1] if begun else None)


def test_a_correction_for_now_leaves_the_version_planned_for_later() -> None:
    known = tariff(version(1, NOON), version(2, NOON + 5 * HOUR), version(3, NOON + HOUR))
    assert in_force(known, NOON + 2 * HOUR) == 3
    assert in_force(known, NOON + 5 * HOUR) == 2


def test_any_number_of_past_versions_leaves_a_small_state() -> None:
    known = tariff(*(version(n, NOON + n * HOUR) for n in range(1, 501)))
    assert in_force(known, NOON + 1000 * HOUR) == 500
    assert len(known.schedule) <= 50
