"""The network between the program and its database fails, in each direction, with calls up."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest
from attrs import evolve
from sqlalchemy.engine import make_url

from adapters.persistence.postgres import CONNECT_SECONDS
from adapters.phone.asterisk_side import ANSWERS
from application.speech import Prompt
from tests.faults.disk_ledgers import desk_at
from tests.faults.hurried_parent import SECONDS, HurriedForks
from tests.faults.load import Line, Wish, line
from tests.faults.oracle import Check, OracleFailed
from tests.faults.processes import Forks, set_up
from tests.faults.proxy import Network, network
from tests.faults.sizes import LONG, PATIENCE, SEED, size
from tests.faults.storm import Storm, storm
from tests.faults.summary import Happened
from tests.faults.waiting import until
from tests.faults.writer import clients
from tests.support.postgres import PostgresServer

pytestmark = [pytest.mark.faults, pytest.mark.postgres, pytest.mark.processes]

PARTS = ("agi", "http", "worker", "ship")
LASTS = size(1, 3)
"""Seconds that a fault lasts."""


@pytest.fixture(scope="module")
def hurried() -> Iterator[Forks]:
    forks = HurriedForks()
    yield forks
    forks.close()


def socket_of(server: PostgresServer) -> Path:
    return server._folder / ".s.PGSQL.5432"


@contextmanager
def under_load(server: PostgresServer, forks: Forks) -> Iterator[tuple[Storm, Network]]:
    """At the end everything is settled, and the oracle finds nothing."""
    name = server.create_database()
    with network(socket_of(server)) as path:
        url = f"postgresql://talktime@127.0.0.1:{path.port}/{name}"
        with set_up(url, PARTS, forks) as made:
            try:
                with storm(made, SEED, callers=6) as blown:
                    try:
                        yield blown, path
                    finally:
                        path.heals()
            except BaseException as fault:
                fault.add_note(f"FAULTS_SEED={SEED}")
                for member in made.members:
                    fault.add_note(f"{member}:\n{made.told(member)}")
                raise


def lasting(does: Callable[[Network], object]) -> Callable[[Network], None]:
    def happens(path: Network) -> None:
        does(path)
        time.sleep(LASTS)
        path.heals()

    return happens


def answer_lost(words: bytes) -> Callable[[Network], None]:
    def happens(path: Network) -> None:
        path.loses_the_answer_to(words)
        assert path.answers_lost.wait(60), f"nobody recorded {words!r}"

    return happens


def refused(path: Network) -> None:
    path.refuses = True
    path.resets()


def late(path: Network) -> None:
    path.to_server.delays(0.1)
    path.to_client.delays(0.1)


def slow(path: Network) -> None:
    path.to_server.throttles(20_000)
    path.to_client.throttles(20_000)


FAULTS: dict[str, Callable[[Network], object]] = {
    "every connection is reset": lambda path: path.resets(),
    "connections are refused": lasting(refused),
    "what goes to the server is lost": lasting(lambda path: path.to_server.drops()),
    "what comes from the server is lost": lasting(lambda path: path.to_client.drops()),
    "both ways are cut": lasting(lambda path: path.cuts()),
    "the way to the server is stuck": lasting(lambda path: path.to_server.stalls()),
    "the way from the server is stuck": lasting(lambda path: path.to_client.stalls()),
    "the server seems to end its connections": lasting(lambda path: path.to_client.ends()),
    "the clients seem to end their connections": lasting(lambda path: path.to_server.ends()),
    "both ways are late": lasting(late),
    "both ways are slow": lasting(slow),
    "the answer to a hold is lost": answer_lost(b"hold-placed"),
    "the answer to a capture is lost": answer_lost(b"hold-captured"),
    "the answer to the end of a call is lost": answer_lost(b"call-ended"),
    "the answer to a top-up is lost": answer_lost(b"top-up-received"),
    "the answer to a login is lost": answer_lost(b"payer-identified"),
}


def test_whatever_the_network_does_nothing_is_lost_and_nothing_is_done_twice(
    server: PostgresServer, hurried: Forks, happened: Happened
) -> None:
    happened.fault = "the network to PostgreSQL, each direction"
    chance = random.Random(SEED)
    names = list(FAULTS)
    chance.shuffle(names)
    with under_load(server, hurried) as (blown, path):
        for name in names if LONG else chosen(names):
            blown._await_a_call()
            begun = time.monotonic()
            FAULTS[name](path)
            for member in blown.set_up.members:
                if member.agi_port:
                    blown.first_call(member)
            happened.waits.append(time.monotonic() - begun)
            happened.times += 1
            try:
                blown.judge()
            except AssertionError as failed:
                raise AssertionError(f"after {name!r}") from failed
        happened.checks = blown.checks + 1
    assert blown.load.calls > len(FAULTS)


def chosen(names: list[str]) -> list[str]:
    """Of each sort some, and always the dearest: the server has stored a hold, and we do not
    know."""
    lost = [each for each in names if each.startswith("the answer to")]
    others = [each for each in names if each not in lost]
    dearest = "the answer to a hold is lost"
    return [dearest, *[each for each in lost if each != dearest][:1], *others[:4]]


def test_new_calls_fail_closed_in_time_and_calls_that_are_up_go_on(
    server: PostgresServer, hurried: Forks, happened: Happened
) -> None:
    happened.fault = "the network to PostgreSQL is cut: how long a caller waits"
    with under_load(server, hurried) as (blown, path):
        blown._await_a_call()
        talks = [caller(blown, 4.0 * SECONDS) for _ in range(4)]
        news = [caller(blown, 0.0) for _ in range(6)]
        with ThreadPoolExecutor(16) as pool:
            up = [pool.submit(each.call, blown.set_up.agi_ports) for each in talks]
            until("calls are up", lambda: all(each.dialled_at for each in talks))
            path.cuts()
            begun = time.monotonic()
            waited = list(pool.map(lambda each: rings(each, blown), news))
            happened.waits += waited
            assert not any(each.done() for each in up), "calls that were up did not go on"
            assert time.monotonic() - begun < 4 * SECONDS
            path.heals()
            for each in up:
                each.result()
        for each in news:
            assert not each.legs, "a leg was dialled that nobody pays for"
            assert any(Prompt.TRY_AGAIN_LATER.sound in command for command in each.commands)
        for each in talks:
            assert len(each.legs) == 1
        happened.times += len(news)
    happened.checks = blown.checks
    assert max(waited) < SECONDS + CONNECT_SECONDS + 2.0


def test_a_client_that_takes_a_lost_answer_for_a_refusal_is_caught(
    server: PostgresServer, tmp_path: Path
) -> None:
    """The control: the server has stored the hold, and the client says that nobody is held."""
    desk = desk_at(tmp_path / "desk", server.url(server.create_database()))
    with clients() as programs, network(socket_of(server)) as path:
        name = make_url(desk.url).database
        via = desk.at(f"postgresql://talktime@127.0.0.1:{path.port}/{name}")
        path.loses_the_answer_to(b"hold-placed")
        pid = programs.start(via.work(calls=1_000, believes="refused"))
        assert path.answers_lost.wait(PATIENCE)
        path.resets()
        # It gives up, or stumbles over what it believes.
        assert programs.wait(pid) != 0
    with pytest.raises(OracleFailed) as failed:
        desk.check()
    assert Check.ACKNOWLEDGED in failed.value.checks


def caller(blown: Storm, seconds: float) -> Line:
    talk = evolve(ANSWERS, talk_ms=30_000)
    card = blown.chance.choice(blown.set_up.cards)
    return line(blown.exchange, card, [Wish("48123456789", talk, seconds)])


def rings(who: Line, blown: Storm) -> float:
    begun = time.monotonic()
    who.call(blown.set_up.agi_ports)
    return time.monotonic() - begun
