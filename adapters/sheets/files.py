"""Rate sheets as files: a file is what it says it is, or it is refused."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from datetime import date
from pathlib import Path

from adapters.sheets.delimited import read_delimited
from adapters.sheets.workbook import read_workbook
from application.csv_safe import cell
from application.rate_files import Progress, Reading, no_progress
from domain.money import MICROS
from domain.rate_checks import PricedPrefix

MOST_BYTES = 1024**3
"""A file as it comes; a million rows of text are some 50 MB."""

_TEXT = (".csv", ".txt", ".tsv")
_ACCEPTED = "a CSV file (.csv, .txt, .tsv) or an XLSX workbook (.xlsx)"
_ZIP, _OLD_EXCEL, _PDF = b"PK\x03\x04", b"\xd0\xcf\x11\xe0", b"%PDF"
_COLUMNS = (
    "prefix",
    "destination",
    "per_minute",
    "connect_fee",
    "disconnect_fee",
    "minimum_charge",
    "initial_block",
    "increment",
    "minimum_duration",
    "grace_seconds",
    "effective_on",
)


class SheetFiles:
    """The port ``RateFiles``."""

    def read(
        self, path: Path, reading: Reading, progress: Progress = no_progress
    ) -> Iterator[PricedPrefix]:
        suffix = path.suffix.casefold()
        with path.open("rb") as file:
            start = file.read(8)
        if path.stat().st_size > MOST_BYTES:
            raise ValueError(f"{path.name} has more than {MOST_BYTES} bytes")
        if start.startswith(_OLD_EXCEL):
            raise ValueError(
                f"{path.name} is a workbook of Excel 97 or one with a password: save it as XLSX"
                " without one"
            )
        if suffix in _TEXT:
            if start.startswith(_ZIP):
                raise ValueError(
                    f"{path.name} is a ZIP file or an XLSX workbook, not text: name it .xlsx"
                )
            if start.startswith(_PDF):
                raise ValueError(f"{path.name} is a PDF document; accepted is {_ACCEPTED}")
            return self._read_text(path, reading, progress)
        if suffix == ".xlsx":
            if not start.startswith(_ZIP):
                raise ValueError(f"{path.name} is no XLSX workbook; if it is text, name it .csv")
            return self._read_workbook(path, reading, progress)
        raise ValueError(f"{path.name}: a rate sheet is {_ACCEPTED}")

    def write(self, path: Path, rows: Iterable[PricedPrefix]) -> int:
        count = 0
        with path.open("x", newline="", encoding="utf-8") as file:
            try:
                writer = csv.writer(file)
                writer.writerow(_COLUMNS)
                for row in rows:
                    writer.writerow(_cells(row))
                    count += 1
            except BaseException:
                path.unlink()
                raise
        return count

    @staticmethod
    def _read_text(path: Path, reading: Reading, progress: Progress) -> Iterator[PricedPrefix]:
        if reading.worksheet is not None:
            raise ValueError(f"{path.name} is text and has no worksheets")
        return read_delimited(path, reading, progress)

    @staticmethod
    def _read_workbook(path: Path, reading: Reading, progress: Progress) -> Iterator[PricedPrefix]:
        if reading.encoding is not None or reading.delimiter is not None:
            raise ValueError(f"{path.name} is a workbook: an encoding or delimiter is for text")
        return read_workbook(path, reading, progress)


def _cells(row: PricedPrefix) -> tuple[str | int, ...]:
    terms = row.terms
    if terms.bands:
        raise ValueError(f"prefix {row.prefix} has prices by the hour, which CSV cannot tell")
    day: date | None = row.effective_on
    return (
        row.prefix,
        cell(row.destination),
        _decimal(terms.per_minute),
        _decimal(terms.connect_fee),
        _decimal(terms.disconnect_fee),
        _decimal(terms.minimum_charge),
        terms.initial_block,
        terms.increment,
        terms.minimum_duration,
        terms.grace_seconds,
        day.isoformat() if day else "",
    )


def _decimal(micros: int) -> str:
    whole, fraction = divmod(micros, MICROS)
    return f"{whole}.{f'{fraction:06d}'.rstrip('0').ljust(2, '0')}"
