"""Checkpoints in a file that only grows, best on a disk that the database's owner cannot reach."""

from __future__ import annotations

import fcntl
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from adapters.sealing.keys import PublicKeys, unchecked
from domain.checkpoints import MOST_NOTE, Checkpoint, NotACheckpoint, notes_in, read_note

_UNSYNCED = MOST_NOTE
"""Bytes that are written before they are synced, and at most one note more."""
_TAIL = 4 * MOST_NOTE
"""How much of the end is looked at: all that may not have been synced, and a whole note before."""
_NO_TEXT = re.compile(rb"[\x01-\x09\x0b-\x1f\x7f]")
_END_OF_NOTE = re.compile("^\u2014 [^\n]*\n\n".encode(), re.MULTILINE)


class CheckpointFile:
    """The port ``Publisher``: notes one behind the other, an empty line after each.

    Any number of processes of one machine may publish to the same file: they lock it in turn. What
    a process that died or a power failure left unfinished is no note, and the next one writes over
    it. After a power failure a file may have its length and zeros in any place that was not synced,
    with whole notes behind them; a note has none, so from the first zero on nothing counts.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def newest(self, origin: str) -> Checkpoint | None:
        """Raises NotACheckpoint if the file holds something else."""
        try:
            with self.path.open("rb") as file:
                return self._newest(file.fileno(), origin)
        except FileNotFoundError:
            return None

    def publish(self, origin: str, notes: Sequence[str]) -> None:
        """Raises NotACheckpoint if the file holds something else."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        is_new = not self.path.exists()
        with _locked(self.path) as file:
            newest = self._newest(file, origin)
            size = newest.size if newest else 0
            due = [note for note in notes if unchecked(note).size > size]
            whole, _ = _whole_notes(file, self.path, origin)
            os.ftruncate(file, whole)
            os.lseek(file, whole, os.SEEK_SET)
            for portion in _portions(due):
                _write(file, portion)
                os.fsync(file)
        if is_new:
            # A new file is there after a crash only when its folder was synced as well.
            folder = os.open(self.path.parent, os.O_RDONLY | os.O_DIRECTORY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)

    def _newest(self, file: int, origin: str) -> Checkpoint | None:
        start = f"{origin}\n"
        whole, tail = _whole_notes(file, self.path, origin)
        for note in reversed(tail):
            if note.startswith(start):
                return unchecked(note)
        if whole <= _TAIL:
            return None
        # Another log has published since, as after a change of keys: look through all of it.
        own = [note for note in _notes(self.path) if note.startswith(start)]
        return unchecked(own[-1]) if own else None


def published(path: Path, keys: PublicKeys, *, thorough: bool) -> Iterator[Checkpoint]:
    """The checkpoints of a file that are signed under these keys, smallest first.

    Only the signature of the last one is checked: it stands for all before it, if the log agrees
    with every one. ``thorough`` checks each, to find out which is right when one does not.
    Raises OSError, and NotACheckpoint if there is none or if the file tells two histories.
    """
    before: str | None = None
    size = 0
    for note in _notes(path):
        if not keys.know(read_note(note)):
            continue
        found = keys.checkpoint(note) if thorough else unchecked(note)
        if note == before:
            continue
        if found.size <= size:
            raise NotACheckpoint(
                f"{path} tells two histories: a checkpoint of {found.size} blocks follows one of"
                f" {size}; check the log with the keys of one history at a time"
            )
        if before is not None:
            yield unchecked(before)
        before, size = note, found.size
    if before is None:
        raise NotACheckpoint(f"{path} holds no checkpoint that is signed under these keys")
    yield keys.checkpoint(before)


def _notes(path: Path) -> Iterator[str]:
    try:
        with path.open("rb") as file:
            yield from notes_in(_lines(file, path))
    except UnicodeDecodeError:
        raise NotACheckpoint(f"{path} holds no checkpoints") from None


def _lines(file: BinaryIO, path: Path) -> Iterator[str]:
    """Up to what was not written whole."""
    for line in file:
        if b"\0" in line:
            begin = file.tell() - len(line)
            if os.fstat(file.fileno()).st_size - begin > _TAIL:
                raise NotACheckpoint(f"{path} holds something else than checkpoints")
            return
        yield line.decode()


def _whole_notes(file: int, path: Path, origin: str) -> tuple[int, list[str]]:
    """How long the file is up to its last whole note, and the notes at its end."""
    size = os.fstat(file).st_size
    start = max(0, size - _TAIL)
    found = os.pread(file, size - start, start)
    tail, _, _ = found.partition(b"\0")
    ends = [found.end() for found in _END_OF_NOTE.finditer(tail)]
    if not ends:
        if start or not _may_be_first(found, tail, origin):
            raise NotACheckpoint(f"{path} holds something else than checkpoints")
        return 0, []
    # What lies before the first end may be the rest of a note that begins before the tail.
    begin = 0 if start == 0 else ends[0]
    lines = tail[begin : ends[-1]].decode().splitlines(keepends=True)
    return start + ends[-1], list(notes_in(lines))


def _may_be_first(found: bytes, tail: bytes, origin: str) -> bool:
    """Whether these may be first notes of which not even one was written whole."""
    begin = f"{origin}\n".encode()
    is_ours = tail.startswith(begin) or begin.startswith(tail)
    return is_ours and len(found) <= _UNSYNCED + MOST_NOTE and not _NO_TEXT.search(found)


@contextmanager
def _locked(path: Path) -> Iterator[int]:
    file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield file
    finally:
        os.close(file)


def _portions(notes: Iterable[str]) -> Iterator[bytes]:
    portion = b""
    for note in notes:
        portion += f"{note}\n".encode()
        if len(portion) >= _UNSYNCED:
            yield portion
            portion = b""
    if portion:
        yield portion


def _write(file: int, content: bytes) -> None:
    while content:
        content = content[os.write(file, content) :]
