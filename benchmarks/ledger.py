"""How many commands a second the ledger takes on PostgreSQL, beside a hand-written table.

Both sides run in the same rounds, one after the other, on one private server with 16 threads: a
unit of work that decides and records one fact about an account, and what a program without a
ledger would do: ``UPDATE`` the balance, ``INSERT`` a row, ``COMMIT``. Ratios hold between
machines, absolute numbers do not. Run with ``python -m benchmarks.ledger``.
"""

from __future__ import annotations

import argparse
import random
import statistics
import sys
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic, perf_counter
from uuid import UUID, uuid4

import psycopg
from attrs import evolve as changed
from attrs import frozen

from adapters.persistence.codec import FactMapper
from adapters.persistence.connecting import connect
from adapters.persistence.migrations import upgrade
from adapters.persistence.units_of_work import LedgerUnitsOfWork
from application.ids import time_ordered
from application.ports import Unit
from application.streams import Kind
from domain.money import Money
from tests.support.postgres import private_server

THREADS = 16
ACCOUNTS = 1_000


@frozen
class AccountOpened:
    balance: Money


@frozen
class HoldPlaced:
    hold_id: UUID
    amount: Money


@frozen
class HoldCaptured:
    hold_id: UUID
    charge: Money


@frozen
class Account:
    balance: Money
    holds: dict[UUID, Money]


Fact = AccountOpened | HoldPlaced | HoldCaptured


def evolve(account: Account | None, fact: Fact) -> Account:
    if isinstance(fact, AccountOpened):
        return Account(fact.balance, {})
    assert account is not None
    if isinstance(fact, HoldPlaced):
        return changed(account, holds={**account.holds, fact.hold_id: fact.amount})
    holds = {key: amount for key, amount in account.holds.items() if key != fact.hold_id}
    return Account(account.balance - fact.charge, holds)


KIND: Kind[Account, Fact] = Kind("account", evolve)
FACTS: dict[str, type] = {
    "account-opened": AccountOpened,
    "hold-placed": HoldPlaced,
    "hold-captured": HoldCaptured,
}


class SystemClock:
    def now(self) -> datetime:
        return datetime.now(UTC)


def ledger_side(units: LedgerUnitsOfWork) -> Callable[[int], Callable[[], None]]:
    accounts = [time_ordered(number, "account") for number in range(ACCOUNTS)]
    for account_id in accounts:

        def opening(unit: Unit, account_id: UUID = account_id) -> None:
            unit.record(KIND, account_id, [AccountOpened(Money(10**15, "USD"))])

        units.run(opening, writes=[account_id])

    def client(seed: int) -> Callable[[], None]:
        choose = random.Random(seed)

        def command() -> None:
            account_id = choose.choice(accounts)
            new_hold = uuid4()

            def decide(unit: Unit) -> None:
                account = unit.get(KIND, account_id)
                assert account is not None
                if account.holds:
                    hold_id, held = next(iter(account.holds.items()))
                    unit.record(KIND, account_id, [HoldCaptured(hold_id, held)])
                else:
                    unit.record(KIND, account_id, [HoldPlaced(new_hold, Money(1_000_000, "USD"))])

            units.run(decide, writes=[account_id])

        return command

    return client


def crud_side(url: str) -> Callable[[int], Callable[[], None]]:
    accounts = [time_ordered(number, "account") for number in range(ACCOUNTS)]
    with psycopg.connect(url) as connection:
        connection.execute(
            "CREATE TABLE balances (id uuid PRIMARY KEY, micros bigint NOT NULL, held bigint)"
        )
        connection.execute(
            "CREATE TABLE entries (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,"
            " account_id uuid NOT NULL, micros bigint NOT NULL, at timestamptz NOT NULL)"
        )
        for account_id in accounts:
            connection.execute("INSERT INTO balances VALUES (%s, %s, 0)", (account_id, 10**15))

    def client(seed: int) -> Callable[[], None]:
        choose = random.Random(seed)
        connection = psycopg.connect(url)

        def command() -> None:
            account_id = choose.choice(accounts)
            with connection.transaction():
                connection.execute(
                    "UPDATE balances SET micros = micros - %s WHERE id = %s AND micros >= %s",
                    (1_000_000, account_id, 1_000_000),
                )
                connection.execute(
                    "INSERT INTO entries (account_id, micros, at) VALUES (%s, %s, %s)",
                    (account_id, -1_000_000, datetime.now(UTC)),
                )

        return command

    return client


def rate(clients: list[Callable[[], None]], seconds: float) -> float:
    """Commands a second that all clients together get done."""
    counts = [0] * len(clients)
    start = threading.Barrier(len(clients) + 1)
    until = monotonic() + seconds + 0.2

    def work(number: int) -> None:
        command = clients[number]
        start.wait()
        while monotonic() < until:
            command()
            counts[number] += 1

    threads = [threading.Thread(target=work, args=(number,)) for number in range(len(clients))]
    for thread in threads:
        thread.start()
    start.wait()
    began = perf_counter()
    for thread in threads:
        thread.join()
    return sum(counts) / (perf_counter() - began)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=2.0)
    parser.add_argument("--threads", type=int, default=THREADS)
    options = parser.parse_args()
    with private_server() as server, TemporaryDirectory() as folder:
        url = server.url(server.create_database())
        recorder = connect(url)
        file = connect(f"sqlite:///{Path(folder) / 'ledger.db'}")
        with recorder, file:
            upgrade(recorder)
            upgrade(file)
            mapper = FactMapper(FACTS)
            sides = {
                "ledger": ledger_side(LedgerUnitsOfWork(recorder, mapper, SystemClock())),
                "crud": crud_side(url),
                "sqlite": ledger_side(LedgerUnitsOfWork(file, mapper, SystemClock())),
            }
            clients = {
                name: [client(seed) for seed in range(options.threads)]
                for name, client in sides.items()
            }
            rates: dict[str, list[float]] = {name: [] for name in sides}
            for number in range(options.rounds):
                for name, each in clients.items():
                    rates[name].append(rate(each, options.seconds))
                print(
                    f"round {number + 1}: "
                    + ", ".join(f"{name} {of[-1]:,.0f}/s" for name, of in rates.items())
                )
            ratios = [
                ours / crud for ours, crud in zip(rates["ledger"], rates["crud"], strict=True)
            ]
            medians = {name: statistics.median(of) for name, of in rates.items()}
            print("median:  " + ", ".join(f"{name} {of:,.0f}/s" for name, of in medians.items()))
            print(f"ledger against crud: {statistics.median(ratios):.2f}")
            if statistics.median(ratios) < 1.0:
                sys.exit("the ledger is slower than a hand-written table")


if __name__ == "__main__":
    main()
