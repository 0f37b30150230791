"""How long it takes to make all read models again, from a log of a million facts.

For SQLite and PostgreSQL: the whole, from the command to the last table in its place, and the same
once more in processor time of all its processes, which other work on the machine does not change
much. PostgreSQL's own is not in it.
The rows are compared with those that following makes if ``--check`` is given. Run with
``python -m benchmarks.rebuild [--facts 1000000]``.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from time import perf_counter

from adapters.persistence.codec import FactMapper
from adapters.persistence.connecting import connect
from adapters.persistence.facts import FACTS, UPCASTS
from adapters.persistence.migrations import upgrade
from adapters.persistence.read_models import ALL
from adapters.persistence.rebuild_check import RebuildCheck
from adapters.persistence.rebuilding import Rebuild
from benchmarks.big_ledgers import ledgers

REBUILT = 1_000_000 / 30
"""Facts a second that all read models are to be made of at least."""


def measure(kind: str, url: str, asked: argparse.Namespace) -> bool:
    mapper = FactMapper(FACTS, UPCASTS)
    best = 0.0
    with connect(url) as recorder:
        upgrade(recorder)
        for _ in range(asked.rounds):
            begun, cpu = perf_counter(), worked_by_all()
            facts = Rebuild(recorder, mapper, url=url, processes=asked.processes).run(ALL)
            took, worked = perf_counter() - begun, worked_by_all() - cpu
            best = max(best, facts / took)
            print(
                f"{kind}: {facts:,} facts in {took:.1f} s: {facts / took:,.0f}/s,"
                f" {facts / took / REBUILT:.2f} x target;"
                f" {worked:.1f} s of processor time, {worked / facts * 1e6:.1f} µs a fact"
            )
        if asked.check:
            found = RebuildCheck(recorder, mapper).run()
            print(f"{kind}: {found.rows:,} rows compared: {found.difference or 'the same'}")
            return found.difference is None and best >= REBUILT
    return best >= REBUILT


def worked_by_all() -> float:
    """Seconds of processor time of this process and of those that it waited for."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--facts", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--processes", type=int, help="1 or 2; else as `talktime rebuild` does")
    parser.add_argument("--check", action="store_true", help="compare with rows made by following")
    parser.add_argument("--keep", type=Path, help="a folder where the ledger is kept for next time")
    options = parser.parse_args()
    with ledgers(options.facts, options.keep) as urls:
        # Both are measured, also after one that misses its target.
        results = [measure(kind, url, options) for kind, url in urls.items()]
    if not all(results):
        sys.exit("a rebuild takes too long, or makes other rows than following")


if __name__ == "__main__":
    main()
