"""A card business at the command line: killed in the middle, nothing is lost, doubled or told."""

from __future__ import annotations

import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path
from time import monotonic, sleep

import pyrage
import pytest

from tests.adapters.cli.commands import SETTINGS, Terminal

CARDS = 9_000
CREATE = ("lots", "create", "spring", "--group", "Gold", "--first", "471100000000")


@pytest.fixture
def terminal(tmp_path: Path) -> Terminal:
    told = SETTINGS.format(folder=tmp_path) + '[cards]\napprovals = ["lot export"]\n'
    (tmp_path / "talktime.toml").write_text(told)
    terminal = Terminal(tmp_path)
    terminal.ok("keys", "pin")
    terminal.ok(
        *("groups", "create", "Gold", "--face-value", "10", "--tariff", "retail"),
        *("--pin-length", "14", "--number-length", "12"),
    )
    identity = pyrage.x25519.Identity.generate()
    (tmp_path / "key.txt").write_text(f"{identity}\n")
    (tmp_path / "recipient.txt").write_text(str(identity.to_public()))
    return terminal


def recipient(terminal: Terminal) -> str:
    return (terminal.folder / "recipient.txt").read_text()


def made(terminal: Terminal) -> int:
    file = sqlite3.connect(f"file:{terminal.folder}/talktime.db?mode=ro", uri=True)
    with file:
        found = file.execute("SELECT count(*) FROM events WHERE name = 'card-generated'")
        number: int = found.fetchone()[0]
    file.close()
    return number


def exported(terminal: Terminal, **options: str) -> list[tuple[str, str]]:
    """Asks, has somebody else approve, exports, and reads the file as the printer does."""
    file = terminal.folder / "lot.zip"
    command = ("lots", "export", "spring", "--to", str(file), "--why", "print", "--by", "ann")
    refusal = terminal.fails(*command)
    found = re.search(r"approve ([0-9a-f-]{36})", refusal)
    assert found is not None, refusal
    terminal.fails("approvals", "approve", found[1], "--by", "ann")
    terminal.ok("approvals", "approve", found[1], "--by", "bob")
    terminal.ok(*command, "--approval", found[1])
    assert oct(file.stat().st_mode & 0o777) == "0o600"
    opened = terminal.ok("lots", "open", str(file), "--identity", str(terminal.folder / "key.txt"))
    return [(row.split(",")[0], row.split(",")[1]) for row in opened.splitlines()[1:]]


@pytest.mark.processes
def test_a_lot_that_is_killed_again_and_again_is_whole_in_the_end(terminal: Terminal) -> None:
    command = (*CREATE, "--count", str(CARDS), "--recipient", recipient(terminal))
    environment = os.environ | {"TALKTIME_SETTINGS": str(terminal.folder / "talktime.toml")}
    for least in (1, 3_000, 5_000):
        running = subprocess.Popen(
            [sys.executable, "-m", "talktime", *command],
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        deadline = monotonic() + 120
        while made(terminal) < least and running.poll() is None:
            assert monotonic() < deadline
            sleep(0.01)
        running.send_signal(signal.SIGKILL)
        running.wait()
    told = terminal.json(*command)
    assert (told["made"], told["kept"], told["complete"]) == (CARDS, 0, True)
    assert made(terminal) == CARDS
    cards = exported(terminal)
    assert [number for number, _ in cards] == [f"{471100000000 + n}" for n in range(CARDS)]
    assert len({pin for _, pin in cards}) == CARDS
    number, pin = cards[4_711]
    assert terminal.fails("cards", "create", "--group", "Gold", "--pin", pin)
    assert terminal.json("cards", "show", number)["status"] == "generated"


def test_no_clear_pin_is_in_the_ledger_its_log_or_what_was_said(terminal: Terminal) -> None:
    said = [
        terminal.ok(*CREATE, "--count", "1000", "--recipient", recipient(terminal)),
        terminal.ok("lots", "show", "spring"),
    ]
    cards = exported(terminal)
    said.append(terminal.ok("lots", "status", "printed", "spring", "--why", "back"))
    said.append(terminal.ok("cards", "history", cards[0][0], "--json"))
    said.append(terminal.fails("lots", "export", "spring", "--to", "x", "--why", "y"))
    assert len({pin for _, pin in cards}) == 1_000
    files = [each for each in terminal.folder.iterdir() if each.is_file()]
    assert {"talktime.db", "lot.zip"} <= {each.name for each in files}
    everything = b"\n".join([each.read_bytes() for each in files] + [t.encode() for t in said])
    # A canary for the search itself: card numbers, which are no secret, are found.
    assert all(number.encode() in everything for number, _ in cards)
    assert [pin for _, pin in cards if pin.encode() in everything] == []
    file = sqlite3.connect(terminal.folder / "talktime.db")
    assert file.execute("SELECT count(*) FROM lot_pins").fetchone() == (0,)
    file.close()


def test_a_print_sheet_is_made_from_the_file_and_the_key_alone(terminal: Terminal) -> None:
    terminal.ok(*CREATE, "--count", "23", "--recipient", recipient(terminal))
    exported(terminal)
    (terminal.folder / "talktime.db").unlink()
    out = terminal.folder / "sheet.pdf"
    told = terminal.json(
        *("lots", "print-sheet", str(terminal.folder / "lot.zip")),
        *("--identity", str(terminal.folder / "key.txt"), "--out", str(out)),
        *("--access", "USA=+18005550100"),
    )
    assert (told["cards"], told["pages"]) == (23, 3)
    assert out.read_bytes().startswith(b"%PDF-")
    assert oct(out.stat().st_mode & 0o777) == "0o600"


def test_an_import_names_bad_rows_in_a_file_that_no_spreadsheet_runs(terminal: Terminal) -> None:
    old = terminal.folder / "old.csv"
    old.write_text("number,pin\n500000000001,12345678901234\n=4711,12345678901235\n")
    report = terminal.folder / "bad.csv"
    command = ("cards", "import", str(old), "--group", "Gold", "--report", str(report), "--json")
    result = terminal.run(*command)
    assert result.exit_code == 1
    assert json.loads(result.stdout)["loaded"] == 0
    assert report.read_text().splitlines()[1] == "3,'=4711,the number is digits only"
    assert terminal.json(*command[:-1], "--good-only")["loaded"] == 1


def test_a_distributor_sees_its_own_cards(terminal: Terminal) -> None:
    terminal.ok(*CREATE, "--count", "30", "--recipient", recipient(terminal))
    terminal.ok("distributors", "add", "Kiosk")
    terminal.ok("lots", "assign", "Kiosk", "471100000005-471100000009", "--why", "spring")
    rows = terminal.json("distributors", "cards", "Kiosk")
    assert [row["number"] for row in rows] == [f"{471100000000 + n}" for n in range(5, 10)]
    rest = terminal.json("distributors", "cards", "Kiosk", "--after", "471100000007")
    assert [row["number"] for row in rest] == ["471100000008", "471100000009"]
    terminal.ok("distributors", "add", "Market")
    refusal = terminal.fails("lots", "assign", "Market", "471100000009-471100000012", "--why", "x")
    assert "Kiosk" in refusal
    nothing = {"looked_at": 0, "charged": 0, "days": 0, "emptied": 0}
    assert terminal.json("fees", "run") == nothing | {"forfeited": 0, "breakage": []}
    assert [row["name"] for row in terminal.json("lots", "list")] == ["spring"]
