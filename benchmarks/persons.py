"""What it costs a call that its caller's number is sealed: a new caller, a known one, a recent one.

    python -m benchmarks.persons [--ledger sqlite|postgres|both] [--callers 2000]

Processor time of this process and time on the clock for each number, beside those of one append of
one fact, of which a whole call makes about six.
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar
from uuid import uuid4

from eventsourcing.persistence import StoredEvent

from adapters.persistence.connecting import connect
from adapters.persistence.migrations import upgrade
from adapters.persistence.person_keys import KeyRingFile
from adapters.persistence.persons import StoredPersons
from adapters.persistence.recorder import EventRecorder
from talktime.system import SystemClock
from tests.support.postgres import private_server

T = TypeVar("T")

_FACT = b'{"v":1,"at":"2026-11-21T12:00:00.000000Z","fact":{"reference":"pbx1-1763765000.42"}}'


def main() -> None:
    parser = argparse.ArgumentParser(description="What sealing a caller's number costs a call.")
    parser.add_argument("--ledger", choices=("sqlite", "postgres", "both"), default="both")
    parser.add_argument("--callers", type=int, default=2_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="talktime-") as name:
        folder = Path(name)
        if options.ledger != "postgres":
            measure("SQLite", f"sqlite:///{folder}/ledger.db", folder, options.callers)
        if options.ledger != "sqlite":
            with private_server() as server:
                url = server.url(server.create_database())
                measure("PostgreSQL", url, folder, options.callers)


def measure(kind: str, url: str, folder: Path, callers: int) -> None:
    file = KeyRingFile(folder / f"{kind}.key")
    file.make(SystemClock().now())
    with connect(url) as recorder:
        upgrade(recorder)
        mine, others = (StoredPersons(recorder, file.read, SystemClock()) for _ in range(2))
        numbers = [f"+1555{each:07d}" for each in range(callers)]
        warm = [f"+1556{each:07d}" for each in range(100)]
        for number in warm:
            mine.seal(number)
        print(f"{kind}, {callers} callers: microseconds for each")
        _told("one append of a fact", lambda _: _append(recorder), numbers)
        _told("a new caller", mine.seal, numbers)
        _told("a caller known to the ledger", others.seal, numbers)
        _told("a caller of the last 30 s", others.seal, numbers)
        sealed = [others.seal(number) for number in numbers]
        pages = [sealed[at : at + 100] for at in range(0, callers, 100)]
        third = StoredPersons(recorder, file.read, SystemClock())
        _told("opened for a list of 100", third.opened, pages, each=100)


def _append(recorder: EventRecorder) -> None:
    recorder.insert_events([StoredEvent(uuid4(), 1, "call-started", _FACT)])


def _told(what: str, do: Callable[[T], object], things: list[T], *, each: int = 1) -> None:
    before, begun = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter()
    for thing in things:
        do(thing)
    after, seconds = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter() - begun
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    count = len(things) * each
    print(f"  {what:32} {cpu / count * 1e6:8.1f} processor {seconds / count * 1e6:8.1f} clock")


if __name__ == "__main__":
    main()
