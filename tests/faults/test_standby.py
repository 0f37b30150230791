"""The primary is lost with all it had, and its standby takes over, under load with calls up."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from time import monotonic

import pytest
from psycopg import sql

from tests.faults.crowds import Crowd, await_more
from tests.faults.disk_ledgers import Desk, desk_at
from tests.faults.oracle import Check, OracleFailed
from tests.faults.processes import Forks, SetUp, set_up
from tests.faults.sizes import PATIENCE, SEED, size
from tests.faults.storm import storm
from tests.faults.summary import Happened
from tests.faults.waiting import until
from tests.faults.writer import Clients
from tests.support.postgres import PostgresServer, private_server

pytestmark = [pytest.mark.faults, pytest.mark.postgres, pytest.mark.processes]


@pytest.fixture
def primary() -> Iterator[PostgresServer]:
    with private_server(tcp=True) as started:
        yield started


def loses_everything(server: PostgresServer) -> None:
    server.kill()
    shutil.rmtree(server._data)


def desk_of(folder: Path, *servers: PostgresServer) -> Desk:
    """A ledger that clients look for at all of these, the first of which is the primary."""
    name = servers[0].create_database()
    return desk_at(folder, servers[0].tcp_url(name)).at(address_of(name, *servers))


def address_of(name: str, *servers: PostgresServer) -> str:
    hosts = ",".join(f"127.0.0.1:{each.port}" for each in servers)
    return f"postgresql://talktime@{hosts}/{name}"


def test_a_synchronous_standby_takes_over_with_every_promise_and_the_calls_that_are_up(
    forks: Forks, happened: Happened
) -> None:
    """All processes of the program find it by the second host of their address."""
    happened.fault = "PostgreSQL's primary is lost, its standby promoted"
    for number in range(size(1, 25)):
        with private_server(tcp=True) as primary:
            standby = primary.standby()
            name = primary.create_database()
            url = address_of(name, primary, standby)
            with set_up(url, ("agi", "http", "worker", "ship"), forks) as made:
                try:
                    loses_its_primary(made, SEED + number, primary, standby, happened)
                except BaseException as fault:
                    fault.add_note(f"FAULTS_SEED={SEED}, number {number}")
                    for member in made.members:
                        fault.add_note(f"{member}:\n{made.told(member)}")
                    raise


def loses_its_primary(
    made: SetUp, seed: int, primary: PostgresServer, standby: PostgresServer, happened: Happened
) -> None:
    with storm(made, seed, callers=6) as blown:
        until(
            "there was some work", lambda: blown.load.calls > 10 and blown.load.sold > 5, PATIENCE
        )
        until("calls are up", lambda: bool(blown.exchange.live().up), PATIENCE)
        up = len(blown.exchange.live().up)
        loses_everything(primary)
        begun = monotonic()
        standby.promote()
        (agi,) = (each for each in made.members if each.agi_port)
        blown.first_call(agi)
        happened.waits.append(monotonic() - begun)
        blown.judge()
        enough = blown.load.calls + 5
        until("it goes on", lambda: blown.load.calls > enough, PATIENCE)
    happened.times += 1
    happened.checks += blown.checks
    assert up
    assert blown.last is not None
    assert blown.last.blocks, "what was sealed before is sealed still"


def test_a_standby_that_is_not_waited_for_is_caught(
    programs: Clients, primary: PostgresServer, tmp_path: Path
) -> None:
    """The control: with asynchronous replication promises are lost with the primary."""
    standby = primary.standby(synchronous=False)
    desk = desk_of(tmp_path / "desk", primary, standby)
    crowd = Crowd(programs, desk)
    await_more(desk)
    standby.execute(sql.SQL("ALTER SYSTEM SET primary_conninfo = ''"))
    standby.execute(sql.SQL("SELECT pg_reload_conf()"))
    await_more(desk)
    loses_everything(primary)
    crowd.kill()
    standby.promote()
    with pytest.raises(OracleFailed) as failed:
        desk.check()
    assert Check.ACKNOWLEDGED in failed.value.checks
