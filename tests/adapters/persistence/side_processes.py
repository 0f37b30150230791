"""The processes that a test has beside it, and whether they have ended."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
from typing import Any

import pytest

from adapters.persistence import side_process

Begun = list[subprocess.Popen[bytes]]

_SECONDS = 30.0

_NOTED = """
from adapters.persistence import side_process
begin = side_process._begun
def noted(*arguments):
    worker = begin(*arguments)
    print(worker.pid, flush=True)
    return worker
side_process._begun = noted
"""


@pytest.fixture
def begun(monkeypatch: pytest.MonkeyPatch) -> Begun:
    """Those that this process starts."""
    begin, workers = side_process._begun, Begun()

    def noted(*arguments: Any) -> subprocess.Popen[bytes]:
        workers.append(begin(*arguments))
        return workers[-1]

    monkeypatch.setattr(side_process, "_begun", noted)
    return workers


def left_by(code: str) -> int:
    """Runs a program that starts a process beside itself and is then killed; gives the other's
    process id."""
    program = [sys.executable, "-c", _NOTED + code]
    with subprocess.Popen(program, stdout=subprocess.PIPE) as killed:
        assert killed.stdout is not None
        pid = int(killed.stdout.readline())
        assert killed.wait(_SECONDS) == -signal.SIGKILL
    return pid


def ended(pid: int) -> bool:
    """Waits for a process that is nobody's child any more."""
    try:
        process = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        if select.select([process], [], [], _SECONDS)[0]:
            return True
        signal.pidfd_send_signal(process, signal.SIGKILL)
        return False
    finally:
        os.close(process)
