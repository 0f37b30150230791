"""A named correction: the same name is the same correction, begun once and ended once."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import pytest
from attrs import evolve as changed

from domain import corrections
from domain.corrections import (
    CorrectionBegun,
    CorrectionEnded,
    Outcome,
    Pricing,
    Selected,
    begin,
)
from domain.errors import AlreadyExists, SettingNotAllowed
from tests.support.story import NOON, given

BEGUN = CorrectionBegun(
    "CORR-2026-11",
    Selected(NOON, NOON + timedelta(days=1), group="Gold"),
    Pricing(UUID(int=1), "retail version 3"),
    NOON,
    "ann",
    "wrong sheet",
)


def test_a_correction_begins_once_whoever_runs_it_again() -> None:
    assert begin(None, BEGUN) == [BEGUN]
    known = given(corrections.evolve, BEGUN)
    later = changed(BEGUN, at=NOON + timedelta(hours=1), by="bob", why="to finish it")
    assert begin(known, later) == []


@pytest.mark.parametrize(
    "other",
    [
        changed(BEGUN, selected=changed(BEGUN.selected, group="Tin")),
        changed(BEGUN, pricing=changed(BEGUN.pricing, sheet_id=UUID(int=2))),
        changed(BEGUN, pricing=changed(BEGUN.pricing, charge_more=True)),
    ],
)
def test_a_name_is_not_used_for_another_correction(other: CorrectionBegun) -> None:
    with pytest.raises(AlreadyExists, match="CORR-2026-11"):
        begin(given(corrections.evolve, BEGUN), other)


@pytest.mark.parametrize("name", ["", " ", "a ", "x" * 61, "a\nb"])
def test_a_name_is_short_and_printable(name: str) -> None:
    with pytest.raises(SettingNotAllowed, match="1 to 60 printable characters"):
        begin(None, changed(BEGUN, name=name))


def test_a_correction_names_who_and_why() -> None:
    with pytest.raises(SettingNotAllowed):
        begin(None, changed(BEGUN, why=""))


def test_a_correction_ends_once() -> None:
    known = given(corrections.evolve, BEGUN)
    outcome = Outcome(3)
    assert known.end(outcome) == [CorrectionEnded(outcome)]
    ended = given(corrections.evolve, BEGUN, CorrectionEnded(outcome))
    assert ended.outcome == outcome
    assert ended.end(Outcome(5)) == []
