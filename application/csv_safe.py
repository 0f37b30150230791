"""CSV files that no spreadsheet takes for formulas."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from decimal import Decimal

_DANGEROUS = ("=", "+", "-", "@", "\t", "\r")


def cell(value: object) -> str:
    """The text of a cell; an apostrophe goes in front of what a spreadsheet would run.

    See OWASP, "CSV Injection". None is an empty cell, and a number is a number below zero too.
    """
    if isinstance(value, int | Decimal):
        return str(value)
    text = "" if value is None else str(value)
    return "'" + text if text.startswith(_DANGEROUS) else text


def line(values: Iterable[object]) -> str:
    """One line of a CSV file (RFC 4180), with its line break."""
    out = io.StringIO(newline="")
    csv.writer(out).writerow([cell(value) for value in values])
    return out.getvalue()


def table(columns: Sequence[str], rows: Iterable[Iterable[object]]) -> Iterable[str]:
    """The lines of a CSV file, one after another, so that a long list needs no memory."""
    yield line(columns)
    for row in rows:
        yield line(row)
