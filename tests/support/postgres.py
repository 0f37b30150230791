"""A private PostgreSQL for the tests: own folder, own socket, and as durable as a real one.

with private_server(tcp=True) as primary:
    standby = primary.standby()
    primary.stop_at_once()
    standby.promote()
"""

from __future__ import annotations

import contextlib
import itertools
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Callable, Iterator
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
    """A running server. Every database in it is empty or a copy of one that a test names.

    With a ``port`` it listens at 127.0.0.1 as well. With a ``primary``, which is running, it is
    that server's standby. ``lasting``: what is committed outlasts a loss of power, as everywhere
    but in tests that lose none, which take half as long without. Nor do these have autovacuum:
    followers wait for its transactions, and a test that follows once would see less.
    """

    def __init__(
        self,
        folder: Path,
        *,
        port: int | None = None,
        primary: PostgresServer | None = None,
        lasting: bool = True,
    ) -> None:
        self._folder = folder
        self._data = folder / "data"
        self._log = folder / "server.log"
        self._process: subprocess.Popen[bytes] | None = None
        self._ordinals: Iterator[int] = primary._ordinals if primary else itertools.count(1)
        self._standbys: list[PostgresServer] = []
        self.port = port
        self._lasting = lasting
        if primary is None:
            self._run(
                "initdb", "--no-sync", "--auth=trust", "--username=talktime", "-D", self._data
            )
        else:
            # -R writes down whom it follows, -C has the primary keep what it has not yet got.
            self._run(
                "pg_basebackup",
                *("-d", f"{primary.conninfo('postgres')} application_name={folder.name}"),
                *("-D", self._data, "-R", "-X", "stream", "-C", "-S", folder.name),
                *("--checkpoint=fast", "--no-sync"),
            )

    def url(self, database: str) -> str:
        """Its address by its socket."""
        at = f"&port={self.port}" if self.port else ""
        return f"postgresql://talktime@/{database}?host={self._folder}{at}"

    def tcp_url(self, database: str) -> str:
        """Its address on loopback, if it has a port."""
        assert self.port, "it was started without a port"
        return f"postgresql://talktime@127.0.0.1:{self.port}/{database}"

    def conninfo(self, database: str) -> str:
        """The same as ``url``, as the programs of PostgreSQL want it."""
        at = f" port={self.port}" if self.port else ""
        return f"host={self._folder}{at} user=talktime dbname={database}"

    def start(self) -> None:
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [
                    _binary("postgres"),
                    *("-D", str(self._data)),
                    *("-k", str(self._folder)),
                    *("-c", f"listen_addresses={'127.0.0.1' if self.port else ''}"),
                    *(("-p", str(self.port)) if self.port else ()),
                    *(() if self._lasting else ("-c", "fsync=off", "-c", "autovacuum=off")),
                    *("-c", "max_connections=200"),
                ],
                stdout=log,
                stderr=log,
                **_as_user(),
            )
        self._await_start()

    def stop(self) -> None:
        """Ends all connections and the server; what was committed stays."""
        self._end(signal.SIGINT)

    def stop_at_once(self) -> None:
        """An immediate shutdown: nothing is put in order, and the next start recovers."""
        self._end(signal.SIGQUIT)

    def kill(self) -> None:
        """Kills every process of the server, as a machine does that loses its power."""
        if self._process is None:
            return
        # The first process does not make new ones while it stands still.
        self._process.send_signal(signal.SIGSTOP)
        others = _children(self._process.pid)
        for pid in (self._process.pid, *others):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self._process.wait()
        self._process = None
        _await("the processes of the server are gone", lambda: not any(map(_is_alive, others)))

    def close(self) -> None:
        """Stops it, and its standbys first."""
        for standby in self._standbys:
            standby.close()
        self.stop()

    def _end(self, number: signal.Signals) -> None:
        if self._process is None:
            return
        self._process.send_signal(number)
        try:
            self._process.wait(_START_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None

    # ---- standbys

    def standby(self, name: str = "standby", *, synchronous: bool = True) -> PostgresServer:
        """A running copy that follows this server, in a folder below its own.

        When it is ``synchronous`` no commit is acknowledged from now on before it has it too.
        """
        folder = self._folder / name
        folder.mkdir()
        if user := _as_user().get("user"):
            os.chown(folder, pwd.getpwnam(user).pw_uid, -1)
        port = free_port() if self.port else None
        standby = PostgresServer(folder, port=port, primary=self)
        self._standbys.append(standby)
        standby.start()
        if synchronous:
            self.wait_for_standbys(name)
        _await(f"{name} follows", lambda: name in self.following(synchronous=synchronous))
        return standby

    def wait_for_standbys(self, *names: str) -> None:
        """Commits wait for the first of these that is there; without names for nobody."""
        listed = sql.Literal(",".join(names))
        self.execute(sql.SQL("ALTER SYSTEM SET synchronous_standby_names = {}").format(listed))
        self.execute(sql.SQL("SELECT pg_reload_conf()"))

    def following(self, *, synchronous: bool = False) -> list[str]:
        """The names of the standbys that stream from this server at the moment."""
        rows = self.execute(
            sql.SQL(
                "SELECT application_name, sync_state FROM pg_stat_replication"
                " WHERE state = 'streaming'"
            )
        )
        return [name for name, state in rows if state == "sync" or not synchronous]

    def promote(self) -> None:
        """Makes a standby a server that is written to, and returns when it is."""
        self.execute(sql.SQL("SELECT pg_promote(true, 30)"))
        _await("it is promoted", lambda: not self.is_standby())

    def is_standby(self) -> bool:
        return bool(self.execute(sql.SQL("SELECT pg_is_in_recovery()"))[0][0])

    def execute(self, statement: sql.Composed | sql.SQL, database: str = "postgres") -> Any:
        with psycopg.connect(self.url(database), autocommit=True) as connection:
            cursor = connection.execute(statement)
            return cursor.fetchall() if cursor.description else None

    def create_database(self, template: str | None = None) -> str:
        """A fresh database and its name."""
        name = f"test_{next(self._ordinals)}"
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
def private_server(*, tcp: bool = False, lasting: bool = True) -> Iterator[PostgresServer]:
    """Starts a server and stops it and its standbys, by their processes, at the end."""
    # A socket's path has a hundred characters at most, so this is not under pytest's own folder.
    folder = Path(tempfile.mkdtemp(prefix="talktime-pg-"))
    try:
        if user := _as_user().get("user"):
            os.chown(folder, pwd.getpwnam(user).pw_uid, -1)
        server = PostgresServer(folder, port=free_port() if tcp else None, lasting=lasting)
        try:
            server.start()
            yield server
        finally:
            server.close()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def free_port() -> int:
    """A port of loopback that nobody uses at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _await(what: str, condition: Callable[[], bool]) -> None:
    deadline = monotonic() + _START_SECONDS
    while not condition():
        if monotonic() > deadline:
            raise RuntimeError(f"waited in vain: {what}")
        sleep(0.02)


def _children(pid: int) -> list[int]:
    return [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def _is_alive(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()


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
