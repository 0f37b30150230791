"""Processes are killed at random, with calls up, and nothing that was promised is lost."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread
from uuid import uuid4

import pytest
from attrs import define

from adapters.phone.asterisk_side import ANSWERS
from domain.money import parse
from tests.faults.acknowledged import Command, top_up
from tests.faults.load import Exchange, Person, Wish, ask, id_of_request, line
from tests.faults.oracle import NOBODY, Check, OracleFailed
from tests.faults.processes import (
    APART,
    TOGETHER,
    Forks,
    SetUp,
    Starter,
    await_port,
    set_up,
)
from tests.faults.sizes import PATIENCE, size
from tests.faults.storm import blow, new_postgres, new_sqlite, rounds
from tests.faults.summary import Happened
from tests.faults.waiting import until
from tests.support.postgres import PostgresServer

pytestmark = [pytest.mark.faults, pytest.mark.processes]


def test_killing_the_server_loses_nothing(
    forks: Forks, sqlite_template: Path, tmp_path: Path, happened: Happened
) -> None:
    happened.fault = "kill -9 of talktime serve, SQLite"
    for seed, kills in rounds(size(30, 300)):
        with (
            new_sqlite(sqlite_template, tmp_path) as url,
            set_up(url, TOGETHER, forks) as made,
        ):
            blow(made, seed, kills, size(6, 5), happened, most_at_once=1)


@pytest.mark.postgres
def test_killing_agi_http_and_worker_loses_nothing(
    forks: Forks, postgres_server: PostgresServer, happened: Happened
) -> None:
    happened.fault = "kill -9 of agi, http, worker and ship, PostgreSQL"
    for seed, kills in rounds(size(70, 600)):
        with new_postgres(postgres_server) as url, set_up(url, APART, forks) as made:
            blow(made, seed, kills, size(12, 5), happened)


# ---- the controls: a client or a ledger that counts too early is caught


@contextmanager
def counter(starter: Starter, url: str, early: bool = False) -> Iterator[tuple[SetUp, int]]:
    """One process that sells, and the port it sells at."""
    with set_up(url, ("http",), starter, cards=1, early=early) as made:
        made.start()
        (port,) = made.http_ports
        await_port(port)
        yield made, port


def sell(made: SetUp, port: int, key: str) -> int | None:
    path = f"/v1/cards/{made.cards[0][0]}/top-ups"
    body = {"amount": {"amount": "1.00", "unit": "USD"}, "channel": "cash"}
    return ask(port, made.secret, path, key, body)


def promised(made: SetUp) -> str:
    """The key of a top-up that is about to be asked for."""
    key = str(uuid4())
    made.record.send(top_up(id_of_request("top-up", key), parse("1.00", "USD")))
    return key


def counts_as_done(made: SetUp, key: str) -> None:
    made.record.acknowledge(top_up(id_of_request("top-up", key)))


def lost(made: SetUp, key: str) -> None:
    with pytest.raises(OracleFailed) as failed:
        made.oracle.check(made.record, live=NOBODY)
    assert failed.value.checks == {Check.ACKNOWLEDGED}
    assert str(id_of_request("top-up", key)) in str(failed.value)


def test_a_client_that_does_not_wait_for_the_answer_is_caught(
    forks: Forks, sqlite_template: Path, tmp_path: Path
) -> None:
    with new_sqlite(sqlite_template, tmp_path) as url, counter(forks, url) as (made, port):
        (member,) = made.members
        kept, lost_key = promised(made), promised(made)
        assert sell(made, port, kept) == 200
        counts_as_done(made, kept)
        made.oracle.check(made.record, live=NOBODY)
        os.kill(member.pid, signal.SIGSTOP)
        asks = Thread(target=sell, args=(made, port, lost_key))
        asks.start()
        counts_as_done(made, lost_key)
        made.kill(member)
        asks.join(PATIENCE)
        lost(made, lost_key)


def test_a_ledger_that_promises_before_it_stores_is_caught(
    forks: Forks, sqlite_template: Path, tmp_path: Path
) -> None:
    with (
        new_sqlite(sqlite_template, tmp_path) as url,
        counter(forks, url, early=True) as (made, port),
    ):
        key = promised(made)
        assert sell(made, port, key) == 200
        counts_as_done(made, key)
        made.kill(*made.members)
        lost(made, key)


def test_a_client_that_asks_again_gets_what_it_asked_for_once(
    forks: Forks, sqlite_template: Path, tmp_path: Path
) -> None:
    with new_sqlite(sqlite_template, tmp_path) as url, counter(forks, url) as (made, port):
        key = promised(made)
        assert sell(made, port, key) == 200
        # Nobody heard the answer.
        made.kill(*made.members)
        made.start()
        await_port(port)
        assert sell(made, port, key) == 200
        counts_as_done(made, key)
        made.oracle.check(made.record, live=NOBODY)


@define
class Forgetful(Exchange):
    """An Asterisk that loses the records of its legs."""

    def write(self, line: str, *means: Command) -> None:
        if line.startswith("leg|"):
            self.owes(*means)
        else:
            super().write(line, *means)


@pytest.mark.parametrize("asterisk", [Exchange, Forgetful])
def test_a_talk_that_outlives_its_server_is_charged_from_its_record(
    asterisk: type[Exchange], forks: Forks, sqlite_template: Path, tmp_path: Path
) -> None:
    with new_sqlite(sqlite_template, tmp_path) as url, set_up(url, TOGETHER, forks) as made:
        exchange = asterisk(made.spool, made.record)
        made.start()
        made.await_ready()
        who, killed = line(exchange, made.cards[0], [Wish("48123456789", ANSWERS, 0.0)]), Event()
        assert isinstance(who.line, Person)
        who.line.waits = lambda _: killed.wait(PATIENCE)
        caller = Thread(target=who.call, args=(made.agi_ports,))
        exchange.moving.set()
        caller.start()
        until("the leg is up", lambda: bool(exchange.live().up))
        made.kill(*made.members)
        killed.set()
        caller.join(PATIENCE)
        made.start()
        until("the spool is read", made.drained)
        exchange.drained()
        if asterisk is Exchange:
            made.oracle.check(made.record, live=NOBODY)
            return
        with pytest.raises(OracleFailed, match=r"settlement .* talked_ms 60000"):
            made.oracle.check(made.record, live=NOBODY)
