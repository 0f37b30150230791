"""The server starts whole, goes on whatever goes wrong, and leaves nothing behind."""

from __future__ import annotations

import socket
import threading
from pathlib import Path

import httpx
import pyrage
import pytest
from structlog.testing import capture_logs

from application.ports import LedgerUnavailable
from domain.card_groups import GroupTerms
from domain.lots import Numbering
from domain.money import Money
from talktime.repeating import Repeated
from talktime.serving import servers
from talktime.settings import Settings, SettingsError
from talktime.system import running
from tests.talktime.test_system import settings_in


def free() -> dict[str, object]:
    return {"agi": {"port": 0}, "http": {"port": 0}}


def settings(folder: Path) -> Settings:
    return settings_in(folder, **free())


# ---- what is done again and again


class Work:
    """Fails as often as it is told to, and says when it was done so many times."""

    def __init__(self, *faults: Exception) -> None:
        self._faults = list(faults)
        self.count = 0
        self.reached = threading.Semaphore(0)

    def __call__(self) -> None:
        self.count += 1
        self.reached.release()
        if self._faults:
            raise self._faults.pop(0)

    def wait_for(self, times: int) -> None:
        for _ in range(times):
            assert self.reached.acquire(timeout=20)


def test_work_goes_on_after_any_fault_and_says_so_once() -> None:
    work = Work(LedgerUnavailable("away"), ZeroDivisionError("a fault of ours"))
    go = threading.Semaphore(0)
    with capture_logs() as logs:
        repeated = Repeated("work", work, go.acquire)
        go.release(3)
        work.wait_for(4)
        repeated.stop(go.release)
    failed = [each for each in logs if each["event"] == "work_failed"]
    assert [each["fault"] for each in failed] == ["away"]
    assert failed[0]["work"] == "work"


def test_a_fault_after_work_that_went_well_is_told_again() -> None:
    faults: list[Exception | None] = [ValueError("one"), None, ValueError("two"), None]
    done = threading.Semaphore(0)

    def work() -> None:
        fault = faults.pop(0) if faults else None
        done.release()
        if fault is not None:
            raise fault

    go = threading.Semaphore(0)
    with capture_logs() as logs:
        repeated = Repeated("work", work, go.acquire)
        go.release(4)
        for _ in range(5):
            assert done.acquire(timeout=20)
        repeated.stop(go.release)
    assert [each["fault"] for each in logs if each["event"] == "work_failed"] == ["one", "two"]


def test_stopping_ends_the_thread_at_once() -> None:
    work = Work()
    wake = threading.Event()
    repeated = Repeated("idle work", work, wake.wait)
    work.wait_for(1)
    repeated.stop(wake.set)
    assert "idle work" not in {thread.name for thread in threading.enumerate()}
    assert work.count == 1


# ---- everything together


def test_the_servers_answer_and_stop_without_a_trace(tmp_path: Path) -> None:
    before = set(threading.enumerate())
    with running(settings(tmp_path)) as system:
        with servers(system) as (agi, http):
            assert httpx.get(f"http://127.0.0.1:{http.port}/health/ready").status_code == 200
            with socket.create_connection(agi.address, timeout=10):
                pass
            address, port = agi.address, http.port
        for taken in (address, ("127.0.0.1", port)):
            with socket.create_server(taken):
                pass
    assert {thread.name for thread in set(threading.enumerate()) - before} == set()


def test_what_is_recorded_is_soon_in_the_read_models(tmp_path: Path) -> None:
    with running(settings(tmp_path)) as system:
        seen = threading.Event()
        catch_up = system.catch_up

        def watched() -> int:
            applied = catch_up()
            if system.views.cards(None, 1):
                seen.set()
            return applied

        system.catch_up = watched  # type: ignore[method-assign]
        with servers(system):
            terms = GroupTerms("USD", Money(1_000_000, "USD"), "retail")
            system.administration.create_group("Gold", terms)
            system.administration.generate_card("Gold")
            assert seen.wait(20)


def test_a_lot_that_was_being_made_is_gone_on_with_by_the_next_server(tmp_path: Path) -> None:
    key = str(pyrage.x25519.Identity.generate().to_public())
    with running(settings(tmp_path)) as system:
        terms = GroupTerms("USD", Money(1_000_000, "USD"), "retail")
        system.administration.create_group("Gold", terms)
        numbering = Numbering("4711000000", pack_size=10)
        lots = system.business.lots
        lot_id = lots.order("spring", "Gold", numbering, 25, key, "ann", "sale")
    with running(settings(tmp_path)) as system:
        made = threading.Event()
        lots, catch_up = system.business.lots, system.catch_up

        def watched() -> int:
            applied = catch_up()
            if lots.lot(lot_id).completed:
                made.set()
            return applied

        system.catch_up = watched  # type: ignore[method-assign]
        with servers(system):
            assert made.wait(20)
        assert lots.lot(lot_id).made == 25


def test_an_asterisk_on_this_host_has_its_records_shipped(tmp_path: Path) -> None:
    spool = tmp_path / "spool"
    with_spool = settings_in(tmp_path, **free(), asterisk={"spool": str(spool)})
    with running(with_spool) as system, servers(system):
        assert spool.is_dir()
        assert "ship" in {thread.name for thread in threading.enumerate()}
    assert "ship" not in {thread.name for thread in threading.enumerate()}


@pytest.mark.parametrize("door", ["agi", "http"])
def test_a_port_in_use_is_an_error_and_nothing_stays_open(tmp_path: Path, door: str) -> None:
    before = set(threading.enumerate())
    with socket.create_server(("127.0.0.1", 0)) as taken:
        doors = free() | {door: {"port": taken.getsockname()[1]}}
        with (
            running(settings_in(tmp_path, **doors)) as system,
            pytest.raises(SettingsError, match=rf"^{door}: 127.0.0.1:[0-9]+: .* in use"),
            servers(system),
        ):
            pass
    assert set(threading.enumerate()) - before == set()
