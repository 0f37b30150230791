"""What a call costs on a ledger with 5,000,000 facts, beside one with 50,000.

A call is its units of work: it arrives, a card logs in by its number, dials, is settled and ends;
cards are taken by chance from the whole ledger. States are forgotten after each call, so that all
it needs is read from the database: the worst that can be. Following is what all read models need
to catch up with the call. Both ledgers are measured in turn, a hundred calls at a time, and ratios
are made within each turn, so whatever else the machine does falls on both. Processor time is of
this process, and of PostgreSQL's where there is one. Run with
``python -m benchmarks.history [--facts 5000000] [--keep var/ledgers]``.
"""

from __future__ import annotations

import argparse
import os
import random
import sqlite3
import statistics
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter, process_time
from uuid import UUID

from attrs import define, evolve, field, frozen

from adapters.persistence.cache import ClaimCache, StateCache
from adapters.persistence.connecting import connect
from adapters.persistence.migrations import upgrade
from adapters.persistence.projections import Projections
from adapters.persistence.read_models import ALL
from adapters.persistence.recorder import EventRecorder
from application.kinds import CARD_NUMBER
from benchmarks.audit_log import make
from benchmarks.big_ledgers import copy_to_postgres
from domain.errors import Refused
from domain.login import LoginMode
from tests.adapters.persistence.product import Product, mapper
from tests.support.history import PRICE, Routed
from tests.support.postgres import PostgresServer, private_server
from tests.support.story import WARSAW, PrintedCard

TARGET = 1.10
SMALL = 50_000
CALLS = 100
_TICK = os.sysconf("SC_CLK_TCK")


class Caller(Product):
    """Calls on a ledger that others have filled."""

    def __init__(self, recorder: EventRecorder, seed: int) -> None:
        with suppress(Refused):
            # Its access number is there already.
            super().__init__(recorder)
        self.chance = random.Random(seed)
        self.clock.time = datetime.now(UTC)
        self.prices.by_prefix[""] = PRICE
        self.dialling = evolve(self.dialling, routes=Routed())
        self._seed, self._number = seed, 0

    def one(self, card: PrintedCard) -> None:
        self._number += 1
        reference = f"pbx9-{1_763_765_000 + self._number % 1_000_000}.{self._seed}"
        # As after a start of the program: nothing is known but what the database tells.
        self.ledger._cache, self.ledger._claims = StateCache(1_000), ClaimCache(1_000)
        call = self.call(None, reference=reference)
        self.calls.login(call, LoginMode.NUMBER_ONLY, card.number, "")
        self.dialling.dial(call, WARSAW)
        self.settlement.record_leg(self.leg(call, 20))
        self.settlement.call_ended(reference)
        self.clock.pass_by(seconds=1)


@frozen
class Cost:
    """Of one call in a turn: milliseconds that half of them took, and 95 of 100; and of processor
    time for each."""

    median: float
    p95: float
    cpu: float


@define
class Ledger:
    name: str
    recorder: EventRecorder
    caller: Caller
    numbers: Sequence[str]
    server: Callable[[], float]
    calls: list[Cost] = field(factory=list)
    follows: list[Cost] = field(factory=list)

    def turn(self) -> None:
        projections = Projections(self.recorder, mapper())
        chosen = self.caller.chance.sample(self.numbers, CALLS)
        cards = [PrintedCard(UUID(int=0), number, "") for number in chosen]
        one = self.caller.one
        calls = _cost(self.server, lambda: [_timed(one, each) for each in cards])
        self.calls.append(calls)
        projections.catch_up_all(ALL)

        def follow(card: PrintedCard) -> float:
            one(card)
            return _timed(projections.catch_up_all, ALL)

        both = _cost(self.server, lambda: [follow(each) for each in cards])
        self.follows.append(evolve(both, cpu=both.cpu - calls.cpu))


def _cost(server: Callable[[], float], does: Callable[[], list[float]]) -> Cost:
    cpu, served = process_time(), server()
    times = sorted(does())
    worked = process_time() - cpu + server() - served
    half, most = len(times) // 2, int(len(times) * 0.95)
    return Cost(times[half] * 1e3, times[most] * 1e3, worked / CALLS * 1e3)


def _timed(does: Callable[..., object], *arguments: object) -> float:
    begun = perf_counter()
    does(*arguments)
    return perf_counter() - begun


