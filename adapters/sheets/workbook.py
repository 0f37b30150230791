"""Rate sheets as XLSX workbooks: read cell by cell, so a million rows need little memory.

The text of a number is read as it stands in the file: a price never becomes a float. A formula is
never evaluated: in a column that is used it is refused, naming the cell. (Libraries measured with
a million rows of four cells: openpyxl 81 s; python-calamine 4 s, but all cells in memory at once.)
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator
from decimal import Context
from pathlib import Path
from typing import Any
from xml.parsers import expat

from adapters.sheets.columns import MOST_CELL, Columns
from adapters.sheets.delimited import HEADER_WITHIN
from application.rate_files import Progress, Reading
from domain.rate_checks import PricedPrefix

MOST_BYTES = 2 * 1024**3
"""Unpacked, all parts together; a million rows of ten cells are some 500 MB."""

MOST_RATIO = 200
"""How many bytes one packed byte may stand for. Real sheets stay below 50, bombs are above 1000."""

MOST_PARTS = 1_000
MOST_STRINGS = 1_000_000
MOST_STRING_BYTES = 60_000_000
MOST_COLUMNS = 200
_BLOCK = 1 << 16
_REFERENCE = re.compile(r"([A-Z]{1,3})([0-9]{1,7})", re.ASCII)
_NUMBER = re.compile(r"[0-9]{1,30}(\.[0-9]{1,30})?([eE][+-]?[0-9]{1,2})?", re.ASCII)
_FIFTEEN = Context(prec=15)
_RELATION = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_NOT_A_WORKBOOK = "this is no XLSX workbook"


def read_workbook(path: Path, reading: Reading, progress: Progress) -> Iterator[PricedPrefix]:
    """The prices of a worksheet. Raises ValueError that names the cell."""
    try:
        with zipfile.ZipFile(path) as archive:
            _check_archive(archive)
            yield from _read(archive, reading, progress)
    except (zipfile.BadZipFile, EOFError, zipfile.LargeZipFile) as error:
        raise ValueError(f"{_NOT_A_WORKBOOK}, or half of one: {error}") from None
    except RuntimeError as error:  # a password, or a way of packing that nobody uses
        raise ValueError(f"the workbook is packed or locked in another way: {error}") from None
    except KeyError as error:
        raise ValueError(f"{_NOT_A_WORKBOOK}: {error.args[0]}") from None


def _read(archive: zipfile.ZipFile, reading: Reading, progress: Progress) -> Iterator[PricedPrefix]:
    part = _worksheet(archive, reading.worksheet)
    strings = _strings(archive)
    columns: Columns | None = None
    seen = 0
    for line, cells in _rows(archive, part, strings, progress):
        if columns is None:
            seen += 1
            if Columns.begin(cells):
                try:
                    columns = Columns(cells, reading)
                except ValueError as error:
                    raise ValueError(f"row {line}: {error}") from None
                width = len(cells)
            elif seen >= HEADER_WITHIN:
                break
            continue
        cells.extend([""] * (width - len(cells)))
        yield from columns.rows(cells, line, _Row(line))
    if columns is None:
        raise ValueError(
            f"no header within the first {HEADER_WITHIN} rows: a row of columns such as prefix,"
            " destination, rate"
        )


class _Row:
    """A place in a worksheet."""

    __slots__ = ("_line",)

    def __init__(self, line: int) -> None:
        self._line = line

    def __call__(self, column: int | None = None) -> str:
        return f"row {self._line}" if column is None else f"cell {_letters(column)}{self._line}"


def _check_archive(archive: zipfile.ZipFile) -> None:
    """Before anything is unpacked. No part gives more than it says here: zipfile stops there."""
    parts = archive.infolist()
    if len(parts) > MOST_PARTS:
        raise ValueError(f"a workbook has at most {MOST_PARTS} parts, not {len(parts)}")
    unpacked, packed = sum(p.file_size for p in parts), sum(p.compress_size for p in parts)
    if unpacked > MOST_BYTES or unpacked > MOST_RATIO * max(packed, 10_000):
        raise ValueError(
            f"the workbook unpacks from {packed} to {unpacked} bytes; accepted are at most"
            f" {MOST_BYTES}, and {MOST_RATIO} times the packed size"
        )
    if "xl/workbook.xml" not in archive.namelist():
        raise ValueError(f"{_NOT_A_WORKBOOK}: it is a ZIP file without xl/workbook.xml")


def _worksheet(archive: zipfile.ZipFile, wanted: str | None) -> str:
    """The part of the archive that holds the worksheet asked for, or the first."""
    found: list[tuple[str, str]] = []
    targets: dict[str, str] = {}

    def sheet(name: str, attributes: dict[str, str]) -> None:
        if name.rpartition(":")[2] == "sheet":
            relation = next((v for k, v in attributes.items() if k.endswith(":id")), "")
            found.append((attributes.get("name", ""), relation))

    def related(name: str, attributes: dict[str, str]) -> None:
        if name.rpartition(":")[2] == "Relationship":
            targets[attributes.get("Id", "")] = attributes.get("Target", "")

    for part, started in (("xl/workbook.xml", sheet), ("xl/_rels/workbook.xml.rels", related)):
        parser = _parser(part)
        parser.StartElementHandler = started
        _feed(archive, part, parser)
    for name, relation in found:
        if wanted is None or name == wanted:
            target = targets.get(relation, "")
            return target.lstrip("/") if target.startswith("/") else f"xl/{target}"
    names = ", ".join(repr(name) for name, _ in found[:20])
    raise ValueError(f"there is no worksheet {wanted!r}; there are {names or 'none'}")


def _strings(archive: zipfile.ZipFile) -> list[str]:
    """The texts that cells refer to by number. Phonetic hints for them are left out."""
    part = "xl/sharedStrings.xml"
    if part not in archive.namelist():
        return []
    strings: list[str] = []
    text: list[str] = []
    inside: list[str] = []
    size = 0

    def started(name: str, _: dict[str, str]) -> None:
        inside.append(name.rpartition(":")[2])
        if inside[-1] == "si":
            text.clear()

    def data(characters: str) -> None:
        if inside[-1] == "t" and "rPh" not in inside:
            text.append(characters)

    def ended(_: str) -> None:
        nonlocal size
        if inside.pop() == "si":
            string = "".join(text)
            size += len(string)
            if len(string) > MOST_CELL:
                raise ValueError(f"text {len(strings)}: a cell has at most {MOST_CELL} characters")
            if len(strings) >= MOST_STRINGS or size > MOST_STRING_BYTES:
                raise ValueError(f"a workbook has at most {MOST_STRINGS} different texts")
            strings.append(string)

    parser = _parser(part)
    parser.StartElementHandler, parser.EndElementHandler = started, ended
    parser.CharacterDataHandler = data
    _feed(archive, part, parser)
    return strings


def _rows(
    archive: zipfile.ZipFile, part: str, strings: list[str], progress: Progress
) -> Iterator[tuple[int, list[str]]]:
    """Each row that has cells: its number, and its cells as text, gaps filled."""
    reader = _Cells(strings)
    parser = _parser(part)
    parser.StartElementHandler, parser.EndElementHandler = reader.started, reader.ended
    parser.CharacterDataHandler = reader.data
    size = archive.getinfo(part).file_size
    done = told = 0
    with archive.open(part) as file:
        while block := file.read(_BLOCK):
            _parse(parser, part, block)
            done += len(block)
            if done - told >= 20 * _BLOCK:
                progress("reading", done, size)
                told = done
            yield from reader.taken()
    _parse(parser, part, b"", last=True)
    yield from reader.taken()
    progress("reading", size, size)


class _Cells:
    """Gathers the rows that a parser walks through."""

    def __init__(self, strings: list[str]) -> None:
        self._strings = strings
        self._rows: list[tuple[int, list[str]]] = []
        self._cells: list[str] = []
        self._line = 0
        self._column = -1
        self._kind = ""
        self._text: list[str] = []
        self._size = 0
        self._listens = False

    def taken(self) -> list[tuple[int, list[str]]]:
        rows, self._rows = self._rows, []
        return rows

    def started(self, name: str, attributes: dict[str, str]) -> None:
        if name == "c":
            self._kind = attributes.get("t", "n")
            self._place(attributes.get("r"))
            self._text.clear()
            self._size = 0
        elif name in ("v", "t"):
            self._listens = True
        elif name == "f":
            raise ValueError(
                f"cell {_letters(self._column)}{self._line} is a formula; formulas are not"
                " evaluated, so save the sheet with values only"
            )
        elif name == "row":
            line = attributes.get("r", "")
            self._line = int(line) if line.isdigit() and len(line) < 8 else self._line + 1
            self._cells, self._column = [], -1

    def data(self, characters: str) -> None:
        if self._listens:
            self._size += len(characters)
            if self._size > MOST_CELL:
                at = f"{_letters(self._column)}{self._line}"
                raise ValueError(f"cell {at}: a cell has at most {MOST_CELL} characters")
            self._text.append(characters)

    def ended(self, name: str) -> None:
        if name in ("v", "t"):
            self._listens = False
        elif name == "c":
            self._cells.extend([""] * (self._column - len(self._cells)))
            self._cells.append(self._value("".join(self._text)))
        elif name == "row" and self._cells:
            self._rows.append((self._line, self._cells))

    def _place(self, reference: str | None) -> None:
        column = self._column + 1
        if reference is not None:
            match = _REFERENCE.fullmatch(reference)
            if match is None:
                raise ValueError(
                    f"row {self._line}: a cell is named like B2, not {reference[:40]!r}"
                )
            column = _number(match[1])
            if column <= self._column:
                raise ValueError(f"cell {reference} comes after a cell to its right")
        if column >= MOST_COLUMNS:
            raise ValueError(f"row {self._line}: a rate sheet has at most {MOST_COLUMNS} columns")
        self._column = column

    def _value(self, text: str) -> str:
        if self._kind == "s":
            number = int(text) if text.isdigit() and len(text) < 8 else len(self._strings)
            if number < len(self._strings):
                return self._strings[number]
        elif self._kind == "n":
            return _exact(text)
        elif self._kind in ("str", "inlineStr", "b", "d"):
            return text
        at = f"{_letters(self._column)}{self._line}"
        raise ValueError(f"cell {at} holds an error or refers to a text that is not there")


def _exact(text: str) -> str:
    """A number as plain decimals. A spreadsheet keeps fifteen digits; what it adds is noise."""
    if not _NUMBER.fullmatch(text):
        return text
    plain = f"{_FIFTEEN.create_decimal(text):f}"
    return plain.rstrip("0").rstrip(".") if "." in plain else plain


def _number(letters: str) -> int:
    column = 0
    for letter in letters:
        column = column * 26 + ord(letter) - 64
    return column - 1


def _letters(column: int) -> str:
    text, column = "", column + 1
    while column > 0:
        column, rest = divmod(column - 1, 26)
        text = chr(65 + rest) + text
    return text


def _parser(part: str) -> expat.XMLParserType:
    parser = expat.ParserCreate()
    parser.buffer_text = True

    def refuse(*_: Any) -> None:
        raise ValueError(f"{part} declares a document type, which no workbook does")

    # Without document types there are no entities, neither endless ones nor such from outside.
    parser.StartDoctypeDeclHandler = refuse
    return parser


def _feed(archive: zipfile.ZipFile, part: str, parser: expat.XMLParserType) -> None:
    with archive.open(part) as file:
        while block := file.read(_BLOCK):
            _parse(parser, part, block)
    _parse(parser, part, b"", last=True)


def _parse(parser: expat.XMLParserType, part: str, block: bytes, last: bool = False) -> None:
    try:
        parser.Parse(block, last)
    except expat.ExpatError as error:
        raise ValueError(f"{part} is broken: {error}") from None
