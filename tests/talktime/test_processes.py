"""Each task in a process of its own, on one ledger: they start, work together, and end in order."""

from __future__ import annotations

import json
import re
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from adapters.phone.asterisk_side import Settings as Call
from domain.card_groups import GroupTerms
from domain.money import Money
from talktime.settings import load
from talktime.system import System, running
from tests.talktime.test_main import settled, start

pytestmark = pytest.mark.processes

READY = {"agi": "agi_listening", "http": "http_listening", "worker": "worker_ready"}
JOBS = {"follow", "sweep", "fees", "lots", "persons"}
PATIENCE = 60.0


class Node:
    """One process, and what it logs."""

    def __init__(self, folder: Path, command: str) -> None:
        self.process = start(folder, command)
        self.told: list[dict[str, Any]] = []
        self.ready = self.wait_for(READY[command])

    def wait_for(self, event: str, count: int = 1) -> dict[str, Any]:
        """The last of so many lines of this event."""
        assert self.process.stderr is not None
        while len(found := [each for each in self.told if each["event"] == event]) < count:
            line = self.process.stderr.readline()
            assert line, f"it ended before {event}: {self.told}"
            self.told.append(json.loads(line))
        return found[-1]

    def jobs(self) -> set[str]:
        """The jobs that it says it has, once they are as many as there are."""
        self.wait_for("job_taken", len(JOBS))
        return {each["job"] for each in self.told if each["event"] == "job_taken"}


@contextmanager
def nodes(folder: Path, *commands: str) -> Iterator[list[Node]]:
    made: list[Node] = []
    try:
        made.extend(Node(folder, command) for command in commands)
        yield made
    finally:
        for node in made:
            node.process.kill()
            node.process.communicate()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return settled(tmp_path)


@pytest.fixture
def office(folder: Path) -> Iterator[System]:
    with running(load(folder / "talktime.toml", {})) as system:
        yield system


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.05)


def ended(process: subprocess.Popen[str]) -> tuple[int, str]:
    process.send_signal(signal.SIGTERM)
    _, error = process.communicate(timeout=PATIENCE)
    return process.returncode, error


def test_each_starts_and_ends_in_order_when_told(folder: Path) -> None:
    with nodes(folder, *READY) as made:
        for node in made:
            code, error = ended(node.process)
            assert (code, "Traceback" in error) == (0, False), error


def test_what_one_records_the_worker_puts_into_the_lists_of_the_other(
    folder: Path, office: System
) -> None:
    with nodes(folder, "http", "worker") as (http, _):
        terms = GroupTerms("USD", Money(1_000_000, "USD"), "retail")
        office.administration.create_group("Gold", terms)
        card = office.administration.generate_card("Gold")
        until(lambda: any(row.number == card.number for row in office.views.cards(None, 10)))
        port = http.ready["port"]
        assert httpx.get(f"http://127.0.0.1:{port}/health/ready").status_code == 200


def test_a_node_for_calls_answers_without_the_others(folder: Path) -> None:
    with nodes(folder, "agi") as (agi,):
        address = "127.0.0.1", agi.ready["port"]
        with socket.create_connection(address, timeout=PATIENCE) as connection:
            connection.sendall(Call().head(*address))
            told = connection.makefile("rb")
            while not (line := told.readline()).startswith(b"ANSWER"):
                assert re.match(rb"[A-Z]", line), line
                connection.sendall(b"200 result=0\n")


def test_of_two_workers_one_does_each_job_and_the_other_follows_when_it_is_killed(
    folder: Path, office: System
) -> None:
    with nodes(folder, "worker") as (first,):
        assert first.jobs() == JOBS
        with nodes(folder, "worker") as (second,):
            assert "job_taken" not in {each["event"] for each in second.told}
            first.process.send_signal(signal.SIGKILL)
            assert second.jobs() == JOBS
            cards_are_followed(office)


def cards_are_followed(office: System) -> None:
    terms = GroupTerms("USD", Money(1_000_000, "USD"), "retail")
    office.administration.create_group("Gold", terms)
    office.administration.generate_card("Gold")
    until(lambda: len(office.views.cards(None, 10)) == 1)
