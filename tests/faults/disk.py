"""Disks that fail: the n-th write or sync of a client gives an error, or a small disk is full."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

from attrs import frozen

from tests.faults.strace import attached, await_stopped, failing, go_on, has_ended
from tests.faults.waiting import until
from tests.faults.writer import Clients, Work, complaints

_NEEDS_MOUNT = (
    "The tests of full disks mount tiny file systems in memory, which needs root or the capability"
    " SYS_ADMIN: run them as root, or in a user namespace of your own (unshare --user --mount"
    " --map-root-user)."
)

_PATIENCE = 3


@frozen
class DiskFault:
    """A call of the kernel, the error it gives, and the how many-th gives it (strace's form)."""

    call: str
    error: str
    when: str

    def __str__(self) -> str:
        return f"{self.call} {self.when} {self.error}"


def meets(clients: Clients, work: Work, fault: DiskFault, paths: Collection[Path]) -> int:
    """Runs a client that meets a fault in one of these files; gives its exit status.

    When it has complained three times the disk is mended, which only a lasting fault waits for.
    """
    pid = clients.start(work)
    await_stopped(pid)
    options = failing(fault.call, fault.error, fault.when, paths)
    with attached([pid], *options) as strace:
        go_on(pid)
        until("it ends", lambda: has_ended(pid) or complaints(work).total() >= _PATIENCE)
        strace.let_go()
    return clients.wait(pid)


def sqlite_files(url: str) -> list[Path]:
    """What SQLite writes to; the index of the log (-shm) is memory that needs no disk."""
    path = Path(url.removeprefix("sqlite:///"))
    return [path, *(path.with_name(path.name + end) for end in ("-wal", "-journal"))]


@contextmanager
def small_disk(folder: Path, size: str, owner: int = 0) -> Iterator[Path]:
    """A file system of its own with room for so much (``3m``), mounted on this folder."""
    folder.mkdir(parents=True, exist_ok=True)
    _mount("-t", "tmpfs", "-o", f"size={size},mode=700,uid={owner}", "talktime-test", str(folder))
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True, capture_output=True)


def enlarge(folder: Path, size: str) -> None:
    """What an operator does in the end."""
    _mount("-o", f"remount,size={size}", str(folder))


def room_left(folder: Path) -> int:
    """Bytes."""
    found = os.statvfs(folder)
    return found.f_bavail * found.f_frsize


def _mount(*arguments: str) -> None:
    done = subprocess.run(["mount", *arguments], check=False, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{_NEEDS_MOUNT}\n{done.stderr}")
