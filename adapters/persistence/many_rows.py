"""Very many rows into one table, fast, and without keeping others from the ledger for long."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable
from datetime import date
from itertools import islice
from typing import Any
from uuid import UUID

import psycopg
from sqlalchemy import Table

from adapters.persistence.recorder import EventRecorder

ROWS_AT_ONCE = 5_000
"""Rows in one transaction: some tens of milliseconds of SQLite's only write lock."""


def _not_told(done: int) -> None:
    """For those who do not watch."""


def insert_rows(
    recorder: EventRecorder,
    table: Table,
    owner: UUID,
    rows: Iterable[tuple[Any, ...]],
    told: Callable[[int], None] = _not_told,
) -> int:
    """Stores rows without the owner, which is their first column, in many transactions.

    ``told`` gets the number stored so far after each of them. The drivers' own ways are used: what
    SQLAlchemy does for each row would take longer than storing it.
    """
    columns = ", ".join(column.name for column in table.columns)
    places = ", ".join("?" * len(table.columns))
    insert = f"INSERT INTO {table.name} ({columns}) VALUES ({places})"  # noqa: S608 - own names
    copy = f"COPY {table.name} ({columns}) FROM STDIN"
    own = owner.hex
    stored = 0
    source = iter(rows)
    # Made before the lock is taken: reading and digesting rows takes longer than storing them.
    while part := [(own, *map(_plain, row)) for row in islice(source, ROWS_AT_ONCE)]:
        with recorder.writing() as connection:
            driver = connection.connection.driver_connection
            if isinstance(driver, sqlite3.Connection):
                driver.executemany(insert, part)
            else:
                assert isinstance(driver, psycopg.Connection), "there are two kinds of ledgers"
                _copy(driver, copy, part)
        stored += len(part)
        told(stored)
    return stored


def _copy(driver: psycopg.Connection[Any], statement: str, part: list[tuple[Any, ...]]) -> None:
    with driver.cursor() as cursor, cursor.copy(statement.encode()) as copying:
        for row in part:
            copying.write_row(row)


def _plain(value: Any) -> Any:
    """Both databases read a day from its text."""
    return value.isoformat() if isinstance(value, date) else value
