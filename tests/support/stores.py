"""Fixtures: an empty ledger of each kind, and the private PostgreSQL behind one of them."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from adapters.persistence.connecting import connect
from adapters.persistence.migrations import upgrade
from adapters.persistence.recorder import EventRecorder
from tests.support.postgres import PostgresServer, private_server

KINDS = ("sqlite", pytest.param("postgres", marks=pytest.mark.postgres))


class FixedClock:
    """A clock that a test sets."""

    def __init__(self, now: datetime = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)) -> None:
        self.time = now

    def now(self) -> datetime:
        return self.time


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock()


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """One server for this run of the tests (one for each worker of pytest-xdist)."""
    with private_server(lasting=False) as server:
        yield server


@pytest.fixture(scope="session")
def _postgres_template(postgres_server: PostgresServer) -> str:
    name = postgres_server.create_database()
    with connect(postgres_server.url(name)) as recorder:
        upgrade(recorder)
    return name


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of an empty ledger, to be copied: that is faster than making its tables again."""
    file = tmp_path_factory.mktemp("template") / "ledger.db"
    with connect(f"sqlite:///{file}") as recorder:
        upgrade(recorder)
    return file


@pytest.fixture(params=KINDS)
def store_kind(request: pytest.FixtureRequest) -> str:
    """Makes a test run against every kind of store."""
    kind: str = request.param
    return kind


@pytest.fixture
def empty_url(store_kind: str, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[str]:
    """The address of a database without any table."""
    if store_kind == "sqlite":
        yield f"sqlite:///{tmp_path / 'ledger.db'}"
        return
    server: PostgresServer = request.getfixturevalue("postgres_server")
    name = server.create_database()
    yield server.url(name)
    server.drop_database(name)


@pytest.fixture
def ledger_url(store_kind: str, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[str]:
    """The address of an empty ledger, in a store of each kind."""
    if store_kind == "sqlite":
        empty = request.getfixturevalue("sqlite_template")
        yield f"sqlite:///{shutil.copy(empty, tmp_path / 'ledger.db')}"
        return
    template: str = request.getfixturevalue("_postgres_template")
    server: PostgresServer = request.getfixturevalue("postgres_server")
    name = server.create_database(template)
    yield server.url(name)
    server.drop_database(name)


@pytest.fixture
def recorder(ledger_url: str) -> Iterator[EventRecorder]:
    """An empty ledger, in a store of each kind."""
    with connect(ledger_url) as opened:
        yield opened
