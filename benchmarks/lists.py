"""How long people wait for a list, at a million cards and five million calls.

Fills a ledger (``benchmarks.fill_lists``; that is not measured), serves it from a process of its
own, and asks over HTTP on the loopback device, one request after another: the first page of every
list, pages in its middle and at its end, every filter, both orders, single rows, and the admin
pages. Each figure is the 95th percentile in milliseconds, beside the 60 allowed. Run with
``python -m benchmarks.lists``; ``--cards 100000 --calls 500000`` for a shorter look, ``--keep
FOLDER`` to fill once and measure SQLite again and again.
"""

from __future__ import annotations

import argparse
import contextlib
import http.client
import json
import multiprocessing
import os
import random
import tempfile
import time
from collections.abc import Iterator, Mapping
from multiprocessing.connection import Connection
from pathlib import Path
from statistics import quantiles
from urllib.parse import quote, urlencode
from uuid import UUID

import structlog
from attrs import field, frozen

from adapters.agi.server import FastAgiServer
from adapters.http.app import create_app
from adapters.http.keys import digest_of
from adapters.http.server import HttpServer
from adapters.persistence.connecting import connect
from adapters.persistence.migrations import upgrade
from application import kinds
from benchmarks.fill_lists import GROUPS, PEOPLE, Filled, fill
from domain.card_groups import GroupTerms
from domain.distributors import NumberRange
from domain.money import parse
from domain.people import Role
from talktime.garbage import collect_rarely
from talktime.http_door import http_services
from talktime.settings import check
from talktime.system import build, make_pin_key
from tests.support.postgres import private_server

TARGET = 60.0
"""Milliseconds, for the 95th percentile."""

REQUESTS = 60
"""Of each list: enough for a percentile, from places all over it."""

KEY = "the-key-of-a-ledger-that-is-thrown-away"
PASSWORD = "a long password for nobody"
WARM = 3


Filters = Mapping[str, object]


@frozen
class List:
    """One list, or one row: where it is, and who asks."""

    name: str
    path: str
    asked: Filters = field(factory=dict)
    middle: tuple[object, ...] = ()
    """Cursors all over it; empty: a list without pages, or too short for a second one."""
    who: str = "key"


