"""Calls by the moment they began, and the prices of any sheet: what corrections look at."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import select

from adapters.persistence.rate_sheets import StoredRateSheets
from adapters.persistence.read_models import tables
from adapters.persistence.recorder import EventRecorder
from application.ports import Price
from domain.decks import Deck

_MOST_DECKS = 3
"""Decks in memory; calls are read in the order of time, so one follows another."""


class LedgerCallPages:
    """The port ``CallPages`` on the ledger's database.

    ``catch_up`` brings the read models to the newest fact before the first page is read: a call
    that has just ended is not left out.
    """

    def __init__(
        self, recorder: EventRecorder, catch_up: Callable[[], object] = lambda: None
    ) -> None:
        self._recorder = recorder
        self._catch_up = catch_up

    def talked(
        self, begins: datetime, ends: datetime, after: UUID | None, limit: int
    ) -> Sequence[UUID]:
        """Ids of calls sort by time, so their key alone finds the calls of a day."""
        if after is None:
            self._catch_up()
        calls = tables.calls.c
        query = select(calls.session_id).where(
            calls.session_id >= _least_id(begins),
            calls.session_id < _least_id(ends),
            calls.seconds > 0,
        )
        if after is not None:
            query = query.where(calls.session_id > after)
        with self._recorder.reading() as connection:
            rows = connection.execute(query.order_by(calls.session_id).limit(limit))
            return list(rows.scalars())


class SheetDecks:
    """The port ``SheetPrices``: sheets as decks in memory, the ones used last."""

    def __init__(self, sheets: StoredRateSheets) -> None:
        self._sheets = sheets
        self._decks: OrderedDict[UUID, Deck] = OrderedDict()
        self._lock = threading.Lock()

    def price(self, sheet_id: UUID, digits: str) -> Price | None:
        match = self._deck(sheet_id).find(digits)
        if match is None:
            return None
        return Price(match.prefix, match.rate.destination, match.rate.terms)

    def _deck(self, sheet_id: UUID) -> Deck:
        with self._lock:
            deck = self._decks.get(sheet_id)
            if deck is None:
                deck = self._decks[sheet_id] = self._sheets.load(sheet_id)
                if len(self._decks) > _MOST_DECKS:
                    self._decks.popitem(last=False)
            else:
                self._decks.move_to_end(sheet_id)
            return deck


def _least_id(at: datetime) -> UUID:
    """The least id of a call that began at a moment or later."""
    return UUID(int=int(at.timestamp()) * 1000 << 80)
