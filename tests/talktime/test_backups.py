"""At the command line a ledger is backed up and restored, and tested against its checkpoints."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.adapters.cli.commands import Terminal, set_up

SEALS = """
[seals]
key_file = "{folder}/seal.key"
checkpoint_file = "{folder}/checkpoints"
"""


@pytest.fixture
def terminal(tmp_path: Path) -> Terminal:
    """An operator with a sealed ledger."""
    terminal = set_up(tmp_path)
    settings = tmp_path / "talktime.toml"
    settings.write_text(settings.read_text() + SEALS.format(folder=tmp_path))
    terminal.ok("seal", "keys", "new", "example.com/ledger")
    terminal.ok("seal", "run")
    return terminal


def facts(terminal: Terminal) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(terminal.folder / "talktime.db")) as database:
        return database.execute("SELECT * FROM events ORDER BY position").fetchall()


def lose(terminal: Terminal) -> None:
    """The ledger's disk is gone; keys and checkpoints are elsewhere."""
    for path in terminal.folder.glob("talktime.db*"):
        path.unlink()


def test_a_ledger_comes_back_as_it_was_sealed(terminal: Terminal) -> None:
    was = facts(terminal)
    told = terminal.ok("backup", str(terminal.folder / "copy"))
    assert "Not in a backup, and needed with it: the PIN key" in told
    assert "the seal key" in told
    lose(terminal)
    told = terminal.ok("restore", str(terminal.folder / "copy"))
    assert "Restored, and as it was sealed" in " ".join(told.split())
    assert facts(terminal) == was
    assert terminal.json("seal", "run") == {"blocks": 0}


def test_secrets_are_not_in_a_backup(terminal: Terminal) -> None:
    copy = terminal.folder / "copy"
    terminal.ok("backup", str(copy))
    content = copy.read_bytes()
    for name in ("pin.key", "seal.key"):
        secret = (terminal.folder / name).read_bytes()
        assert secret not in content
        assert secret.split(b"+")[-1].strip() not in content


def test_an_older_backup_is_told_as_older_and_sealed_under_a_new_name_only(
    terminal: Terminal,
) -> None:
    copy = str(terminal.folder / "copy")
    terminal.ok("backup", copy)
    terminal.ok("groups", "create", "Silver", "--face-value", "5.00", "--tariff", "retail")
    while terminal.json("seal", "run") == {"blocks": 0}:
        pass
    lose(terminal)
    told = terminal.json("restore", copy)
    assert told["as_sealed"] is True
    assert "in 2 blocks; the log ends at position" in told["older"]
    assert "nothing more is sealed under this name" in terminal.fails("seal", "run")
    settings = terminal.folder / "talktime.toml"
    settings.write_text(settings.read_text().replace("seal.key", "seal2.key"))
    terminal.ok("seal", "keys", "new", "example.com/ledger-2")
    terminal.ok("groups", "create", "Bronze", "--face-value", "2.00", "--tariff", "retail")
    assert terminal.json("seal", "run") == {"blocks": 1}
    keys = terminal.folder / "all.pub"
    keys.write_text(
        "".join((terminal.folder / f"{name}.pub").read_text() for name in ("seal.key", "seal2.key"))
    )
    terminal.ok("seal", "verify", "--public-key", str(keys))
    newest = ("--public-key", str(terminal.folder / "seal2.key.pub"))
    published = ("--checkpoint", str(terminal.folder / "checkpoints"))
    assert json.loads(terminal.ok("seal", "verify", *newest, *published, "--json"))["blocks"] == 2


def test_a_backup_that_somebody_edited_is_told_at_the_exact_fact(terminal: Terminal) -> None:
    copy = terminal.folder / "copy"
    terminal.ok("backup", str(copy))
    lose(terminal)
    with closing(sqlite3.connect(copy)) as database, database:
        database.execute("UPDATE events SET version = 9 WHERE position = 3")
    told = terminal.fails("restore", str(copy))
    assert "not as it was sealed (edited): the fact at position 3" in told


def test_a_ledger_without_seals_is_restored_and_said_not_to_be_tested(tmp_path: Path) -> None:
    terminal = set_up(tmp_path)
    terminal.ok("backup", str(tmp_path / "copy"))
    lose(terminal)
    assert "Not tested" in terminal.ok("restore", str(tmp_path / "copy"))


def test_a_ledger_is_not_written_over(terminal: Terminal) -> None:
    terminal.ok("backup", str(terminal.folder / "copy"))
    told = terminal.fails("restore", str(terminal.folder / "copy"))
    assert "talktime.db is there already, and is not written over" in told
