"""At the command line the log is sealed and checked, and what is wrong is said in a sentence."""

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
    terminal = set_up(tmp_path)
    path = tmp_path / "talktime.toml"
    path.write_text(path.read_text() + SEALS.format(folder=tmp_path))
    terminal.ok("seal", "keys", "new", "example.com/ledger")
    return terminal


def trusted(terminal: Terminal) -> tuple[str, ...]:
    folder = terminal.folder
    return "--public-key", f"{folder}/seal.key.pub", "--checkpoint", f"{folder}/checkpoints"


def change(terminal: Terminal, statement: str) -> None:
    with closing(sqlite3.connect(terminal.folder / "talktime.db")) as database, database:
        assert database.execute(statement).rowcount > 0


def test_a_log_is_sealed_and_checked(terminal: Terminal) -> None:
    assert terminal.json("seal", "run") == {"blocks": 1}
    found = json.loads(terminal.run("seal", "verify", *trusted(terminal), "--json").stdout)
    assert (found["as_sealed"], found["blocks"], found["unsealed"]) == (True, 1, 0)
    assert "The log is as it was sealed" in " ".join(
        terminal.ok("seal", "verify", *trusted(terminal)).split()
    )


def test_a_log_that_was_edited_is_told_by_its_first_wrong_fact(terminal: Terminal) -> None:
    terminal.ok("seal", "run")
    change(terminal, "UPDATE events SET data = replace(data, 'Gold', 'Lead') WHERE position = 4")
    told = terminal.fails("seal", "verify", *trusted(terminal))
    assert "the log is not as it was sealed (edited): the fact at position 4" in told
    result = terminal.run("seal", "verify", *trusted(terminal), "--json")
    assert result.exit_code == 1
    assert '"position": 4' in result.stdout


def test_the_audit_looks_at_the_seals_when_it_is_given_the_key(terminal: Terminal) -> None:
    terminal.ok("seal", "run")
    told = json.loads(terminal.run("audit", "verify", *trusted(terminal), "--json").stdout)
    assert (told["clean"], told["seals"]["as_sealed"]) == (True, True)
    assert terminal.json("audit", "verify")["seals"] is None
    # No rule forbids another name: only the seal knows.
    change(terminal, "UPDATE events SET data = replace(data, 'Gold', 'Lead') WHERE position = 4")
    result = terminal.run("audit", "verify", *trusted(terminal), "--json")
    assert result.exit_code == 1
    assert json.loads(result.stdout)["seals"]["position"] == 4
    only_published = ("--checkpoint", f"{terminal.folder}/checkpoints")
    assert terminal.run("audit", "verify", *only_published).exit_code == 2


def test_without_a_key_file_in_the_settings_nothing_is_sealed(tmp_path: Path) -> None:
    bare = set_up(tmp_path)
    assert "setting seals.key_file is empty" in bare.fails("seal", "run")
    assert "setting seals.key_file is empty" in bare.fails("seal", "keys", "new", "example.com")


def test_a_key_that_is_none_is_told(terminal: Terminal) -> None:
    public = terminal.write("not-a-key", "hello\n")
    told = terminal.fails("seal", "verify", "--public-key", public)
    assert "a public key is <name>+<8 hex digits>+<base64" in told


def test_a_call_that_never_was_has_no_proof(terminal: Terminal) -> None:
    terminal.ok("seal", "run")
    assert "call" in terminal.fails("seal", "prove", "pbx1-1763765000.42").lower()
    assert "reference" in terminal.fails("seal", "prove", "nonsense").lower()
