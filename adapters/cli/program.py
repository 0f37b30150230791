"""What the command line asks of the program; the composition root answers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

from application.access_numbers import AccessNumbers
from application.administration import Administration
from application.card_business import CardBusiness
from application.people import People
from application.price_explanation import PriceExplanations
from application.printing import PrintedCard, Sheet
from application.route_views import RouteViews
from application.routes import LedgerRoutes
from application.routing import Routing
from application.tariffs import Tariffs, TariffViews
from application.views import Views


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

    def catch_up(self) -> int:
        """Moves the read models to the newest fact."""
        ...


class Program(Protocol):
    """Raises ``Failure`` for anything that a person can mend, with the words to mend it."""

    def use_settings(self, path: Path | None) -> None: ...

    def back_office(self) -> AbstractContextManager[BackOffice]: ...

    def serve(self) -> None:
        """Runs until it is told to stop."""
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

    def rebuild(self) -> int: ...

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

    def make_pin_key(self) -> Path: ...

    def new_api_key(self, name: str, scopes: tuple[str, ...]) -> tuple[str, str]:
        """A fresh key and the lines of settings that let it in; the key is kept nowhere."""
        ...


class Failure(Exception):
    """Something a person can mend; the message says what and how."""
