"""The program as a user starts it, under a clock of the day that is somebody else's to set."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from tests.faults.processes import Programs

_INSTALL = (
    "The fault tests set a process's clock with libfaketime (Debian: apt-get install faketime)."
)


class FakedPrograms(Programs):
    """Starts ``talktime <command>`` with libfaketime: its clock of the day is off by what ``set``
    says, at once and while it runs; its monotonic clock is the machine's."""

    def __init__(self, folder: Path) -> None:
        self._off = folder / "clock"
        super().__init__(
            {
                "LD_PRELOAD": str(_library()),
                "FAKETIME_TIMESTAMP_FILE": str(self._off),
                "FAKETIME_NO_CACHE": "1",
                "FAKETIME_DONT_FAKE_MONOTONIC": "1",
                "NO_FAKE_STAT": "1",
            }
        )
        self.set(timedelta())

    def set(self, off: timedelta) -> None:
        # In one piece: a process that reads half of it would be at another time altogether.
        new = self._off.with_suffix(".new")
        new.write_text(f"{int(off.total_seconds()):+d}\n")
        new.replace(self._off)


def _library() -> Path:
    found = sorted(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))
    if not found:
        raise RuntimeError(_INSTALL)
    return found[-1]
