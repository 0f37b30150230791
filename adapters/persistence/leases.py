"""Who does a job at the moment, where several processes could.

A lease spares work and noise, nothing more: what is recorded is right without it, because the
ledger decides. So two may believe for a moment that they have the same one, after a hang or when
the database was lost; and when its holder dies, another has it at its next try.
"""

from __future__ import annotations

import fcntl
import os
from abc import ABC, abstractmethod
from pathlib import Path
from threading import Lock
from time import monotonic
from types import TracebackType
from typing import Any, Self
from zlib import crc32

import psycopg
from sqlalchemy import create_engine
from sqlalchemy.engine import URL

from adapters.persistence.connecting import ledger_address
from adapters.persistence.postgres import CLIENT_SECONDS, DeadlineConnection, connection_arguments
from application.ports import LedgerUnavailable

HELD_SECONDS = 10
"""A holder that hangs, or whose machine is gone, loses its leases after this long."""

FRESH_SECONDS = 1.0
"""How long it is believed without asking that a lease is still held."""

_CLASS = 0x7A1C71BF
"""The first half of the keys of our advisory locks, beside the one of migrations."""


class Leases(ABC):
    """The leases of one process on the jobs of one ledger. Close it to give them all back."""

    @abstractmethod
    def take(self, name: str) -> bool:
        """Whether this process has the lease now: it had it, or nobody else did.

        Never waits for the holder. Raises LedgerUnavailable.
        """

    @abstractmethod
    def give_back(self, name: str) -> None:
        """Leaves a job to others. Nothing if this process has no lease on it."""

    @abstractmethod
    def close(self) -> None: ...

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        self.close()


def leases_of(url: str) -> Leases:
    """The leases on the ledger at an address. Raises ValueError for an address that is none."""
    address = ledger_address(url)
    if address.get_backend_name() == "sqlite":
        assert address.database, "an address of SQLite names a file"
        return FileLeases(Path(address.database).absolute())
    return PostgresLeases(address)


class FileLeases(Leases):
    """Locks on files beside the ledger's, for the processes of one host.

    The kernel gives back those of a process that dies; one that hangs keeps them.
    """

    def __init__(self, ledger: Path) -> None:
        self._ledger = ledger
        self._files: dict[str, int] = {}
        self._lock = Lock()

    def take(self, name: str) -> bool:
        with self._lock:
            if name in self._files:
                return True
            path = self._ledger.with_name(f"{self._ledger.name}.{name}.lock")
            try:
                file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            except OSError as error:
                raise LedgerUnavailable(f"{path}: {error.strerror}") from error
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(file)
                return False
            except OSError as error:
                # Such as a file system without locks: asked every second, it would use up files.
                os.close(file)
                raise LedgerUnavailable(f"{path}: {error.strerror}") from error
            self._files[name] = file
            return True

    def give_back(self, name: str) -> None:
        with self._lock:
            if (file := self._files.pop(name, None)) is not None:
                os.close(file)

    def close(self) -> None:
        with self._lock:
            for file in self._files.values():
                os.close(file)
            self._files.clear()


class PostgresLeases(Leases):
    """Advisory locks of a session of its own, which end with the session.

    The server ends it when this process or its machine is gone, and when nothing was heard of it
    for ``HELD_SECONDS``; so a lease has to be taken again and again by whoever wants to keep it.
    """

    def __init__(self, url: URL, *, client_seconds: float = CLIENT_SECONDS) -> None:
        # The engine only translates the address: the session is no pool's to hand out.
        dialect = create_engine(url.set(drivername="postgresql+psycopg")).dialect
        _, address = dialect.create_connect_args(url)
        limit = f"-c idle_session_timeout={HELD_SECONDS}s"
        self._address = dict(address) | connection_arguments(url, options=limit)
        self._client_seconds = client_seconds
        self._session: DeadlineConnection | None = None
        self._held: set[str] = set()
        self._heard = 0.0
        self._lock = Lock()

    def take(self, name: str) -> bool:
        with self._lock:
            try:
                if name in self._held and monotonic() < self._heard + FRESH_SECONDS:
                    return True
                session = self._session or self._begin()
                if name in self._held:
                    _first(session, "SELECT 1")
                elif _first(session, "SELECT pg_try_advisory_lock(%s, %s)", (_CLASS, _key(name))):
                    self._held.add(name)
                self._heard = monotonic()
            except psycopg.Error as error:
                self._end()
                raise LedgerUnavailable(str(error)) from error
            return name in self._held

    def give_back(self, name: str) -> None:
        with self._lock:
            if name not in self._held or self._session is None:
                return
            self._held.discard(name)
            try:
                _first(self._session, "SELECT pg_advisory_unlock(%s, %s)", (_CLASS, _key(name)))
            except psycopg.Error as error:
                # The session takes all leases with it, this one too.
                self._end()
                raise LedgerUnavailable(str(error)) from error

    def close(self) -> None:
        with self._lock:
            self._end()

    def _begin(self) -> DeadlineConnection:
        session = DeadlineConnection.connect(**self._address, autocommit=True)
        session.seconds = self._client_seconds
        self._session = session
        return session

    def _end(self) -> None:
        self._held.clear()
        session, self._session = self._session, None
        if session is not None:
            session.close()


def _first(session: DeadlineConnection, statement: str, values: tuple[Any, ...] = ()) -> Any:
    row = session.execute(statement, values).fetchone()
    assert row is not None, "it is a statement that gives a row"
    return row[0]


def _key(name: str) -> int:
    """A whole number of 32 bits with a sign, as PostgreSQL takes it."""
    unsigned = crc32(name.encode())
    return unsigned - (1 << 32) if unsigned >= 1 << 31 else unsigned
