"""One process at a time may write to the ledger's file."""

from __future__ import annotations

import fcntl
import os
import random
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from time import monotonic, sleep

from eventsourcing.persistence import OperationalError

PATIENCE = 10.0
"""Seconds to wait for another process before the ledger counts as unavailable."""


class FileLock:
    """An exclusive lock between threads and processes; the kernel frees it when a process dies."""

    def __init__(self, path: Path, *, patience: float = PATIENCE) -> None:
        self._path = path
        self._patience = patience
        self._threads = Lock()
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)

    def close(self) -> None:
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    @contextmanager
    def held(self) -> Iterator[None]:
        """Raises OperationalError when others keep the lock for longer than our patience."""
        deadline = monotonic() + self._patience
        if not self._threads.acquire(timeout=self._patience):
            raise self._too_slow()
        try:
            # flock has no deadline of its own, and everything here has one.
            pause = 0.0001
            while not self._try():
                if monotonic() > deadline:
                    raise self._too_slow()
                sleep(pause * random.uniform(0.5, 1.5))  # noqa: S311 - spreads the writers
                pause = min(pause * 2, 0.005)
            try:
                yield
            finally:
                fcntl.flock(self._file, fcntl.LOCK_UN)
        finally:
            self._threads.release()

    def _try(self) -> bool:
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def _too_slow(self) -> OperationalError:
        return OperationalError(f"another writer kept {self._path} for {self._patience} seconds")
