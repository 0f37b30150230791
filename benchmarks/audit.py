"""How many facts a second are replayed and verified, on a log of a million facts.

On SQLite and PostgreSQL: the log replayed as JSON lines, booked, and verified, the rules in other
processes and the seals beside them in this one, as ``talktime audit verify --public-key`` does.
Each figure is the best of some rounds, with its processor time in all processes and its ratio to
plainly reading the same rows, which hold better between machines than the seconds do. Run with
``python -m benchmarks.audit [--facts 1000000]``.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from resource import RUSAGE_CHILDREN, RUSAGE_SELF, getrusage
from tempfile import TemporaryDirectory
from time import perf_counter

from attrs import frozen

from adapters.persistence.codec import FactMapper
from adapters.persistence.connecting import connect
from adapters.persistence.facts import FACTS, UPCASTS
from adapters.persistence.log_audit import LedgerAuditor
from adapters.persistence.log_reader import LogReader
from adapters.persistence.migrations import upgrade
from adapters.persistence.read_models import ALL
from adapters.persistence.rebuilding import Rebuild
from adapters.persistence.recorder import EventRecorder
from adapters.persistence.seals import StoredSeals
from adapters.sealing.keys import PublicKeys, SealKey
from application.bookkeeping import Bookkeeping
from application.seal_verification import verify as verify_seals
from application.sealing import Sealing
from benchmarks.big_ledgers import ledgers
from domain.seal_checks import Checked
from talktime.sealing import Trusted
from talktime.system import SystemClock

REPLAYED = 150_000
"""Facts a second that a replay is to stream at least."""

VERIFIED = 1_000_000 / 15
"""Facts a second that are to be verified at least, on two cores."""

_MEGABYTE = 1024


@frozen
class Took:
    seconds: float
    cpu: float


def processor_time() -> float:
    """Of this process and of those that it waited for."""
    both = (getrusage(RUSAGE_SELF), getrusage(RUSAGE_CHILDREN))
    return sum(each.ru_utime + each.ru_stime for each in both)


def best(rounds: int, does: Callable[[], object]) -> Took:
    took = []
    for _ in range(rounds):
        begins, cpu = perf_counter(), processor_time()
        does()
        took.append(Took(perf_counter() - begins, processor_time() - cpu))
    return Took(min(each.seconds for each in took), min(each.cpu for each in took))


@frozen
class Told:
    """Prints figures of one ledger beside plainly reading it."""

    kind: str
    facts: int
    plain: Took

    def __call__(self, name: str, took: Took, target: float = 0) -> bool:
        rate = self.facts / took.seconds
        beside = f"  {rate / target:5.2f} x target" if target else ""
        print(
            f"{self.kind:9} {name:24} {took.seconds:7.2f} s {took.cpu:7.2f} s of processor time"
            f" {rate:9.0f} facts/s {took.cpu / self.plain.cpu:6.1f} x reading{beside}"
        )
        return rate >= target


def sealed(recorder: EventRecorder, folder: Path) -> Trusted:
    """Seals the whole log, and gives what is needed to check that."""
    with recorder.writing() as connection:
        # A ledger that was kept is sealed under a key that was not.
        connection.exec_driver_sql("DELETE FROM seal_blocks")
    key = SealKey.new("benchmark")
    public = key.write(folder / f"{id(recorder)}.key")
    while Sealing(StoredSeals(recorder), key, SystemClock(), every=timedelta()).run():
        pass
    return Trusted(PublicKeys.read(public))


def measure(kind: str, url: str, folder: Path, asked: argparse.Namespace) -> bool:
    mapper = FactMapper(FACTS, UPCASTS)
    with connect(url) as recorder:
        upgrade(recorder)
        Rebuild(recorder, mapper).run(ALL)
        trusted = sealed(recorder, folder)
        reader = LogReader(recorder, mapper)
        plain = best(asked.rounds, lambda: [None for _ in reader.pages()])
        told = Told(kind, reader.count(), plain)
        told("read the rows", plain)
        with open(os.devnull, "wb") as out:
            lines = best(asked.rounds, lambda: [out.write(each) for each in reader.lines()])
        good = told("replay", lines, REPLAYED)
        told("decode", best(1, lambda: [None for _ in reader.facts()]))
        books = Bookkeeping(reader)
        told("trial balance", best(1, lambda: books.trial_balance(depth=3)))
        auditor = LedgerAuditor(url, recorder, mapper, SystemClock())

        def rules() -> None:
            verified = auditor.verify(processes=asked.processes, progress=lambda *_: None)
            assert verified.clean, verified.found[:3]

        def seals() -> None:
            checked = verify_seals(StoredSeals(recorder), trusted)
            assert isinstance(checked, Checked), checked

        def rules_and_seals() -> None:
            with ThreadPoolExecutor(1) as beside:
                looked_at = beside.submit(seals)
                rules()
                looked_at.result()

        told("verify the rules", best(1, rules), VERIFIED)
        told("verify the seals", best(1, seals))
        good = told("verify both", best(asked.rounds, rules_and_seals), VERIFIED) and good
    child = getrusage(RUSAGE_CHILDREN).ru_maxrss // _MEGABYTE
    own = getrusage(RUSAGE_SELF).ru_maxrss // _MEGABYTE
    print(f"{kind:9} at most {own} MB here and {child} MB in another process")
    return good


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--facts", type=int, default=1_000_000)
    options.add_argument("--rounds", type=int, default=2)
    options.add_argument("--processes", type=int, default=len(os.sched_getaffinity(0)))
    options.add_argument("--only", choices=("sqlite", "postgres"))
    options.add_argument("--keep", type=Path, help="a folder where the ledger is kept")
    asked = options.parse_args()
    with TemporaryDirectory() as folder, ledgers(asked.facts, asked.keep) as urls:
        # Both are measured, also after one that misses its target.
        results = [
            measure(kind, url, Path(folder), asked)
            for kind, url in urls.items()
            if asked.only in (None, kind)
        ]
    if not all(results):
        sys.exit("a log is replayed or verified too slowly")


if __name__ == "__main__":
    main()
