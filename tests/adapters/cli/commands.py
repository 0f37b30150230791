"""The command line on a ledger in a folder of its own."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import Any

import typer
from attrs import frozen
from typer.testing import CliRunner

from adapters.cli.app import create_cli
from talktime.main import Talktime

SETTINGS = """\
[ledger]
url = "sqlite:///{folder}/talktime.db"
[secrets]
pin_key_file = "{folder}/pin.key"
[voice]
sounds = "{folder}/sounds"
[log]
level = "error"
[[trunks]]
name = "carrier"
"""

SHEET = """\
prefix,destination,per_minute,initial_block,increment
48,Poland,0.029,30,6
4860,"Poland, mobile",0.079,30,6
"""


class _EachCommand:
    """The port ``Program``: another program for each command, behind one command line.

    To make a command line of a hundred commands takes longer than to run one of them.
    """

    def use_settings(self, path: Path | None) -> None:
        self._program = Talktime()
        self._program.use_settings(path)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._program, name)


_PROGRAM: Any = _EachCommand()
_COMMANDS = typer.main.get_command(create_cli(_PROGRAM))


@frozen
class Said:
    """What a command said, and how it ended. ``output`` is both streams as they were written."""

    exit_code: int
    stdout: str
    stderr: str
    output: str


@frozen
class Terminal:
    """Somebody at a command line, in a folder."""

    folder: Path

    def run(
        self, *words: str, environment: dict[str, str] | None = None, typed: str | None = None
    ) -> Said:
        """One command, in a program of its own."""
        told = {"TALKTIME_SETTINGS": str(self.folder / "talktime.toml"), "COLUMNS": "200"}
        code: Any = 0
        with CliRunner().isolation(typed, told | (environment or {})) as streams:
            try:
                _COMMANDS.main(list(words), prog_name="talktime")
            except SystemExit as end:
                code = end.code
            sys.stdout.flush()
            sys.stderr.flush()
            stdout, stderr, output = (stream.getvalue().decode() for stream in streams)
        return Said(code or 0, stdout, stderr, output)

    def ok(self, *words: str) -> str:
        """What a command that works says."""
        result = self.run(*words)
        assert (result.exit_code, result.stderr) == (0, ""), result.output
        return result.stdout

    def json(self, *words: str) -> Any:
        """The one document that ``--json`` prints, and nothing else."""
        return json.loads(self.ok(*words, "--json"))

    def fails(self, *words: str, code: int = 1) -> str:
        """What a command that does not work says."""
        result = self.run(*words)
        assert result.exit_code == code, result.output
        assert result.stdout == "", result.stdout
        return " ".join(result.stderr.split())

    def write(self, name: str, text: str) -> str:
        path = self.folder / name
        path.write_text(text, encoding="utf-8")
        return str(path)


def begun(folder: Path) -> Terminal:
    """A terminal with settings and a PIN key, and nothing in the ledger."""
    terminal = Terminal(folder)
    terminal.write("talktime.toml", SETTINGS.format(folder=folder))
    terminal.ok("keys", "pin")
    return terminal


def moved(terminal: Terminal, folder: Path) -> Terminal:
    """The same ledger, key and sheets in another folder."""
    for name in ("talktime.db", "pin.key", "persons.key", "retail.csv"):
        shutil.copy(terminal.folder / name, folder / name)
    copy = Terminal(folder)
    copy.write("talktime.toml", SETTINGS.format(folder=folder))
    return copy


def set_up(folder: Path) -> Terminal:
    """A terminal of an operator with a tariff, a group and an access number."""
    terminal = begun(folder)
    sheet = terminal.write("retail.csv", SHEET)
    terminal.ok("tariffs", "publish", "retail", sheet, "--since", "2026-01-01", "--by", "ann")
    terminal.ok("groups", "create", "Gold", "--face-value", "10.00", "--tariff", "retail")
    terminal.ok("access-numbers", "add", "18005550100")
    return terminal
