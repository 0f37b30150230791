"""Callers and called parties for the rig, played by sipp.

    with FarEnd(rig):
        Caller(rig, "18005550100", wait(1), keys("4711#"), await_bye()).start().finish()

What the far end does is in the last four digits of the number it is called by, see `farend.xml`.
"""

from __future__ import annotations

import os
import random
import re
import shutil
import signal
import socket
import subprocess
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Self

import attrs

from tests.end_to_end.rig.asterisk import (
    ACCESS_HOST,
    CARRIER_HOSTS,
    SIP_HOST,
    Rig,
    RigError,
    until,
)
from tests.end_to_end.rig.scenario import Step, hangup, scenario

FAR_END = Path(__file__).parent / "farend.xml"
LONGEST_CALL_SECONDS = 90.0


@attrs.frozen
class Happening:
    """Something sipp saw or did, `at` seconds after it was started."""

    at: float
    call: int
    what: str


@attrs.frozen
class Outcome:
    """What became of a caller: `ok` when the call went as its steps say."""

    ok: bool
    happenings: tuple[Happening, ...]
    complaints: str

    def saw(self, what: str) -> bool:
        """Whether something happened whose text begins so, such as `BYE in` or `486`."""
        return any(happening.what.startswith(what) for happening in self.happenings)


class Sipp:
    """One process of sipp in a folder of its own."""

    def __init__(self, folder: Path, arguments: list[str]) -> None:
        if shutil.which("sipp") is None:
            raise RigError("sipp is missing; install it with: apt-get install sip-tester")
        self.folder, self.arguments = folder, arguments
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> Self:
        """Start the process; it runs beside the test."""
        with (self.folder / "stderr").open("wb") as complaints:
            self._process = subprocess.Popen(
                ["sipp", *self.arguments, "-nostdin", "-aa", "-trace_err", "-trace_logs"],
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=complaints,
                env={**os.environ, "TERM": "vt100"},
            )
        return self

    def running(self) -> bool:
        """Whether the process is there."""
        return self._process is not None and self._process.poll() is None

    def finish(self, seconds: float = LONGEST_CALL_SECONDS) -> Outcome:
        """Wait for its end, and tell what happened."""
        assert self._process is not None, "start it first"
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.stop()
        return self.outcome()

    def stop(self) -> None:
        """End the process."""
        if self._process is None or self._process.poll() is not None:
            return
        self._process.send_signal(signal.SIGUSR1)  # sipp: take no more calls, then exit
        try:
            self._process.wait(2)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def outcome(self) -> Outcome:
        """What happened so far."""
        happenings = []
        for log in self.folder.glob("*_logs.log"):
            for line in log.read_text(errors="replace").splitlines():
                if found := re.search(r"rig (\d+) (\d+) (.*)", line):
                    at = int(found[2]) / 1000
                    happenings.append(Happening(at, int(found[1]), found[3].strip()))
        files = [self.folder / "stderr", *self.folder.glob("*_errors.log")]
        complaints = "".join(file.read_text(errors="replace") for file in files)
        ok = self._process is not None and self._process.poll() == 0
        return Outcome(ok, tuple(happenings), complaints)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        self.stop()


class Caller(Sipp):
    """One call, or `calls` of them at `rate` a second, to an access number of the rig.

    `headers` are added to the INVITE, such as `P-Asserted-Identity: <sip:+1555…@x>`.
    """

    def __init__(
        self,
        rig: Rig,
        number: str,
        *steps: Step,
        caller: str = "15551230001",
        name: str = "",
        headers: tuple[str, ...] = (),
        calls: int = 1,
        rate: int = 1,
    ) -> None:
        folder = Path(tempfile.mkdtemp(prefix="caller-", dir=rig.run))
        (folder / "scenario.xml").write_text(scenario(steps or (hangup(),), headers))
        arguments = ["-sf", "scenario.xml", f"{SIP_HOST}:{rig.sip_port}", "-bind_local"]
        arguments += ["-i", ACCESS_HOST, "-p", _free_pair(ACCESS_HOST, SIGNALLING)]
        arguments += ["-mi", ACCESS_HOST, "-mp", _free_pair(ACCESS_HOST, MEDIA)]
        arguments += ["-s", number, "-key", "caller", caller, "-key", "fromname", name]
        arguments += ["-m", str(calls), "-r", str(rate), "-cid_str", "c%u-%p@%s"]
        super().__init__(folder, arguments)


class FarEnd(Sipp):
    """The called side of every call that goes out by one of the rig's trunks."""

    def __init__(self, rig: Rig, trunk: str = "carrier") -> None:
        self.address = CARRIER_HOSTS[trunk], rig.carrier_ports[trunk]
        host, port = self.address
        arguments = ["-sf", str(FAR_END), "-i", host, "-p", str(port), "-bind_local"]
        arguments += ["-mi", host, "-mp", _free_pair(host, MEDIA)]
        super().__init__(Path(tempfile.mkdtemp(prefix=f"{trunk}-", dir=rig.run)), arguments)

    def start(self) -> Self:
        """Start, and return when the port is taken."""
        super().start()
        until("the far end listens", self._listens)
        return self

    def _listens(self) -> bool:
        if not self.running():
            raise RigError(f"the far end ended: {self.outcome().complaints}")
        try:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
                probe.bind(self.address)
        except OSError:
            return True
        return False

    def talked(self) -> list[float]:
        """Seconds from its answer to the end of every call that was answered: the truth."""
        answered: dict[int, float] = {}
        seconds = []
        for happening in self.outcome().happenings:
            if happening.what.startswith("answered"):
                answered[happening.call] = happening.at
            elif happening.what.startswith("end") and happening.call in answered:
                seconds.append(happening.at - answered[happening.call])
        return seconds


# Below what the system gives to sockets that name no port, or one of them may have it by then.
MEDIA = (10_000, 16_000)
SIGNALLING = (16_000, 20_000)

_WORKERS = 8
_WORKER = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % _WORKERS
"""Those that run at the same time have ports of their own."""

_handed_out: set[int] = set()
"""Ports of sipps that may not have taken them yet."""


def _free_pair(host: str, within: tuple[int, int]) -> str:
    """A free port whose second neighbour is free as well: sipp takes both for RTP."""
    low, high = within
    ports = list(range(low + 4 * _WORKER, high, 4 * _WORKERS))
    random.shuffle(ports)
    if _handed_out.issuperset(ports):
        _handed_out.difference_update(ports)
    for port in ports:
        if port in _handed_out:
            continue
        try:
            for candidate in (port, port + 2):
                with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
                    probe.bind((host, candidate))
        except OSError:
            continue
        _handed_out.add(port)
        return str(port)
    raise RigError(f"no free port on {host} from {low} to {high}")
