"""What the command line asks of the program; the composition root answers."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

from attrs import frozen

from application.access_numbers import AccessNumbers
from application.administration import Administration
from application.as_of import Histories
from application.auditing import Auditor
from application.bookkeeping import Bookkeeping
from application.card_business import CardBusiness
from application.checks import ReadModelCheck
from application.correcting import Correcting
from application.erasure import PersonsDesk
from application.explaining import Explanations
from application.people import People
from application.persons import PersonKeys
from application.price_explanation import PriceExplanations
from application.printing import PrintedCard, Sheet
from application.reports import Reports
from application.route_views import RouteViews
from application.routes import LedgerRoutes
from application.routing import Routing
from application.sheet_store import TariffViews
from application.tariffs import Tariffs
from application.views import Views
from domain.checkpoints import Checkpoint
from domain.seal_checks import Break, Checked
from domain.seals import LoggedFact


class BackOffice(Protocol):
    """The use cases of an operator, on an open ledger."""

    @property
    def administration(self) -> Administration: ...

    @property
    def access_numbers(self) -> AccessNumbers: ...

    @property
    def routing(self) -> Routing: ...

    @property
    def routes(self) -> LedgerRoutes: ...

    @property
    def tariffs(self) -> Tariffs: ...

    @property
    def tariff_views(self) -> TariffViews: ...

    @property
    def price_explanations(self) -> PriceExplanations: ...

    @property
    def business(self) -> CardBusiness: ...

    @property
    def views(self) -> Views: ...

    @property
    def people(self) -> People: ...

    @property
    def route_views(self) -> RouteViews: ...

    @property
    def books(self) -> Bookkeeping: ...

    @property
    def persons_desk(self) -> PersonsDesk: ...

    @property
    def person_keys(self) -> PersonKeys: ...

    @property
    def auditor(self) -> Auditor: ...

    @property
    def explanations(self) -> Explanations: ...

    @property
    def histories(self) -> Histories: ...

    def replay(
        self, *, after: int = 0, until: int | None = None, names: Collection[str] = ()
    ) -> Iterator[bytes]:
        """The facts behind a position as JSON lines, some thousands at a time."""
        ...

    @property
    def correcting(self) -> Correcting: ...

    @property
    def reports(self) -> Reports: ...

    @property
    def checks(self) -> ReadModelCheck: ...

    def catch_up(self) -> int:
        """Moves the read models to the newest fact."""
        ...


@frozen
class ProofTold:
    """A proof that holds: its facts, when each was sealed, and what is recorded in it."""

    call: str
    checkpoint: Checkpoint
    facts: Sequence[tuple[LoggedFact, datetime, dict[str, Any]]]


class SealDesk(Protocol):
    """Seals of the log. Raises ``Failure``, and ValueError for what is not as it should be."""

    def new_key(self, name: str) -> tuple[Path, Path, str]:
        """Makes a key; gives the files of its secret and public half, and the public one."""
        ...

    def run(self) -> int:
        """Seals what is due; gives the number of blocks."""
        ...

    def verify(
        self, public_keys: Path, checkpoints: Path | None, progress: Callable[[int], object]
    ) -> Break | Checked: ...

    def prove(self, call: str) -> str: ...

    def check(self, proof: Path, public_keys: Path, checkpoints: Path | None) -> ProofTold:
        """Needs no ledger."""
        ...


@frozen
class BackupTold:
    """``apart``: the secrets that are not in it, and the files they are in."""

    path: Path
    size: int
    apart: dict[str, str]


@frozen
class RestoreTold:
    """``older`` says what was published and is not there any more; both None: nothing to test."""

    checked: Checked | None
    older: str | None
    apart: dict[str, str]


class Backups(Protocol):
    """Raises ``Failure``."""

    def back_up(self, path: Path) -> BackupTold: ...

    def restore(
        self,
        path: Path,
        public_keys: Path | None,
        checkpoints: Path | None,
        progress: Callable[[int], object],
    ) -> RestoreTold: ...


class Exports(Protocol):
    """Writes new files. Raises ``Failure``, and ValueError for a damaged log."""

    def journal(self, form: str, path: Path, at: datetime | None) -> int:
        """The books in the form hledger or beancount; gives the number of transactions."""
        ...

    def tables(self, form: str, folder: Path) -> dict[str, int]:
        """Facts, postings and calls in the form csv or parquet; gives the rows of each."""
        ...


class Program(Protocol):
    """Raises ``Failure`` for anything that a person can mend, with the words to mend it."""

    def use_settings(self, path: Path | None) -> None: ...

    def back_office(self) -> AbstractContextManager[BackOffice]: ...

    def serve(self) -> None:
        """Everything in one process, until it is told to stop."""
        ...

    def serve_calls(self) -> None: ...

    def serve_requests(self) -> None: ...

    def work(self) -> None:
        """What is done beside calls and requests, until it is told to stop."""
        ...

    def demo(self, folder: Path, *, agi_port: int, http_port: int) -> None: ...

    def phone(
        self,
        *,
        host: str,
        port: int,
        access_number: str,
        caller_id: str,
        script: Path | None,
        language: str,
    ) -> None: ...

    def ship(self) -> None: ...

    def reconcile(self) -> dict[str, int]:
        """Looks once for open attempts that have ended; what was found, by kind."""
        ...

    def rebuild(self, progress: Callable[[int, int], object]) -> int:
        """Makes all read models again. ``progress`` is told of facts applied, and how many."""
        ...

    def open_lot(self, file: Path, identity: Path) -> Iterator[PrintedCard]:
        """The cards of an exported file, read with the printer's secret key."""
        ...

    def print_sheet(self, cards: Iterable[PrintedCard], asked: Sheet, out: Path) -> int:
        """Writes a PDF for the printer; gives the number of cards in it."""
        ...

    def build_prompts(self, languages: tuple[str, ...], out: Path | None) -> dict[str, int]: ...

    def asterisk_config(
        self,
        *,
        node: str,
        agi_hosts: tuple[str, ...],
        spool: str,
        secret_file: Path,
        out: Path | None,
        force: bool,
    ) -> str: ...

    @property
    def seals(self) -> SealDesk: ...

    @property
    def backups(self) -> Backups: ...

    @property
    def exports(self) -> Exports: ...

    def make_pin_key(self) -> Path: ...

    def make_person_keys(self) -> Path: ...

    def abandon_persons(self, lost_keys: Collection[str], by: str, why: str) -> int:
        """Erases whoever's master key is lost; gives how many. The ledger can be used again.

        Each lost key has to be named, so that a file which is merely not there erases nobody.
        """
        ...

    def new_api_key(self, name: str, scopes: tuple[str, ...]) -> tuple[str, str]:
        """A fresh key and the lines of settings that let it in; the key is kept nowhere."""
        ...


class Failure(Exception):
    """Something a person can mend; the message says what and how."""
