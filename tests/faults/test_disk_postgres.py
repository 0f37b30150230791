"""A disk that fails under PostgreSQL: errors of its writes and syncs, and no room left."""

from __future__ import annotations

import contextlib
import itertools
import os
import pwd
import random
import tempfile
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from psycopg import Error, sql

from tests.faults.crowds import Crowd, await_more
from tests.faults.disk import DiskFault, enlarge, room_left, small_disk
from tests.faults.disk_ledgers import Desk, copied_database, desk_at
from tests.faults.oracle import Check, OracleFailed
from tests.faults.sizes import LONG, SEED, size
from tests.faults.strace import attached, failing, has_ended
from tests.faults.summary import Happened
from tests.faults.waiting import until
from tests.faults.writer import Clients, complaints
from tests.support.postgres import PostgresServer, _as_user

pytestmark = [pytest.mark.faults, pytest.mark.postgres, pytest.mark.processes]

CALLS = ("pwrite64", "fdatasync")
ERRORS = ("EIO", "ENOSPC")
SPAN = size(14, 60)
"""Writes or syncs of one process of the server within which the fault comes."""


@pytest.fixture(scope="module")
def prepared(server: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> Desk:
    folder = tmp_path_factory.mktemp("prepared") / "desk"
    return desk_at(folder, server.url(server.create_database()))


def faults() -> list[DiskFault]:
    every = [
        DiskFault(call, error, str(n))
        for n, call, error in itertools.product(range(1, SPAN, 2), CALLS, ERRORS)
    ]
    return every if LONG else random.Random(SEED).sample(every, 2)


def test_an_error_under_the_server_loses_nothing_and_doubles_nothing(
    programs: Clients, server: PostgresServer, prepared: Desk, tmp_path: Path, happened: Happened
) -> None:
    """An error in its log of writes makes the server recover, one elsewhere only the command
    fail; either way clients find out what became of what they asked for."""
    happened.fault = "the disk under PostgreSQL gives an error"
    noticed = 0
    for number, fault in enumerate(faults()):
        desk = copied_database(prepared, tmp_path / str(number), server)
        crowd = Crowd(programs, desk)
        await_more(desk, 5)
        with attached(processes(server), *failing(fault.call, fault.error, fault.when)) as strace:
            await_met(crowd, desk)
            strace.let_go()
        await_recovery(server)
        noticed += crowd.complained() > 0
        await_more(desk)
        crowd.end(desk)
        try:
            desk.check()
        except OracleFailed as failed:
            raise AssertionError(f"seed {SEED}, {fault}") from failed
        happened.times += 1
        happened.checks += 1
    assert noticed > happened.times // 3


def await_met(crowd: Crowd, desk: Desk) -> None:
    enough = desk.promised() + 10 * SPAN
    until("it is met", lambda: crowd.complained() > 0 or desk.promised() > enough)


def processes(server: PostgresServer) -> list[int]:
    """Of the server: those of its clients, and those that write for all."""
    asked = sql.SQL("SELECT pid FROM pg_stat_activity WHERE pid <> pg_backend_pid()")
    return [row[0] for row in server.execute(asked)]


@contextmanager
def server_on_a_small_disk() -> Iterator[tuple[PostgresServer, Path]]:
    """A server whose data has hardly any room, on a disk that can be enlarged."""
    with tempfile.TemporaryDirectory(prefix="talktime-small-") as name:
        user = _as_user().get("user")
        owner = pwd.getpwnam(user).pw_uid if user else os.geteuid()
        Path(name).chmod(0o755)
        with small_disk(Path(name) / "disk", "300m", owner) as folder:
            server = PostgresServer(folder)
            try:
                server.start()
                yield server, folder
            finally:
                server.close()


def test_a_full_disk_refuses_and_takes_up_again_when_there_is_room(
    programs: Clients, tmp_path: Path, happened: Happened
) -> None:
    """First there is no room for rows, then none for the server's log of writes, at which it
    ends; then an operator comes."""
    happened.fault = "the disk under PostgreSQL is full"
    with server_on_a_small_disk() as (server, folder):
        desk = desk_at(tmp_path / "desk", server.url(server.create_database()))
        # The operator comes late.
        crowd = Crowd(programs, desk, patience=300.0)
        await_more(desk)
        filler = folder / "filler"
        with contextlib.suppress(OSError), filler.open("wb") as file:
            # The server fills it as well meanwhile.
            file.write(bytes(room_left(folder) - 32 * 1024))
        until("there is no room for rows", lambda: "No space left" in told(crowd), 60.0)
        happened.times += 1
        use_up_the_log(server)
        until("the server has ended", lambda: is_down(server), 60.0)
        happened.times += 1
        before = desk.promised()
        filler.unlink()
        enlarge(folder, "600m")
        server.stop()
        server.start()
        await_more(desk)
        crowd.end(desk)
        desk.check()
        assert desk.promised() > before
        happened.checks += 1


def told(crowd: Crowd) -> str:
    return "\n".join(line for work in crowd.works for line in complaints(work))


def use_up_the_log(server: PostgresServer) -> None:
    """Another piece of the log is begun each time, until there is none to be had."""
    for _ in range(30):
        try:
            server.execute(sql.SQL("SELECT pg_logical_emit_message(true, 'fault', 'x')"))
            server.execute(sql.SQL("SELECT pg_switch_wal()"))
        except Error:
            return


def is_down(server: PostgresServer) -> bool:
    try:
        server.execute(sql.SQL("SELECT pg_logical_emit_message(true, 'fault', 'x')"))
    except Error:
        return True
    return False


def test_a_client_that_takes_an_error_for_success_is_caught(
    programs: Clients, server: PostgresServer, prepared: Desk, tmp_path: Path
) -> None:
    """The control. An error that comes when the command is stored already does no harm, so there
    are more tries than one."""
    found = set[Check]()
    for number in range(10):
        found |= _believed(
            programs, server, copied_database(prepared, tmp_path / f"{number}", server)
        )
        if Check.ACKNOWLEDGED in found:
            return
    raise AssertionError(f"found was {found}")


def _believed(programs: Clients, server: PostgresServer, desk: Desk) -> Collection[Check]:
    pid = programs.start(desk.work(calls=10_000, believes="done"))
    await_more(desk, 5)
    # Whatever a process of the server writes for a client fails, so the command is not stored.
    with attached(processes(server), *failing("pwrite64", "ENOSPC", "1")) as strace:
        until("it gives up", lambda: has_ended(pid))
        strace.let_go()
    # It gives up, or stumbles over what it believes.
    assert programs.wait(pid) != 0
    await_recovery(server)
    try:
        desk.check()
    except OracleFailed as failed:
        return failed.checks
    return ()


def await_recovery(server: PostgresServer) -> None:
    """One that died a second time, while it recovered, waits for its operator."""
    if server._process is not None and has_ended(server._process.pid):
        server.stop()
        server.start()
    until("the server is there again", lambda: not is_down(server))
