"""Rate sheets: sent as a file or as JSON, looked at, compared, taken along as CSV, discarded."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated, Literal
from uuid import UUID

from msgspec import Meta, Struct

from adapters.http import problems
from adapters.http.asking import USUAL_ROWS, Answer, Asked, Limit, Page
from adapters.http.files import CSV, MIB, XLSX, Download, Stream, Upload, attachment
from adapters.http.groups import Unit
from adapters.http.operations import Operation, Routes
from adapters.http.problems import asked_wrongly
from adapters.http.rate_work import IMPORT, SMALL_BYTES, Outcome, WorkShown, done_by, over
from adapters.http.rates import RateSent, RateShown, rate_shown
from adapters.http.services import HttpServices
from adapters.http.wire import Name, Text, tell
from application import kinds
from application.permissions import Action
from application.rate_files import Progress, Reading
from domain.decks import LONGEST_PREFIX
from domain.errors import NotFound
from domain.tariffs import Tariff

MOST_SENT = 1_000
"""Rates that are sent as JSON at once; more of them come as a file."""

MOST_BYTES = 256 * MIB
"""A million rows are some 50 MB."""

_LEFT = "talktime-sheet-"
_LEFT_FOR = timedelta(days=1)
_NOT_IN_A_NAME = re.compile(r"[^A-Za-z0-9._ -]+")

After = Annotated[
    str,
    Meta(max_length=LONGEST_PREFIX, pattern=r"^[0-9]*\Z", description="The last prefix seen."),
]
Columns = Annotated[str, Meta(max_length=2_000, pattern=r"^[^\x00-\x1f\x7f]*\Z")]
FileName = Annotated[str, Meta(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]*\Z")]


class SheetSent(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What belongs to the file. What is left out is found out from it.

    ``decimal_comma``: all amounts are written 0,05. ``ignore``: columns that are not looked at,
    divided by commas; ``*`` for all that are not known. ``worksheet``: of a workbook, else the
    first. The rates of a provider go to the tariff ``provider:<name>``.
    """

    tariff: Name
    unit: Unit
    file: FileName = "rates"
    encoding: Literal["utf-8", "utf-16", "latin-1"] | None = None
    delimiter: Literal["comma", "semicolon", "tab"] | None = None
    decimal_comma: bool = False
    worksheet: Name | None = None
    ignore: Columns = ""
    why: Text | None = None

    def reading(self) -> Reading:
        delimiters = {"comma": ",", "semicolon": ";", "tab": "\t"}
        return Reading(
            self.unit,
            self.encoding,
            delimiters[self.delimiter] if self.delimiter else None,
            self.decimal_comma,
            self.worksheet,
            frozenset(each.strip() for each in self.ignore.split(",") if each.strip()),
        )


