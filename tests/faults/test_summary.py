"""The table at the end of the long run says what each test did, and how far one cut short came."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.faults import summary
from tests.faults.summary import Happened

pytestmark = pytest.mark.faults


def test_the_last_word_of_each_test_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    lines, out = tmp_path / "lines", tmp_path / "var" / "faults.txt"
    monkeypatch.setenv("FAULTS_SUMMARY", str(lines))
    disk = Happened("test_disk", "full disk", times=3, breaches=2, seconds=7.4, ended=True)
    kills = Happened("test_kills", "kill -9", times=100, checks=9, waits=[0.5] * 98 + [1.0, 2.5])
    kills.keep()
    disk.keep()
    kills.times = 1_200
    kills.keep()
    monkeypatch.setattr(sys, "argv", ["summary", str(lines), str(out), "Faults of a day"])
    summary.main()
    words, _, head, rule, *rows = out.read_text().splitlines()[:6]
    assert words == "Faults of a day"
    assert plain(head) == "fault times breaches checks seconds p50 p99 max"
    assert set(rule) == {"-"}
    assert [plain(row) for row in rows] == [
        "full disk 3 2 0 7",
        "kill -9 (cut short) 1,200 0 9 0 0.50 2.50 2.50",
    ]
    assert out.read_text() in capsys.readouterr().out


def plain(row: str) -> str:
    return " ".join(row.split())
