"""Fills a ledger with a million cards and five million calls, fast, for lists to be measured.

Rows go straight into the tables of the read models, and for the lists that show facts also into
the log, in the shapes that the projections write. Indexes are made at the end, as nothing of this
is measured.
"""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any, TypeVar
from uuid import UUID

import psycopg
from attrs import frozen
from sqlalchemy import Column, Connection, DateTime, Table, TypeDecorator, Uuid, insert
from sqlalchemy.schema import CreateIndex, DropIndex

from adapters.persistence.codec import FactMapper
from adapters.persistence.facts import FACTS, UPCASTS
from adapters.persistence.postgres import DeadlineConnection
from adapters.persistence.read_models import ALL, tables
from adapters.persistence.read_models.lot_tables import lots
from adapters.persistence.read_models.trail import entries
from adapters.persistence.recorder import EventRecorder
from adapters.persistence.tables import claims, events, projection_positions
from application import kinds
from application.ids import random_time_ordered, time_ordered
from domain.cards import CardGenerated, CardStatusChanged, Status
from domain.money import Money

BEGAN = datetime(2025, 11, 1, tzinfo=UTC)
NODES = ("pbx1", "pbx2", "pbx3", "pbx4")
LOT = 10_000
"""Cards in a lot."""

ACCESS_NUMBERS = tuple(f"+1212555{n:04d}" for n in range(20))
GROUPS = tuple(f"Group {n:02d}" for n in range(20))
PEOPLE = ("ann", "bob", "carol", "dave")
_ROWS_AT_ONCE = 20_000
_STATUSES = (
    *((Status.GENERATED, 30_000), (Status.PRINTED, 10_000), (Status.SHIPPED, 15_000)),
    *((Status.ACTIVE, 20_000), (Status.USED, 20_000), (Status.EMPTY, 4_900)),
    *((Status.ON_HOLD, 95), (Status.CANCELLED, 4), (Status.VOID, 1)),
)
"""How many of a hundred thousand cards have each status: some lists find very few."""

Row = Sequence[Any]
Driver = TypeVar("Driver")


