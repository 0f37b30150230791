"""At the command line the books and the facts leave as files, and counts are told."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.adapters.cli.commands import Terminal, set_up


@pytest.fixture
def terminal(tmp_path: Path) -> Terminal:
    return set_up(tmp_path)


@pytest.mark.parametrize("form", ["hledger", "beancount"])
def test_the_books_leave_as_a_journal(terminal: Terminal, form: str) -> None:
    path = terminal.folder / "books"
    assert terminal.json("export", form, str(path), "--at", "2026-01-01")["transactions"] == 0
    assert path.read_text().startswith("; The books of Talktime")
    assert "is not written over" in terminal.fails("export", form, str(path))
    told = terminal.fails("export", form, str(path), "--at", "yesterday")
    assert "a moment is written 2026-01-31T08:00" in told


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_everything_leaves_as_tables(terminal: Terminal, form: str) -> None:
    folder = terminal.folder / "tables"
    counts = terminal.json("export", form, str(folder))
    assert (counts["postings"], counts["calls"]) == (0, 0)
    assert counts["facts"] > 0
    names = {f"{name}.{form}" for name in ("facts", "postings", "calls")}
    assert {path.name for path in folder.iterdir()} == names
    assert "Exported" in terminal.ok("export", form, str(terminal.folder / "again"))
