"""Bugs that are planted on purpose: the story and its judge find every one, and nothing else."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.faults.planted import BUGS, REFUSALS, Bug, Slip, found, plant, slipped
from tests.faults.planted_story import Finding, told_by
from tests.faults.sizes import size
from tests.faults.summary import Happened

pytestmark = pytest.mark.faults

SEED = 20_261_122

Told = dict[str, Finding | None]


def told_in(folder: Path, empty: Path, seed: int = SEED) -> list[Finding]:
    folder.mkdir()
    return told_by(f"sqlite:///{shutil.copy(empty, folder / 'ledger.db')}", folder, seed)


@pytest.fixture(scope="module")
def told() -> Told:
    """What was found first of each bug that was planted."""
    return {}


@pytest.mark.parametrize("seed", range(SEED, SEED + size(1, 20)))
def test_a_story_without_a_bug_finds_nothing(
    seed: int, tmp_path: Path, sqlite_template: Path
) -> None:
    assert told_in(tmp_path / "clean", sqlite_template, seed) == []


@pytest.mark.parametrize("bug", [*BUGS, *REFUSALS], ids=lambda bug: bug.name)
def test_a_planted_bug_is_caught(
    bug: Bug, tmp_path: Path, sqlite_template: Path, monkeypatch: pytest.MonkeyPatch, told: Told
) -> None:
    told[bug.name] = None
    plant(bug, monkeypatch)
    findings = told_in(tmp_path / "planted", sqlite_template)
    assert findings, f"{bug.name}: nobody saw that this was broken: {bug.breaks}"
    told[bug.name] = findings[0]


def test_all_of_them_are_caught(told: Told, happened: Happened) -> None:
    for kind, bugs in (("planted bugs", BUGS), ("planted refusals", REFUSALS)):
        planted = [bug for bug in bugs if bug.name in told]
        caught = [bug for bug in planted if told[bug.name] is not None]
        words = f"{kind}: {len(caught)} of {len(planted)} caught"
        sys.stdout.write(f"\n{words}\n{_table(caught, told)}\n")
        happened.fault, happened.times = words, len(planted)
        happened.keep()
        assert caught == planted


def _table(bugs: Sequence[Bug], told: Told) -> str:
    widest = max((len(bug.name) for bug in bugs), default=0)
    return "\n".join(f"  {bug.name.ljust(widest)}  {str(told[bug.name])[:110]}" for bug in bugs)


def test_at_least_twenty_ledger_bugs_are_planted() -> None:
    assert len(BUGS) >= 20
    assert len({bug.name for bug in (*BUGS, *REFUSALS)}) == len(BUGS) + len(REFUSALS)


def test_a_slip_that_no_longer_fits_its_function_is_not_planted() -> None:
    function = found("domain.money:divided_up")
    with pytest.raises(ValueError, match="0 times"):
        slipped(function, [Slip("domain.money:divided_up", "floor(", "ceil(")])
