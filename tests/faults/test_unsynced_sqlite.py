"""The power fails under a ledger in a file: the disk has what was synced, and little else."""

from __future__ import annotations

import random
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from attrs import evolve

from tests.faults.disk_ledgers import Desk, copied, file_desk, url_in
from tests.faults.oracle import Check, OracleFailed, Verdict
from tests.faults.sizes import LONG, SEED, size
from tests.faults.strace import RECORDING, attached, await_stopped, go_on
from tests.faults.strace_calls import Call
from tests.faults.summary import Happened
from tests.faults.unsynced import Disk, Recorded, everything, recorded
from tests.faults.writer import Clients, complaints

pytestmark = [pytest.mark.faults, pytest.mark.processes]

MOMENTS = size(8, 200)


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    return file_desk(tmp_path_factory.mktemp("prepared") / "desk")


def recorded_run(programs: Clients, prepared: Desk, folder: Path, **told: object) -> Recorded:
    """A client's work, written down call by call."""
    desk = copied(prepared, folder / "desk")
    work = desk.work(calls=size(12, 40), waits=True, **told)
    pid = programs.start(work)
    await_stopped(pid)
    with attached([pid], *RECORDING, out=folder / "trace") as strace:
        go_on(pid)
        assert programs.wait(pid) == 0, complaints(work)
        strace.wait()
    return recorded(desk.folder, prepared.folder, folder / "trace")


def chosen(run: Recorded, chance: random.Random) -> set[int]:
    """Moments after writes and syncs; those right after a promise are the dearest."""
    promises = [n for n, call in enumerate(run.calls) if call.path == run.folder / "record"]
    some = chance.sample(range(len(run.calls)), MOMENTS // 2)
    return {*some, *chance.sample(promises, MOMENTS - len(some))}


def power_cuts(
    run: Recorded, folder: Path, cards: list[list[str]]
) -> Iterator[tuple[Call, Disk, Desk, bool]]:
    """The desk after each of some power cuts: first without, then with some of what was not
    synced."""
    chance = random.Random(SEED)
    moments = chosen(run, chance)
    for number, (call, disk) in enumerate(run.moments()):
        if number in moments:
            for by_chance in (False, True):
                image = folder / f"{number}{'c' if by_chance else ''}"
                if by_chance:
                    disk.image_by_chance(image, chance)
                else:
                    disk.image(image)
                if disk.names.get(run.folder / "record"):
                    # The clients and their notes are elsewhere, and have their power.
                    (image / "record").write_bytes(disk.seen(run.folder / "record"))
                yield call, disk, Desk(image, url_in(image), cards, image), by_chance
                shutil.rmtree(image)


@pytest.mark.parametrize("threads", [1, 4])
def test_what_was_acknowledged_is_on_the_disk(
    programs: Clients, prepared: Desk, tmp_path: Path, threads: int, happened: Happened
) -> None:
    """Also the seals: no published checkpoint is ahead of the ledger."""
    happened.fault = f"a power cut under SQLite: un-synced data dropped, {threads} threads"
    run = recorded_run(programs, prepared, tmp_path, threads=threads)
    lost_something = 0
    verdicts: list[Verdict] = []
    for call, disk, desk, by_chance in power_cuts(run, tmp_path, prepared.cards):
        lost_something += any(f.changes for p, f in disk.names.items() if p.name[-4:] != "-shm")
        try:
            verdicts.append(desk.check())
        except OracleFailed as failed:
            raise AssertionError(f"seed {SEED}, after {call.name}, {by_chance=}") from failed
    happened.times = happened.checks = len(verdicts)
    assert lost_something > MOMENTS // 3
    assert max(each.acknowledged for each in verdicts) > 10


def test_a_client_goes_on_after_a_power_cut(
    programs: Clients, prepared: Desk, tmp_path: Path
) -> None:
    run = recorded_run(programs, prepared, tmp_path)
    cuts = power_cuts(run, tmp_path, prepared.cards)
    for number, (_, _, desk, by_chance) in enumerate(cuts):
        if by_chance and (LONG or number % 5 == 1):
            work = desk.work(first=1_000, calls=3, log=str(tmp_path / "after"))
            assert programs.wait(programs.start(work)) == 0, (SEED, complaints(work))
            desk.check()


def test_the_disk_is_made_again_as_it_was(
    programs: Clients, prepared: Desk, tmp_path: Path
) -> None:
    """With all that was written the files are those that the client left, byte for byte."""
    run = recorded_run(programs, prepared, tmp_path, threads=3)
    *_, (_, disk) = run.moments()
    assert {path.name for path in disk.names} == {path.name for path in run.folder.iterdir()}
    disk.image(tmp_path / "image", everything, len(disk.renamings))
    for path in run.folder.iterdir():
        assert path.read_bytes() == (tmp_path / "image" / path.name).read_bytes(), path.name
    # It ended in order, so all of the ledger is on the disk.
    (tmp_path / "image" / "record").write_bytes((run.folder / "record").read_bytes())
    image = tmp_path / "image"
    evolve(prepared, folder=image, url=url_in(image), told=image).check()


def test_a_ledger_that_does_not_wait_for_the_disk_is_caught(
    programs: Clients, prepared: Desk, tmp_path: Path
) -> None:
    """The control: with ``synchronous = OFF`` promises are lost, and published seals as well."""
    run = recorded_run(programs, prepared, tmp_path, careless=True)
    caught = 0
    for _, _, desk, by_chance in power_cuts(run, tmp_path, prepared.cards):
        if not by_chance:
            try:
                desk.check()
            except OracleFailed as failed:
                caught += Check.ACKNOWLEDGED in failed.checks
    assert caught > MOMENTS // 4