@frozen
class Filled:
    """What there is to ask for."""

    cards: int
    calls: int
    seed: int = 7

    def number(self, card: int) -> str:
        return f"{4_700_000_000 + card}"

    def card_id(self, card: int) -> UUID:
        lot, place = divmod(card, LOT)
        return kinds.card_id_of_lot(self.lot_id(lot), place)

    def lot_id(self, lot: int) -> UUID:
        entropy = random.Random(self.seed + lot).randbytes(10)
        return random_time_ordered(BEGAN + timedelta(minutes=lot), entropy)

    def group(self, card: int) -> int:
        """Lots belong to groups in turn; of the last one there are few cards."""
        lot = card // LOT
        return len(GROUPS) - 1 if lot == 1 else lot % (len(GROUPS) - 1)

    def status(self, card: int) -> Status:
        at = card * 61_813 % 100_000
        for status, share in _STATUSES:
            at -= share
            if at < 0:
                return status
        raise AssertionError("the shares are a hundred thousand together")

    def started_at(self, call: int) -> datetime:
        return BEGAN + timedelta(days=30) + (timedelta(days=330) / self.calls) * call

    def session_id(self, call: int) -> UUID:
        milliseconds = int(self.started_at(call).timestamp()) * 1000
        return time_ordered(milliseconds, "call", str(call))

    def changed_at(self, card: int) -> datetime:
        return BEGAN + timedelta(days=1) + (timedelta(days=300) / self.cards) * card

    def caller(self, call: int) -> int:
        """The card of a call. One card of a shop's telephone has a hundredth of all calls."""
        return 5 if call % 100 == 0 else call * 7_919 % max(self.cards // 5, 1)


def fill(recorder: EventRecorder, filled: Filled) -> None:
    """Everything, with the positions that say that the read models are up to date."""
    own = [tables.cards, tables.accounts, tables.calls, tables.attempts, entries, lots]
    with recorder.migrating() as connection:
        for table in own:
            for index in table.indexes:
                connection.execute(DropIndex(index))
    groups = [(kinds.card_group_id(name), name) for name in GROUPS]
    _store(recorder, tables.card_groups, groups)
    _store(recorder, lots, _lots(filled))
    _store(recorder, tables.cards, _cards(filled))
    _store(recorder, tables.accounts, _accounts(filled))
    _store(recorder, tables.calls, _calls(filled))
    _store(recorder, tables.attempts, _attempts(filled))
    _store(recorder, claims, _claims(filled))
    _store(recorder, events, _facts(filled))
    _store(recorder, entries, _entries(filled))
    last = 2 * filled.cards
    with recorder.migrating() as connection:
        for table in own:
            for index in sorted(table.indexes, key=lambda each: str(each.name)):
                connection.execute(CreateIndex(index))
        positions = [{"name": model.name, "position": last} for model in ALL]
        connection.execute(insert(projection_positions), positions)
    _settle(recorder)


def _settle(recorder: EventRecorder) -> None:
    """What happens by itself in a database that grows in months."""
    if recorder.settled is None:
        return
    with recorder.reading() as connection:
        _driver(connection, DeadlineConnection).seconds = 600
        connection.exec_driver_sql("SET statement_timeout = 0")
        connection.exec_driver_sql("VACUUM ANALYZE")
        connection.exec_driver_sql("CHECKPOINT")


def _lots(filled: Filled) -> Iterator[Row]:
    for lot in range(filled.cards // LOT):
        first, last = filled.number(lot * LOT), filled.number(lot * LOT + LOT - 1)
        yield (
            *(
                filled.lot_id(lot),
                f"lot {lot}",
                kinds.card_group_id(GROUPS[filled.group(lot * LOT)]),
            ),
            *("", "", first, last, LOT, LOT, 0, "exported", 10_000_000, "USD"),
            *(BEGAN + timedelta(minutes=lot), PEOPLE[lot % 4]),
        )


def _cards(filled: Filled) -> Iterator[Row]:
    group_ids = [kinds.card_group_id(name) for name in GROUPS]
    for card in range(filled.cards):
        card_id, status = filled.card_id(card), filled.status(card)
        used = status in (Status.USED, Status.EMPTY)
        yield (
            *(card_id, filled.number(card), group_ids[filled.group(card)], status.value),
            *(kinds.account_id_of_card(card_id), 10_000_000, "USD"),
            f"+1917{card:07d}" if card % 5 == 0 else None,
            *(BEGAN + timedelta(minutes=card // LOT), BEGAN if used else None, bool(card % 2)),
        )


def _accounts(filled: Filled) -> Iterator[Row]:
    for card in range(filled.cards):
        card_id = filled.card_id(card)
        account_id = kinds.account_id_of_card(card_id)
        yield (account_id, "USD", "card", card_id, card % 10_000_000, 0, BEGAN)


def _calls(filled: Filled) -> Iterator[Row]:
    for call in range(filled.calls):
        began = filled.started_at(call)
        seconds = call % 600
        card = filled.caller(call)
        still_open = call % (filled.calls // 300) == filled.calls // 300 - 1
        yield (
            *(filled.session_id(call), _reference(filled, call), NODES[call % 4]),
            # The last access number has one call in fifty thousand.
            ACCESS_NUMBERS[-1 if call % 50_000 == 0 else call % (len(ACCESS_NUMBERS) - 1)],
            *(f"+1917{card:07d}", filled.card_id(card), began),
            *(None if still_open else began + timedelta(seconds=seconds), 1, int(still_open)),
            *(call % 10_000 == 77, seconds, seconds * 300, "USD"),
        )


def _attempts(filled: Filled) -> Iterator[Row]:
    for call in range(filled.calls):
        began = filled.started_at(call)
        seconds = call % 600
        yield (
            *(filled.session_id(call), 1, NODES[call % 4], _reference(filled, call)),
            *(f"+48600{call % 1_000_000:06d}", "Poland, mobile", "settled", 1_000_000, "USD"),
            *(720, began, began + timedelta(hours=1), began, seconds, seconds * 300),
            *("leg record", 16),
        )


def _reference(filled: Filled, call: int) -> str:
    return f"{NODES[call % 4]}-{int(filled.started_at(call).timestamp())}.{call}"


def _claims(filled: Filled) -> Iterator[Row]:
    for card in range(filled.cards):
        yield (kinds.CARD_NUMBER, filled.number(card), filled.card_id(card))


def _facts(filled: Filled) -> Iterator[Row]:
    """Two of each card: all are generated before any gets another status."""
    mapper = FactMapper(FACTS, UPCASTS)
    group_ids = [kinds.card_group_id(name) for name in GROUPS]
    for card in range(filled.cards):
        card_id = filled.card_id(card)
        account_id, face_value = kinds.account_id_of_card(card_id), Money(10_000_000, "USD")
        generated = CardGenerated(
            filled.number(card),
            f"{card:064x}",
            group_ids[filled.group(card)],
            account_id,
            face_value,
        )
        stored = mapper.stored(card_id, 1, BEGAN, generated)
        yield (card + 1, card_id, 1, stored.topic, stored.state)
    for card in range(filled.cards):
        status, by = filled.status(card), PEOPLE[card % 4]
        changed = CardStatusChanged(status, by, "for the season")
        stored = mapper.stored(filled.card_id(card), 2, filled.changed_at(card), changed)
        yield (filled.cards + card + 1, filled.card_id(card), 2, stored.topic, stored.state)


def _entries(filled: Filled) -> Iterator[Row]:
    """The audit trail of the second facts."""
    for card in range(filled.cards):
        card_id = filled.card_id(card)
        # Some people and some acts are rare.
        by = "eve" if card % 100_000 == 7 else PEOPLE[card % 4]
        action = "card-sold" if card % 20_000 == 3 else "card-status-changed"
        at = filled.changed_at(card)
        yield (filled.cards + card + 1, at, by, action, card_id, card_id, 2)


def _store(recorder: EventRecorder, table: Table, rows: Iterable[Row]) -> None:
    columns = list(table.columns)
    names = ", ".join(f'"{column.name}"' for column in columns)
    lite = recorder.settled is None
    writers = [_written(column, lite=lite) for column in columns]
    statement = f"INSERT INTO {table.name} ({names}) VALUES ({', '.join('?' * len(columns))})"
    copy = f"COPY {table.name} ({names}) FROM STDIN".encode()
    plain = ([write(value) for write, value in zip(writers, row, strict=True)] for row in rows)
    # Each part by itself: a statement of the ledger has seconds, one of a migration minutes.
    while part := list(islice(plain, _ROWS_AT_ONCE)):
        if lite:
            with recorder.writing() as connection:
                _driver(connection, sqlite3.Connection).executemany(statement, part)
            continue
        with recorder.migrating() as connection:
            driver = _driver(connection, psycopg.Connection)
            with driver.cursor() as cursor, cursor.copy(copy) as copying:
                copying.write("".join("\t".join(row) + "\n" for row in part))


def _driver(connection: Connection, kind: type[Driver]) -> Driver:
    driver = connection.connection.driver_connection
    assert isinstance(driver, kind), "there are two kinds of ledgers"
    return driver


def _written(column: Column[Any], *, lite: bool) -> Any:
    """How a value of the column is told: to the driver of SQLite as SQLAlchemy would, to
    PostgreSQL in the text of COPY."""
    if not lite:
        return _as_text
    kind = column.type
    if isinstance(kind, Uuid):
        return lambda value: value if value is None else value.hex
    if isinstance(kind, TypeDecorator) and isinstance(kind.impl_instance, DateTime):
        return lambda value: value if value is None else f"{value:%Y-%m-%d %H:%M:%S.%f}"
    return lambda value: value


def _as_text(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, UUID):
        return value.hex
    if value is None:
        return "\\N"
    return f"\\\\x{value.hex()}" if isinstance(value, bytes) else str(value)
