"""A job belongs to one process at a time, and soon to another when that one is gone."""

from __future__ import annotations

import errno
import fcntl
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from time import monotonic, sleep

import pytest
from sqlalchemy.engine import make_url

from adapters.persistence import leases as leases_module
from adapters.persistence.leases import FileLeases, Leases, PostgresLeases, leases_of
from application.ports import LedgerUnavailable
from tests.adapters.persistence import worker
from tests.support.postgres import PostgresServer, private_server


def taken(leases: Leases, name: str, seconds: float = 20.0) -> bool:
    """Whether it can be taken after a while."""
    deadline = monotonic() + seconds
    while not leases.take(name):
        if monotonic() > deadline:
            return False
        sleep(0.05)
    return True


def taken_as_long_as_it_is_there(leases: Leases) -> None:
    for _ in range(200):
        leases.take("seal")
        sleep(0.05)


@pytest.fixture
def one(ledger_url: str) -> Iterator[Leases]:
    with leases_of(ledger_url) as leases:
        yield leases


@pytest.fixture
def other(ledger_url: str) -> Iterator[Leases]:
    with leases_of(ledger_url) as leases:
        yield leases


def test_a_lease_has_one_holder(one: Leases, other: Leases) -> None:
    assert one.take("seal")
    assert not other.take("seal")
    assert one.take("seal")
    assert not other.take("seal")


def test_each_job_has_a_lease_of_its_own(one: Leases, other: Leases) -> None:
    assert one.take("seal")
    assert other.take("sweep")
    assert not one.take("sweep")


def test_a_job_that_is_given_back_is_free_and_others_stay(one: Leases, other: Leases) -> None:
    assert one.take("seal")
    assert one.take("fees")
    one.give_back("seal")
    one.give_back("never had")
    assert (other.take("seal"), other.take("fees")) == (True, False)
    assert not one.take("seal")


def test_who_leaves_gives_back_what_it_had(one: Leases, other: Leases) -> None:
    assert one.take("seal")
    assert one.take("sweep")
    one.close()
    assert taken(other, "seal")
    assert taken(other, "sweep")
    assert not one.take("seal")


@pytest.mark.processes
def test_the_lease_of_a_process_that_was_killed_is_free(ledger_url: str, one: Leases) -> None:
    process = worker.start("hold", ledger_url, "seal")
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "True\n"
        assert not one.take("seal")
    finally:
        process.send_signal(signal.SIGKILL)
        process.communicate()
    assert taken(one, "seal")


def test_leases_of_another_ledger_are_others(tmp_path: Path) -> None:
    with FileLeases(tmp_path / "a.db") as one, FileLeases(tmp_path / "b.db") as other:
        assert one.take("seal")
        assert other.take("seal")


def test_a_folder_that_is_not_there_is_an_unavailable_ledger(tmp_path: Path) -> None:
    with FileLeases(tmp_path / "none/a.db") as leases, pytest.raises(LedgerUnavailable):
        leases.take("seal")


def test_a_file_system_without_locks_uses_up_no_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def without_locks(file: int, operation: int) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", without_locks)
    with FileLeases(tmp_path / "a.db") as leases:
        before = os.listdir("/proc/self/fd")
        with pytest.raises(LedgerUnavailable, match="No locks available"):
            leases.take("seal")
        assert os.listdir("/proc/self/fd") == before


@pytest.fixture(scope="module")
def own_server() -> Iterator[PostgresServer]:
    with private_server() as server:
        yield server


@pytest.mark.postgres
def test_leases_are_lost_with_the_database_and_taken_again(own_server: PostgresServer) -> None:
    url = own_server.url(own_server.create_database())
    with leases_of(url) as one, leases_of(url) as other:
        assert one.take("seal")
        own_server.stop()
        for leases in (one, other):
            with pytest.raises(LedgerUnavailable):
                taken_as_long_as_it_is_there(leases)
        own_server.start()
        assert other.take("seal")
        assert not one.take("seal")


@pytest.mark.postgres
@pytest.mark.processes
def test_a_holder_that_hangs_loses_its_lease(
    own_server: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leases_module, "HELD_SECONDS", 1)
    url = make_url(own_server.url(own_server.create_database()))
    with PostgresLeases(url) as one, PostgresLeases(url) as other:
        assert one.take("seal")
        # Nothing is heard of the first, as of a process that stands still.
        assert taken(other, "seal")
        assert not other_believes(one)


def other_believes(leases: Leases) -> bool:
    """Whether it still takes the lease for its own, once it hears that its session is over."""
    try:
        return leases.take("seal")
    except LedgerUnavailable:
        return leases.take("seal")
