"""Rate sheets: rows of drafts and published tariffs, stored beside the log, and decks of them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import (
    Column,
    Date,
    Integer,
    String,
    Table,
    Uuid,
    delete,
    insert,
    select,
    tuple_,
)

from adapters.persistence.interned_rates import InternedRates
from adapters.persistence.many_rows import insert_rows
from adapters.persistence.postgres import PostgresRecorder
from adapters.persistence.read_models.tables import Moment
from adapters.persistence.recorder import EventRecorder
from adapters.persistence.tables import metadata
from application import kinds
from application.configuration import Configuration
from application.ports import Price
from application.rate_files import Progress, Seal, no_progress
from domain.decks import LONGEST_PREFIX, Deck, Rate
from domain.rate_checks import PricedPrefix
from domain.rating import RateTerms

_PAGE = 20_000
_DECODE = msgspec.json.Decoder(RateTerms)

sheets = Table(
    "rate_sheets",
    metadata,
    Column("sheet_id", Uuid, primary_key=True),
    Column("begun_at", Moment, nullable=False),
)
"""Imports that have begun and not ended: what was interrupted can be found and cleared away."""

names = Table(
    "rate_names",
    metadata,
    Column("sheet_id", Uuid, primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("destination", String(200), nullable=False),
)
terms = Table(
    "rate_terms",
    metadata,
    Column("sheet_id", Uuid, primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("terms", String, nullable=False),
    Column("effective_on", Date),
)
"""Equal names and equal terms of a sheet are stored once."""

rates = Table(
    "rates",
    metadata,
    Column("sheet_id", Uuid, primary_key=True),
    Column("prefix", String(LONGEST_PREFIX), primary_key=True),
    Column("line", Integer, primary_key=True, autoincrement=False),
    Column("name", Integer, nullable=False),
    Column("terms", Integer, nullable=False),
)
"""One row a prefix of one sheet. Rows never change; a sheet counts once it is published."""


class StoredRateSheets:
    """The port ``SheetStore`` on the ledger's database.

    Rows are gathered and sorted before the first is stored, which keeps a million in some 60 MB
    and lets the tables grow at their end. They are stored in short transactions, because calls
    write to the same ledger meanwhile, and nothing looks at a sheet that no fact names.
    """

    def __init__(self, recorder: EventRecorder) -> None:
        self._recorder = recorder

    def keep(
        self,
        sheet_id: UUID,
        unit: str,
        rows: Iterable[PricedPrefix],
        now: datetime,
        progress: Progress = no_progress,
    ) -> tuple[int, str]:
        gathered = InternedRates(unit)
        add = gathered.add
        for row in rows:
            add(row.prefix, row.destination, row.terms, row.line, row.effective_on)
        gathered.sort()
        with self._recorder.writing() as connection:
            connection.execute(insert(sheets), {"sheet_id": sheet_id, "begun_at": now})
        return self._write(sheet_id, gathered, progress)

    def finish(self, sheet_id: UUID) -> None:
        with self._recorder.writing() as connection:
            connection.execute(delete(sheets).where(sheets.c.sheet_id == sheet_id))

    def unfinished(self, before: datetime) -> Sequence[UUID]:
        query = select(sheets.c.sheet_id).where(sheets.c.begun_at < before).limit(100)
        with self._recorder.reading() as connection:
            return list(connection.execute(query).scalars())

    def is_begun(self, sheet_id: UUID) -> bool:
        query = select(sheets.c.sheet_id).where(sheets.c.sheet_id == sheet_id)
        with self._recorder.reading() as connection:
            return connection.execute(query).first() is not None

    def discard(self, sheet_id: UUID) -> None:
        """In parts, as it was stored; a part that is gone is not missed."""
        own = rates.c.sheet_id == sheet_id
        last = select(rates.c.prefix).where(own).order_by(rates.c.prefix).offset(_PAGE).limit(1)
        while True:
            with self._recorder.reading() as connection:
                bound = connection.execute(last).scalar()
            part = own if bound is None else own & (rates.c.prefix <= bound)
            with self._recorder.writing() as connection:
                connection.execute(delete(rates).where(part))
            if bound is None:
                break
        with self._recorder.writing() as connection:
            for table in (names, terms, sheets):
                connection.execute(delete(table).where(table.c.sheet_id == sheet_id))

    def digest(self, sheet_id: UUID) -> str:
        """SHA-256 over the rows in the order of their prefixes, tabs between their columns."""
        seal = Seal()
        for prefix, destination, text in self._rows(sheet_id):
            seal.add(prefix, destination, text)
        return seal.digest

    def rows(
        self, sheet_id: UUID, after: str = "", seal: Seal | None = None
    ) -> Iterator[PricedPrefix]:
        """The rows in the order of their prefixes; equal terms are one object."""
        known_names, known_terms = self._known(sheet_id)
        decoded = [_DECODE.decode(each) for each, _ in known_terms]
        for prefix, line, name, number in self._pages(sheet_id, after):
            text, effective_on = known_terms[number]
            destination = known_names[name]
            if seal is not None:
                seal.add(prefix, destination, text)
            yield PricedPrefix(prefix, destination, decoded[number], line, effective_on)

    def prefixes_of(self, sheet_id: UUID, digits: str) -> Sequence[PricedPrefix]:
        """The rows whose prefixes begin these digits, the shortest first."""
        wanted = [digits[:length] for length in range(1, min(len(digits), LONGEST_PREFIX) + 1)]
        query = (
            select(rates.c.prefix, names.c.destination, terms.c.terms, rates.c.line)
            .join(names, (names.c.sheet_id == sheet_id) & (names.c.number == rates.c.name))
            .join(terms, (terms.c.sheet_id == sheet_id) & (terms.c.number == rates.c.terms))
            .where(rates.c.sheet_id == sheet_id, rates.c.prefix.in_(wanted))
            .order_by(rates.c.prefix)
        )
        with self._recorder.reading() as connection:
            found = connection.execute(query).all()
        return [PricedPrefix(p, name, _DECODE.decode(text), line) for p, name, text, line in found]

    def load(self, sheet_id: UUID) -> Deck:
        """The deck of one sheet, in bounded memory: equal terms are one object."""
        known: dict[tuple[str, str], Rate] = {}

        def rows() -> Iterator[tuple[str, Rate]]:
            for prefix, destination, text in self._rows(sheet_id):
                rate = known.get((destination, text))
                if rate is None:
                    rate = Rate(destination, _DECODE.decode(text))
                    known[destination, text] = rate
                yield prefix, rate

        return Deck.build(rows())

    def _write(
        self, sheet_id: UUID, gathered: InternedRates, progress: Progress
    ) -> tuple[int, str]:
        try:
            insert_rows(self._recorder, names, sheet_id, gathered.numbered_names())
            insert_rows(self._recorder, terms, sheet_id, gathered.numbered_terms())
            insert_rows(
                self._recorder,
                rates,
                sheet_id,
                gathered.numbered_rows(),
                lambda done: progress("storing", done, len(gathered)),
            )
            if isinstance(self._recorder, PostgresRecorder):
                # Without fresh statistics PostgreSQL would sort the whole sheet for every page.
                with self._recorder.writing() as connection:
                    connection.exec_driver_sql("ANALYZE rates")
        except BaseException:
            self.discard(sheet_id)
            raise
        return len(gathered), gathered.digest

    def _rows(self, sheet_id: UUID) -> Iterator[tuple[str, str, str]]:
        """Prefix, destination and terms as they are stored, in the order of the prefixes."""
        known_names, known_terms = self._known(sheet_id)
        for prefix, _, name, number in self._pages(sheet_id):
            yield prefix, known_names[name], known_terms[number][0]

    def _known(self, sheet_id: UUID) -> tuple[list[str], list[tuple[str, date | None]]]:
        of_names = select(names.c.destination).where(names.c.sheet_id == sheet_id)
        of_terms = select(terms.c.terms, terms.c.effective_on).where(terms.c.sheet_id == sheet_id)
        with self._recorder.reading() as connection:
            return (
                list(connection.execute(of_names.order_by(names.c.number)).scalars()),
                [(row[0], row[1]) for row in connection.execute(of_terms.order_by(terms.c.number))],
            )

    def _pages(self, sheet_id: UUID, after: str = "") -> Iterator[tuple[str, int, int, int]]:
        """In pages, each a query of its own: the rows of a sheet never change."""
        query = (
            select(rates.c.prefix, rates.c.line, rates.c.name, rates.c.terms)
            .where(rates.c.sheet_id == sheet_id)
            .order_by(rates.c.prefix, rates.c.line)
            .limit(_PAGE)
        )
        following = query.where(rates.c.prefix > after)
        while True:
            with self._recorder.reading() as connection:
                page: Sequence[Any] = connection.execute(following).all()
            yield from page
            if len(page) < _PAGE:
                return
            last = (page[-1][0], page[-1][1])
            following = query.where(tuple_(rates.c.prefix, rates.c.line) > last)


class TariffDecks:
    """The port ``Prices``: decks in memory, one for each version in force."""

    def __init__(self, configuration: Configuration, sheets: StoredRateSheets) -> None:
        self._configuration = configuration
        self._sheets = sheets
        self._decks: dict[tuple[str, UUID], Deck] = {}
        self._lock = threading.Lock()

    def find(self, tariff: str, number: str, now: datetime) -> Price | None:
        deck = self._deck(tariff, now)
        match = deck.find(number.removeprefix("+")) if deck is not None else None
        if match is None:
            return None
        return Price(match.prefix, match.rate.destination, match.rate.terms)

    def at(self, tariff: str, now: datetime) -> Callable[[str], RateTerms | None]:
        deck = self._deck(tariff, now)
        if deck is None:
            return lambda _: None
        rate_of = deck.rate

        def terms_of(digits: str) -> RateTerms | None:
            rate = rate_of(digits)
            return rate.terms if rate is not None else None

        return terms_of

    def _deck(self, tariff: str, now: datetime) -> Deck | None:
        known = self._configuration.get(kinds.TARIFFS, kinds.tariff_id(tariff))
        published = known.at(now) if known is not None else None
        if published is None:
            return None
        sheet_id = published.sheet_id
        return self._decks.get((tariff, sheet_id)) or self._load(tariff, sheet_id)

    def _load(self, tariff: str, sheet_id: UUID) -> Deck:
        with self._lock:
            deck = self._decks.get((tariff, sheet_id))
            if deck is None:
                deck = self._sheets.load(sheet_id)
                # The one before stays for calls that look prices up while the new one begins.
                own = [key for key in self._decks if key[0] == tariff]
                for key in own[:-1]:
                    del self._decks[key]
                self._decks[tariff, sheet_id] = deck
        return deck
