"""What 5,000 open calls cost: memory a call, and the time a caller waits while new calls come.

    python -m benchmarks.open_calls [--open 5000] [--calls 900] [--rate 30]

The open calls are talking, each held in its Dial; beside them new calls are made at a steady rate,
whole ones as in ``benchmarks.calls``. SQLite, durable commits. A turn is the time from Asterisk's
answer to the platform's next command.
"""

from __future__ import annotations

import argparse
import multiprocessing
import tempfile
import time
from multiprocessing.connection import Connection
from pathlib import Path

import structlog

from adapters.agi.server import FastAgiServer
from adapters.phone.load import Plan, play_beside_open_calls, play_calls
from benchmarks.calls import keys_of, set_up, settings_for
from talktime.cores import keep_to_one_core
from talktime.garbage import collect_rarely
from talktime.settings import check
from talktime.system import build, make_pin_key

TARGET_KB = 100
TARGET_MS = 250
SPARE = 1_000
"""Cards for the new calls."""


def serve(folder: str, url: str, pipe: Connection) -> None:
    keep_to_one_core()
    collect_rarely()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(30))
    system = build(check(settings_for(Path(folder), url)))
    server = FastAgiServer(("127.0.0.1", 0), {"card": system.answer}, most_calls=8_000).start()
    pipe.send(server.address)
    while pipe.recv() != "stop":
        pipe.send((resident_kb(), server.calls_active))
    server.stop(10)
    system.close()


def resident_kb() -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1])
    raise RuntimeError("this system does not tell a process's memory")


def main() -> None:
    parser = argparse.ArgumentParser(description="Memory and turns with many open calls.")
    parser.add_argument("--open", type=int, default=5_000)
    parser.add_argument("--calls", type=int, default=900)
    parser.add_argument("--rate", type=float, default=30.0)
    options = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(30))
    with tempfile.TemporaryDirectory(prefix="talktime-") as name:
        folder = Path(name)
        make_pin_key(folder / "pin.key")
        url = f"sqlite:///{folder}/ledger.db"
        system = build(check(settings_for(folder, url)))
        set_up(system, options.open + SPARE)
        system.close()
        measure(folder, url, options.open, options.calls, options.rate)


def measure(folder: Path, url: str, open_calls: int, calls: int, rate: float) -> None:
    ours, theirs = multiprocessing.Pipe()
    server = multiprocessing.get_context("spawn").Process(
        target=serve, args=(str(folder), url, theirs)
    )
    server.start()
    theirs.close()
    host, port = ours.recv()
    cards = open_calls + SPARE

    def keys(call: int) -> list[str]:
        """Each card has one call at a time: new calls use those that are not talking."""
        if call < open_calls:
            return keys_of(call, cards)
        return keys_of(open_calls + call % SPARE, cards)

    play_calls(host, port, Plan(keys, epoch=int(time.time())), calls=200, at_once=20)
    ours.send("memory")
    before, _ = ours.recv()
    seen: list[tuple[int, int]] = []

    def opened() -> None:
        ours.send("memory")
        seen.append(ours.recv())

    plan = Plan(keys, epoch=int(time.time()) - 1_000)
    report = play_beside_open_calls(
        host, port, plan, open_calls=open_calls, calls=calls, rate=rate, opened=opened
    )
    ours.send("stop")
    server.join()
    after, active = seen[0]
    each = (after - before) / open_calls
    p99 = report.percentile(99)
    print(f"{active} calls open, then {report}")
    print(f"  memory a call, kB {each:7.1f}   target {TARGET_KB}, ratio {TARGET_KB / each:.1f}")
    print(f"  p99 of a turn, ms {p99:7.1f}   target {TARGET_MS}, ratio {TARGET_MS / p99:.1f}")
    assert report.legs == calls, f"not every new call could talk: {report}"
    assert report.held == open_calls, f"not every call could be held open: {report}"


if __name__ == "__main__":
    main()
