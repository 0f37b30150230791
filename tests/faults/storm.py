"""A storm: processes are killed at random under load, started again, and the ledger is judged."""

from __future__ import annotations

import random
import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

from attrs import define, field

from adapters.persistence.codec import FactMapper
from adapters.persistence.connecting import connect
from adapters.persistence.facts import FACTS, UPCASTS
from adapters.persistence.projections import Projections
from adapters.persistence.read_models import ALL
from adapters.persistence.seals import StoredSeals
from tests.faults.load import Exchange, Load, Wish, line, wish
from tests.faults.oracle import NOBODY, Verdict
from tests.faults.processes import Member, SetUp, await_port
from tests.faults.sizes import PATIENCE, SEED
from tests.faults.summary import Happened
from tests.faults.waiting import until
from tests.support.postgres import PostgresServer


@define
class Storm:
    """What happened. ``restarts`` are seconds from the start of a process that answers calls to
    the first number it dialled."""

    set_up: SetUp
    chance: random.Random
    exchange: Exchange
    load: Load
    kills: int = 0
    calls_cut: int = 0
    """Calls that were up when a process was killed."""
    checks: int = 0
    restarts: list[float] = field(factory=list)
    last: Verdict | None = None

    def blow(self, kills: int, every: int, *, most_at_once: int = 3) -> None:
        """Kills until it is enough, and has the oracle look after every so many kills."""
        due = self.kills + every
        enough = self.kills + kills
        while self.kills < enough:
            time.sleep(self.chance.uniform(0.0, 0.25))
            self._await_a_call()
            count = min(self.chance.randint(1, most_at_once), enough - self.kills)
            self.kill_some(count)
            if self.kills >= due:
                due += every
                self.judge()

    def kill_some(self, count: int) -> None:
        victims = self.chance.sample(self.set_up.members, min(count, len(self.set_up.members)))
        self.calls_cut += len(self.exchange.live().up)
        self.set_up.kill(*victims)
        self.kills += len(victims)
        began = time.monotonic()
        self.set_up.start(*victims)
        if self.chance.random() < 0.2:
            return  # The next kill may come while they are still starting.
        for victim in victims:
            if victim.agi_port:
                self.restarts.append(self.first_call(victim) - began)
            elif victim.http_port:
                await_port(victim.http_port)

    def first_call(self, member: Member) -> float:
        """When this process has dialled a number, by the clock of this machine."""
        await_port(member.agi_port)
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            one = Wish("48123456789", wish(self.chance).talk, 0.0)
            who = line(self.exchange, self.chance.choice(self.set_up.cards), [one])
            who.call((member.agi_port,))
            if who.dialled_at is not None:
                return who.dialled_at
        raise AssertionError(f"{member} dials nothing:\n{self.set_up.told(member)}")

    def judge(self) -> None:
        """With calls up: nobody moves until the oracle has spoken."""
        self.exchange.moving.clear()
        try:
            self.last = self.set_up.oracle.check(self.set_up.record, live=self.exchange.live)
        finally:
            self.exchange.moving.set()
        self.checks += 1

    def settle(self) -> None:
        """After the load: everything is settled, sealed and in the read models by the processes
        themselves, and the oracle finds nothing open."""
        self.set_up.await_ready()
        until("every record of the spool is reported", self.set_up.drained)
        self.exchange.drained()
        assert not (self.set_up.spool / "rejected.txt").exists(), "a record was given up"
        with connect(self.set_up.url) as recorder:
            projections = Projections(recorder, FactMapper(FACTS, UPCASTS))

            def followed() -> bool:
                end = recorder.max_notification_id() or 0
                return all(projections.position(model) >= end for model in ALL)

            def sealed() -> bool:
                newest = StoredSeals(recorder).last()
                end = recorder.max_notification_id() or 0
                return newest is not None and newest.block.last >= end

            until("the read models follow the log", followed)
            until("the log is sealed to its end", sealed)
        self.last = self.set_up.oracle.check(self.set_up.record, live=NOBODY)
        self.checks += 1

    def _await_a_call(self) -> None:
        until("a call is up", lambda: bool(self.exchange.live().up or self.load.faults))


@contextmanager
def storm(set_up: SetUp, seed: int, *, callers: int = 8) -> Iterator[Storm]:
    """Everything is started and under load; at the end all of it is settled and judged."""
    exchange = Exchange(set_up.spool, set_up.record)
    load = Load(exchange, set_up.cards, set_up.agi_ports, set_up.http_ports, set_up.secret, seed)
    made = Storm(set_up, random.Random(seed), exchange, load)
    set_up.start()
    set_up.await_ready()
    with load.running(callers):
        yield made
    made.settle()
    set_up.stop()


OF_ONE_LEDGER = 100
"""Kills before the storm moves on to a new ledger: the oracle reads all of it every time."""


def blow(
    made: SetUp, seed: int, kills: int, every: int, happened: Happened, most_at_once: int = 3
) -> Storm:
    """A storm on one ledger, and what came of it."""
    try:
        with storm(made, seed) as blown, told_in(happened, blown):
            blown.blow(kills, every, most_at_once=most_at_once)
    except BaseException as fault:
        fault.add_note(f"FAULTS_SEED={SEED}, seed of this storm {seed}")
        for member in made.members:
            fault.add_note(f"{member}:\n{made.told(member)}")
        raise
    # The last look, after all was settled, comes behind the storm.
    happened.checks += 1
    happened.keep()
    assert blown.kills == kills == sum(each.kills for each in made.members)
    # It was a storm only if there was something to blow down.
    assert blown.calls_cut >= kills // 4
    assert blown.load.calls > kills // 2
    assert blown.load.sold > kills // 4
    return blown


@contextmanager
def told_in(happened: Happened, blown: Storm) -> Iterator[None]:
    """Whatever becomes of the storm, how far it came is told."""
    try:
        yield
    finally:
        happened.times += blown.kills
        happened.checks += blown.checks
        happened.waits += blown.restarts
        happened.keep()


@contextmanager
def new_sqlite(template: Path, folder: Path) -> Iterator[str]:
    """The address of another empty ledger."""
    place = folder / f"{uuid4()}"
    place.mkdir()
    yield f"sqlite:///{shutil.copy(template, place / 'ledger.db')}"
    shutil.rmtree(place)


@contextmanager
def new_postgres(server: PostgresServer) -> Iterator[str]:
    name = server.create_database()
    yield server.url(name)
    server.drop_database(name)


def rounds(kills: int) -> Sequence[tuple[int, int]]:
    """Seeds, and how many kills each: no ledger is hit by more than so many."""
    told = []
    for number, start in enumerate(range(0, kills, OF_ONE_LEDGER)):
        told.append((SEED + number, min(OF_ONE_LEDGER, kills - start)))
    return told
