"""What sealing costs those who record, and how long a fact waits until it is sealed.

The rate of commands is measured with sealing off and on in turn, on the same ledger: each round
has both, so that whatever else the machine does falls on both. The lag is measured at a steady
rate of facts, from the moment a fact is acknowledged to the moment its block is stored. Run with
``python -m benchmarks.sealing``.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import threading
from bisect import bisect_left
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic, process_time, sleep, thread_time
from uuid import uuid4

from attrs import define, frozen
from eventsourcing.persistence import StoredEvent

from adapters.persistence.codec import FactMapper
from adapters.persistence.connecting import connect
from adapters.persistence.migrations import upgrade
from adapters.persistence.recorder import EventRecorder
from adapters.persistence.seals import StoredSeals
from adapters.persistence.units_of_work import LedgerUnitsOfWork
from adapters.sealing.checkpoint_file import CheckpointFile
from adapters.sealing.keys import SealKey
from application.sealing import Sealing
from benchmarks.ledger import FACTS, SystemClock, ledger_side, rate
from domain.seals import Sealed
from talktime.serving import Repeated
from tests.support.postgres import private_server

TARGET_LAG = 2.0
TARGET_RATIO = 0.97
EVERY = 1.0
DATA = b'{"v":1,"at":"2026-11-22T12:00:00.123456Z","fact":{"hold_id":"%s","amount":%d}}'


class TimedSeals(StoredSeals):
    """Notes when each block was stored."""

    def __init__(self, recorder: EventRecorder) -> None:
        super().__init__(recorder)
        self.lasts: list[int] = []
        self.stored: list[float] = []

    def add(self, sealed: Sealed) -> bool:
        made = super().add(sealed)
        if made:
            self.lasts.append(sealed.block.last)
            self.stored.append(monotonic())
        return made


@define
class Timed:
    """The job, and the processor time that its thread took."""

    job: Sealing
    cpu: float = 0.0

    def run(self) -> None:
        began = thread_time()
        self.job.run()
        self.cpu += thread_time() - began


@contextmanager
def sealing(store: StoredSeals, key: SealKey, checkpoints: Path) -> Iterator[None]:
    """As ``talktime serve`` does it: a thread of the process that records."""
    job = Sealing(
        store, key, SystemClock(), [CheckpointFile(checkpoints)], every=timedelta(seconds=EVERY)
    )
    end = threading.Event()
    timed, last = Timed(job), store.last()
    thread = Repeated("seal", timed.run, lambda: end.wait(EVERY))
    try:
        yield
    finally:
        thread.stop(end.set)
    facts = store.last().block.total - (last.block.total if last else 0)  # type: ignore[union-attr]
    print(f"  sealed {facts:,} facts with {timed.cpu / facts * 1e6:.1f} µs each")


def lag(recorder: EventRecorder, folder: Path, facts_a_second: int, seconds: float) -> list[float]:
    """The seconds that each fact waited, shortest first."""
    store = TimedSeals(recorder)
    acknowledged: list[tuple[int, float]] = []
    with sealing(store, SealKey.new("benchmark"), folder / "lag"):
        began = monotonic()
        for number in range(int(facts_a_second * seconds)):
            due = began + number / facts_a_second
            if (early := due - monotonic()) > 0:
                sleep(early)
            data = DATA % (uuid4().hex.encode(), number)
            (position,) = recorder.insert_events([StoredEvent(uuid4(), 1, "hold", data)]) or ()
            acknowledged.append((position, monotonic()))
        while not store.lasts or store.lasts[-1] < acknowledged[-1][0]:
            sleep(0.01)
    return sorted(
        store.stored[bisect_left(store.lasts, position)] - at for position, at in acknowledged
    )


@frozen
class Round:
    """Commands a second, and the processor time of this process for each of them."""

    rate: float
    cpu: float

    def __str__(self) -> str:
        return f"{self.rate:,.0f}/s with {self.cpu * 1e6:.0f} µs"


def one_round(clients: list[Callable[[], None]], seconds: float) -> Round:
    cpu = process_time()
    found = rate(clients, seconds)
    return Round(found, (process_time() - cpu) / (found * seconds))


def ratios(
    recorder: EventRecorder, folder: Path, rounds: int, seconds: float, threads: int
) -> tuple[list[Round], list[Round]]:
    """What each round was like with sealing off, and on."""
    units = LedgerUnitsOfWork(recorder, FactMapper(FACTS), SystemClock())
    client = ledger_side(units)
    clients = [client(seed) for seed in range(threads)]
    store, key = StoredSeals(recorder), SealKey.new("benchmark-2")
    off: list[Round] = []
    on: list[Round] = []
    for number in range(rounds):
        for sealed in (False, True) if number % 2 else (True, False):
            # Each begins with everything sealed, whatever was recorded before it.
            while Sealing(store, key, SystemClock(), every=timedelta()).run():
                pass
            with sealing(store, key, folder / "rate") if sealed else nullcontext():
                (on if sealed else off).append(one_round(clients, seconds))
        print(f"  round {number + 1}: off {off[-1]}, on {on[-1]}")
    return off, on


def measure(kind: str, url: str, folder: Path, options: argparse.Namespace) -> bool:
    with connect(url) as recorder:
        upgrade(recorder)
        waits = lag(recorder, folder, options.facts, options.lag_seconds)
        p50, p99 = waits[len(waits) // 2], waits[int(len(waits) * 0.99)]
        print(f"{kind}: {options.facts} facts/s: sealed after {p50:.2f} s (p50), {p99:.2f} s (p99)")
        off, on = ratios(recorder, folder, options.rounds, options.seconds, options.threads)
    ratio = statistics.median(two.rate / one.rate for one, two in zip(off, on, strict=True))
    cpu = statistics.median(one.cpu / two.cpu for one, two in zip(off, on, strict=True))
    print(f"{kind}: commands a second with sealing on against off: {ratio:.3f}")
    # On a machine that others use as well this is the steadier figure of the two.
    print(f"{kind}: processor time of a command with sealing off against on: {cpu:.3f}")
    return p99 <= TARGET_LAG and ratio >= TARGET_RATIO


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--facts", type=int, default=500, help="facts a second, for the lag")
    parser.add_argument("--lag-seconds", type=float, default=20.0)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--seconds", type=float, default=4.0)
    parser.add_argument("--threads", type=int, default=16)
    options = parser.parse_args()
    with private_server() as server, TemporaryDirectory(prefix="talktime-") as name:
        folders = {kind: Path(name) / kind for kind in ("sqlite", "postgres")}
        for folder in folders.values():
            folder.mkdir()
        urls = {
            "sqlite": f"sqlite:///{folders['sqlite'] / 'ledger.db'}",
            "postgres": server.url(server.create_database()),
        }
        # All are measured, also after one that misses its target.
        results = [measure(kind, urls[kind], folders[kind], options) for kind in urls]
    if not all(results):
        sys.exit("sealing costs more than it should, or takes too long")


if __name__ == "__main__":
    main()
