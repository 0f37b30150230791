"""What the program keeps in files beside the ledger, done by a process that is written down:
``python -m tests.faults.unsynced_files <what> <folder> [careless]``."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from adapters.asterisk.spool import Tail
from adapters.sealing.checkpoint_file import CheckpointFile
from adapters.sealing.keys import SealKey
from tests.faults.sizes import size
from tests.support.seals import ORIGIN, chain, logged

LINES = size(26, 80)
BLOCKS = size(8, 24)


def reads_the_spool(folder: Path) -> None:
    """A shipper: Asterisk writes lines, they are dealt with, files are put aside and deleted."""
    record = _opened(folder / "record")
    dealt = _opened(folder / "dealt")
    tail = Tail(folder / "legs.txt", folder / "legs.offset", rotate_above=200, quiet_seconds=0)
    for number in range(LINES):
        _asterisk_writes(folder, f"line {number} of the spool")
        os.write(record, f"written {number}\n".encode())
        if number % 2:
            continue
        for line in tail.read(5):
            # In the ledger for good before it is acknowledged.
            os.write(dealt, f"{line.text}\n".encode())
            tail.done(line)
        tail.save()
        os.write(record, b"saved " + (folder / "legs.offset").read_bytes() + b"\n")
        tail.tidy()
    tail.close()


def publishes_checkpoints(folder: Path) -> None:
    record = _opened(folder / "record")
    file = CheckpointFile(folder / "checkpoints")
    notes = notes_of(folder)
    for number in range(len(notes)):
        # The ones before are offered again, as after a restart.
        file.publish(ORIGIN, notes[max(0, number - 2) : number + 1])
        os.write(record, f"published {number}\n".encode())


def notes_of(folder: Path) -> Sequence[str]:
    facts = [logged(number) for number in range(1, 3 * BLOCKS + 1)]
    sealed = chain(facts, [3] * BLOCKS, SealKey.read(folder / "seal.key"))
    return [each.note for each in sealed]


def _opened(path: Path) -> int:
    """Each line that is written to it is on the disk."""
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_DSYNC, 0o600)


_sync = os.fsync


def _asterisk_writes(folder: Path, line: str) -> None:
    with (folder / "legs.txt").open("ab") as file:
        file.write(line.encode() + b"\n")
        file.flush()
        _sync(file.fileno())
    place = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    _sync(place)
    os.close(place)


DOES = {each.__name__: each for each in (reads_the_spool, publishes_checkpoints)}

if __name__ == "__main__":
    if sys.argv[3:]:
        os.fsync = lambda _: None
    DOES[sys.argv[1]](Path(sys.argv[2]))