def lists_of(filled: Filled) -> Iterator[List]:
    chance = random.Random(11)
    cards = [chance.randrange(filled.cards) for _ in range(REQUESTS)]
    calls = [chance.randrange(filled.calls) for _ in range(REQUESTS)]
    card_ids = tuple(filled.card_id(card) for card in cards)
    account_ids = tuple(kinds.account_id_of_card(each) for each in card_ids)
    session_ids = tuple(filled.session_id(call) for call in calls)
    places = tuple(filled.cards + card for card in cards)
    caller = filled.card_id(filled.caller(calls[0]))
    busy = filled.card_id(5)
    few, many = GROUPS[-1], GROUPS[0]
    of_cards: list[Filters] = [
        {},
        {"order": "newest"},
        *({"status": status} for status in ("generated", "used", "on hold", "cancelled", "void")),
        *({"group": group} for group in (many, few)),
        {"group": few, "order": "newest"},
        *({"group": many, "status": status} for status in ("active", "void")),
        {"group": few, "status": "used"},
        *({"sold": sold} for sold in ("true", "false")),
        {"sold": "true", "group": few},
        {"sold": "true", "status": "void"},
        {"sold": "false", "status": "on hold", "order": "newest"},
    ]
    for asked in of_cards:
        yield List("cards", "/v1/cards", asked, card_ids)
    yield List("cards", "/v1/cards", {"number": filled.number(cards[0])})
    yield List("cards", "/v1/cards", {"caller_id": f"+1917{cards[0]:07d}"})
    of_dora: list[Filters] = [{}, {"status": "used"}, {"status": "void"}]
    for asked in (*of_dora, {"order": "newest"}):
        yield List("a distributor's cards", "/v1/cards", asked, card_ids, "dora")
    of_calls: list[Filters] = [
        {},
        {"order": "newest"},
        {"card": caller},
        {"card": busy},
        {"card": busy, "order": "newest"},
        {"card": busy, "disputed": "true"},
        {"card": busy, "open": "true"},
        *({"disputed": disputed} for disputed in ("true", "false")),
        {"disputed": "true", "order": "newest"},
        {"open": "true"},
        {"open": "true", "order": "newest"},
        {"open": "true", "disputed": "true"},
    ]
    for asked in of_calls:
        yield List("calls", "/v1/calls", asked, session_ids)
    yield List("accounts", "/v1/accounts", {}, account_ids)
    yield List("accounts", "/v1/accounts", {"order": "newest"}, account_ids)
    yield List("lots", "/v1/lots")
    yield List("lots", "/v1/lots", {"group": few})
    early, late = (filled.changed_at(filled.cards * part // 10).isoformat() for part in (1, 9))
    of_audit: list[Filters] = [
        {},
        {"by": PEOPLE[0]},
        {"by": "eve"},
        {"by": "nobody"},
        {"action": "card-status-changed"},
        {"action": "card-sold"},
        {"by": PEOPLE[3], "action": "card-sold"},
        {"by": PEOPLE[0], "action": "card-sold"},
        {"target": card_ids[0]},
        {"since": late},
        {"until": early},
        {"since": early, "until": late},
        {"since": late, "by": PEOPLE[1]},
        {"until": early, "by": "eve"},
    ]
    for asked in of_audit:
        yield List("audit trail", "/v1/audit", asked, places)
    for card_id in card_ids[:3]:
        yield List("one card", f"/v1/cards/{card_id}")
    yield List("one card's facts", f"/v1/cards/{card_ids[0]}/events")
    yield List("one account", f"/v1/accounts/{account_ids[0]}")
    yield List("one call", f"/v1/calls/{session_ids[0]}")
    yield List("one call's attempts", f"/v1/calls/{session_ids[0]}/attempts")
    for page, middle in (("cards", card_ids), ("calls", session_ids), ("accounts", account_ids)):
        yield List("page", f"/admin/{page}", {}, middle, "olga")
    yield List("page", "/admin/audit", {}, places, "olga")
    yield List("page", "/admin/cards", {"status": "void"}, card_ids, "olga")
    yield List("page", "/admin/cards", {"q": filled.number(cards[0])}, (), "olga")
    yield List("page", "/admin/calls", {"card": busy}, session_ids, "olga")


def settings_for(folder: Path, url: str) -> dict[str, object]:
    return {
        "ledger": {"url": url},
        "secrets": {"pin_key_file": str(folder / "pin.key")},
        "http": {"keys": [{"name": "bench", "sha256": digest_of(KEY), "scopes": ["admin"]}]},
        "log": {"level": "warning"},
    }


def set_up(folder: Path, url: str, filled: Filled) -> None:
    """The rows, and what the lists need that is in no list: groups, people, a distributor."""
    with connect(url) as recorder:
        upgrade(recorder)
        fill(recorder, filled)
    system = build(check(settings_for(folder, url)))
    terms = GroupTerms("USD", parse("10", "USD"), "retail", number_length=10)
    for group in GROUPS:
        system.administration.create_group(group, terms)
    tenth = filled.cards // 10
    of_dora = NumberRange(filled.number(4 * tenth), filled.number(5 * tenth - 1))
    system.business.distributors.add("Dora", "benchmark")
    system.business.distributors.assign("Dora", of_dora, "benchmark", "to be measured")
    people = system.staffing.people
    people.create(people.new_id(), "olga", Role.OWNER, PASSWORD, "benchmark")
    people.create(
        people.new_id(), "dora", Role.DISTRIBUTOR, PASSWORD, "benchmark", distributor="Dora"
    )
    system.catch_up()
    system.close()


def serve(folder: str, url: str, pipe: Connection) -> None:
    """The server's process."""
    collect_rarely()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(30))
    system = build(check(settings_for(Path(folder), url)))
    agi = FastAgiServer(("127.0.0.1", 0), {"card": system.answer})
    server = HttpServer(create_app(http_services(system, agi)), "127.0.0.1", 0)
    server.start()
    pipe.send(server.port)
    while pipe.recv() != "stop":
        pipe.send(time.process_time())
    server.stop()
    agi.stop(0)
    system.close()


class Client:
    """One connection that is kept, with a key or the cookie of a person who signed in."""

    def __init__(self, port: int, name: str) -> None:
        self._door = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        self._headers = {"Authorization": f"Bearer {KEY}"} if name == "key" else {}
        if name != "key":
            body = json.dumps({"name": name, "password": PASSWORD})
            headers = {"Content-Type": "application/json"}
            self._door.request("POST", "/v1/session", body, headers)
            answer = self._door.getresponse()
            answer.read()
            cookie = answer.headers["Set-Cookie"].partition(";")[0]
            self._headers["Cookie"] = cookie

    def reconnect(self) -> None:
        """The server ends a connection that nobody uses."""
        self._door.close()

    def get(self, url: str) -> tuple[float, int, bytes]:
        """Seconds until the last byte was there, the status, and the bytes."""
        began = time.perf_counter()
        self._door.request("GET", url, headers=self._headers)
        answer = self._door.getresponse()
        content = answer.read()
        return time.perf_counter() - began, answer.status, content


def urls_of(each: List) -> Iterator[tuple[str, list[str]]]:
    first = {name: _text(value) for name, value in each.asked.items()}
    yield (
        "first",
        [each.path + (f"?{urlencode(first, quote_via=quote)}" if first else "")] * (REQUESTS // 3),
    )
    if each.middle:
        yield (
            "middle",
            [
                f"{each.path}?{urlencode({**first, 'after': _text(after)}, quote_via=quote)}"
                for after in each.middle
            ],
        )


def _text(value: object) -> str:
    return str(value) if isinstance(value, UUID) else f"{value}"


def measure(name: str, folder: Path, url: str, filled: Filled, only: str) -> None:
    ours, theirs = multiprocessing.Pipe()
    context = multiprocessing.get_context("spawn")
    server = context.Process(target=serve, args=(str(folder), url, theirs))
    server.start()
    theirs.close()
    port = ours.recv()
    clients = {who: Client(port, who) for who in ("key", "olga", "dora")}
    worst, asked, slow = 0.0, 0, 0
    print(f"{name}: p95 in ms, of the {TARGET:.0f} allowed; load {os.getloadavg()[0]:.1f}")
    began, cpu = time.perf_counter(), _cpu(ours)
    for each in lists_of(filled):
        if only not in each.name:
            continue
        for where, urls in urls_of(each):
            client = clients[each.who]
            client.reconnect()
            for warm in urls[:WARM]:
                _, status, content = client.get(warm)
                if status != 200:
                    raise SystemExit(f"{each.name} {warm}: {status} {content[:200]!r}")
            before = _cpu(ours)
            times = [client.get(one)[0] * 1000 for one in urls]
            busy = (_cpu(ours) - before) * 1000 / len(urls)
            p95 = quantiles(times, n=20)[-1]
            asked, slow, worst = asked + len(times), slow + (p95 > TARGET), max(worst, p95)
            filters = " ".join(f"{k}={v}" for k, v in each.asked.items())
            rows = content.count(b'_id":') and len(json.loads(content).get("items", [0]))
            print(
                f"  {each.name:<22}{where:<7}{filters[:52]:<53}"
                f"p50 {sorted(times)[len(times) // 2]:6.1f}  p95 {p95:6.1f}"
                f"  {p95 / TARGET:5.2f}  processor {busy:5.1f}  {rows or '-':>4} rows",
                flush=True,
            )
    seconds, used = time.perf_counter() - began, _cpu(ours) - cpu
    print(f"{name}: the slowest p95 {worst:.1f} ms of {TARGET:.0f}: {worst / TARGET:.2f};", end=" ")
    print(
        f"{slow} lists over; {asked} requests in {seconds:.1f} s, the server's processor", end=" "
    )
    print(f"{used * 1000 / max(asked, 1):.1f} ms a request; load {os.getloadavg()[0]:.1f}")
    ours.send("stop")
    server.join(30)


def _cpu(pipe: Connection) -> float:
    pipe.send("cpu")
    seconds: float = pipe.recv()
    return seconds


@contextlib.contextmanager
def folder_of(keep: str | None) -> Iterator[Path]:
    if keep is not None:
        Path(keep).mkdir(parents=True, exist_ok=True)
        yield Path(keep)
        return
    with tempfile.TemporaryDirectory(prefix="talktime-") as name:
        yield Path(name)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cards", type=int, default=1_000_000)
    parser.add_argument("--calls", type=int, default=5_000_000)
    parser.add_argument("--only", choices=("sqlite", "postgres"))
    parser.add_argument("--lists", default="", help="only those with this in their name")
    parser.add_argument("--keep", help="the folder of the ledger in SQLite, to be used again")
    options = parser.parse_args()
    filled = Filled(options.cards, options.calls)
    with folder_of(options.keep) as folder:
        file = folder / "ledger.db"
        known = file.exists()
        if not (folder / "pin.key").exists():
            make_pin_key(folder / "pin.key")
        if options.only != "postgres":
            url = f"sqlite:///{file}"
            if not known:
                _filled("SQLite", folder, url, filled)
            measure("SQLite", folder, url, filled, options.lists)
        if options.only != "sqlite":
            with private_server() as server:
                url = server.url(server.create_database())
                _filled("PostgreSQL", folder, url, filled)
                measure("PostgreSQL", folder, url, filled, options.lists)


def _filled(name: str, folder: Path, url: str, filled: Filled) -> None:
    began = time.perf_counter()
    set_up(folder, url, filled)
    print(f"{name}: {filled.cards:,} cards and {filled.calls:,} calls filled in", end=" ")
    print(f"{time.perf_counter() - began:.0f} s, which is not measured", flush=True)


if __name__ == "__main__":
    main()
