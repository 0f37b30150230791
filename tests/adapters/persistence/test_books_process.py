"""A question to the books of a long log is answered by a process of its own, as it is here."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from multiprocessing.connection import Connection
from pathlib import Path

import pytest
from sqlalchemy import update

from adapters.persistence import books_process, side_process
from adapters.persistence.books_process import LedgerBooks
from adapters.persistence.connecting import connect
from adapters.persistence.log_reader import LogReader
from adapters.persistence.migrations import upgrade
from adapters.persistence.tables import events
from application.book_questions import BalancesAsked, OwedAsked, Question, StatementAsked
from application.ports import LedgerUnavailable
from tests.adapters.persistence.product import Product, mapper
from tests.support.story import NOON, WARSAW

pytestmark = pytest.mark.processes

QUESTIONS: list[Question] = [
    BalancesAsked(3),
    StatementAsked(("Income:Calls",), NOON - timedelta(days=1), NOON + timedelta(days=9)),
    OwedAsked(NOON.date(), NOON.date() + timedelta(days=1)),
]


@pytest.fixture(scope="module")
def ledger(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Product]]:
    url = f"sqlite:///{tmp_path_factory.mktemp('ledger') / 'ledger.db'}"
    with connect(url) as recorder:
        upgrade(recorder)
        product = Product(recorder)
        product.group("Gold")
        card = product.card("Gold")
        for seconds in (20, 70):
            call = product.caller(card)
            product.dialling.dial(call, WARSAW)
            product.settlement.record_leg(product.leg(call, seconds))
            product.settlement.call_ended(call.reference)
            product.clock.pass_by(hours=13)
        yield url, product


def books(ledger: tuple[str, Product], *, elsewhere: bool, url: str = "") -> LedgerBooks:
    log = LogReader(ledger[1].recorder, mapper())
    return LedgerBooks(url or ledger[0], log, "UTC", pays_above=0 if elsewhere else 10**9)


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda asked: type(asked).__name__)
def test_both_give_the_same_figures(ledger: tuple[str, Product], question: Question) -> None:
    here, elsewhere = books(ledger, elsewhere=False), books(ledger, elsewhere=True)
    position = here.position(NOON + timedelta(hours=1))
    assert 0 < position < here.position(None) == here.log.end()
    for until in (position, here.position(None)):
        far: list[int] = []
        told = elsewhere.answer(question, until, far.append)
        assert told == here.answer(question, until, lambda read: None)
        assert far
        assert max(far) <= until


def test_a_ledger_that_cannot_be_reached_is_told(
    ledger: tuple[str, Product], tmp_path: Path
) -> None:
    asked = books(ledger, elsewhere=True, url=f"sqlite:///{tmp_path / 'no' / 'ledger.db'}")
    with pytest.raises(LedgerUnavailable):
        asked.answer(BalancesAsked(3), 1, lambda read: None)


def test_a_process_that_ends_before_it_is_asked_is_an_unavailable_ledger(
    ledger: tuple[str, Product], monkeypatch: pytest.MonkeyPatch
) -> None:
    def begun(_module: str, theirs: Connection) -> subprocess.Popen[bytes]:
        return _worker("", theirs)

    monkeypatch.setattr(side_process, "_begun", begun)
    with pytest.raises(LedgerUnavailable, match="ended too early"):
        books(ledger, elsewhere=True).answer(BalancesAsked(3), 1, lambda read: None)


def test_a_process_that_hangs_is_ended(
    ledger: tuple[str, Product], monkeypatch: pytest.MonkeyPatch
) -> None:
    begun: list[subprocess.Popen[bytes]] = []

    def hangs(_module: str, theirs: Connection) -> subprocess.Popen[bytes]:
        # It heeds no friendly word either.
        code = "import os, signal; os.kill(os.getpid(), signal.SIGSTOP)"
        begun.append(_worker(code, theirs))
        return begun[-1]

    monkeypatch.setattr(side_process, "_begun", hangs)
    monkeypatch.setattr(books_process, "SILENT_SECONDS", 0.5)
    monkeypatch.setattr(side_process, "_ENDS_SECONDS", 1.0)
    with pytest.raises(LedgerUnavailable, match="hangs"):
        books(ledger, elsewhere=True).answer(BalancesAsked(3), 1, lambda read: None)
    assert begun[0].returncode == -signal.SIGKILL


def _worker(code: str, theirs: Connection) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", code], pass_fds=(theirs.fileno(),))


def test_a_damaged_log_is_told_with_the_fact_that_is_wrong(
    ledger: tuple[str, Product], tmp_path: Path
) -> None:
    url = f"sqlite:///{tmp_path / 'damaged.db'}"
    with connect(url) as recorder:
        upgrade(recorder)
        product = Product(recorder)
        product.group("Gold")
        product.card("Gold")
        with recorder.writing() as connection:
            connection.execute(
                update(events).where(events.c.name == "funds-added").values(data=b"{}")
            )
        for elsewhere in (False, True):
            asked = books((url, product), elsewhere=elsewhere)
            with pytest.raises(ValueError, match="funds-added"):
                asked.answer(BalancesAsked(3), asked.position(None), lambda read: None)
