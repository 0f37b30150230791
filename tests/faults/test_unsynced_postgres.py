"""The power fails under PostgreSQL: the disk has what was synced, and little else."""

from __future__ import annotations

import os
import pwd
import random
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from psycopg import sql

from tests.faults.disk_ledgers import Desk, desk_at
from tests.faults.oracle import Check, OracleFailed
from tests.faults.sizes import SEED, size
from tests.faults.strace import RECORDING, attached, await_stopped, go_on
from tests.faults.summary import Happened
from tests.faults.unsynced import Recorded, recorded
from tests.faults.writer import Clients, complaints
from tests.support.postgres import PostgresServer, _as_user, _children, private_server

pytestmark = [pytest.mark.faults, pytest.mark.postgres, pytest.mark.processes]

IMAGES = size(2, 40)


@pytest.fixture
def server() -> Iterator[PostgresServer]:
    with private_server() as started:
        yield started


def recorded_run(
    programs: Clients, server: PostgresServer, folder: Path, **told: object
) -> tuple[Recorded, Desk]:
    """The work of a client and of the server for it, written down call by call."""
    # Below the server's own folder, so that promises and syncs are written down in one order.
    desk = desk_at(server._folder / "desk", server.url(server.create_database()))
    server.execute(sql.SQL("CHECKPOINT"))
    assert server._process is not None
    work = desk.work(calls=size(6, 30), waits=True, seals="", **told)
    client = programs.start(work)
    await_stopped(client)
    first = server._process.pid
    with attached([first, *_children(first), client], *RECORDING, out=folder / "trace") as strace:
        shutil.copytree(server._folder, folder / "before", ignore=shutil.ignore_patterns(".s.*"))
        go_on(client)
        status = programs.wait(client)
        strace.let_go()
    assert status == 0, complaints(work)
    run = recorded(server._folder, folder / "before", folder / "trace", home=server._data)
    return run, desk


def power_cuts(run: Recorded, server: PostgresServer, desk: Desk, image: Path) -> Iterator[bool]:
    """The server has its power again, right after promises; whether chance kept some of what was
    not synced."""
    chance = random.Random(SEED)
    promises = [n for n, call in enumerate(run.calls) if call.path == desk.record]
    moments = set(chance.sample(promises[len(promises) // 4 :], IMAGES))
    for number, (_, disk) in enumerate(run.moments()):
        if number not in moments:
            continue
        by_chance = bool(len(moments) % 2)
        moments.discard(number)
        if by_chance:
            disk.image_by_chance(image, chance)
        else:
            disk.image(image)
        desk.record.write_bytes(disk.seen(desk.record))
        server.kill()
        put_in_place(image / "data", server._data)
        server.start()
        yield by_chance


def put_in_place(image: Path, data: Path) -> None:
    shutil.rmtree(data)
    shutil.copytree(image, data)
    (data / "postmaster.pid").unlink(missing_ok=True)
    user = _as_user().get("user")
    owner = pwd.getpwnam(user).pw_uid if user else os.geteuid()
    for path in (data, *data.rglob("*")):
        os.chown(path, owner, -1)
        path.chmod(0o700 if path.is_dir() else 0o600)


def test_what_was_acknowledged_is_on_the_disk(
    programs: Clients, server: PostgresServer, tmp_path: Path, happened: Happened
) -> None:
    happened.fault = "a power cut under PostgreSQL: un-synced data dropped"
    run, desk = recorded_run(programs, server, tmp_path)
    for by_chance in power_cuts(run, server, desk, tmp_path / "image"):
        happened.times += 1
        try:
            verdict = desk.check()
        except OracleFailed as failed:
            raise AssertionError(f"seed {SEED}, {by_chance=}") from failed
        happened.checks += 1
        assert verdict.acknowledged
    assert happened.times == IMAGES


def test_a_commit_that_does_not_wait_for_the_disk_is_caught(
    programs: Clients, server: PostgresServer, tmp_path: Path
) -> None:
    """The control: with ``synchronous_commit = off`` the last promises are nowhere."""
    run, desk = recorded_run(programs, server, tmp_path, careless=True)
    cuts = power_cuts(run, server, desk, tmp_path / "image")
    assert any(lost_promises(desk) for _ in cuts)


def lost_promises(desk: Desk) -> bool:
    try:
        desk.check()
    except OracleFailed as failed:
        return Check.ACKNOWLEDGED in failed.checks
    return False
