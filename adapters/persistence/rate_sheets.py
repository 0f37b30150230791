"""Rate sheets: the rows of published tariffs, stored beside the log, and decks made of them."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterable, Iterator
from datetime import datetime
from uuid import UUID

import msgspec
from sqlalchemy import Column, String, Table, Uuid, delete, insert, select

from adapters.persistence.recorder import EventRecorder
from adapters.persistence.tables import metadata
from application import kinds
from application.configuration import Configuration
from application.ports import Price, SheetRow
from domain.decks import LONGEST_PREFIX, Deck, Rate
from domain.rating import RateTerms

_BATCH = 5_000
_DECODE = msgspec.json.Decoder(RateTerms)
_ENCODE = msgspec.json.Encoder()

rates = Table(
    "rates",
    metadata,
    Column("sheet_id", Uuid, primary_key=True),
    Column("prefix", String(LONGEST_PREFIX), primary_key=True),
    Column("destination", String(200), nullable=False),
    Column("terms", String, nullable=False),
)
"""One row a prefix of one sheet. Rows never change; a sheet counts once it is published."""


class StoredRateSheets:
    """The port ``RateSheets`` on the ledger's database."""

    def __init__(self, recorder: EventRecorder) -> None:
        self._recorder = recorder

    def store(self, sheet_id: UUID, unit: str, rows: Iterable[SheetRow]) -> tuple[int, str]:
        count = 0
        with self._recorder.writing() as connection:
            for batch in _batches(_checked(rows, unit)):
                values = [
                    {
                        "sheet_id": sheet_id,
                        "prefix": row.prefix,
                        "destination": row.destination,
                        "terms": _ENCODE.encode(row.terms).decode(),
                    }
                    for row in batch
                ]
                connection.execute(insert(rates), values)
                count += len(values)
        return count, self.digest(sheet_id)

    def discard(self, sheet_id: UUID) -> None:
        with self._recorder.writing() as connection:
            connection.execute(delete(rates).where(rates.c.sheet_id == sheet_id))

    def digest(self, sheet_id: UUID) -> str:
        """SHA-256 over the rows in the order of their prefixes, tabs between their columns."""
        digest = hashlib.sha256()
        for prefix, destination, terms in self._rows(sheet_id):
            digest.update(f"{prefix}\t{destination}\t{terms}\n".encode())
        return digest.hexdigest()

    def load(self, sheet_id: UUID) -> Deck:
        """The deck of one sheet, in bounded memory: equal terms are one object."""
        known: dict[tuple[str, str], Rate] = {}

        def rows() -> Iterator[tuple[str, Rate]]:
            for prefix, destination, terms in self._rows(sheet_id):
                rate = known.get((destination, terms))
                if rate is None:
                    rate = Rate(destination, _DECODE.decode(terms))
                    known[destination, terms] = rate
                yield prefix, rate

        return Deck.build(rows())

    def _rows(self, sheet_id: UUID) -> Iterator[tuple[str, str, str]]:
        """In pages, each a query of its own: the rows of a sheet never change."""
        query = (
            select(rates.c.prefix, rates.c.destination, rates.c.terms)
            .where(rates.c.sheet_id == sheet_id)
            .order_by(rates.c.prefix)
            .limit(_BATCH)
        )
        last = ""
        while True:
            with self._recorder.reading() as connection:
                page = connection.execute(query.where(rates.c.prefix > last)).all()
            yield from ((row[0], row[1], row[2]) for row in page)
            if len(page) < _BATCH:
                return
            last = page[-1][0]


def _checked(rows: Iterable[SheetRow], unit: str) -> Iterator[SheetRow]:
    seen: set[int] = set()
    for row in rows:
        if not (row.prefix.isascii() and row.prefix.isdigit()):
            raise ValueError(f"a prefix is 1 to {LONGEST_PREFIX} digits, not {row.prefix!r}")
        if len(row.prefix) > LONGEST_PREFIX:
            raise ValueError(f"a prefix is 1 to {LONGEST_PREFIX} digits, not {row.prefix!r}")
        try:
            Rate(row.destination, row.terms)  # what would only fail when calls are priced by it
        except ValueError as error:
            raise ValueError(f"prefix {row.prefix}: {error}") from error
        if not row.destination.isprintable():
            raise ValueError(f"prefix {row.prefix}: a destination is printable, on one line")
        try:
            Rate(row.destination, row.terms)  # what would only fail when calls are priced by it
        except ValueError as error:
            raise ValueError(f"prefix {row.prefix}: {error}") from error
        if not row.destination.isprintable():
            raise ValueError(f"prefix {row.prefix}: a destination is printable, on one line")
        if row.terms.unit != unit:
            raise ValueError(f"prefix {row.prefix} is in {row.terms.unit}, the tariff in {unit}")
        # With a one in front, 01 and 1 are different numbers; numbers take a third of the memory.
        if (key := int("1" + row.prefix)) in seen:
            raise ValueError(f"the prefix {row.prefix} comes twice: a prefix has one price")
        seen.add(key)
        yield row


def _batches(rows: Iterable[SheetRow]) -> Iterator[list[SheetRow]]:
    batch: list[SheetRow] = []
    for row in rows:
        batch.append(row)
        if len(batch) == _BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


class TariffDecks:
    """The port ``Prices``: decks in memory, one for each version in force."""

    def __init__(self, configuration: Configuration, sheets: StoredRateSheets) -> None:
        self._configuration = configuration
        self._sheets = sheets
        self._decks: dict[tuple[str, UUID], Deck] = {}
        self._lock = threading.Lock()

    def find(self, tariff: str, number: str, now: datetime) -> Price | None:
        known = self._configuration.get(kinds.TARIFFS, kinds.tariff_id(tariff))
        published = known.at(now) if known is not None else None
        if published is None:
            return None
        sheet_id = published.sheet_id
        deck = self._decks.get((tariff, sheet_id)) or self._load(tariff, sheet_id)
        match = deck.find(number.removeprefix("+"))
        if match is None:
            return None
        return Price(match.prefix, match.rate.destination, match.rate.terms)

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
