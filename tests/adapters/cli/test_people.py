"""The first owner is made at the command line, and so is everybody else if need be."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.adapters.cli.commands import Said, Terminal, begun

PASSWORD = "a long and quiet river"


@pytest.fixture
def terminal(tmp_path: Path) -> Terminal:
    return begun(tmp_path)


def typed(terminal: Terminal, password: str, *words: str) -> Said:
    return terminal.run("people", *words, typed=password + "\n")


def let_in(terminal: Terminal, name: str, role: str) -> dict[str, Any]:
    result = typed(terminal, PASSWORD, "create", "--role", role, name, "--json")
    assert result.exit_code == 0, result.output
    made: dict[str, Any] = json.loads(result.stdout)
    return made


def test_the_first_owner_is_made_here_and_the_password_is_not_shown(terminal: Terminal) -> None:
    result = typed(terminal, PASSWORD, "create", "--role", "owner", "Ann")
    assert result.exit_code == 0
    assert PASSWORD not in result.output
    (ann,) = terminal.json("people", "list")
    assert (ann["name"], ann["role"], ann["enabled"], ann["codes"]) == ("Ann", "owner", True, False)


def test_a_short_password_is_refused(terminal: Terminal) -> None:
    result = typed(terminal, "short", "create", "--role", "owner", "Ann")
    assert result.exit_code == 1
    assert "12 to 200 characters" in " ".join(result.stderr.split())
    assert terminal.json("people", "list") == []


def test_roles_change_and_the_last_owner_stays(terminal: Terminal) -> None:
    let_in(terminal, "Ann", "owner")
    let_in(terminal, "Bob", "support")
    assert "last owner" in terminal.fails("people", "disable", "Ann", "--why", "leaves")
    changed = terminal.json("people", "role", "bob", "distributor", "--distributor", "East")
    assert (changed["role"], changed["distributor"]) == ("distributor", "East")
    assert terminal.json("people", "disable", "Bob", "--why", "left")["enabled"] is False
    assert terminal.json("people", "enable", "Bob", "--why", "is back")["enabled"] is True
    assert terminal.json("people", "drop-codes", "Bob")["codes"] is False
    assert "There is no person Eve" in terminal.fails("people", "role", "Eve", "owner")
