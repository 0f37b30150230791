"""What leaves the ledger for other programs: journals of the books, and tables."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from uuid import UUID
from zoneinfo import ZoneInfo

from attrs import define, frozen

from adapters.cli.program import Failure
from adapters.exports import parquet
from adapters.exports.files import new_file
from adapters.exports.journals import JOURNALS
from adapters.exports.tables import (
    CALLS,
    FACTS,
    POSTINGS,
    call_rows,
    fact_rows,
    posting_rows,
    write_csv,
)
from application.views import MOST_ROWS, CallRow
from domain.ledger import Transaction
from talktime.mending import mendable
from talktime.settings import Settings
from talktime.system import System, running

_WRITERS = {"csv": write_csv, "parquet": parquet.write_parquet}


@frozen
class LedgerExports:
    """The port ``Exports`` of the command line."""

    _settings: Settings

    def journal(self, form: str, path: Path, at: datetime | None) -> int:
        zone = ZoneInfo(self._settings.cards.time_zone)
        with self._open() as system, new_file(path) as file:
            counted = _Counted(system.books.transactions(at))
            for text in JOURNALS[form](counted, zone):
                file.write(text.encode())
        return counted.count

    def tables(self, form: str, folder: Path) -> dict[str, int]:
        write = _WRITERS[form]
        with self._open() as system:
            system.catch_up()
            pages = system.log.lines(until=system.log.end())
            return {
                "facts": write(FACTS, fact_rows(pages), folder),
                "postings": write(POSTINGS, posting_rows(system.books.transactions()), folder),
                "calls": write(CALLS, call_rows(_calls(system)), folder),
            }

    @contextmanager
    def _open(self) -> Iterator[System]:
        with mendable(), running(self._settings) as system:
            try:
                yield system
            except FileExistsError as error:
                told = f"{error.filename} is there already, and is not written over"
                raise Failure(told) from error
            except parquet.NoParquet as error:
                raise Failure(str(error)) from error


@define
class _Counted:
    transactions: Iterable[Transaction]
    count: int = 0

    def __iter__(self) -> Iterator[Transaction]:
        for each in self.transactions:
            self.count += 1
            yield each


def _calls(system: System) -> Iterator[CallRow]:
    after: UUID | None = None
    while page := system.views.calls(after, MOST_ROWS):
        yield from page
        after = page[-1].session_id
