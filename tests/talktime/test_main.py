"""The program as it is started from a terminal."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from talktime.system import make_pin_key

ROOT = Path(__file__).parents[2]

SETTINGS = """\
[ledger]
url = "sqlite:///{folder}/talktime.db"
[secrets]
pin_key_file = "{folder}/pin.key"
[agi]
port = {agi}
[http]
port = {http}
[log]
json = true
"""


def environment(folder: Path) -> dict[str, str]:
    mine = {name: value for name, value in os.environ.items() if not name.startswith("TALKTIME_")}
    return mine | {
        "PYTHONPATH": str(ROOT),
        "TALKTIME_SETTINGS": str(folder / "talktime.toml"),
        "COLUMNS": "200",
    }


def start(folder: Path, *words: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "talktime", *words],
        cwd=folder,
        env=environment(folder),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def run(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    process = start(folder, *words)
    out, error = process.communicate(timeout=60)
    return subprocess.CompletedProcess(words, process.returncode, out, error)


def settled(folder: Path, agi: int = 0, http: int = 0) -> Path:
    text = SETTINGS.format(folder=folder, agi=agi, http=http)
    (folder / "talktime.toml").write_text(text)
    make_pin_key(folder / "pin.key")
    return folder


@contextmanager
def serving(folder: Path, *words: str, until: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A server that has said the given words, and what they were found in."""
    process = start(folder, *words)
    told = ""
    try:
        stream = process.stderr if until == "agi_listening" else process.stdout
        assert stream is not None
        while until not in told:
            line = stream.readline()
            assert line, f"it ended before it said {until!r}: {process.communicate()}"
            told += line
        yield process, told
    finally:
        process.kill()
        process.communicate()


@pytest.mark.processes
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_server_that_is_told_to_end_does_so_with_exit_code_0(
    tmp_path: Path, number: signal.Signals
) -> None:
    with serving(settled(tmp_path), "serve", until="agi_listening") as (process, told):
        port = re.search(r'"port": ([0-9]+)', told)
        assert port is not None
        socket.create_connection(("127.0.0.1", int(port[1])), timeout=10).close()
        process.send_signal(number)
        _, error = process.communicate(timeout=30)
        assert process.returncode == 0
        assert "Traceback" not in error


@pytest.mark.processes
def test_a_port_in_use_is_told_in_one_sentence(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        result = run(settled(tmp_path, agi=port), "serve")
    assert result.returncode == 1
    assert f"error: setting agi: 127.0.0.1:{port}: Address already in use" in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.processes
def test_the_demo_answers_the_telephone_and_ends_when_told(tmp_path: Path) -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as agi,
        socket.create_server(("127.0.0.1", 0)) as http,
    ):
        ports = agi.getsockname()[1], http.getsockname()[1]
    words = ("demo", "--folder", "demo", "--agi-port", str(ports[0]), "--http-port", str(ports[1]))
    with serving(tmp_path_of(tmp_path), *words, until="through the PJSIP") as (process, told):
        card = re.search(r"([0-9]{10})\D+([0-9]{8})\b", told)
        assert card is not None
        script = tmp_path / "keys.txt"
        script.write_text(f"{card[1]}#\n{card[2]}#\n48774417880#\ntalk 60\n#\n#\n")
        called = run(tmp_path, "phone", "--port", str(ports[0]), "--script", str(script))
        assert called.returncode == 0, called.stderr
        assert "dollars" in called.stdout
        assert "answered, talked 1:00" in called.stdout
        assert "ended by" in called.stdout
        again = run(tmp_path, "phone", "--port", str(ports[0]), "--script", str(script))
        assert again.returncode == 0, again.stderr
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=30)
        assert process.returncode == 0
    # Each call is one of its own, of today.
    calls = json.loads(run(tmp_path / "demo", "calls", "list", "--json").stdout)
    assert [each["seconds"] for each in calls] == [60, 60]
    first = json.loads(
        run(tmp_path / "demo", "audit", "explain", calls[0]["reference"], "--json").stdout
    )
    answered = datetime.fromisoformat(first["attempts"][0]["answered_at"])
    assert abs(datetime.now(UTC) - answered) < timedelta(hours=1)


def tmp_path_of(folder: Path) -> Path:
    """The demo needs no settings file, and no variable may name one."""
    (folder / "talktime.toml").write_text("")
    return folder


@pytest.mark.processes
def test_a_wrong_command_is_exit_code_2_and_a_wrong_setting_1(tmp_path: Path) -> None:
    assert run(settled(tmp_path), "sing").returncode == 2
    (tmp_path / "talktime.toml").write_text("[agi]\nport = 'many'\n")
    result = run(tmp_path, "serve")
    assert result.returncode == 1
    assert result.stderr.startswith("error: setting agi.port: ")


@pytest.mark.processes
def test_json_is_the_only_thing_on_standard_output(tmp_path: Path) -> None:
    result = run(settled(tmp_path), "cards", "list", "--json")
    assert (result.returncode, result.stdout) == (0, "[]\n")