def server_time(server: PostgresServer) -> float:
    """The processor time of all processes of the server, in seconds."""
    process = server._process
    assert process is not None, "it was started"
    ticks = 0
    for each in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            values = each.read_text().rpartition(")")[2].split()
            if int(values[1]) == process.pid or each.parent.name == str(process.pid):
                ticks += sum(map(int, values[11:15]))
    return ticks / _TICK


@contextmanager
def opened(
    name: str, url: str, numbers: Sequence[str], seed: int, server: Callable[[], float]
) -> Iterator[Ledger]:
    with connect(url) as recorder:
        upgrade(recorder)
        projections = Projections(recorder, mapper())
        if not projections.position(ALL[0]):
            projections.rebuild(*ALL)
        projections.catch_up_all(ALL)
        yield Ledger(name, recorder, Caller(recorder, seed), numbers, server)


def numbers_of(file: Path) -> list[str]:
    """The numbers of all cards in the ledger."""
    with sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True) as database:
        rows = database.execute("SELECT key FROM claims WHERE kind = ?", (CARD_NUMBER,))
        return [number for (number,) in rows]


def read_through(file: Path) -> None:
    """So that the system has it in memory, as that of a server has what is used every day."""
    with file.open("rb") as content:
        while content.read(1 << 24):
            pass


def compared(kind: str, one: Ledger, other: Ledger, rounds: int) -> bool:
    for number in range(rounds + 1):
        for ledger in (one, other) if number % 2 else (other, one):
            ledger.turn()
        if not number:
            # The first one fills the caches of the database and of the system.
            for ledger in (one, other):
                ledger.calls.clear()
                ledger.follows.clear()
    good = True
    for what, small, big in (
        ("a call", one.calls, other.calls),
        ("following it", one.follows, other.follows),
    ):
        for measure in ("median", "p95", "cpu"):
            ours = [getattr(each, measure) for each in small]
            theirs = [getattr(each, measure) for each in big]
            ratio = statistics.median(b / a for a, b in zip(ours, theirs, strict=True))
            named = {"median": "median", "p95": "p95", "cpu": "processor time"}[measure]
            print(
                f"{kind:9} {what:13} {named:15} {statistics.median(ours):7.2f} ms"
                f" {statistics.median(theirs):7.2f} ms  {ratio:5.3f} of a small ledger's,"
                f" target {TARGET:.2f}"
            )
            if measure == "cpu":
                good = good and ratio <= TARGET
    return good


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--facts", type=int, default=5_000_000)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--only", choices=("sqlite", "postgres"))
    parser.add_argument("--keep", type=Path, help="a folder where the ledgers are kept")
    options = parser.parse_args()
    results = []
    with ExitStack() as stack:
        folder = options.keep or Path(stack.enter_context(TemporaryDirectory(prefix="talktime-")))
        folder.mkdir(parents=True, exist_ok=True)
        files = [folder / f"history-{facts}.db" for facts in (SMALL, options.facts)]
        for file, facts in zip(files, (SMALL, options.facts), strict=True):
            if not file.exists():
                make(file, facts)
                print(f"made {facts:,} facts")
        if options.only != "postgres":
            seed = random.randrange(1_000_000)
            with (
                opened("small", f"sqlite:///{files[0]}", numbers_of(files[0]), seed, float) as one,
                opened("big", f"sqlite:///{files[1]}", numbers_of(files[1]), seed, float) as other,
            ):
                for file in files:
                    read_through(file)
                results.append(compared("sqlite", one, other, options.rounds))
        if options.only != "sqlite":
            server = stack.enter_context(private_server())
            urls = [server.url(server.create_database()) for _ in files]
            for file, url in zip(files, urls, strict=True):
                copy_to_postgres(file, url)

            def worked() -> float:
                return server_time(server)

            with (
                opened("small", urls[0], numbers_of(files[0]), 1_000_001, worked) as one,
                opened("big", urls[1], numbers_of(files[1]), 1_000_001, worked) as other,
            ):
                for file in server._data.rglob("*/*"):
                    if file.is_file():
                        read_through(file)
                results.append(compared("postgres", one, other, options.rounds))
    if not all(results):
        sys.exit("a call costs more the more facts are stored")


if __name__ == "__main__":
    main()
