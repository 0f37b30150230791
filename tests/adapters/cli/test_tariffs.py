"""Rate sheets at the command line, from a file to the explanation of a price."""

from __future__ import annotations

import pytest

from tests.adapters.cli.commands import SHEET, Terminal


def imported(terminal: Terminal, text: str = SHEET) -> str:
    path = terminal.write("new.csv", text)
    told = terminal.json("tariffs", "import", path, "--tariff", "retail", "--by", "ann")
    assert told["rows"] == text.count("\n") - 1
    sheet_id: str = told["sheet_id"]
    return sheet_id


def test_a_draft_is_listed_compared_checked_and_published(terminal: Terminal) -> None:
    sheet_id = imported(terminal, SHEET.replace("0.029", "0.03"))
    assert [each["sheet_id"] for each in terminal.json("tariffs", "drafts")] == [sheet_id]
    told = terminal.json("tariffs", "diff", sheet_id)
    assert told["counts"] == {"against": 1, "added": 0, "removed": 0, "changed": 1}
    assert [(each["prefix"], each["percent"]) for each in told["changes"]] == [("48", 4)]
    assert terminal.json("tariffs", "lint", sheet_id)["counts"] == {}
    assert terminal.json("tariffs", "publish", sheet_id) == {"tariff": "retail", "version": 2}
    assert terminal.json("tariffs", "drafts", "--tariff", "retail") == []
    rows = terminal.json("tariffs", "show", "retail", "--limit", "1")
    assert [(row["prefix"], row["terms"]["per_minute"]) for row in rows] == [("48", 30_000)]


def test_errors_are_shown_and_overridden_by_name(terminal: Terminal) -> None:
    sheet_id = imported(terminal, SHEET.replace("0.029", "0.9"))
    result = terminal.run("tariffs", "lint", sheet_id)
    assert result.exit_code == 1
    assert "jump" in result.stdout
    assert "jump (1)" in terminal.fails("tariffs", "publish", sheet_id)
    assert "a reason" in terminal.fails("tariffs", "publish", sheet_id, "--override", "jump")
    words = ("--override", "jump", "--why", "agreed")
    assert terminal.json("tariffs", "publish", sheet_id, *words)["version"] == 2


def test_a_file_that_is_not_published_leaves_no_draft(terminal: Terminal) -> None:
    path = terminal.write("dear.csv", SHEET.replace("0.029", "0.9"))
    assert "jump (1)" in terminal.fails("tariffs", "publish", "retail", path)
    assert terminal.json("tariffs", "drafts") == []


def test_going_back_is_another_version(terminal: Terminal) -> None:
    terminal.ok("tariffs", "publish", imported(terminal, SHEET.replace("0.029", "0.03")))
    told = terminal.json("tariffs", "rollback", "retail", "1", "--why", "wrong prices")
    assert told["version"] == 3
    assert [each["version"] for each in terminal.json("tariffs", "versions", "retail")] == [1, 2, 3]


def test_a_discarded_draft_is_gone(terminal: Terminal) -> None:
    sheet_id = imported(terminal)
    terminal.ok("tariffs", "discard", sheet_id)
    assert f"There is no draft {sheet_id}." in terminal.fails("tariffs", "publish", sheet_id)


def test_what_is_exported_can_be_imported(terminal: Terminal) -> None:
    out = terminal.folder / "out.csv"
    terminal.ok("tariffs", "export", "retail", str(out))
    told = terminal.json("tariffs", "import", str(out), "--tariff", "copy")
    assert told["rows"] == 2
    assert "File exists" in terminal.fails("tariffs", "export", "retail", str(out))


def test_the_price_of_a_call_is_explained(terminal: Terminal) -> None:
    words = ("price", "--from", "18005550100", "--to", "+48774417880", "--group", "Gold")
    when = ("--at", "2026-11-22T21:58", "--seconds", "420")
    told = terminal.json(*words, *when)
    assert told["charge"]["total"] == {"amount": "0.203", "unit": "USD"}
    assert told["matched"]["prefix"] == "48"
    text = terminal.ok(*words, *when)
    assert "Together: 0.203 USD." in text
    assert "The longest prefix that fits is 48, Poland." in text


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("tariffs", "publish", "retail"), "'retail' is no id of a draft"),
        (("tariffs", "show", "none"), "There is no tariff none."),
        (("tariffs", "versions", "none"), "There is no tariff none."),
        (("tariffs", "rollback", "retail", "9", "--why", "x"), "There is no version 9"),
        (("price", "--from", "1", "--to", "48774417880", "--group", "Gold"), "access number 1"),
    ],
)
def test_what_is_not_there_is_refused(
    terminal: Terminal, words: tuple[str, ...], says: str
) -> None:
    assert says in terminal.fails(*words)
