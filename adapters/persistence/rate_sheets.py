"""Rate sheets: the rows of published tariffs, stored beside the log, and decks made of them."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from uuid import UUID

import msgspec
from attrs import define, field
from sqlalchemy import Column, Integer, String, Table, Uuid, delete, insert, select

from adapters.persistence.recorder import EventRecorder
from adapters.persistence.tables import metadata
from application import kinds
from application.ports import Price, SheetRow, UnitsOfWork
from domain.decks import LONGEST_PREFIX, Deck, Rate
from domain.rating import RateTerms
from domain.tariffs import Tariff

_BATCH = 5_000
_DECODE = msgspec.json.Decoder(RateTerms)
_ENCODE = msgspec.json.Encoder()

rates = Table(
    "rates",
    metadata,
    Column("tariff_id", Uuid, primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("prefix", String(LONGEST_PREFIX), primary_key=True),
    Column("destination", String(200), nullable=False),
    Column("terms", String, nullable=False),
)
"""One row a prefix of one version. Rows never change; a version counts once it is published."""


class StoredRateSheets:
    """The port ``RateSheets`` on the ledger's database."""

    def __init__(self, recorder: EventRecorder) -> None:
        self._recorder = recorder

    def store(
        self, tariff_id: UUID, version: int, unit: str, rows: Iterable[SheetRow]
    ) -> tuple[int, str]:
        digest, count = hashlib.sha256(), 0
        with self._recorder.writing() as connection:
            of_version = (rates.c.tariff_id == tariff_id) & (rates.c.version == version)
            connection.execute(delete(rates).where(of_version))
            for batch in _batches(_checked(rows, unit)):
                values = []
                for row in batch:
                    terms = _ENCODE.encode(row.terms).decode()
                    line = f"{row.prefix}\t{row.destination}\t{terms}\n"
                    digest.update(line.encode())
                    values.append(
                        {
                            "tariff_id": tariff_id,
                            "version": version,
                            "prefix": row.prefix,
                            "destination": row.destination,
                            "terms": terms,
                        }
                    )
                connection.execute(insert(rates), values)
                count += len(values)
        return count, digest.hexdigest()

    def load(self, tariff_id: UUID, version: int) -> Deck:
        """The deck of one version, in bounded memory: equal terms are one object."""
        known: dict[tuple[str, str], Rate] = {}

        def rows() -> Iterator[tuple[str, Rate]]:
            query = (
                select(rates.c.prefix, rates.c.destination, rates.c.terms)
                .where((rates.c.tariff_id == tariff_id) & (rates.c.version == version))
                .order_by(rates.c.prefix)
            )
            with self._recorder.reading() as connection:
                streamed = connection.execution_options(yield_per=_BATCH).execute(query)
                for prefix, destination, terms in streamed:
                    rate = known.get((destination, terms))
                    if rate is None:
                        rate = Rate(destination, _DECODE.decode(terms))
                        known[destination, terms] = rate
                    yield prefix, rate

        return Deck.build(rows())


def _checked(rows: Iterable[SheetRow], unit: str) -> Iterator[SheetRow]:
    seen: set[int] = set()
    for row in rows:
        if not (row.prefix.isascii() and row.prefix.isdigit()):
            raise ValueError(f"a prefix is 1 to {LONGEST_PREFIX} digits, not {row.prefix!r}")
        if len(row.prefix) > LONGEST_PREFIX:
            raise ValueError(f"a prefix is 1 to {LONGEST_PREFIX} digits, not {row.prefix!r}")
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


@define
class _Loaded:
    tariff: Tariff
    looked_at: float
    decks: dict[int, Deck] = field(factory=dict)


class TariffDecks:
    """The port ``Prices``: decks in memory, one for each version in force.

    Whether a newer version was published is asked at most every ``every`` seconds of ``monotonic``,
    so a price list takes effect everywhere that soon after its moment.
    """

    def __init__(
        self,
        units: UnitsOfWork,
        sheets: StoredRateSheets,
        monotonic: Callable[[], float],
        *,
        every: float = 2.0,
    ) -> None:
        self._units = units
        self._sheets = sheets
        self._monotonic = monotonic
        self._every = every
        self._loaded: dict[str, _Loaded] = {}
        self._lock = threading.Lock()

    def find(self, tariff: str, number: str, now: datetime) -> Price | None:
        loaded = self._current(tariff)
        if loaded is None:
            return None
        version = loaded.tariff.version_at(now)
        if version is None:
            return None
        deck = loaded.decks.get(version) or self._load(loaded, tariff, version)
        match = deck.find(number.removeprefix("+"))
        if match is None:
            return None
        return Price(match.prefix, match.rate.destination, match.rate.terms)

    def _current(self, name: str) -> _Loaded | None:
        loaded, now = self._loaded.get(name), self._monotonic()
        if loaded is not None and now - loaded.looked_at < self._every:
            return loaded
        tariff_id = kinds.tariff_id(name)
        tariff = self._units.run(
            lambda unit: unit.get(kinds.TARIFFS, tariff_id), writes=(), reads=(tariff_id,)
        )
        if tariff is None:
            return None
        with self._lock:
            loaded = self._loaded.get(name)
            if loaded is None:
                loaded = self._loaded[name] = _Loaded(tariff, now)
            loaded.tariff, loaded.looked_at = tariff, now
        return loaded

    def _load(self, loaded: _Loaded, name: str, version: int) -> Deck:
        with self._lock:
            deck = loaded.decks.get(version)
            if deck is None:
                deck = self._sheets.load(kinds.tariff_id(name), version)
                # The one before stays for calls that look prices up while the new one begins.
                newest = sorted(loaded.decks)[-1:]
                loaded.decks = {each: loaded.decks[each] for each in newest} | {version: deck}
        return deck
