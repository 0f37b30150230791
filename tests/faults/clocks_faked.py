"""The program as a user starts it, under a clock of the day that is somebody else's to set."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

from tests.faults.processes import ROOT, die_with_parent

_INSTALL = (
    "The fault tests set a process's clock with libfaketime (Debian: apt-get install faketime)."
)


class FakedPrograms:
    """Starts ``talktime <command>`` with libfaketime: its clock of the day is off by what ``set``
    says, at once and while it runs; its monotonic clock is the machine's."""

    def __init__(self, folder: Path) -> None:
        self._off = folder / "clock"
        self._running: dict[int, subprocess.Popen[bytes]] = {}
        self.set(timedelta())

    def set(self, off: timedelta) -> None:
        # In one piece: a process that reads half of it would be at another time altogether.
        new = self._off.with_suffix(".new")
        new.write_text(f"{int(off.total_seconds()):+d}\n")
        new.replace(self._off)

    def start(self, command: str, settings: Path, log: Path, **_: Any) -> int:
        faked = {
            "LD_PRELOAD": str(_library()),
            "FAKETIME_TIMESTAMP_FILE": str(self._off),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "NO_FAKE_STAT": "1",
        }
        with log.open("ab") as out:
            process = subprocess.Popen(
                [sys.executable, "-m", "talktime", "--settings", str(settings), command],
                cwd=ROOT,
                env=os.environ | faked,
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


def _library() -> Path:
    found = sorted(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))
    if not found:
        raise RuntimeError(_INSTALL)
    return found[-1]
