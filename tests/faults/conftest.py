"""What the fault tests share: programs that start processes, a server, and the summary."""

from __future__ import annotations

from collections.abc import Generator, Iterator

import pytest

from tests.faults.oracle import OracleFailed
from tests.faults.processes import Forks
from tests.faults.sizes import LONG
from tests.faults.summary import Happened
from tests.faults.writer import Clients, clients
from tests.support.postgres import PostgresServer, private_server

collect_ignore = [] if LONG else ["test_whole_programs.py"]
"""Every start of a whole program takes seconds of processor time."""


@pytest.fixture(scope="session")
def forks() -> Iterator[Forks]:
    started = Forks()
    yield started
    started.close()


@pytest.fixture(scope="module")
def programs() -> Iterator[Clients]:
    with clients() as started:
        yield started


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    with private_server() as started:
        yield started


@pytest.fixture
def happened(request: pytest.FixtureRequest) -> Happened:
    """What a test tells of itself for the table at the end of ``scripts/faults``."""
    made = Happened(request.node.nodeid, request.node.name)
    request.node.stash[_HAPPENED] = made
    return made


_HAPPENED = pytest.StashKey[Happened]()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    happened = item.stash.get(_HAPPENED, None)
    if report.when == "call" and happened is not None:
        if report.failed and call.excinfo is not None:
            error = call.excinfo.value
            if isinstance(error, OracleFailed):
                happened.breaches = len(error.breaches)
            else:
                happened.failed = f"failed: {type(error).__name__}"
        happened.seconds, happened.ended = report.duration, True
        happened.keep()
    return report
