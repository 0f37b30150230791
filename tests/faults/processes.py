"""The program as real processes around one ledger, which may be killed at any moment."""

from __future__ import annotations

import ctypes
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

from attrs import define, field, frozen

from adapters.http.keys import digest_of
from adapters.persistence.connecting import connect
from adapters.persistence.migrations import upgrade
from adapters.sealing.keys import SealKey
from domain.access_numbers import AccessTerms
from domain.card_groups import GroupTerms
from domain.money import parse
from domain.rate_checks import PricedPrefix
from domain.rating import RateTerms
from talktime.settings import check
from talktime.system import make_pin_key, running
from tests.faults.acknowledged import Acknowledged
from tests.faults.oracle import Oracle, SealFiles
from tests.faults.sizes import PATIENCE

ROOT = Path(__file__).parents[2]
ACCESS_NUMBER = "18005550100"
GROUP = "Gold"
NODE = "pbx1"
KEY_NAME = "counter"


_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None)


def die_with_parent() -> None:
    """To be called in a new process: when whoever started it is killed, it is killed as well."""
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


class Starter(Protocol):
    """Starts the program's processes."""

    def start(self, command: str, settings: Path, log: Path, **more: Any) -> int: ...

    def wait(self, pid: int) -> int: ...

    def close(self) -> None: ...