class RatesSent(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A small tariff as it is, with prices by the hour, which no file can tell."""

    tariff: Name
    unit: Unit
    rates: Annotated[list[RateSent], Meta(min_length=1, max_length=MOST_SENT)]
    why: Text | None = None
    by: Name | None = None


class SheetShown(Struct, frozen=True):
    """``state``: draft or published; a version may be published again, so there may be several."""

    sheet_id: UUID
    tariff_id: UUID
    tariff: str
    unit: str
    state: str
    rows: int
    sheet_digest: str
    file: str | None
    imported_at: datetime | None
    by: str
    why: str
    versions: list[int]


class ChangeShown(Struct, frozen=True):
    """``percent``: of the price of a call of three minutes."""

    what: Literal["added", "removed", "changed"]
    prefix: str
    old: RateShown | None
    new: RateShown | None
    percent: int | None


class RowsAsked(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    after: After = ""
    limit: Limit = USUAL_ROWS


class ChangesAsked(RowsAsked, frozen=True, forbid_unknown_fields=True, kw_only=True):
    only: Literal["added", "removed", "changed"] | None = None


class DiscardAsked(Struct, frozen=True, forbid_unknown_fields=True):
    why: Text


def send(services: HttpServices, asked: Asked) -> Answer:
    """A file becomes a draft: all of its rows, or nothing of it."""
    given, sent = asked.parameters(SheetSent), asked.file
    work_id = asked.command_id("rate sheet")
    known = Outcome(given.tariff)
    if (sheet_id := services.tariffs.imported(work_id)) is not None:
        return Answer(over(work_id, IMPORT, _known(services, sheet_id, given.tariff)), 201)
    # Before the file is kept: what is refused whatever stands in it.
    services.tariffs.check_importable(given.tariff, given.unit)
    suffix = ".xlsx" if sent.media_type == XLSX else ".csv"
    name = given.file if given.file.casefold().endswith(suffix) else f"{given.file}{suffix}"
    folder = _own_folder()
    path = folder / f"{_NOT_IN_A_NAME.sub('_', Path(name).stem)[-80:] or 'rates'}{suffix}"
    sent.path.rename(path)

    def run(progress: Progress) -> Outcome:
        try:
            draft = services.tariffs.import_sheet(
                given.tariff,
                path,
                given.reading(),
                asked.by(),
                given.why or "",
                progress,
                asked=work_id,
                name=name,
            )
        finally:
            path.unlink(missing_ok=True)
            folder.rmdir()
        return Outcome(given.tariff, draft.sheet_id)

    small = sent.size <= SMALL_BYTES
    return done_by(services, work_id, IMPORT, asked.actor.identity, known, run, small=small)


def send_rates(services: HttpServices, asked: Asked) -> Answer:
    wanted = asked.body(RatesSent)
    work_id = asked.command_id("rates")
    if (sheet_id := services.tariffs.imported(work_id)) is not None:
        _known(services, sheet_id, wanted.tariff)
        return Answer(_sheet_shown(services.tariffs.tariff_of(sheet_id), sheet_id), 201)
    rows = [each.priced(wanted.unit, place) for place, each in enumerate(wanted.rates)]
    try:
        draft = services.tariffs.import_rows(
            wanted.tariff,
            wanted.unit,
            rows,
            "sent as JSON",
            asked.by(wanted.by),
            wanted.why or "",
            asked=work_id,
        )
    except ValueError as error:
        raise asked_wrongly(problems.BAD_SHEET, str(error)) from error
    tariff = services.tariffs.tariff_of(draft.sheet_id)
    headers = {"Location": f"/v1/rate-sheets/{draft.sheet_id}"}
    return Answer(_sheet_shown(tariff, draft.sheet_id), 201, headers)


def one(services: HttpServices, asked: Asked) -> Answer:
    sheet_id = asked.id("rate sheet")
    return Answer(_sheet_shown(services.tariffs.tariff_of(sheet_id), sheet_id))


def discard(services: HttpServices, asked: Asked) -> Answer:
    why = asked.parameters(DiscardAsked).why
    services.tariffs.discard(asked.id("rate sheet"), asked.by(), why)
    return Answer(b"", 204)


def rows(services: HttpServices, asked: Asked) -> Answer:
    given = asked.parameters(RowsAsked)
    sheet_id = _kept(services, asked)
    found = services.tariffs.rows(sheet_id, given.after, given.limit)
    return asked.page([rate_shown(each) for each in found], found[-1].prefix if found else None)


def changes(services: HttpServices, asked: Asked) -> Answer:
    """What publishing the sheet would change in the version that runs. Where little changes a page
    may hold less than asked for, or nothing, and still have a next one."""
    given = asked.parameters(ChangesAsked)
    sheet_id = _kept(services, asked)
    found, cursor = services.tariffs.some_changes(sheet_id, given.after, given.limit, given.only)
    shown = [
        ChangeShown(
            each.what,
            each.prefix,
            rate_shown(each.old) if each.old else None,
            rate_shown(each.new) if each.new else None,
            each.percent,
        )
        for each in found
    ]
    return asked.page(shown, cursor, more=cursor is not None)


def file(services: HttpServices, asked: Asked) -> Answer:
    """Written out before the first part leaves, so that what cannot be told is told in time."""
    sheet_id = _kept(services, asked)
    tariff = services.tariffs.tariff_of(sheet_id)
    folder = _own_folder()
    path = folder / "sheet.csv"
    try:
        services.tariffs.export(sheet_id, path)
        written = path.open("rb")
    except ValueError as error:
        raise asked_wrongly(problems.BAD_SHEET, str(error)) from error
    finally:
        path.unlink(missing_ok=True)
        folder.rmdir()

    def parts() -> Iterator[bytes]:
        with written:
            while part := written.read(MIB):
                yield part

    headers = attachment(f"{tariff.name.replace(':', '-')}-{str(sheet_id)[:8]}.csv")
    return Answer(Stream(parts()), headers=headers, content_type=CSV)


def _kept(services: HttpServices, asked: Asked) -> UUID:
    """Raises NotFound for a sheet that was discarded, or never was."""
    sheet_id = asked.id("rate sheet")
    _sheet_shown(services.tariffs.tariff_of(sheet_id), sheet_id)
    return sheet_id


def _known(services: HttpServices, sheet_id: UUID, tariff: str) -> Outcome:
    known = services.tariffs.tariff_of(sheet_id)
    if known.name != tariff:
        detail = f"this Idempotency-Key was used for a sheet of the tariff {known.name}"
        raise asked_wrongly(problems.KEY_USED, detail)
    return Outcome(tariff, sheet_id)


def _sheet_shown(tariff: Tariff, sheet_id: UUID) -> SheetShown:
    versions = [each for each in tariff.schedule if each.sheet_id == sheet_id]
    numbers = [each.version for each in versions]
    tariff_id = kinds.tariff_id(tariff.name)
    common = {"tariff_id": tariff_id, "tariff": tariff.name, "unit": tariff.unit}
    if versions:
        return tell(
            SheetShown,
            versions[0],
            **common,
            state="published",
            file=None,
            imported_at=None,
            why="",
            versions=numbers,
        )
    draft = next((each for each in tariff.drafts if each.sheet_id == sheet_id), None)
    if draft is None:
        raise NotFound("rate sheet", str(sheet_id))
    return tell(SheetShown, draft, **common, state="draft", versions=numbers)


def _own_folder() -> Path:
    """A folder for one file; those that a killed server has left are cleared away before."""
    place = Path(tempfile.gettempdir())
    before = datetime.now().timestamp() - _LEFT_FOR.total_seconds()  # noqa: DTZ005 - of files
    for left in place.glob(f"{_LEFT}*"):
        _remove_old(left, before)
    return Path(tempfile.mkdtemp(prefix=_LEFT))


def _remove_old(folder: Path, before: float) -> None:
    try:
        # A link that somebody planted in a folder for all would lead out of it.
        if folder.is_symlink() or folder.stat().st_mtime >= before:
            return
        for each in folder.iterdir():
            each.unlink(missing_ok=True)
        folder.rmdir()
    except OSError:
        return  # somebody else's, or just being cleared away by another


_RATES_BODY = MIB

ROUTES: Routes = {
    "/v1/rate-sheets": {
        "POST": Operation(
            send,
            Action.CHANGE_TARIFFS,
            "Send a rate sheet, which becomes a draft. A large one is read behind the door.",
            WorkShown,
            query=SheetSent,
            upload=Upload((CSV, XLSX), MOST_BYTES),
            status=201,
            also=(202,),
            once=True,
            problems=(problems.BAD_SHEET,),
        )
    },
    "/v1/rates": {
        "POST": Operation(
            send_rates,
            Action.CHANGE_TARIFFS,
            "Send a small tariff as JSON, which becomes a draft.",
            SheetShown,
            body=RatesSent,
            most_body=_RATES_BODY,
            status=201,
            once=True,
            problems=(problems.BAD_SHEET,),
        )
    },
    "/v1/rate-sheets/{id}": {
        "GET": Operation(one, Action.SEE_TARIFFS, "One rate sheet.", SheetShown),
        "DELETE": Operation(
            discard,
            Action.CHANGE_TARIFFS,
            "Forget a draft.",
            None,
            query=DiscardAsked,
            status=204,
        ),
    },
    "/v1/rate-sheets/{id}/rates": {
        "GET": Operation(
            rows,
            Action.SEE_TARIFFS,
            "The rates of a sheet, by prefix.",
            Page[RateShown],
            query=RowsAsked,
            csv=True,
        )
    },
    "/v1/rate-sheets/{id}/changes": {
        "GET": Operation(
            changes,
            Action.SEE_TARIFFS,
            "What publishing the sheet would change, by prefix.",
            Page[ChangeShown],
            query=ChangesAsked,
            csv=True,
        )
    },
    "/v1/rate-sheets/{id}/file": {
        "GET": Operation(
            file,
            Action.SEE_TARIFFS,
            "A sheet as a CSV file, which can be sent again.",
            Download(CSV),
            problems=(problems.BAD_SHEET,),
        )
    },
}
