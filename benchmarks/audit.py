"""How many facts a second are replayed and verified, on a log of a million facts.

Each figure is the best of some rounds, with its ratio to plainly reading the same rows, which
holds between machines. Run with ``python -m benchmarks.audit [--facts 1000000]``.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

from adapters.persistence.codec import FactMapper
from adapters.persistence.connecting import connect
from adapters.persistence.facts import FACTS, UPCASTS
from adapters.persistence.log_audit import LedgerAuditor
from adapters.persistence.log_reader import LogReader
from adapters.persistence.projections import Projections
from adapters.persistence.read_models import ALL
from application.bookkeeping import Bookkeeping
from benchmarks.audit_log import make
from talktime.system import SystemClock

COMPARED = ("accounts", "cards", "call sessions")

REPLAYED = 150_000
"""Facts a second that a replay is to stream at least."""

VERIFIED = 1_000_000 / 15
"""Facts a second that are to be verified at least, on two cores."""


def best(rounds: int, does: Callable[[], object]) -> float:
    took = []
    for _ in range(rounds):
        begins = perf_counter()
        does()
        took.append(perf_counter() - begins)
    return min(took)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--facts", type=int, default=1_000_000)
    options.add_argument("--rounds", type=int, default=2)
    options.add_argument("--processes", type=int, default=len(os.sched_getaffinity(0)))
    options.add_argument("--file", type=Path, help="A ledger made before, or where to make it.")
    asked = options.parse_args()
    with TemporaryDirectory() as folder:
        file = asked.file or Path(folder) / "ledger.db"
        if not file.exists():
            took = best(1, lambda: make(file, asked.facts))
            print(f"made the log: {took:.1f} s")
        url, mapper = f"sqlite:///{file}", FactMapper(FACTS, UPCASTS)
        with connect(url) as recorder:
            projections = Projections(recorder, mapper)
            for model in ALL:
                if model.name in COMPARED:
                    took = best(1, lambda model=model: projections.catch_up(model))  # type: ignore[misc]
                    print(f"read model {model.name}: {took:.1f} s")
            reader = LogReader(recorder, mapper)
            facts = reader.count()
            print(f"{facts} facts, {file.stat().st_size / facts:.0f} bytes each")

            def told(name: str, took: float, plain: float, target: float = 0) -> None:
                rate = facts / took
                beside = f"  {rate / target:5.2f} x target" if target else ""
                ratio = f"{took / plain:6.1f} x reading"
                print(f"{name:20} {took:7.2f} s {rate:10.0f} facts/s {ratio}{beside}")

            plain = best(asked.rounds, lambda: [None for _ in reader.pages()])
            told("read the rows", plain, plain)
            with open(os.devnull, "wb") as out:
                took = best(asked.rounds, lambda: [out.write(each) for each in reader.lines()])
            told("replay", took, plain, REPLAYED)
            told("decode", best(1, lambda: [None for _ in reader.facts()]), plain)
            books = Bookkeeping(reader)
            told("trial balance", best(1, lambda: books.trial_balance(depth=3)), plain)
            auditor = LedgerAuditor(url, recorder, mapper, SystemClock())
            for processes in sorted({1, asked.processes}):

                def verify(processes: int = processes) -> None:
                    verified = auditor.verify(processes=processes, progress=lambda *_: None)
                    assert verified.clean, verified.found[:3]

                rounds = 1 if processes == 1 else asked.rounds
                told(f"verify, {processes} processes", best(rounds, verify), plain, VERIFIED)


if __name__ == "__main__":
    main()
