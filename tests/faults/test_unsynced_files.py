"""The power fails under the files beside the ledger: the spool's place, and the checkpoints."""

from __future__ import annotations

import hashlib
import json
import random
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from adapters.asterisk.spool import Tail
from adapters.sealing.checkpoint_file import CheckpointFile, published
from adapters.sealing.keys import PublicKeys, SealKey
from domain.checkpoints import NotACheckpoint
from tests.faults.processes import ROOT
from tests.faults.sizes import LONG, SEED
from tests.faults.strace import RECORDING
from tests.faults.unsynced import Disk, Recorded, lengths_alone, recorded
from tests.faults.unsynced_files import notes_of
from tests.support.seals import ORIGIN

pytestmark = [pytest.mark.faults, pytest.mark.processes]


def recorded_run(what: str, folder: Path, *careless: str) -> Recorded:
    own = folder / "own"
    own.mkdir()
    SealKey.new(ORIGIN).write(own / "seal.key")
    shutil.copytree(own, folder / "before")
    tracer = ("strace", "-f", "-o", str(folder / "trace"), *RECORDING)
    program = (sys.executable, "-m", "tests.faults.unsynced_files", what, str(own), *careless)
    subprocess.run([*tracer, *program], cwd=ROOT, check=True)
    return recorded(own, folder / "before", folder / "trace")


def power_cuts(run: Recorded, image: Path) -> Iterator[tuple[Disk, Path, list[str]]]:
    """The folder after a power cut at every moment, and the record, which was kept elsewhere."""
    chance = random.Random(SEED)
    record = run.folder / "record"
    for number, (_, disk) in enumerate(run.moments()):
        told = disk.seen(record).decode().splitlines() if record in disk.names else []
        disk.image(image)
        yield disk, image, told
        if any(file.changes for path, file in disk.names.items() if path != record):
            disk.image(image, lengths_alone, len(disk.renamings))
            yield disk, image, told
        if LONG or number % 3 == 0:
            disk.image_by_chance(image, chance)
            yield disk, image, told


# ---- the spool


def skipped(disk: Disk, image: Path, told: list[str]) -> list[str]:
    """Lines that Asterisk had written for good, that nobody dealt with and nobody will."""
    dealt_file = disk.folder / "dealt"
    dealt = set(disk.seen(dealt_file).decode().splitlines() if dealt_file in disk.names else [])
    written = {f"line {each.split()[1]} of the spool" for each in told if "written" in each}
    _same_files(image)
    tail = Tail(image / "legs.txt", image / "legs.offset")
    read = {line.text for line in tail.read()}
    tail.close()
    return sorted(written - dealt - read)


def _same_files(image: Path) -> None:
    """The place in a file is kept by the number of the file, and a copy of it has another one."""
    offsets = image / "legs.offset"
    if not offsets.exists():
        return
    numbers = {}
    for path in image.glob("legs.txt*"):
        first, end, _ = path.read_bytes().partition(b"\n")
        numbers[hashlib.sha256(first + end).hexdigest()[:16]] = path.stat().st_ino
    state = json.loads(offsets.read_bytes())
    for each in state["files"]:
        each["inode"] = numbers.get(each["begins"], each["inode"])
    offsets.write_text(json.dumps(state))


def old_place(image: Path, told: list[str]) -> str | None:
    """What is wrong with the place that was saved, if something is."""
    saved = [each.partition(" ")[2] for each in told if each.startswith("saved")]
    offsets = image / "legs.offset"
    found = offsets.read_text() if offsets.exists() else None
    if found is None:
        return "it is gone" if saved else None
    try:
        json.loads(found)
    except ValueError:
        return f"it is neither the old nor the new one: {found!r}"
    if found in saved[:-1] and found != saved[-1]:
        return "it is an older one than the last that was saved"
    return None


def test_no_line_of_the_spool_is_skipped_after_a_power_cut(tmp_path: Path) -> None:
    run = recorded_run("reads_the_spool", tmp_path)
    cuts = 0
    for disk, image, told in power_cuts(run, tmp_path / "image"):
        assert old_place(image, told) is None, f"seed {SEED}"
        assert skipped(disk, image, told) == [], f"seed {SEED}"
        cuts += 1
    assert cuts > 100
    assert any(call.name == "unlink" for call in run.calls), "no file was put aside and deleted"


def test_a_place_that_is_not_synced_is_caught(tmp_path: Path) -> None:
    """The control."""
    run = recorded_run("reads_the_spool", tmp_path, "careless")
    cuts = power_cuts(run, tmp_path / "image")
    assert any(old_place(image, told) for _, image, told in cuts)


# ---- checkpoints


def lost_checkpoints(image: Path, told: list[str]) -> str | None:
    """What is wrong with the published checkpoints, if something is."""
    keys = PublicKeys.read(image / "seal.key.pub")
    try:
        sizes = [each.size for each in published(image / "checkpoints", keys, thorough=True)]
    except FileNotFoundError:
        sizes = [0]
    except NotACheckpoint as nothing:
        if told:
            return str(nothing)
        sizes = [0]
    return None if sizes[-1] >= len(told) else f"{sizes[-1]} of {len(told)} are left"


def test_published_checkpoints_outlast_a_power_cut(tmp_path: Path) -> None:
    run = recorded_run("publishes_checkpoints", tmp_path)
    notes = notes_of(run.folder)
    keys = PublicKeys.read(run.folder / "seal.key.pub")
    cuts = 0
    for _, image, told in power_cuts(run, tmp_path / "image"):
        assert lost_checkpoints(image, told) is None, f"seed {SEED}"
        # What was being written is no note, and the next one is written over it.
        CheckpointFile(image / "checkpoints").publish(ORIGIN, notes)
        sizes = [each.size for each in published(image / "checkpoints", keys, thorough=True)]
        assert sizes == list(range(1, len(notes) + 1)), f"seed {SEED}"
        cuts += 1
    assert cuts > 40


def test_checkpoints_that_are_not_synced_are_caught(tmp_path: Path) -> None:
    """The control."""
    run = recorded_run("publishes_checkpoints", tmp_path, "careless")
    cuts = power_cuts(run, tmp_path / "image")
    assert any(lost_checkpoints(image, told) for _, image, told in cuts)
