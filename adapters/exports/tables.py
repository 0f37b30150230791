"""Facts, postings and calls as tables: what columns they have, and CSV files of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec
from attrs import frozen
from msgspec import Struct

from adapters.exports.files import new_file
from application.csv_safe import table
from application.views import CallRow
from domain.ledger import Transaction
from domain.money import Money

PLACES = 6
"""Decimal places of amounts: all there are."""

Row = tuple[Any, ...]


class Kind(StrEnum):
    NUMBER = "number"
    TEXT = "text"
    MOMENT = "moment"
    AMOUNT = "amount"
    FLAG = "flag"


@frozen
class Table:
    name: str
    columns: tuple[tuple[str, Kind], ...]

    @property
    def names(self) -> list[str]:
        return [name for name, _ in self.columns]


FACTS = Table(
    "facts",
    (
        ("position", Kind.NUMBER),
        ("stream", Kind.TEXT),
        ("version", Kind.NUMBER),
        ("recorded_at", Kind.MOMENT),
        ("name", Kind.TEXT),
        ("shape", Kind.NUMBER),
        ("fields", Kind.TEXT),
    ),
)
"""``fields`` is JSON; ``shape`` says which version of it."""

POSTINGS = Table(
    "postings",
    (
        ("position", Kind.NUMBER),
        ("recorded_at", Kind.MOMENT),
        ("what", Kind.TEXT),
        ("stream", Kind.TEXT),
        ("account", Kind.TEXT),
        ("amount", Kind.AMOUNT),
        ("unit", Kind.TEXT),
    ),
)
"""Of one position the amounts sum to zero in each unit; a debit is above zero."""

CALLS = Table(
    "calls",
    (
        ("session_id", Kind.TEXT),
        ("reference", Kind.TEXT),
        ("node", Kind.TEXT),
        ("access_number", Kind.TEXT),
        ("caller_id", Kind.TEXT),
        ("card_id", Kind.TEXT),
        ("started_at", Kind.MOMENT),
        ("ended_at", Kind.MOMENT),
        ("attempts", Kind.NUMBER),
        ("seconds", Kind.NUMBER),
        ("charged", Kind.AMOUNT),
        ("unit", Kind.TEXT),
        ("disputed", Kind.FLAG),
    ),
)


class _FactLine(Struct):
    stream: str
    position: int
    time: datetime | None
    name: str
    version: int
    shape: int | None
    fields: msgspec.Raw
    unreadable: str | None = None


_DECODE = msgspec.json.Decoder(_FactLine)


def fact_rows(pages: Iterable[bytes]) -> Iterator[Row]:
    """From the JSON lines of the log, as the auditors' replay gives them."""
    for page in pages:
        for line in page.splitlines():
            fact = _DECODE.decode(line)
            yield (
                fact.position,
                fact.stream,
                fact.version,
                fact.time,
                fact.name,
                fact.shape,
                bytes(fact.fields).decode(),
            )


def posting_rows(transactions: Iterable[Transaction]) -> Iterator[Row]:
    for each in transactions:
        for posting in each.postings:
            amount, unit = decimal(posting.amount), posting.amount.unit
            at = (each.position, each.at, each.what, str(each.stream_id))
            yield (*at, posting.account, amount, unit)


def call_rows(calls: Iterable[CallRow]) -> Iterator[Row]:
    for call in calls:
        charged = call.charged
        yield (
            str(call.session_id),
            call.reference,
            call.node,
            call.access_number,
            call.caller_id,
            _text(call.card_id),
            call.started_at,
            call.ended_at,
            call.attempts,
            call.seconds,
            None if charged is None else decimal(charged),
            None if charged is None else charged.unit,
            call.disputed,
        )


def decimal(money: Money) -> Decimal:
    return Decimal(money.micros).scaleb(-PLACES)


def write_csv(layout: Table, rows: Iterable[Row], folder: Path) -> int:
    """``<folder>/<name>.csv``, a new file; gives the number of rows."""
    count = 0

    def counted() -> Iterator[list[object]]:
        nonlocal count
        for row in rows:
            count += 1
            yield [_plain(value) for value in row]

    with new_file(folder / f"{layout.name}.csv") as file:
        for line in table(layout.names, counted()):
            file.write(line.encode())
    return count


def _plain(value: object) -> object:
    if isinstance(value, bool):
        return "true" if value else "false"
    return value.isoformat() if isinstance(value, datetime) else value


def _text(value: UUID | None) -> str | None:
    return None if value is None else str(value)
