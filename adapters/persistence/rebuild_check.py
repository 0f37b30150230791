"""Rebuild and compare: every read model is made again beside the stored one, and must be the same.

What is made again is kept in a temporary SQLite file, whatever database the ledger is in. So the
check takes no lock that a call could wait for, and it shows that both databases say the same. The
money is added up once more, from the facts of the accounts, without any read model.
"""

from __future__ import annotations

import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import assert_never, get_args
from uuid import UUID

from eventsourcing.persistence import StoredEvent
from sqlalchemy import Connection, Table, create_engine, func, select, tuple_
from sqlalchemy.pool import StaticPool

from adapters.persistence.codec import FactMapper, RecordedFact
from adapters.persistence.new_tables import hold_tables
from adapters.persistence.projections import PAGE, ReadModel
from adapters.persistence.read_models import ALL, report_tables
from adapters.persistence.read_models.report_tables import DAYS
from adapters.persistence.read_models.rows import Key, Row, Rows
from adapters.persistence.recorder import EventRecorder
from adapters.persistence.tables import events, projection_positions
from adapters.persistence.view_store import StoredViews
from application.checks import Checked
from application.reports import Dimension
from domain.accounts import (
    AccountFact,
    AccountOpened,
    BalanceAdjusted,
    BalanceForfeited,
    ChargeCorrected,
    DailyFeeCharged,
    FundsAdded,
    HoldCaptured,
    HoldPlaced,
    HoldReleased,
)
from domain.call_sessions import AttemptRefunded, AttemptRerated, AttemptSettled

_ROWS_AT_ONCE = 500
_SNAPSHOT = {
    "sqlite": "BEGIN",
    "postgresql": "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
}
_SNAPSHOT_SECONDS = 600
_MONEY = get_args(AccountFact)


class Difference(Exception):
    """The first thing that is not what it should be, in words."""


class RebuildCheck:
    """The port ``ReadModelCheck`` on the ledger's database."""

    def __init__(
        self,
        recorder: EventRecorder,
        mapper: FactMapper,
        models: Sequence[ReadModel] = ALL,
        *,
        page: int = PAGE,
    ) -> None:
        self._recorder = recorder
        self._mapper = mapper
        self._models = models
        self._page = page

    def run(self, progress: Callable[[int], None] = lambda facts: None) -> Checked:
        facts = rows = 0
        with self._snapshot() as stored, _scratch(self._models) as scratch:
            reached = {each.name: _reached(stored, each) for each in self._models}
            money = _Money()
            for page in self._pages(stored, scratch, max(reached.values(), default=0)):
                for model in self._models:
                    seen = [each for each in page if each[0] <= reached[model.name]]
                    if seen:
                        model.apply(StoredViews(scratch), seen)
                money.add([r for at, r in page if at <= reached.get("reports", 0)])
                facts += len(page)
                progress(facts)
            try:
                for model in self._models:
                    for table in model.tables:
                        rows += _compare(stored, scratch, table)
                if "reports" in reached:
                    money.compare(stored)
            except Difference as difference:
                return Checked(facts, rows, str(difference))
        return Checked(facts, rows, None)

    @contextmanager
    def _snapshot(self) -> Iterator[Connection]:
        """The stored tables and the log as of one moment."""
        with self._recorder.reading() as connection:
            connection.exec_driver_sql(_SNAPSHOT[connection.dialect.name])
            try:
                if connection.dialect.name == "postgresql":
                    # Facts are folded here between two pages, for longer than a call may wait.
                    for limit in ("statement_timeout", "idle_in_transaction_session_timeout"):
                        connection.exec_driver_sql(f"SET LOCAL {limit} = '{_SNAPSHOT_SECONDS}s'")
                # A table that a rebuild puts in place later would look empty.
                hold_tables(connection, [t.name for m in self._models for t in m.tables])
                yield connection
            finally:
                connection.exec_driver_sql("ROLLBACK")

    def _pages(
        self, stored: Connection, scratch: Connection, last: int
    ) -> Iterator[list[tuple[int, RecordedFact]]]:
        """The log up to a position, in pages that are put into the scratch log as well: read
        models look things up there, also the fact right behind their page."""
        waiting: list[Row] = []
        position = 0
        while not waiting or waiting[0]["position"] <= last:
            query = (
                select(events)
                .where(events.c.position > position)
                .order_by(events.c.position)
                .limit(self._page)
            )
            found = [dict(row) for row in stored.execute(query).mappings()]
            if found:
                scratch.execute(events.insert(), found)
                position = found[-1]["position"]
            waiting += found
            # The newest one waits for the one behind it, if there is one.
            ready, waiting = (waiting[:-1], waiting[-1:]) if found else (waiting, [])
            page = [
                (row["position"], self._decoded(row)) for row in ready if row["position"] <= last
            ]
            if page:
                yield page
            if not found:
                return

    def _decoded(self, row: Row) -> RecordedFact:
        event = StoredEvent(row["stream_id"], row["version"], row["name"], row["data"])
        return self._mapper.to_domain_event(event)