class Forks:
    """Children of one process that has imported the program already."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._parent = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.parent"],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )

    def start(self, command: str, settings: Path, log: Path, **more: Any) -> int:
        asked = {"run": command, "settings": str(settings), "log": str(log)} | more
        return int(self._ask(asked)["pid"])

    def wait(self, pid: int) -> int:
        return int(self._ask({"wait": pid})["status"])

    def close(self) -> None:
        assert self._parent.stdin is not None
        self._parent.stdin.close()
        self._parent.wait(30)
        assert self._parent.stdout is not None
        self._parent.stdout.close()

    def _ask(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        assert self._parent.stdin is not None
        assert self._parent.stdout is not None
        with self._lock:
            self._parent.stdin.write(json.dumps(asked).encode() + b"\n")
            self._parent.stdin.flush()
            line = self._parent.stdout.readline()
        assert line, "the process that forks has ended: the program cannot be imported"
        told: dict[str, Any] = json.loads(line)
        return told


class Programs:
    """The program as a user starts it: ``talktime <command>``, imports and all."""

    def __init__(self, environment: Mapping[str, str] | None = None) -> None:
        """``environment`` is added to that of the tests."""
        self._environment = environment or {}
        self._running: dict[int, subprocess.Popen[bytes]] = {}

    def start(self, command: str, settings: Path, log: Path, **_: Any) -> int:
        with log.open("ab") as out:
            process = subprocess.Popen(
                [sys.executable, "-m", "talktime", "--settings", str(settings), command],
                cwd=ROOT,
                env=os.environ | self._environment,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                preexec_fn=die_with_parent,
            )
        self._running[process.pid] = process
        return process.pid

    def wait(self, pid: int) -> int:
        return self._running.pop(pid).wait()

    def close(self) -> None:
        for process in self._running.values():
            process.kill()
            process.wait()


@define
class Member:
    """One process of a set-up: which command, and where it listens."""

    command: str
    settings: Path
    log: Path
    agi_port: int = 0
    http_port: int = 0
    pid: int = 0
    kills: int = 0

    def __str__(self) -> str:
        return self.log.stem


@define
class SetUp:
    """A ledger with the processes that work on it, and what is needed to call and to judge."""

    folder: Path
    url: str
    starter: Starter
    members: list[Member]
    secret: str
    cards: list[tuple[str, str, str]]
    """Id, number and PIN of each."""
    record: Acknowledged
    oracle: Oracle
    spool: Path
    early: bool = False
    _down: set[str] = field(init=False, factory=set)

    @property
    def agi_ports(self) -> list[int]:
        return [each.agi_port for each in self.members if each.agi_port]

    @property
    def http_ports(self) -> list[int]:
        return [each.http_port for each in self.members if each.http_port]

    def start(self, *members: Member) -> None:
        for member in members or tuple(self.members):
            more = {"early": True} if self.early else {}
            member.pid = self.starter.start(member.command, member.settings, member.log, **more)

    def kill(self, *members: Member) -> None:
        """All of them at once, by SIGKILL; they are gone when this returns."""
        for member in members:
            os.kill(member.pid, signal.SIGKILL)
        ends = [(member, self._ended(member)) for member in members]
        for member, status in ends:
            assert status == -signal.SIGKILL, f"{member} had ended by itself:\n{self.told(member)}"
            member.kills += 1

    def stop(self) -> None:
        """As an operator ends them: every one ends in order."""
        alive = [member for member in self.members if member.pid]
        for member in alive:
            os.kill(member.pid, signal.SIGTERM)
        ends = [(member, self._ended(member)) for member in alive]
        for member, status in ends:
            assert status == 0, f"{member} ended with {status}:\n{self.told(member)}"

    def end(self) -> None:
        """Whatever state it is in."""
        for member in self.members:
            if member.pid:
                os.kill(member.pid, signal.SIGKILL)
                self._ended(member)

    def _ended(self, member: Member) -> int:
        """Waits for the end of a process; a negative number is the signal that ended it."""
        status = self.starter.wait(member.pid)
        member.pid = 0
        return status

    def await_ready(self) -> None:
        """Every door of every process is open."""
        for port in (*self.agi_ports, *self.http_ports):
            await_port(port)

    def told(self, member: Member, lines: int = 15) -> str:
        if not member.log.exists():
            return "never started"
        return "\n".join(member.log.read_text(errors="replace").splitlines()[-lines:])

    def drained(self) -> bool:
        """Every record in the spool was reported, and its place written down."""
        try:
            size = (self.spool / "legs.txt").stat().st_size
            state = json.loads((self.spool / "legs.offset").read_bytes())
        except FileNotFoundError:
            return False
        return bool(size == sum(each["offset"] for each in state["files"]))


def await_port(port: int, seconds: float = PATIENCE) -> None:
    """Somebody accepts connections there."""
    until = time.monotonic() + seconds
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 5).close()
        except OSError:
            assert time.monotonic() < until, f"nobody listens at port {port}"
            time.sleep(0.005)
        else:
            return


def free_ports(count: int) -> list[int]:
    with ExitStack() as stack:
        taken = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        return [each.getsockname()[1] for each in taken]


APART = ("agi", "agi", "http", "worker", "ship")
TOGETHER = ("serve",)


@contextmanager
def set_up(
    url: str, commands: Sequence[str], starter: Starter, *, cards: int = 24, early: bool = False
) -> Iterator[SetUp]:
    """An operator with its cards on the empty ledger at ``url``; nothing is started yet."""
    with tempfile.TemporaryDirectory(prefix="talktime-faults-") as name, ExitStack() as stack:
        folder = Path(name)
        (folder / "spool").mkdir()
        make_pin_key(folder / "pin.key")
        SealKey.new("example.com/faults").write(folder / "seal.key")
        secret = secrets.token_urlsafe(32)
        members = _members(folder, url, commands, secret)
        record = stack.enter_context(Acknowledged(folder / "record"))
        files = SealFiles(folder / "seal.key.pub", folder / "checkpoints")
        made = SetUp(
            folder,
            url,
            starter,
            members,
            secret,
            _operator(folder, url, cards),
            record,
            Oracle(url, files),
            folder / "spool",
            early,
        )
        try:
            yield made
        finally:
            made.end()


def _members(folder: Path, url: str, commands: Sequence[str], secret: str) -> list[Member]:
    members = []
    for number, command in enumerate(commands, 1):
        agi_port, http_port = free_ports(2)
        settings, log = folder / f"{command}{number}.toml", folder / f"{command}{number}.log"
        settings.write_text(
            _SETTINGS.format(
                folder=folder,
                url=url,
                agi_port=agi_port,
                http_port=http_port,
                key=digest_of(secret),
                spool=folder / "spool" if command in ("serve", "ship") else "",
            )
        )
        member = Member(command, settings, log)
        member.agi_port = agi_port if command in ("serve", "agi") else 0
        member.http_port = http_port if command in ("serve", "http") else 0
        members.append(member)
    return members


_SETTINGS = """
[ledger]
url = "{url}"
[secrets]
pin_key_file = "{folder}/pin.key"
[agi]
port = {agi_port}
one_core = false
[http]
port = {http_port}
[[http.keys]]
name = "counter"
sha256 = "{key}"
scopes = ["admin", "node"]
[[trunks]]
name = "carrier"
[asterisk]
node = "pbx1"
spool = "{spool}"
[seals]
key_file = "{folder}/seal.key"
checkpoint_file = "{folder}/checkpoints"
seconds = 1
[log]
level = "info"
json = true
"""


def _operator(folder: Path, url: str, cards: int) -> list[tuple[str, str, str]]:
    with connect(url) as recorder:
        upgrade(recorder)
    settings = check(
        {
            "ledger": {"url": url},
            "secrets": {"pin_key_file": str(folder / "pin.key")},
            "trunks": [{"name": "carrier"}],
            "log": {"level": "warning"},
        }
    )
    with running(settings) as system:
        do = system.administration
        rows = [PricedPrefix("48", "Poland", RateTerms("USD", 60_000, connect_fee=10_000))]
        since = datetime(2026, 1, 1, tzinfo=UTC)
        system.tariffs.publish_rows("retail", "USD", rows, since, "tests")
        terms = GroupTerms(
            "USD",
            parse("5", "USD"),
            "retail",
            simultaneous_calls=3,
            most_held=parse("1", "USD"),
            setup_fee=parse("0.05", "USD"),
        )
        do.create_group(GROUP, terms)
        system.access_numbers.add(ACCESS_NUMBER, AccessTerms())
        made = []
        for number in range(cards):
            pin = f"{10_000_000 + number * 13_001}"
            card = do.generate_card(GROUP, number=f"{1_000_000_000 + number}", pin=pin)
            do.issue_card(card.card_id, "tests", "to be called with")
            made.append((str(card.card_id), card.number, pin))
        return made


@frozen
class Restart:
    """How long it took from the start of a process to the first number it dialled, in seconds."""

    member: str
    seconds: float
