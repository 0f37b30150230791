"""How long a rate sheet of a million rows takes from file to force, and how it disturbs calls.

Imports a CSV file, checks it against a running version of as many rows and the routes of three
providers, and publishes it, on SQLite and on PostgreSQL, while another process appends to the same
ledger as calls would. Run with
``python -m benchmarks.import_rates [rows]``.
"""

from __future__ import annotations

import multiprocessing
import os
import resource
import secrets
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from multiprocessing.synchronize import Event
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic, perf_counter, process_time, sleep
from uuid import uuid4

from adapters.persistence.codec import FactMapper
from adapters.persistence.connecting import connect
from adapters.persistence.facts import FACTS, UPCASTS
from adapters.persistence.migrations import upgrade
from adapters.persistence.rate_sheets import StoredRateSheets, TariffDecks
from adapters.persistence.units_of_work import LedgerUnitsOfWork
from adapters.sheets.files import SheetFiles
from application import kinds
from application.administration import Chance
from application.configuration import Configuration
from application.ports import Unit
from application.rate_files import Reading
from application.routes import LedgerRoutes
from application.routing import Routing
from application.tariffs import Tariffs
from application.trunk_load import TrunkLoad
from domain import accounts
from domain.providers import ProviderTerms, tariff_of
from domain.rate_checks import PricedPrefix
from domain.rating import RateTerms
from domain.trunks import TrunkTerms
from talktime.garbage import collect_rarely
from tests.support.postgres import private_server

ROWS = 1_000_000
SECONDS_ALLOWED = 90
MEGABYTES_ALLOWED = 300
PROVIDERS = 3
PROVIDER_ROWS = 50_000
"""Routes that the prices are checked against: a trunk and a sheet for each provider."""
LONGEST_APPEND = 0.1


class _Clock:
    def now(self) -> datetime:
        return datetime.now(UTC)


def write_sheet(path: Path, rows: int, cents: int) -> None:
    """Prefixes of the shape of a real A to Z list, in no order, with 2,000 different prices."""
    step = 7_654_321  # Shares no factor with ten million: the walk meets every number once.
    with path.open("w", encoding="utf-8") as file:
        file.write("Prefix,Destination,Rate,Billing\n")
        for number in range(rows):
            area = number % 2_000
            prefix = 20_000_000 + number * step % 10_000_000
            price = f"0.{cents:02d}{area:04d}"
            file.write(f'{prefix},"destination {area}",{price},60/60\n')


def set_up_routes(units: LedgerUnitsOfWork, tariffs: Tariffs) -> None:
    """Providers so cheap that nothing is sold below its cost: each price is compared, none told."""
    routing = Routing(units)
    for number in range(PROVIDERS):
        name = f"carrier{number}"
        routing.add_provider(name, ProviderTerms("USD"), "ann", "to be measured")
        terms = [RateTerms("USD", 10 + price) for price in range(100)]
        rows = (
            PricedPrefix(str(20_000 + row), f"area {row}", terms[row % 100])
            for row in range(PROVIDER_ROWS)
        )
        tariffs.publish_rows(tariff_of(name), "USD", rows, datetime.now(UTC), "ann")
        routing.add_trunk(f"trunk{number}", TrunkTerms(name), "ann", "to be measured")


def append_as_calls_do(url: str, ends: Event, times: multiprocessing.Queue[list[float]]) -> None:
    """Another process: a small append every twenty milliseconds."""
    taken: list[float] = []
    with connect(url) as recorder:
        units = LedgerUnitsOfWork(recorder, FactMapper(FACTS, UPCASTS), _Clock())
        while not ends.is_set():
            account_id = uuid4()

            def decide(unit: Unit, account_id: object = account_id) -> None:
                facts = accounts.open_account(None, "USD", "card", account_id)  # type: ignore[arg-type]
                unit.record(kinds.ACCOUNTS, account_id, facts)  # type: ignore[arg-type]

            begin = perf_counter()
            units.run(decide, writes=(account_id,))
            taken.append(perf_counter() - begin)
            sleep(0.02)
    times.put(taken)


@contextmanager
def disturbed(url: str, name: str) -> Iterator[None]:
    ends = multiprocessing.Event()
    times: multiprocessing.Queue[list[float]] = multiprocessing.Queue()
    other = multiprocessing.Process(target=append_as_calls_do, args=(url, ends, times))
    other.start()
    try:
        yield
    finally:
        ends.set()
        taken = sorted(times.get(timeout=30))
        other.join(30)
    p95, longest = taken[len(taken) * 95 // 100], taken[-1]
    report(f"{name}: appends beside it, p95 of {len(taken)}", p95, "s", LONGEST_APPEND)
    report(f"{name}: appends beside it, the longest", longest, "s")


def report(what: str, value: float, unit: str, target: float | None = None) -> None:
    """One line: the measure and, where there is a target, its share of it."""
    share = "" if target is None else f"   {value / target:5.2f} of the {target:g} {unit} allowed"
    print(f"{what:<52}{value:10.2f} {unit}{share}", flush=True)


def measure(name: str, url: str, folder: Path) -> None:
    with connect(url) as recorder:
        upgrade(recorder)
        units = LedgerUnitsOfWork(recorder, FactMapper(FACTS, UPCASTS), _Clock())
        chance = Chance(secrets.randbelow, secrets.token_bytes)
        sheets, clock = StoredRateSheets(recorder), _Clock()
        configuration = Configuration(units, monotonic)
        prices = TariffDecks(configuration, sheets)
        routes = LedgerRoutes(configuration, prices, clock, TrunkLoad())
        tariffs = Tariffs(units, sheets, SheetFiles(), clock, chance, routes)
        set_up_routes(units, tariffs)
        first = tariffs.import_sheet("retail", folder / "first.csv", Reading("USD"), "ann")
        tariffs.publish(first.sheet_id, None, "ann")
        with disturbed(url, name):
            begin, processor = perf_counter(), process_time()
            draft = tariffs.import_sheet("retail", folder / "second.csv", Reading("USD"), "ann")
            imported = perf_counter()
            found = tariffs.lint(draft.sheet_id)
            checked = perf_counter()
            tariffs.publish(draft.sheet_id, None, "ann")
            ended, used = perf_counter(), process_time() - processor
        report(f"{name}: import", imported - begin, "s")
        report(f"{name}: lint ({found.counts or 'nothing found'})", checked - imported, "s")
        report(f"{name}: publish, checked once more", ended - checked, "s")
        report(f"{name}: together", ended - begin, "s", SECONDS_ALLOWED)
        report(f"{name}: of that, this process's processor time", used, "s", SECONDS_ALLOWED)
        report(f"{name}: the machine's load", os.getloadavg()[0], "")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    report(f"{name}: memory at most, of the process", peak, "MB", MEGABYTES_ALLOWED)


def main() -> None:
    """Both kinds of ledgers, one after the other."""
    collect_rarely()  # as the program does
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else ROWS
    with TemporaryDirectory() as name:
        folder = Path(name)
        write_sheet(folder / "first.csv", rows, 10)
        write_sheet(folder / "second.csv", rows, 11)
        print(f"{rows} rows, {(folder / 'second.csv').stat().st_size / 1e6:.0f} MB of CSV")
        measure("SQLite", f"sqlite:///{folder / 'ledger.db'}", folder)
        with private_server() as server:
            measure("PostgreSQL", server.url(server.create_database()), folder)


if __name__ == "__main__":
    main()