class _Money:
    """The money of the facts: what each account has by its own, and what calls brought."""

    def __init__(self) -> None:
        self._accounts: defaultdict[UUID, int] = defaultdict(int)
        self._captured: defaultdict[str, int] = defaultdict(int)
        self._settled: defaultdict[str, int] = defaultdict(int)

    def add(self, page: Sequence[RecordedFact]) -> None:
        for recorded in page:
            fact, account_id = recorded.fact, recorded.originator_id
            if isinstance(fact, AttemptSettled):
                self._settled[fact.charge.unit] += fact.charge.micros
            if isinstance(fact, AttemptRerated | AttemptRefunded):
                more = fact.charge.micros - fact.charge_before.micros
                self._settled[fact.charge.unit] += more
            if isinstance(fact, ChargeCorrected):
                self._captured[fact.charge.unit] -= _gained(fact)
            if isinstance(fact, HoldCaptured):
                self._captured[fact.charge.unit] += fact.charge.micros
            if isinstance(fact, _MONEY):
                self._accounts[account_id] += _gained(fact)

    def compare(self, stored: Connection) -> None:
        """Raises Difference."""
        owed: defaultdict[str, int] = defaultdict(int)
        table = report_tables.accounts
        for row in _all_rows(stored, table):
            says = self._accounts.get(row["account_id"], 0)
            if row["balance"] != says:
                raise Difference(
                    f"{table.name}: account {row['account_id']} has {row['balance']} millionths,"
                    f" and its facts add up to {says}"
                )
            owed[row["unit"]] += says
        by_day = report_tables.usage.c
        usage = select(by_day.unit, func.sum(by_day.charged)).where(
            by_day.grain == DAYS, by_day.dimension == Dimension.GROUP.value
        )
        sales = report_tables.sales.c
        calls = select(sales.unit, func.sum(sales.calls)).where(sales.grain == DAYS)
        liability = report_tables.liability.c
        balances = select(liability.unit, func.sum(liability.balance))
        for told, facts, query in (
            ("the outstanding liability", owed, balances.group_by(liability.unit)),
            ("the revenue of calls", self._settled, usage.group_by(by_day.unit)),
            ("what calls took from accounts", self._captured, calls.group_by(sales.unit)),
        ):
            sums = {unit: int(amount) for unit, amount in stored.execute(query)}
            for unit in sorted(facts.keys() | sums.keys()):
                if sums.get(unit, 0) != facts.get(unit, 0):
                    raise Difference(
                        f"{told} is {sums.get(unit, 0)} millionths of {unit} in the reports, and"
                        f" {facts.get(unit, 0)} by the facts"
                    )


