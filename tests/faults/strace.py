"""Faults of the system calls of a running process, and a record of the calls it made, by strace."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import threading
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from time import monotonic, sleep

_INSTALL = (
    "The fault tests need strace, allowed to trace processes of the same user (Debian: apt-get"
    " install strace; in a container: the capability SYS_PTRACE)."
)
_ATTACH_SECONDS = 20.0

FILE_CALLS = (
    "open",
    "openat",
    "creat",
    "lseek",
    "write",
    "writev",
    "pwrite64",
    "pwritev",
    "pwritev2",
    "ftruncate",
    "truncate",
    "fallocate",
    "rename",
    "renameat",
    "renameat2",
    "unlink",
    "unlinkat",
    "mkdir",
    "rmdir",
    "fsync",
    "fdatasync",
    "sync_file_range",
)
"""Everything by which what is in files changes, or is made to last."""


class Strace:
    """strace attached to processes. It lets go of them when it is told to."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self._said: list[str] = []
        self._reader: threading.Thread | None = None

    def await_attached(self, pids: Collection[int]) -> None:
        assert self._process.stderr is not None
        attached = 0
        timer = threading.Timer(_ATTACH_SECONDS, self._process.kill)
        timer.start()
        try:
            while attached < len(pids):
                line = self._process.stderr.readline()
                self._said.append(line)
                if not line:
                    raise RuntimeError(f"{_INSTALL}\n{''.join(self._said)}")
                # It tells of each process, also of one that has ended meanwhile.
                attached += " attached" in line or "No such process" in line
        finally:
            timer.cancel()
        # Whoever does not read what it says would stop it one day.
        self._reader = threading.Thread(target=self._process.stderr.read, daemon=True)
        self._reader.start()

    def let_go(self) -> None:
        """The processes go on without faults."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)
        self.wait()

    def close(self) -> None:
        if self._reader is not None:
            self._reader.join()
        assert self._process.stderr is not None
        self._process.stderr.close()

    def wait(self, seconds: float = 30.0) -> None:
        """Until all traced processes have ended and everything is written down."""
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
            raise


@contextmanager
def attached(
    pids: Sequence[int], *options: str, out: Path | None = None, follow: bool = True
) -> Iterator[Strace]:
    """strace with these options on running processes, those they make and their threads too."""
    program = shutil.which("strace")
    if program is None:
        raise RuntimeError(_INSTALL)
    told = [each for pid in pids for each in ("-p", str(pid))]
    process = subprocess.Popen(
        [program, *(["-f"] if follow else []), "-o", str(out or os.devnull), *options, *told],
        stderr=subprocess.PIPE,
        text=True,
    )
    strace = Strace(process)
    try:
        strace.await_attached(pids)
        yield strace
    finally:
        strace.let_go()
        strace.close()


def failing(call: str, error: str, when: str, paths: Collection[Path] = ()) -> tuple[str, ...]:
    """Options: this call gives this error, or kills the process if it is ``KILL``.

    ``when`` is strace's: ``3``, ``3+``, ``3+2``; it is counted in each thread by itself. Only calls
    about these paths, if any are named.
    """
    chosen = [each for path in paths for each in ("-P", str(path))]
    what = "signal=KILL" if error == "KILL" else f"error={error}"
    return ("-e", f"trace={call}", "-e", f"inject={call}:{what}:when={when}", *chosen)


RECORDING = ("-yy", "-xx", "-s", "33554432", "-ttt", "-e", f"trace={','.join(FILE_CALLS)}")
"""Options: everything that happens to files, with all that is written."""


def await_stopped(pid: int) -> None:
    """Until a process has stopped itself."""
    deadline = monotonic() + _ATTACH_SECONDS
    while _state(pid) not in "Tt":
        if monotonic() > deadline:
            raise RuntimeError(f"process {pid} did not stop itself")
        sleep(0.002)


def go_on(pid: int) -> None:
    os.kill(pid, signal.SIGCONT)


def has_ended(pid: int) -> bool:
    """Also when nobody has asked for its exit status yet."""
    try:
        return _state(pid) in "ZX"
    except FileNotFoundError:
        return True


def _state(pid: int) -> str:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
