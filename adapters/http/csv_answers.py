"""Lists as CSV (RFC 4180) that no spreadsheet takes for formulas."""

from __future__ import annotations

import csv
import io
import re
from typing import Any

import msgspec

from adapters.http.asking import Answer, Page

CONTENT_TYPE = "text/csv; charset=utf-8; header=present"

_PLAIN = re.compile(r"-?[0-9]+(\.[0-9]+)?", re.ASCII)
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def wants_csv(accept: str) -> bool:
    """Whether ``text/csv`` is named, and nothing that is JSON in front of it."""
    for each in accept.lower().split(","):
        media = each.partition(";")[0].strip()
        if media in ("application/json", "*/*", "application/*"):
            return False
        if media == "text/csv":
            return True
    return False


def as_csv(answer: Answer, item: Any) -> Answer:
    """The items of a page as lines; the next page is in the ``Link`` header."""
    page = answer.body
    assert isinstance(page, Page), "only lists are asked for as CSV"
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    columns = _columns(item)
    writer.writerow(columns)
    for each in page.items:
        cells: dict[str, str] = {}
        _flatten(msgspec.to_builtins(each), "", cells)
        writer.writerow([safe(cells.get(name, "")) for name in columns])
    return Answer(out.getvalue().encode(), answer.status, answer.headers, CONTENT_TYPE)


def safe(text: str) -> str:
    """The text, behind an apostrophe if a spreadsheet could take it for a formula (OWASP)."""
    if _PLAIN.fullmatch(text) or not text.startswith(_FORMULA):
        return text
    return "'" + text


def _columns(item: Any) -> list[str]:
    """One column for each field; fields of a structure inside are named with a dot."""
    columns = []
    for each in msgspec.structs.fields(item):
        inside = [each.type, *getattr(each.type, "__args__", ())]
        structs = [kind for kind in inside if isinstance(kind, type)]
        nested = next((kind for kind in structs if issubclass(kind, msgspec.Struct)), None)
        if nested is not None:
            columns += [f"{each.name}.{name}" for name in _columns(nested)]
        else:
            columns.append(each.name)
    return columns


def _flatten(value: Any, name: str, cells: dict[str, str]) -> None:
    if isinstance(value, dict) and name.count(".") < 2:
        for key, each in value.items():
            _flatten(each, f"{name}.{key}" if name else str(key), cells)
        if name:
            cells[name] = msgspec.json.encode(value).decode()
        return
    match value:
        case None:
            cells[name] = ""
        case bool():
            cells[name] = "true" if value else "false"
        case list() | dict():
            cells[name] = msgspec.json.encode(value).decode()
        case _:
            cells[name] = str(value)