def _gained(fact: AccountFact) -> int:
    """What a balance gains by a fact."""
    match fact:
        case FundsAdded(_, amount) | BalanceAdjusted(_, amount):
            return amount.micros
        case DailyFeeCharged(_, amount) | BalanceForfeited(amount) | HoldCaptured(_, amount):
            return -amount.micros
        case ChargeCorrected(_, _, before, charge):
            return before.micros - charge.micros
        case AccountOpened() | HoldPlaced() | HoldReleased():
            return 0
        case _:
            assert_never(fact)


@contextmanager
def _scratch(models: Sequence[ReadModel]) -> Iterator[Connection]:
    """An empty database with a log and the tables of the models, gone at the end."""
    with tempfile.TemporaryDirectory(prefix="talktime-check-") as folder:
        engine = create_engine(
            f"sqlite:///{Path(folder) / 'scratch.db'}",
            poolclass=StaticPool,
            isolation_level="AUTOCOMMIT",
        )
        try:
            with engine.connect() as connection:
                for pragma in ("journal_mode = OFF", "synchronous = OFF", "cache_size = -65536"):
                    connection.exec_driver_sql(f"PRAGMA {pragma}")
                for table in (events, *(each for model in models for each in model.tables)):
                    table.create(connection)
                connection.exec_driver_sql("BEGIN")
                yield connection
                connection.exec_driver_sql("ROLLBACK")
        finally:
            engine.dispose()


def _reached(stored: Connection, model: ReadModel) -> int:
    table = projection_positions
    query = select(table.c.position).where(table.c.name == model.name)
    return int(stored.execute(query).scalar() or 0)


def _compare(stored: Connection, scratch: Connection, table: Table) -> int:
    """The number of rows that are the same on both sides. Raises Difference for the first that is
    not, or that is missing on one."""
    rows = 0
    for part in _parts(_all_rows(stored, table)):
        keys = [_key(table, row) for row in part]
        again = Rows(StoredViews(scratch), table, keys)
        for key, row in zip(keys, part, strict=True):
            made = again.get(*key)
            if made is None:
                raise Difference(f"{table.name}: {_named(table, key)} is there, by no fact")
            if made != row:
                raise Difference(f"{table.name}: {_named(table, key)} {_unlike(row, made)}")
        rows += len(part)
    if rows != scratch.execute(select(func.count()).select_from(table)).scalar_one():
        for part in _parts(_all_rows(scratch, table)):
            keys = [_key(table, row) for row in part]
            kept = Rows(StoredViews(stored), table, keys)
            for key in keys:
                if kept.get(*key) is None:
                    raise Difference(f"{table.name}: {_named(table, key)} is missing")
    return rows


def _all_rows(connection: Connection, table: Table) -> Iterator[Row]:
    """Every row, read in parts in the order of the key."""
    columns = list(table.primary_key.columns)
    query = select(table).order_by(*columns).limit(_ROWS_AT_ONCE)
    part = [dict(row) for row in connection.execute(query).mappings()]
    while part:
        yield from part
        last = _key(table, part[-1])
        following = query.where(tuple_(*columns) > tuple_(*last))
        part = [dict(row) for row in connection.execute(following).mappings()]


def _parts(rows: Iterator[Row]) -> Iterator[list[Row]]:
    part: list[Row] = []
    for row in rows:
        part.append(row)
        if len(part) == _ROWS_AT_ONCE:
            yield part
            part = []
    if part:
        yield part


def _key(table: Table, row: Row) -> Key:
    return tuple(row[column.name] for column in table.primary_key.columns)


def _named(table: Table, key: Key) -> str:
    names = (column.name for column in table.primary_key.columns)
    return ", ".join(f"{name} {value}" for name, value in zip(names, key, strict=True))


def _unlike(row: Row, made: Row) -> str:
    told: list[str] = []
    for name, value in row.items():
        if made[name] != value:
            told.append(f"has {name} {value!r}, and {made[name]!r} by the facts")
    return "; ".join(told)
