"""PostgreSQL is stopped at once, again and again, under load; and its processes are killed."""

from __future__ import annotations

import contextlib
import os
import random
import signal
from pathlib import Path
from time import monotonic

import pytest
from psycopg import OperationalError, sql

from tests.faults.crowds import Crowd, await_more
from tests.faults.disk_ledgers import Desk, desk_at
from tests.faults.oracle import Check, OracleFailed
from tests.faults.sizes import SEED, size
from tests.faults.summary import Happened
from tests.faults.waiting import until
from tests.faults.writer import Clients
from tests.support.postgres import PostgresServer

pytestmark = [pytest.mark.faults, pytest.mark.postgres]

RESTARTS = size(3, 40)
KILLS = size(2, 30)


@pytest.fixture
def desk(server: PostgresServer, tmp_path: Path) -> Desk:
    return desk_at(tmp_path / "desk", server.url(server.create_database()))


def test_immediate_restarts_lose_nothing(
    programs: Clients, server: PostgresServer, desk: Desk, happened: Happened
) -> None:
    happened.fault = "PostgreSQL is stopped at once, and started again"
    crowd = Crowd(programs, desk)
    for _ in range(RESTARTS):
        await_more(desk)
        begun = monotonic()
        server.stop_at_once()
        server.start()
        await_more(desk, 1)
        happened.waits.append(monotonic() - begun)
        happened.times += 1
    await_more(desk)
    crowd.end(desk)
    assert crowd.complained() >= 1
    desk.check()
    happened.checks += 1


def test_killed_processes_of_the_server_lose_nothing(
    programs: Clients, server: PostgresServer, desk: Desk, happened: Happened
) -> None:
    """The kill of one makes the server end all others and recover."""
    happened.fault = "kill -9 of a process of PostgreSQL"
    chance = random.Random(SEED)
    crowd = Crowd(programs, desk)
    while happened.times < KILLS:
        await_more(desk)
        with contextlib.suppress(ProcessLookupError):
            os.kill(chance.choice(processes(server)), signal.SIGKILL)
            happened.times += 1
    await_more(desk)
    crowd.end(desk)
    assert crowd.complained() >= 1
    desk.check()
    happened.checks += 1


def test_a_commit_that_does_not_wait_for_the_disk_is_caught(
    programs: Clients, server: PostgresServer, tmp_path: Path
) -> None:
    """The control: with ``synchronous_commit = off`` promises die with the server's memory."""
    for number in range(10):
        desk = desk_at(tmp_path / str(number), server.url(server.create_database()))
        crowd = Crowd(programs, desk, careless=True)
        await_more(desk)
        server.stop_at_once()
        crowd.kill()
        server.start()
        if lost_promises(desk):
            return
    pytest.fail("promises were kept, however the server died")


def lost_promises(desk: Desk) -> bool:
    try:
        desk.check()
    except OracleFailed as failed:
        return Check.ACKNOWLEDGED in failed.checks
    return False


def processes(server: PostgresServer) -> list[int]:
    """Of clients, of the log of writes and of checkpoints."""
    asked = sql.SQL(
        "SELECT pid FROM pg_stat_activity WHERE application_name = 'talktime'"
        " OR backend_type IN ('walwriter', 'checkpointer')"
    )
    found: list[int] = []

    def answered() -> bool:
        try:
            found[:] = [row[0] for row in server.execute(asked)]
        except OperationalError:
            return False
        return bool(found)

    until("the server answers", answered)
    return found
