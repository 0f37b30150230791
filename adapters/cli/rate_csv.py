"""A rate sheet as a CSV file: one line a prefix, columns by name, amounts as plain decimals."""

from __future__ import annotations

import csv
from collections.abc import Iterator
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
        given = reader.fieldnames or []
        if unknown := [name for name in given if name not in COLUMNS]:
            raise ValueError(f"line 1: unknown columns {unknown}; known are {', '.join(COLUMNS)}")
        if missing := [name for name in _NEEDED if name not in given]:
            raise ValueError(f"line 1: the columns {missing} are missing")
        for row in reader:
            try:
                yield _row(row, unit)
            except (ValueError, TypeError) as error:
                raise ValueError(f"line {reader.line_num}: {error}") from error


def _row(row: dict[str, str], unit: str) -> SheetRow:
    if None in row or None in row.values():
        raise ValueError("another number of columns than line 1")
    amounts: dict[str, Any] = {
        name: parse(row[name].strip(), unit).micros for name in _AMOUNTS if row.get(name)
    }
    seconds: dict[str, Any] = {name: int(row[name]) for name in _SECONDS if row.get(name)}
    if "per_minute" not in amounts:
        raise ValueError("per_minute is empty")
    terms = RateTerms(unit, **amounts, **seconds)
    return SheetRow(row["prefix"].strip(), row["destination"].strip(), terms)
