"""A rate sheet as a CSV file: one line a prefix, columns by name, amounts as plain decimals."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from application.ports import SheetRow
from domain.money import parse
from domain.rating import RateTerms

_AMOUNTS = ("per_minute", "connect_fee", "disconnect_fee", "minimum_charge")
_SECONDS = ("initial_block", "increment", "minimum_duration", "grace_seconds")
COLUMNS = ("prefix", "destination", *_AMOUNTS, *_SECONDS)
_NEEDED = ("prefix", "destination", "per_minute")


def read_sheet(path: Path, unit: str) -> Iterator[SheetRow]:
    """The rows of a sheet. Raises ValueError that names the line and what is accepted."""
    with path.open(newline="", encoding="utf-8-sig") as file:
        reader = csv.DictReader(file)
        try:
            yield from _rows(reader, unit)
        except (csv.Error, UnicodeDecodeError) as error:
            raise ValueError(f"near line {reader.line_num + 1}: {error}") from error


def _rows(reader: csv.DictReader[str], unit: str) -> Iterator[SheetRow]:
    given = reader.fieldnames or []
    if unknown := [name for name in given if name not in COLUMNS]:
        raise ValueError(f"line 1: unknown columns {unknown}; known are {', '.join(COLUMNS)}")
    if missing := [name for name in _NEEDED if name not in given]:
        raise ValueError(f"line 1: the columns {missing} are missing")
    if len(set(given)) < len(given):
        raise ValueError("line 1: a column comes twice")
    for row in reader:
        try:
            yield _row(row, unit)
        except (ValueError, TypeError) as error:
            raise ValueError(f"line {reader.line_num}: {error}") from error


def _row(row: dict[str, str], unit: str) -> SheetRow:
    if None in row or None in row.values():
        raise ValueError("another number of columns than line 1")
    given = {name: value.strip() for name, value in row.items() if value.strip()}
    amounts: dict[str, Any] = {
        name: _named(name, given[name], lambda text: parse(text, unit).micros)
        for name in _AMOUNTS
        if name in given
    }
    seconds: dict[str, Any] = {
        name: _named(name, given[name], _whole) for name in _SECONDS if name in given
    }
    if "per_minute" not in amounts:
        raise ValueError("per_minute is empty")
    terms = RateTerms(unit, **amounts, **seconds)
    return SheetRow(row["prefix"].strip(), row["destination"].strip(), terms)


def _named(name: str, text: str, read: Callable[[str], int]) -> int:
    try:
        return read(text)
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from error


def _whole(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 9):
        raise ValueError(f"whole seconds, not {text!r}")
    return int(text)
