"""What was acknowledged is kept, whatever dies; what cannot be kept is not acknowledged."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text
from sqlalchemy.engine import make_url

from adapters.persistence import postgres
from adapters.persistence.codec import FactMapper
from adapters.persistence.file_lock import FileLock
from adapters.persistence.migrations import upgrade
from adapters.persistence.postgres import PostgresRecorder
from adapters.persistence.recorder import EventRecorder
from adapters.persistence.sqlite import SqliteRecorder
from adapters.persistence.units_of_work import LedgerUnitsOfWork
from application.ports import LedgerUnavailable
from tests.adapters.persistence import worker
from tests.adapters.persistence.purses import FACTS, PURSES, UPCASTS, added, opened
from tests.support.postgres import PostgresServer, private_server
from tests.support.stores import FixedClock


def killed_after(process: subprocess.Popen[str], lines: int) -> list[list[str]]:
    """What the process said before it was killed, at least this many lines."""
    assert process.stdout is not None
    said = [process.stdout.readline().split() for _ in range(lines)]
    process.send_signal(signal.SIGKILL)
    rest, _ = process.communicate()
    return said + [each.split() for each in rest.splitlines() if each.count(" ") == 1]


@pytest.mark.processes
def test_a_killed_writer_loses_nothing_it_acknowledged(
    ledger_url: str, units: LedgerUnitsOfWork
) -> None:
    said = killed_after(worker.start("acknowledge", ledger_url), 50)
    purse_id = UUID(said[0][0])
    purse = units.run(lambda unit: unit.get(PURSES, purse_id), writes=())
    assert purse is not None
    complete = {UUID(each[1]) for each in said if len(each[1]) == 36}
    assert purse.top_ups >= complete
    assert len(complete) >= 50


@pytest.mark.processes
def test_a_writer_that_acknowledges_too_early_is_caught(
    ledger_url: str, units: LedgerUnitsOfWork
) -> None:
    """The control: the test above notices a lost acknowledgement."""
    said = killed_after(worker.start("acknowledge_early", ledger_url), 50)
    assert units.find_many("early", [each[1] for each in said]) == {}


def test_a_commit_waits_for_the_disk(recorder: EventRecorder, store_kind: str) -> None:
    """Killing a process does not test this: the kernel keeps what the disk never got."""
    ask = "PRAGMA synchronous" if store_kind == "sqlite" else "SHOW synchronous_commit"
    with recorder.writing() as connection:
        answer = connection.exec_driver_sql(ask).scalar()
        assert answer == (2 if store_kind == "sqlite" else "on")


def test_a_transaction_that_fails_leaves_the_connection_usable(recorder: EventRecorder) -> None:
    def fail() -> None:
        with recorder.writing() as connection:
            connection.execute(text("DELETE FROM claims"))
            raise ArithmeticError

    for _ in range(3):
        with pytest.raises(ArithmeticError):
            fail()
    with recorder.writing() as connection:
        assert connection.execute(text("SELECT 1")).scalar() == 1


@pytest.fixture
def file_ledger(tmp_path: Path) -> Iterator[SqliteRecorder]:
    with SqliteRecorder(tmp_path / "ledger.db") as recorder:
        upgrade(recorder)
        yield recorder


def test_a_reader_of_the_file_cannot_write_to_it(file_ledger: SqliteRecorder) -> None:
    with pytest.raises(Exception, match="readonly"), file_ledger.reading() as connection:
        connection.execute(text("DELETE FROM events"))


def test_a_writer_of_the_file_waits_for_another_process(file_ledger: SqliteRecorder) -> None:
    other = FileLock(file_ledger._lock._path)
    stored = threading.Event()
    units = LedgerUnitsOfWork(file_ledger, FactMapper(FACTS, UPCASTS), FixedClock())

    def work() -> None:
        an_open_purse(units)
        stored.set()

    with other.held():
        thread = threading.Thread(target=work)
        thread.start()
        assert not stored.wait(0.1)
    thread.join(10)
    assert stored.is_set()
    other.close()


def test_a_ledger_that_another_process_keeps_locked_is_unavailable(
    file_ledger: SqliteRecorder,
) -> None:
    file_ledger._lock._patience = 0.05
    other = FileLock(file_ledger._lock._path)
    units = LedgerUnitsOfWork(file_ledger, FactMapper(FACTS, UPCASTS), FixedClock())
    with other.held(), pytest.raises(LedgerUnavailable, match="another writer kept"):
        an_open_purse(units)
    other.close()


def test_a_ledger_without_its_file_is_unavailable(tmp_path: Path) -> None:
    with SqliteRecorder(tmp_path / "missing.db") as recorder:
        units = LedgerUnitsOfWork(recorder, FactMapper(FACTS, UPCASTS), FixedClock())
        with pytest.raises(LedgerUnavailable, match="unable to open"):
            units.find("pin", "1")


def an_open_purse(units: LedgerUnitsOfWork) -> UUID:
    purse_id = uuid4()
    units.run(lambda unit: opened(unit, purse_id), writes=[purse_id])
    return purse_id


@pytest.fixture(scope="module")
def own_server() -> Iterator[PostgresServer]:
    """A server that a test may stop without harm to other tests."""
    with private_server() as server:
        yield server


@contextmanager
def units_on(server: PostgresServer, client_seconds: float = 15.0) -> Iterator[LedgerUnitsOfWork]:
    url = make_url(server.url(server.create_database()))
    with PostgresRecorder(url, client_seconds=client_seconds) as recorder:
        upgrade(recorder)
        yield LedgerUnitsOfWork(recorder, FactMapper(FACTS, UPCASTS), FixedClock())


@pytest.mark.postgres
def test_a_stopped_server_is_unavailable_and_comes_back_without_a_restart_of_ours(
    own_server: PostgresServer,
) -> None:
    with units_on(own_server) as units:
        purse_id, top_up_id = an_open_purse(units), uuid4()
        refused: list[Callable[[], object]] = [
            lambda: units.run(lambda unit: added(unit, purse_id, top_up_id, 5), writes=[purse_id]),
            lambda: units.run(lambda unit: unit.get(PURSES, purse_id), writes=(), reads=[purse_id]),
            lambda: units.find("pin", "1"),
        ]
        own_server.stop()
        for ask in refused:
            with pytest.raises(LedgerUnavailable):
                ask()
        own_server.start()
        for _ in range(2):
            units.run(lambda unit: added(unit, purse_id, top_up_id, 5), writes=[purse_id])
        purse = units.run(lambda unit: unit.get(PURSES, purse_id), writes=(), reads=[purse_id])
        assert purse is not None
        assert purse.balance.micros == 5


@pytest.mark.postgres
def test_a_restart_of_the_server_between_two_calls_is_not_noticed(
    own_server: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres, "_IDLE_SECONDS", 0.0)
    with units_on(own_server) as units:
        purse_id = an_open_purse(units)
        own_server.stop()
        own_server.start()
        units.run(lambda unit: added(unit, purse_id, uuid4(), 5), writes=[purse_id])


@pytest.mark.postgres
def test_an_idle_connection_that_is_dead_is_replaced_before_a_caller_gives_up(
    own_server: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres, "_IDLE_SECONDS", 0.0)
    monkeypatch.setattr(postgres, "PING_SECONDS", 0.5)
    # Who waited for the usual limit would wait for ever.
    with units_on(own_server, client_seconds=3600.0) as units:
        purse_id = an_open_purse(units)
        with units._recorder.reading() as connection:
            pid = connection.execute(text("SELECT pg_backend_pid()")).scalar_one()
        os.kill(pid, signal.SIGSTOP)
        try:
            units.run(lambda unit: added(unit, purse_id, uuid4(), 5), writes=[purse_id])
        finally:
            os.kill(pid, signal.SIGCONT)


@pytest.mark.postgres
def test_a_server_that_hangs_is_given_up(own_server: PostgresServer) -> None:
    with units_on(own_server, client_seconds=2.0) as units:
        purse_id, top_up_id = an_open_purse(units), uuid4()
        recorder = units._recorder
        with recorder.reading() as connection:
            pid = connection.execute(text("SELECT pg_backend_pid()")).scalar_one()
        # The pool gives the same connection again: it is the only one that was ever needed.
        os.kill(pid, signal.SIGSTOP)
        try:
            with pytest.raises(LedgerUnavailable, match="did not answer within"):
                units.run(lambda unit: added(unit, purse_id, top_up_id, 5), writes=[purse_id])
        finally:
            os.kill(pid, signal.SIGCONT)
        # The hanging server may store it after all, so the same id is asked again.
        units.run(lambda unit: added(unit, purse_id, top_up_id, 5), writes=[purse_id])
        purse = units.run(lambda unit: unit.get(PURSES, purse_id), writes=(), reads=[purse_id])
        assert purse is not None
        assert purse.balance.micros == 5
