"""Cards of an older system, sent as a CSV file: all of them or none, or the good rows."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from adapters.http import problems
from adapters.http.asking import Answer, Asked
from adapters.http.files import CSV, MIB, SentFile, Upload
from adapters.http.operations import Operation, Routes
from adapters.http.problems import asked_wrongly
from adapters.http.services import HttpServices
from adapters.http.wire import Name, Text, tell
from application.card_import import BadRow, ImportReport
from application.permissions import Action

MOST_BYTES = 32 * MIB
"""More than the most rows can have, if each has cells of the greatest length."""

_PACKED = b"PK\x03\x04"
"""How a ZIP file begins, which is what a workbook of Excel is."""


class BadRowShown(Struct, frozen=True):
    """The line of the file, the number in it, and what is wrong."""

    line: int
    number: str
    problem: str


class ImportShown(Struct, frozen=True):
    """``there``: cards that an earlier import of the same rows made. With ``rows=all`` nothing is
    loaded as long as ``bad`` rows are there."""

    loaded: int
    there: int
    bad: list[BadRowShown]


class ImportAsked(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """``rows``: all of them or none, or the good ones although others are bad."""

    group: Name
    why: Text = "imported over the API"
    rows: Literal["all", "good"] = "all"


def load(services: HttpServices, asked: Asked) -> Answer:
    """The same file again loads nothing twice."""
    given = asked.parameters(ImportAsked)
    report = loaded(services, asked.file, given.group, asked.actor.name, given.why, given.rows)
    if report.bad and given.rows == "all":
        raise asked_wrongly(
            problems.BAD_ROWS,
            f"{len(report.bad)} rows are not accepted, so none was loaded; put them right, or send"
            " the file with rows=good",
            there=report.there,
            bad=[_shown(row) for row in report.bad],
        )
    return Answer(tell(ImportShown, report, bad=[_shown(row) for row in report.bad]))


def loaded(
    services: HttpServices, file: SentFile, group: str, by: str, why: str, rows: str
) -> ImportReport:
    """Raises AskedWrongly for a file that is no CSV of cards."""
    with file.path.open("rb") as begin:
        if begin.read(4) == _PACKED:
            raise _no_file("this is a workbook: save it as CSV in UTF-8, and send that")
    try:
        with file.path.open(encoding="utf-8-sig", newline="") as lines:
            return services.business.imports.load(group, lines, by, why, good_only=rows == "good")
    except ValueError as error:
        raise _no_file(str(error)) from error


def _no_file(detail: str) -> problems.AskedWrongly:
    return asked_wrongly(problems.BAD_FILE, detail)


def _shown(row: BadRow) -> BadRowShown:
    return tell(BadRowShown, row)


ROUTES: Routes = {
    "/v1/card-imports": {
        "POST": Operation(
            load,
            Action.MAKE_CARDS,
            "Load cards from CSV with the columns number, pin, balance: all rows or none.",
            ImportShown,
            query=ImportAsked,
            upload=Upload((CSV,), MOST_BYTES),
            problems=(problems.BAD_FILE, problems.BAD_ROWS),
        )
    }
}
