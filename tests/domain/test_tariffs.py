"""A tariff has versions, each in force from its own moment on."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given as forall
from hypothesis import strategies as st

from domain.errors import AlreadyDone, AlreadyExists, NotFound, SettingNotAllowed
from domain.tariffs import (
    MOST_DRAFTS,
    PublicationJustified,
    SheetDiscarded,
    SheetImported,
    Tariff,
    TariffCreated,
    TariffFact,
    TariffPublished,
    create,
    evolve,
)
from tests.support.story import NOON, given

CREATED = TariffCreated("retail", "USD")
HOUR = timedelta(hours=1)


def version(number: int, since: datetime = NOON, rows: int = 1) -> TariffPublished:
    return TariffPublished(number, UUID(int=number), since, rows, "digest", "ann")


def in_force(tariff: Tariff, now: datetime) -> int | None:
    published = tariff.at(now)
    return published.version if published else None


def tariff(*published: TariffFact) -> Tariff:
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


def draft(number: int, rows: int = 1) -> SheetImported:
    return SheetImported(UUID(int=number), rows, "digest", "a.csv", NOON, "ann", "new prices")


def test_a_draft_is_not_in_force() -> None:
    known = tariff(draft(1))
    assert in_force(known, NOON + HOUR) is None
    assert known.draft(UUID(int=1)) == draft(1)


def test_a_draft_is_imported_once_and_never_empty() -> None:
    assert tariff().import_sheet(draft(1)) == [draft(1)]
    assert tariff(draft(1)).import_sheet(draft(1)) == []
    with pytest.raises(SettingNotAllowed, match="at least one rate"):
        tariff().import_sheet(draft(1, rows=0))


def test_drafts_are_limited() -> None:
    full = tariff(*(draft(n) for n in range(MOST_DRAFTS)))
    with pytest.raises(SettingNotAllowed, match="publish or discard some"):
        full.import_sheet(draft(99))


def test_a_published_draft_is_the_next_version_and_no_draft_any_more() -> None:
    known = tariff(version(1), draft(7))
    published = TariffPublished(2, UUID(int=7), NOON + HOUR, 1, "digest", "bob")
    assert known.publish_draft(UUID(int=7), NOON + HOUR, "bob") == [published]
    after = evolve(known, published)
    assert after.drafts == ()
    with pytest.raises(AlreadyDone, match="version 2"):
        after.publish_draft(UUID(int=7), NOON, "bob")
    with pytest.raises(NotFound):
        after.publish_draft(UUID(int=8), NOON, "bob")


def test_what_was_overridden_is_recorded_with_its_reason() -> None:
    known = tariff(draft(7))
    facts = known.publish_draft(UUID(int=7), NOON, "bob", "agreed with sales", ("jump",))
    assert facts[1:] == [PublicationJustified(1, ("jump",), "bob", "agreed with sales")]
    with pytest.raises(SettingNotAllowed, match="a reason"):
        known.publish_draft(UUID(int=7), NOON, "bob", "", ("jump",))
    assert given(evolve, CREATED, draft(7), *facts).justified == 1


def test_going_back_publishes_the_older_sheet_again() -> None:
    known = tariff(version(1), version(2, NOON + HOUR))
    facts = known.publish_again(1, NOON + 2 * HOUR, "bob", "wrong prices")
    published = TariffPublished(3, UUID(int=1), NOON + 2 * HOUR, 1, "digest", "bob")
    assert facts == [published, PublicationJustified(3, (), "bob", "wrong prices")]
    with pytest.raises(NotFound):
        known.publish_again(9, NOON, "bob", "wrong prices")
    with pytest.raises(SettingNotAllowed, match="the reason for going back"):
        known.publish_again(1, NOON, "bob", "")


def test_only_a_draft_is_discarded() -> None:
    known = tariff(version(1), draft(7))
    discarded = SheetDiscarded(UUID(int=7), "bob", "too dear")
    assert known.discard(UUID(int=7), "bob", "too dear") == [discarded]
    with pytest.raises(AlreadyExists):
        known.discard(UUID(int=1), "bob", "")
    with pytest.raises(NotFound):
        evolve(known, discarded).discard(UUID(int=7), "bob", "")
