"""How answers are printed: a table for people, one JSON document for scripts."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from enum import Enum
from typing import Any
from uuid import UUID

import attrs
from rich.console import Console
from rich.table import Table
from rich.text import Text

from domain.money import MICROS, Money

SECRET = frozenset({"pin_digest"})
"""Fields that are never printed."""


def console() -> Console:
    return Console(highlight=False)


def error_console() -> Console:
    return Console(stderr=True, highlight=False)


def amount(money: Money) -> str:
    """An exact plain decimal, the form that the command line and the API take."""
    sign, micros = ("-" if money.micros < 0 else ""), abs(money.micros)
    fraction = f"{micros % MICROS:06d}".rstrip("0").ljust(2, "0")
    return f"{sign}{micros // MICROS}.{fraction}"


def plain(value: Any) -> Any:
    """The value in types that JSON has; times in RFC 3339."""
    if isinstance(value, Money):
        return {"amount": amount(value), "unit": value.unit}
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, UUID):
        return str(value)
    if attrs.has(type(value)):
        fields = attrs.fields(type(value))
        return {f.name: plain(getattr(value, f.name)) for f in fields if f.name not in SECRET}
    if isinstance(value, Mapping):
        return {str(key): plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [plain(each) for each in value]
    return value


def show_json(value: Any) -> None:
    print(json.dumps(plain(value), indent=2, ensure_ascii=False))  # noqa: T201


def show_rows(title: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    table = Table(header_style="bold")
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*map(_cell, row))
    _headed(title, table)


def show_fields(title: str, fields: Mapping[str, Any]) -> None:
    table = Table(show_header=False, box=None)
    table.add_column(style="dim")
    table.add_column(overflow="fold")
    for name, value in fields.items():
        table.add_row(name, _cell(value))
    _headed(title, table)


def _headed(title: str, table: Table) -> None:
    """As a title of its own a narrow table would break it into many short lines."""
    console().print(Text(title, style="italic"))
    console().print(table)


def told(fact: object) -> str:
    """A fact in words: amounts as amounts, ids left out."""
    fields: dict[str, Any] = plain(fact)
    words = []
    for name, value in fields.items():
        if isinstance(getattr(fact, name), UUID):
            continue
        if isinstance(value, dict) and "amount" in value:
            value = f"{value['amount']} {value['unit']}"
        words.append(f"{name.replace('_', ' ')} {value}")
    return ", ".join(words)


def _cell(value: Any) -> Text:
    """Plain text: names from outside may look like the markup of the table."""
    if value is None:
        return Text("-")
    if isinstance(value, datetime):
        return Text(value.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S"))
    return Text(str(value))
