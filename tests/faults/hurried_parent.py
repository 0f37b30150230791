"""The program's processes with little patience: they give a server up after two seconds, so that
a test need not wait out the quarter of a minute that a real one is given."""

from __future__ import annotations

import subprocess
import sys
import threading

from adapters.persistence.postgres import CLIENT_SECONDS, PostgresRecorder
from tests.faults import parent
from tests.faults.processes import ROOT, Forks
from tests.faults.sizes import LONG

SECONDS = 10.0 if LONG else 2.0


class HurriedForks(Forks):
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._parent = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.hurried_parent"],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )


def be_hurried() -> None:
    defaults = PostgresRecorder.__init__.__kwdefaults__
    assert defaults["client_seconds"] == CLIENT_SECONDS
    defaults["client_seconds"] = SECONDS


if __name__ == "__main__":
    be_hurried()
    parent.main()
