"""A disk that fails under a ledger in a file: errors, power cuts of the process, no room left."""

from __future__ import annotations

import random
import shutil
import signal
from collections import Counter
from pathlib import Path

import pytest

from tests.faults.disk import DiskFault, enlarge, meets, room_left, small_disk, sqlite_files
from tests.faults.disk_ledgers import Desk, copied, file_desk
from tests.faults.oracle import Check, OracleFailed
from tests.faults.sizes import LONG, SEED
from tests.faults.strace import FILE_CALLS, attached, await_stopped, go_on
from tests.faults.summary import Happened
from tests.faults.waiting import until
from tests.faults.writer import GAVE_UP, Clients, Work, complaints

pytestmark = [pytest.mark.faults, pytest.mark.processes]

CALLS = ("pwrite64", "fdatasync")
ERRORS = ("EIO", "ENOSPC")
SURVIVED = (0, -signal.SIGKILL)


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    return file_desk(tmp_path_factory.mktemp("prepared") / "desk")


@pytest.fixture(scope="module")
def spans(
    programs: Clients, prepared: Desk, tmp_path_factory: pytest.TempPathFactory
) -> Counter[str]:
    """How often a client of these tests makes each call that changes files of the ledger."""
    folder = tmp_path_factory.mktemp("spans")
    desk = copied(prepared, folder / "desk")
    pid = programs.start(work_at(desk))
    await_stopped(pid)
    chosen = [each for path in sqlite_files(desk.url) for each in ("-P", str(path))]
    told = ("-e", f"trace={','.join(FILE_CALLS)}", *chosen)
    with attached([pid], *told, out=folder / "trace") as strace:
        go_on(pid)
        assert programs.wait(pid) == 0
        strace.wait()
    lines = (folder / "trace").read_text().splitlines()
    return Counter(line.split()[1].partition("(")[0] for line in lines if "(" in line)


def work_at(desk: Desk) -> Work:
    return desk.work(calls=6, waits=True)


def test_an_error_of_a_write_or_a_sync_loses_nothing_and_doubles_nothing(
    programs: Clients, prepared: Desk, spans: Counter[str], tmp_path: Path, happened: Happened
) -> None:
    """The n-th one fails once, and what was asked for is asked for again; or all of them fail from
    the n-th on, until the disk is changed; or the client dies at it."""
    happened.fault = "the disk under SQLite gives an error, or the client dies at it"
    chance = random.Random(SEED)
    once = [
        DiskFault(call, error, str(n))
        for call in CALLS
        for n in range(1, spans[call] + 1)
        for error in (*ERRORS, "KILL")
    ]
    for_good = [
        DiskFault(call, error, f"{n}+")
        for call in CALLS
        for n in range(1, spans[call] + 1, 5)
        for error in ERRORS
    ]
    chosen = once + for_good if LONG else chance.sample(once, 10) + chance.sample(for_good, 3)
    noticed = 0
    for number, fault in enumerate(chosen):
        desk = copied(prepared, tmp_path / str(number))
        work = work_at(desk)
        status = meets(programs, work, fault, sqlite_files(desk.url))
        told = f"seed {SEED}, {fault}: {complaints(work)}"
        assert status in SURVIVED, told
        noticed += bool(complaints(work)) or status != 0
        try:
            desk.check()
        except OracleFailed as failed:
            raise AssertionError(told) from failed
        happened.times += 1
        happened.checks += 1
        shutil.rmtree(desk.folder)
    # The last calls belong to a checkpoint, whose errors concern nobody.
    assert noticed > len(chosen) // 2


def test_the_faults_reach_every_kind_of_call(spans: Counter[str]) -> None:
    """A newer SQLite may write in another way, and the test above would look away."""
    assert set(spans) <= {*CALLS, "openat", "ftruncate", "unlink", "lseek"}
    assert spans["pwrite64"] > 100
    assert spans["fdatasync"] > 20


def test_a_full_disk_refuses_and_takes_up_again_when_there_is_room(
    programs: Clients, prepared: Desk, tmp_path: Path
) -> None:
    with small_disk(tmp_path / "disk", "3m") as folder:
        # Where clients note what they are promised there is room, as on their own machines.
        desk = copied(prepared, folder / "desk", tmp_path)
        work = desk.work(calls=40, threads=2)
        (folder / "filler").write_bytes(bytes(room_left(folder) - 64 * 1024))
        pid = programs.start(work)
        until("the disk is full", lambda: complaints(work).total() > 4)
        assert desk.promised() < 4 * work.calls
        enlarge(folder, "64m")
        assert programs.wait(pid) == 0, complaints(work)
        assert any("full" in line for line in complaints(work))
        desk.check()


def test_a_client_that_takes_an_error_for_success_is_caught(
    programs: Clients, prepared: Desk, tmp_path: Path
) -> None:
    """The control: an error means that it is unknown, and who believes otherwise loses."""
    desk = copied(prepared, tmp_path / "desk")
    work = desk.work(calls=6, waits=True, believes="done")
    fault = DiskFault("pwrite64", "EIO", "20+")
    assert meets(programs, work, fault, sqlite_files(desk.url)) == GAVE_UP
    with pytest.raises(OracleFailed) as failed:
        desk.check()
    assert Check.ACKNOWLEDGED in failed.value.checks
