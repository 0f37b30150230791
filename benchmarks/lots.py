"""How long a lot takes: a million cards made, and a batch of cards activated while calls go on.

Each figure is printed beside its target, with the ratio; memory is the highest the process had.
Run with ``python -m benchmarks.lots``; ``--cards 100000`` for a shorter look.
"""

from __future__ import annotations

import argparse
import os
import resource
import secrets
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from statistics import quantiles
from time import perf_counter, process_time
from uuid import uuid4

import pyrage

from adapters.persistence.bulk import LedgerBulkAppends
from adapters.persistence.codec import FactMapper
from adapters.persistence.connecting import connect
from adapters.persistence.facts import FACTS, UPCASTS
from adapters.persistence.lot_pins import StoredLotPins
from adapters.persistence.lot_views import LedgerLotViews
from adapters.persistence.migrations import upgrade
from adapters.persistence.recorder import EventRecorder
from adapters.persistence.units_of_work import LedgerUnitsOfWork
from adapters.printing.seals import AgeSealer
from application import kinds
from application.administration import Administration, Chance
from application.approvals import Approvals
from application.card_changes import CardChanges
from application.lots import Lots
from application.pins import PinDigests
from application.ports import Unit
from domain.card_groups import GroupTerms
from domain.cards import Status
from domain.distributors import NumberRange
from domain.lots import Numbering
from domain.money import Money
from talktime.garbage import collect_rarely
from tests.support.postgres import private_server

MAKE_SECONDS = 90.0
MAKE_MEGABYTES = 500.0
CHANGE_SECONDS = 15.0
GROUP = "Gold"
CALLERS = 8


class SystemClock:
    def now(self) -> datetime:
        return datetime.now(UTC)


class Shop:
    """The use cases of lots on one ledger."""

    def __init__(self, recorder: EventRecorder) -> None:
        mapper, clock = FactMapper(FACTS, UPCASTS), SystemClock()
        chance = Chance(secrets.randbelow, secrets.token_bytes)
        pins = PinDigests(b"k" * 32)
        self.units = LedgerUnitsOfWork(recorder, mapper, clock)
        bulk = LedgerBulkAppends(recorder, mapper, clock)
        approvals = Approvals(self.units, clock, chance)
        self.administration = Administration(self.units, pins, clock, chance)
        self.lots = Lots(
            self.units, bulk, pins, AgeSealer(), StoredLotPins(recorder), clock, chance, approvals
        )
        views = LedgerLotViews(recorder)
        self.changes = CardChanges(self.units, bulk, self.lots, views, approvals)


def make(url: str, cards: int) -> None:
    """In a process of its own, so that its memory is its own."""
    with connect(url) as recorder:
        upgrade(recorder)
        shop = Shop(recorder)
        shop.administration.create_group(
            GROUP, GroupTerms("USD", Money(10_000_000, "USD"), "retail", number_length=10)
        )
        recipient = str(pyrage.x25519.Identity.generate().to_public())
        began, used = perf_counter(), process_time()
        lot_id = shop.lots.order(
            "spring", GROUP, Numbering("4711000000"), cards, recipient, "bench", "benchmark"
        )
        lot = shop.lots.generate(lot_id)
        seconds, used = perf_counter() - began, process_time() - used
        assert lot.made == cards
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    _told("made", f"{cards:,} cards", seconds, used, MAKE_SECONDS * cards / 1_000_000)
    print(f"  memory {memory:,.0f} MB of {MAKE_MEGABYTES:,.0f}: {memory / MAKE_MEGABYTES:.2f}")


def change(url: str, cards: int) -> None:
    """Activates a batch while callers place and capture holds on cards of their own."""
    with connect(url) as recorder:
        shop = Shop(recorder)
        batch = NumberRange("4711000000", f"{4711000000 + cards - 1}")
        for status in (Status.PRINTED, Status.SHIPPED, Status.ACTIVE, Status.ON_HOLD):
            times: list[float] = []
            with calling(shop, times):
                began, used = perf_counter(), process_time()
                report = shop.changes.change_status(
                    shop.changes.range(batch), status, "bench", "benchmark"
                )
                seconds, used = perf_counter() - began, process_time() - used
            assert report.changed == cards
            target = CHANGE_SECONDS * cards / 100_000
            _told(f"became {status.value}", f"{cards:,} cards", seconds, used, target)
            worst = quantiles(times, n=100)[98] * 1000
            print(f"  {len(times) / seconds:,.0f} holds a second meanwhile, p99 {worst:.0f} ms")


@contextmanager
def calling(shop: Shop, times: list[float]) -> Iterator[None]:
    """Callers in threads, each with a card of its own: a hold, then its capture, and so on."""
    ended = threading.Event()
    threads = [threading.Thread(target=_call(shop, ended, times)) for _ in range(CALLERS)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        ended.set()
        for thread in threads:
            thread.join()


def _call(shop: Shop, ended: threading.Event, times: list[float]) -> Callable[[], None]:
    card = shop.administration.generate_card(GROUP)
    shop.administration.issue_card(card.card_id, "bench", "calls")
    account_id = kinds.account_id_of_card(card.card_id)
    cent = Money(10_000, "USD")

    def call() -> None:
        while not ended.wait(0.02):
            hold_id = uuid4()

            def place(unit: Unit, hold_id: object = hold_id) -> None:
                account = unit.get(kinds.ACCOUNTS, account_id)
                assert account is not None
                unit.record(kinds.ACCOUNTS, account_id, account.hold(hold_id, cent, most=2))  # type: ignore[arg-type]

            def release(unit: Unit, hold_id: object = hold_id) -> None:
                account = unit.get(kinds.ACCOUNTS, account_id)
                assert account is not None
                unit.record(kinds.ACCOUNTS, account_id, account.release(hold_id))  # type: ignore[arg-type]

            for step in (place, release):
                began = perf_counter()
                shop.units.run(step, writes=(account_id,))
                times.append(perf_counter() - began)

    return call


def _told(what: str, how_many: str, seconds: float, used: float, target: float) -> None:
    """``used`` is the processor time of this process: less disturbed by what else runs."""
    print(f"  {how_many} {what} in {seconds:.1f} s of {target:.1f}: {seconds / target:.2f}", end="")
    print(f"; processor {used:.1f} s, load {os.getloadavg()[0]:.1f}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cards", type=int, default=1_000_000)
    parser.add_argument("--batch", type=int, default=100_000)
    parser.add_argument("--only", choices=("sqlite", "postgres"))
    parser.add_argument("--step", choices=("make", "change"), help=argparse.SUPPRESS)
    parser.add_argument("--url", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.step:
        collect_rarely()  # as the program does
        {"make": make, "change": change}[options.step](
            options.url, options.cards if options.step == "make" else options.batch
        )
        return

    def both(url: str) -> None:
        for step in ("make", "change"):
            passed = ["--cards", str(options.cards), "--batch", str(options.batch)]
            command = [sys.executable, "-m", "benchmarks.lots", "--step", step, "--url", url]
            subprocess.run([*command, *passed], check=True)

    if options.only != "postgres":
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "ledger.db"
            print("SQLite", flush=True)
            both(f"sqlite:///{file}")
            print(
                f"  on disk {sum(f.stat().st_size for f in Path(folder).iterdir()) / 1e6:,.0f} MB"
            )
    if options.only != "sqlite":
        with private_server() as server:
            print("PostgreSQL", flush=True)
            both(server.url(server.create_database()))


if __name__ == "__main__":
    main()
