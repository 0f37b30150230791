"""Rate sheets as text: CSV with commas, semicolons or tabs, in the encodings that come in."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from io import TextIOWrapper
from itertools import islice
from pathlib import Path
from typing import BinaryIO

from adapters.sheets.columns import MOST_CELL, Columns
from application.rate_files import Progress, Reading
from domain.rate_checks import PricedPrefix

HEADER_WITHIN = 20
"""Lines among which the header is searched: above it stand titles and addresses."""

ENCODINGS = {"utf-8": "utf-8-sig", "utf-16": "utf-16", "latin-1": "cp1252"}
DELIMITERS = ("," , ";", "\t")  # fmt: skip
MOST_LINES = 2_000_000
_BLOCK = 1 << 20
_TOLD_EVERY = 5_000
_LONGEST_HEADER = 100_000


def read_delimited(path: Path, reading: Reading, progress: Progress) -> Iterator[PricedPrefix]:
    """The prices of a text file. Raises ValueError that names the line."""
    size = path.stat().st_size
    encoding = _encoding(path, reading.encoding)
    with path.open("rb") as raw:
        _check_end(raw, encoding)
    delimiter, skipped, columns = _header(path, encoding, reading)
    with path.open("rb") as raw, TextIOWrapper(raw, encoding, newline="") as text:
        rows = _cells(text, delimiter)
        for number, (cells, line) in enumerate(islice(rows, skipped, None)):
            if number % _TOLD_EVERY == 0:
                progress("reading", raw.tell(), size)
            yield from columns.rows(cells, line, _Line(line))
    progress("reading", size, size)


class _Line:
    """A place in a text file."""

    __slots__ = ("_line",)

    def __init__(self, line: int) -> None:
        self._line = line

    def __call__(self, column: int | None = None) -> str:
        return f"line {self._line}" if column is None else f"line {self._line}, cell {column + 1}"


def _header(path: Path, encoding: str, reading: Reading) -> tuple[str, int, Columns]:
    """The delimiter under which a header appears, how many rows it ends, and its columns."""
    if reading.delimiter is not None and reading.delimiter not in DELIMITERS:
        raise ValueError(f"a delimiter is a comma, a semicolon or a tab, not {reading.delimiter!r}")
    trouble: ValueError | None = None
    for delimiter in DELIMITERS if reading.delimiter is None else (reading.delimiter,):
        with path.open("rb") as raw, TextIOWrapper(raw, encoding, newline="") as text:
            rows = islice(_cells(text, delimiter), HEADER_WITHIN)
            try:
                found = next(
                    (number, cells, line)
                    for number, (cells, line) in enumerate(rows, start=1)
                    if len(cells) > 1 and Columns.begin(cells)
                )
            except StopIteration:
                continue
            except ValueError as error:
                trouble = trouble or error
                continue
        number, cells, line = found
        try:
            return delimiter, number, Columns(cells, reading)
        except ValueError as error:
            raise ValueError(f"line {line}: {error}") from None
    if trouble is not None:
        raise trouble
    raise ValueError(
        f"no header within the first {HEADER_WITHIN} lines: a line of columns such as"
        " prefix,destination,rate, divided by commas, semicolons or tabs"
    )


def _cells(text: TextIOWrapper, delimiter: str) -> Iterator[tuple[list[str], int]]:
    """Rows with the line each ends in. The reader's own limit of a cell is the whole process's."""
    reader = csv.reader(_bounded(text), delimiter=delimiter, strict=True)
    try:
        for cells in reader:
            if max(map(len, cells), default=0) > MOST_CELL:
                raise ValueError(
                    f"line {reader.line_num}: a cell has at most {MOST_CELL} characters"
                )
            if reader.line_num > MOST_LINES:
                raise ValueError(f"a rate sheet has at most {MOST_LINES} lines")
            if cells:
                yield cells, reader.line_num
    except csv.Error as error:
        raise ValueError(
            f"line {reader.line_num}: {error}; a quoted cell ends with a quote, on the same line"
            " or a later one"
        ) from None
    except UnicodeError as error:
        raise ValueError(
            f"after line {reader.line_num}: not in the encoding told: {error}"
        ) from None


def _bounded(text: TextIOWrapper) -> Iterator[str]:
    """Lines, none of them so long that it fills the memory."""
    number = 0
    while line := text.readline(_LONGEST_HEADER):
        number += 1
        if len(line) >= _LONGEST_HEADER:
            raise ValueError(f"line {number} has more than {_LONGEST_HEADER} characters")
        if "\0" in line:
            raise ValueError(f"line {number} holds a zero byte: this is no text in UTF-8")
        yield line


def _encoding(path: Path, told: str | None) -> str:
    """Python's name of the encoding. Raises ValueError for a file that is in none, or in two."""
    if told is not None:
        if told not in ENCODINGS:
            raise ValueError(f"an encoding is {', '.join(ENCODINGS)}, not {told!r}")
        return ENCODINGS[told]
    with path.open("rb") as file:
        start = file.read(4)
        if start.startswith((b"\xff\xfe", b"\xfe\xff")):
            return "utf-16"
        file.seek(0)
        return _detected(file)


def _detected(file: BinaryIO) -> str:
    utf_8 = latin = 0
    for number, line in enumerate(_raw_lines(file), start=1):
        if line.isascii():
            if b"\0" in line:
                raise ValueError(
                    f"line {number} holds a zero byte: this is no text in UTF-8 or Latin-1;"
                    " tell utf-16 if it is"
                )
            continue
        try:
            line.decode()
            utf_8 = utf_8 or number
        except UnicodeDecodeError:
            if any(0x7F <= byte < 0xA0 for byte in line):
                raise ValueError(
                    f"line {number} is neither UTF-8 nor Latin-1: save the sheet as UTF-8"
                ) from None
            latin = latin or number
    if utf_8 and latin:
        raise ValueError(
            f"line {utf_8} is in UTF-8 and line {latin} is not: the file mixes encodings;"
            " save it as UTF-8"
        )
    return ENCODINGS["latin-1" if latin else "utf-8"]


def _raw_lines(file: BinaryIO) -> Iterator[bytes]:
    number = 0
    while line := file.readline(_BLOCK):
        number += 1
        if len(line) >= _BLOCK:
            raise ValueError(f"line {number} has more than {_BLOCK} bytes: this is no rate sheet")
        yield line


def _check_end(file: BinaryIO, encoding: str) -> None:
    """A file that was cut off mostly ends within a line, and its last price may be cut as well."""
    file.seek(0, 2)
    if file.tell() == 0:
        raise ValueError("the file is empty")
    file.seek(-min(file.tell(), 4), 2)
    if not file.read().replace(b"\0", b"").endswith((b"\n", b"\r")):
        raise ValueError(
            "the last line does not end: the file may be cut off; if it is whole, end it with"
            " a line break"
        )
