"""A private PostgreSQL for the tests: own folder, own socket, and as durable as a real one."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import psycopg
from psycopg import sql

_INSTALL = (
    "The tests need PostgreSQL 14 or newer: initdb and postgres on PATH or in"
    " /usr/lib/postgresql/<version>/bin (Debian: apt-get install postgresql)."
)
_START_SECONDS = 30.0
_UNPRIVILEGED = ("postgres", "nobody")


class PostgresServer:
    """A running server. Every database in it is empty or a copy of one that a test names."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._data = folder / "data"
        self._log = folder / "server.log"
        self._process: subprocess.Popen[bytes] | None = None
        self._count = 0
        self._run("initdb", "--no-sync", "--auth=trust", "--username=talktime", "-D", self._data)

    def url(self, database: str) -> str:
        return f"postgresql://talktime@/{database}?host={self._folder}"

    def start(self) -> None:
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [
                    _binary("postgres"),
                    *("-D", str(self._data)),
                    *("-k", str(self._folder)),
                    *("-c", "listen_addresses="),
                    *("-c", "fsync=on"),
                    *("-c", "max_connections=200"),
                ],
                stdout=log,
                stderr=log,
                **_as_user(),
            )
        self._await_start()

    def stop(self) -> None:
        """Ends all connections and the server; what was committed stays."""
        if self._process is None:
            return
        self._process.send_signal(signal.SIGINT)
        try:
            self._process.wait(_START_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None

    def execute(self, statement: sql.Composed | sql.SQL, database: str = "postgres") -> Any:
        with psycopg.connect(self.url(database), autocommit=True) as connection:
            cursor = connection.execute(statement)
            return cursor.fetchall() if cursor.description else None

    def create_database(self, template: str | None = None) -> str:
        """A fresh database and its name."""
        self._count += 1
        name = f"test_{self._count}"
        self.execute(
            sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(
                sql.Identifier(name), sql.Identifier(template or "template0")
            )
        )
        return name

    def drop_database(self, name: str) -> None:
        statement = sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)")
        self.execute(statement.format(sql.Identifier(name)))

    def _await_start(self) -> None:
        deadline = monotonic() + _START_SECONDS
        while True:
            try:
                psycopg.connect(self.url("postgres")).close()
                return
            except psycopg.OperationalError as error:
                assert self._process is not None
                if self._process.poll() is not None or monotonic() > deadline:
                    log = self._log.read_text(errors="replace")
                    raise RuntimeError(f"PostgreSQL did not start: {log}") from error
                sleep(0.02)

    def _run(self, program: str, *arguments: str | Path) -> None:
        done = subprocess.run(
            [_binary(program), *map(str, arguments)],
            capture_output=True,
            text=True,
            check=False,
            **_as_user(),
        )
        if done.returncode:
            raise RuntimeError(f"{program} failed: {done.stderr}")


@contextmanager
def private_server() -> Iterator[PostgresServer]:
    """Starts a server and stops it, by its process, at the end."""
    # A socket's path has a hundred characters at most, so this is not under pytest's own folder.
    folder = Path(tempfile.mkdtemp(prefix="talktime-pg-"))
    try:
        if user := _as_user().get("user"):
            os.chown(folder, pwd.getpwnam(user).pw_uid, -1)
        server = PostgresServer(folder)
        try:
            server.start()
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _binary(name: str) -> str:
    versions = sorted(
        Path("/usr/lib/postgresql").glob(f"*/bin/{name}"),
        key=lambda path: int(path.parts[-3]) if path.parts[-3].isdigit() else 0,
    )
    found = str(versions[-1]) if versions else shutil.which(name)
    if found is None:
        raise RuntimeError(_INSTALL)
    return found


def _as_user() -> dict[str, Any]:
    """PostgreSQL refuses to run as root, so root starts it as somebody without rights."""
    if os.geteuid() != 0:
        return {}
    for name in _UNPRIVILEGED:
        try:
            user = pwd.getpwnam(name)
        except KeyError:
            continue
        return {"user": name, "group": user.pw_gid, "extra_groups": [], "cwd": "/"}
    raise RuntimeError(f"{_INSTALL} As root they also need a user named postgres or nobody.")
