"""How many whole calls a second the platform carries, and where the processor time goes.

    python -m benchmarks.calls [--ledger sqlite|postgres|both] [--calls 3000] [--at-once 24]

A player of Asterisk's side makes full calls over TCP: login by number and PIN, balance said,
destination, time said, a leg answered for 60 seconds, charge, two empty entries, hang-up. 10,000
prefixes, 5,000 cards, durable commits. Player, server and database share this machine's cores.
"""

from __future__ import annotations

import argparse
import contextlib
import multiprocessing
import os
import resource
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from multiprocessing.connection import Connection
from pathlib import Path

import structlog

from adapters.agi.server import FastAgiServer
from adapters.phone.load import Plan, Report, play_calls
from benchmarks.layers import Layers
from domain.access_numbers import AccessTerms
from domain.card_groups import GroupTerms
from domain.money import parse
from domain.rate_checks import PricedPrefix
from domain.rating import RateTerms
from talktime.cores import keep_to_one_core
from talktime.garbage import collect_rarely
from talktime.settings import check
from talktime.system import System, build, make_pin_key
from tests.support.postgres import private_server

TARGET_CALLS = 250
TARGET_CPU_MS = 4.5
ACCESS_NUMBER = "18005550100"
PREFIXES, CARDS = 10_000, 5_000


def number_of(card: int) -> str:
    return f"{1_000_000_000 + card}"


def pin_of(card: int) -> str:
    return f"{10_000_000 + card * 13_001}"


def keys_of(call: int, cards: int = CARDS) -> list[str]:
    card = call % cards
    return [number_of(card), pin_of(card), f"48{call % 10_000:04d}123456"[:11]]


def set_up(system: System, cards: int = CARDS) -> None:
    """An operator with its tariff, group, access number and cards."""
    do = system.administration
    rows = [
        PricedPrefix(f"48{n:04d}", f"Area {n % 97}", RateTerms("USD", 20_000 + n % 50 * 100))
        for n in range(PREFIXES)
    ]
    since = datetime(2026, 1, 1, tzinfo=UTC)
    system.tariffs.publish_rows("retail", "USD", rows, since, "benchmark")
    do.create_group("cards", GroupTerms("USD", parse("100", "USD"), "retail"))
    system.access_numbers.add(ACCESS_NUMBER, AccessTerms())
    for card in range(cards):
        made = do.generate_card("cards", number=number_of(card), pin=pin_of(card))
        do.issue_card(made.card_id, "benchmark", "to be measured")


def settings_for(folder: Path, url: str) -> dict[str, object]:
    return {
        "ledger": {"url": url},
        "secrets": {"pin_key_file": str(folder / "pin.key")},
        "trunks": [{"name": "carrier"}],
        "agi": {"port": 0},
        "log": {"level": "warning"},
    }


def serve(folder: str, url: str, layered: bool, pipe: Connection) -> None:
    """The server's process: everything that is ours, on one core as ``talktime serve`` is."""
    keep_to_one_core()
    collect_rarely()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(30))
    system = build(check(settings_for(Path(folder), url)))
    layers = Layers() if layered else None
    if layers:
        layers.watch(system)
    server = FastAgiServer(("127.0.0.1", 0), {"card": system.answer}, most_calls=4_000).start()
    pipe.send(server.address)
    while (request := pipe.recv()) != "stop":
        assert request == "cpu"
        pipe.send(time.process_time())
    server.stop(5)
    system.close()
    pipe.send((time.process_time(), layers.seconds if layers else {}))


@contextlib.contextmanager
def ledger(kind: str, folder: Path) -> Iterator[str]:
    if kind == "sqlite":
        yield f"sqlite:///{folder}/ledger.db"
        return
    with private_server() as server:
        yield server.url(server.create_database())


def measure(kind: str, calls: int, at_once: int, layered: bool) -> None:
    with tempfile.TemporaryDirectory(prefix="talktime-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        make_pin_key(folder / "pin.key")
        with ledger(kind, folder) as url:
            system = build(check(settings_for(folder, url)))
            set_up(system)
            system.close()
            run(kind, folder, url, calls, at_once, layered)


def run(kind: str, folder: Path, url: str, calls: int, at_once: int, layered: bool) -> None:
    ours, theirs = multiprocessing.Pipe()
    context = multiprocessing.get_context("spawn")
    server = context.Process(target=serve, args=(str(folder), url, layered, theirs))
    server.start()
    theirs.close()  # so that a server that dies is seen at once
    host, port = ours.recv()
    plan = Plan(keys_of, epoch=int(time.time()))
    warm = play_calls(host, port, plan, calls=300, at_once=at_once)
    assert warm.done == 300, f"the warm-up did not go well: {warm}"
    ours.send("cpu")
    cpu = ours.recv()
    player = time.process_time()
    plan = Plan(keys_of, epoch=int(time.time()), first=300)
    report = play_calls(host, port, plan, calls=calls, at_once=at_once)
    player = time.process_time() - player
    ours.send("cpu")
    cpu = ours.recv() - cpu
    ours.send("stop")
    _, layers = ours.recv()
    server.join()
    show(kind, calls, report, cpu, player, layers)


def show(
    kind: str, calls: int, report: Report, cpu: float, player: float, layers: dict[str, float]
) -> None:
    assert report.done == calls, f"not every call came to its end: {report}"
    rate = report.ended / report.seconds
    each = 1000 * cpu / calls
    print(f"{kind}: {report}")
    print(f"  calls a second  {rate:7.0f}   target {TARGET_CALLS}, ratio {rate / TARGET_CALLS:.2f}")
    print(
        f"  cpu a call, ms  {each:7.2f}   target {TARGET_CPU_MS}, "
        f"ratio {TARGET_CPU_MS / each:.2f} (player {1000 * player / calls:.2f} beside it)"
    )
    for layer, seconds in sorted(layers.items(), key=lambda each: -each[1]):
        print(f"    {layer:<14} {1000 * seconds / (calls + 300):6.2f} ms of CPU a call")


def main() -> None:
    parser = argparse.ArgumentParser(description="Whole calls a second.")
    parser.add_argument("--ledger", choices=["sqlite", "postgres", "both"], default="both")
    parser.add_argument("--calls", type=int, default=3_000)
    parser.add_argument("--at-once", type=int, default=24)
    parser.add_argument(
        "--layers", action="store_true", help="a second run with each layer's share"
    )
    options = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(30))
    print(f"Python {sys.version.split()[0]}, {os.cpu_count()} cores, durable commits")
    for kind in ("sqlite", "postgres") if options.ledger == "both" else (options.ledger,):
        measure(kind, options.calls, options.at_once, layered=False)
        if options.layers:
            print("  with each layer's share (the clocks themselves cost a little):")
            measure(kind, options.calls, options.at_once, layered=True)
    print(f"peak memory of a process: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss} kB")


if __name__ == "__main__":
    main()
