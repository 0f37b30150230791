"""A ledger with a synchronous standby: what was acknowledged is there after the primary is lost."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from uuid import UUID, uuid4

import pytest
from psycopg import sql

from adapters.persistence.codec import FactMapper
from adapters.persistence.connecting import connect
from adapters.persistence.migrations import upgrade
from adapters.persistence.units_of_work import LedgerUnitsOfWork
from application.ports import LedgerUnavailable
from tests.adapters.persistence.purses import FACTS, PURSES, UPCASTS, added, opened
from tests.support.postgres import PostgresServer, private_server
from tests.support.stores import FixedClock

pytestmark = pytest.mark.postgres


class Pair:
    """A primary, its standby, and a ledger that is looked for at both."""

    def __init__(self, primary: PostgresServer) -> None:
        self.primary = primary
        self.database = primary.create_database()
        self.recorder = connect(primary.tcp_url(self.database))
        upgrade(self.recorder)
        self.recorder.close()
        self.standby = primary.standby()
        # The standby first: it does not take writes, and must not be taken for the ledger.
        hosts = f"127.0.0.1:{self.standby.port},127.0.0.1:{primary.port}"
        self.recorder = connect(f"postgresql://talktime@{hosts}/{self.database}")
        self.units = LedgerUnitsOfWork(self.recorder, FactMapper(FACTS, UPCASTS), FixedClock())

    def open_purse(self) -> UUID:
        purse_id = uuid4()
        self.units.run(lambda unit: opened(unit, purse_id), writes=[purse_id])
        return purse_id

    def add(self, purse_id: UUID, top_up_id: UUID) -> None:
        self.units.run(lambda unit: added(unit, purse_id, top_up_id, 1), writes=[purse_id])

    def balance(self, purse_id: UUID) -> int:
        purse = self.units.run(lambda unit: unit.get(PURSES, purse_id), writes=(), reads=[purse_id])
        assert purse is not None
        return purse.balance.micros


@pytest.fixture
def pair() -> Iterator[Pair]:
    with private_server(tcp=True) as primary:
        made = Pair(primary)
        yield made
        made.recorder.close()


def again(do: Callable[[], object]) -> None:
    """Does it, and once more if it came to a connection that is no more."""
    try:
        do()
    except LedgerUnavailable:
        do()


def test_a_promoted_standby_is_found_and_has_what_was_acknowledged(pair: Pair) -> None:
    purse_id, top_up_id = pair.open_purse(), uuid4()
    for _ in range(20):
        pair.add(purse_id, uuid4())
    pair.primary.kill()
    with pytest.raises(LedgerUnavailable):
        pair.add(purse_id, top_up_id)
    pair.standby.promote()
    again(lambda: pair.add(purse_id, top_up_id))
    pair.add(purse_id, top_up_id)
    assert pair.balance(purse_id) == 21


def test_a_standby_is_never_taken_for_the_ledger(pair: Pair) -> None:
    purse_id = pair.open_purse()
    pair.primary.stop_at_once()
    for _ in range(2):
        with pytest.raises(LedgerUnavailable):
            pair.balance(purse_id)
    pair.primary.start()
    again(lambda: pair.add(purse_id, uuid4()))
    assert pair.balance(purse_id) == 1


def test_a_commit_whose_wait_for_the_standby_was_cancelled_is_not_acknowledged(pair: Pair) -> None:
    """PostgreSQL answers COMMIT with a warning, and the promoted standby would not have it."""
    purse_id, top_up_id = pair.open_purse(), uuid4()
    pair.standby.stop_at_once()
    told: list[str] = []

    def add() -> None:
        try:
            pair.add(purse_id, top_up_id)
        except LedgerUnavailable as error:
            told.append(str(error))

    thread = threading.Thread(target=add)
    thread.start()
    waiting = sql.SQL(
        "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE wait_event = 'SyncRep'"
    )
    while thread.is_alive():
        pair.primary.execute(waiting)
        thread.join(0.05)
    (error,) = told
    assert "the wait for the standby was cancelled" in error


def test_states_read_from_a_lost_server_are_not_decided_on(pair: Pair) -> None:
    """An asynchronous standby has lost facts that were read before: none may be built upon."""
    purse_id = pair.open_purse()
    pair.primary.wait_for_standbys()
    pair.add(purse_id, uuid4())
    pair.standby.stop()
    for _ in range(5):
        pair.add(purse_id, uuid4())
    assert pair.balance(purse_id) == 6
    pair.primary.kill()
    pair.standby.start()
    pair.standby.promote()
    again(lambda: pair.add(purse_id, uuid4()))
    assert pair.balance(purse_id) == 2
