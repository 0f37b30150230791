"""Reading what Asterisk appends to a file, each line once, also after a crash or a rotation.

Asterisk opens, appends and closes for every line, so a file may be renamed at any time: what was
opened before still lands in the old one, which is read until it has been quiet for a while.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import structlog
from attrs import define, field, frozen

MOST_LINE_BYTES = 8192
"""A line without an end that is longer than this is cut, and is malformed."""

ROTATE_ABOVE = 64 * 1024 * 1024
"""Bytes after which a file is put aside, to be deleted when all of it was acknowledged."""

QUIET_SECONDS = 10.0
"""How long a file that was put aside must not have grown before it is deleted."""

_CHUNK = 256 * 1024
_MOST_FILES = 32
_MOST_STATE = 64 * 1024
_ASIDE = ".draining"


@frozen
class Line:
    """One line without its end, and where it stands."""

    text: str
    start: int
    waiting: dict[int, None] = field(eq=False, repr=False)
    """The lines of its file that are not acknowledged; another one once the file was cut."""


@define(eq=False)
class _File:
    path: Path
    handle: int
    inode: int
    read_to: int = 0
    begins: str = ""
    waiting: dict[int, None] = field(factory=dict)
    """The places of lines that were read and are not acknowledged, in their order."""
    grew_at: float = 0.0
    gone: bool = False

    @property
    def acknowledged_to(self) -> int:
        return next(iter(self.waiting), self.read_to)

    @property
    def size(self) -> int:
        return os.fstat(self.handle).st_size


class Tail:
    """Follows a file, and those it was renamed to (``<name>.1``, ``<name>-20261121``).

    ``read`` gives lines, ``done`` acknowledges one, ``save`` makes durable what was acknowledged.
    After a crash every line that was not saved as acknowledged is read again, so what is done with
    a line must bear repetition. A file is known by its inode and its first line: a name that is
    used again, or a file that was cut short, is read from its beginning.
    """

    def __init__(
        self,
        path: Path,
        offsets: Path,
        *,
        rotate_above: int = ROTATE_ABOVE,
        quiet_seconds: float = QUIET_SECONDS,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._path = path
        self._offsets = offsets
        self._rotate_above = rotate_above
        self._quiet_seconds = quiet_seconds
        self._monotonic = monotonic
        self._names = re.compile(re.escape(path.name) + r"(\.draining|[.-][0-9]{1,14})?", re.ASCII)
        self._files: list[_File] = []
        self._log = structlog.get_logger("talktime.spool").bind(file=str(path))
        self._saved = self._load()
        self._stored = dict(self._saved)
        self._may_rotate = True

    @property
    def waiting(self) -> int:
        """Lines that were read and are not acknowledged."""
        return sum(len(file.waiting) for file in self._files)

    def read(self, most: int = 1000) -> list[Line]:
        """The next lines, oldest file first; fewer than `most` means that there are no more now.

        A last line without its end waits until it has one. Raises OSError.
        """
        self._look_around()
        lines: list[Line] = []
        for file in self._files:
            while len(lines) < most:
                new = list(self._next(file, most - len(lines)))
                if not new:
                    break
                lines += new
        return lines

    def done(self, line: Line) -> None:
        """The line was dealt with, and need not be read again."""
        line.waiting.pop(line.start, None)

    def save(self) -> None:
        """Makes durable what was acknowledged. Raises OSError, and may be tried again."""
        places = {
            (file.inode, file.begins): file.acknowledged_to for file in self._files if file.begins
        }
        if places == self._stored:
            return
        state = [{"inode": i, "begins": b, "offset": at} for (i, b), at in places.items()]
        replace_durably(self._offsets, json.dumps({"files": state}).encode())
        self._stored = places

    def tidy(self) -> None:
        """Puts a large file aside, and deletes the one put aside once all of it was dealt with."""
        aside = self._path.with_name(self._path.name + _ASIDE)
        for file in list(self._files):
            if file.path == aside:
                self._delete_if_drained(file)
            elif file.path == self._path and file.size > self._rotate_above and self._may_rotate:
                self._put_aside(file, aside)

    def close(self) -> None:
        files, self._files = self._files, []
        for file in files:
            os.close(file.handle)

    def _put_aside(self, file: _File, aside: Path) -> None:
        if aside.exists():
            return
        try:
            file.path.rename(aside)
        except OSError as error:
            # Channel events may lie where only Asterisk may rename: an operator rotates them.
            self._may_rotate = False
            self._log.warning("file_not_rotated", error=str(error), bytes=file.size)
            return
        file.path = aside
        file.grew_at = self._monotonic()

    def _delete_if_drained(self, file: _File) -> None:
        if self._monotonic() - file.grew_at < self._quiet_seconds or file.waiting:
            return
        if file.read_to < file.size:
            return
        # Forgotten before it is deleted: after a crash in between it is read again, which is
        # harmless; a place remembered for an inode that is used again would not be.
        self._files.remove(file)
        try:
            self.save()
            file.path.unlink(missing_ok=True)
        finally:
            os.close(file.handle)

    def _look_around(self) -> None:
        found: dict[int, Path] = {}
        try:
            with os.scandir(self._path.parent) as entries:
                for entry in entries:
                    if self._names.fullmatch(entry.name) and entry.is_file(follow_symlinks=False):
                        found[entry.inode()] = Path(entry.path)
        except FileNotFoundError:
            found = {}
        for file in list(self._files):
            path = found.pop(file.inode, None)
            if path is not None:
                file.path = path
            elif not file.waiting and file.read_to >= file.size:
                os.close(file.handle)
                self._files.remove(file)
            # Else it was deleted under us: the handle still reads what is left of it.
        for inode, path in found.items():
            if len(self._files) < _MOST_FILES:
                self._open(inode, path)
        # The file that is written to comes last: what was put aside is older.
        self._files.sort(key=lambda file: (file.path == self._path, str(file.path)))

    def _open(self, inode: int, path: Path) -> None:
        try:
            handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
        except FileNotFoundError:
            return
        if os.fstat(handle).st_ino != inode:
            os.close(handle)
            return
        file = _File(path, handle, inode, grew_at=self._monotonic())
        file.begins = _first_line(handle)
        place = self._saved.get((inode, file.begins), 0) if file.begins else 0
        file.read_to = place if place <= file.size else 0
        self._files.append(file)

    def _next(self, file: _File, most: int) -> Iterator[Line]:
        size = file.size
        if size == file.read_to:
            return
        begins = _first_line(file.handle)
        if size < file.read_to or (file.begins and begins != file.begins):
            self._log.warning("file_was_cut", read_to=file.read_to, size=size)
            file.read_to = 0
            file.waiting = {}
        file.begins = begins
        file.grew_at = self._monotonic()
        chunk = os.pread(file.handle, _CHUNK, file.read_to)
        at = 0
        for _ in range(most):
            end = chunk.find(b"\n", at) + 1
            if not end:
                if len(chunk) - at <= MOST_LINE_BYTES:
                    return
                end = at + MOST_LINE_BYTES
            start = file.read_to
            file.waiting[start] = None
            file.read_to += end - at
            text = chunk[at:end].decode("utf-8", "replace").rstrip("\r\n")
            yield Line(text, start, file.waiting)
            at = end

    def _load(self) -> dict[tuple[int, str], int]:
        try:
            with self._offsets.open("rb") as file:
                state = json.loads(file.read(_MOST_STATE))
            return {(int(f["inode"]), str(f["begins"])): int(f["offset"]) for f in state["files"]}
        except FileNotFoundError:
            return {}
        except (ValueError, KeyError, TypeError) as error:
            # Reading everything again is safe; refusing to start would settle nothing.
            self._log.error("offsets_unreadable", error=str(error), read_again="from the beginning")
            return {}


def replace_durably(path: Path, data: bytes) -> None:
    """The file has the old contents or the new ones, also when the power fails. Raises OSError."""
    # Two processes at once could only spoil the new file, and what cannot be read means no more
    # than reading everything again.
    temporary = path.with_name(path.name + ".new")
    with temporary.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _first_line(handle: int) -> str:
    """A fingerprint of the first line; empty while it has no end."""
    head = os.pread(handle, MOST_LINE_BYTES, 0)
    end = head.find(b"\n")
    if end < 0:
        if len(head) < MOST_LINE_BYTES:
            return ""
        end = MOST_LINE_BYTES
    return hashlib.sha256(head[:end]).hexdigest()[:16]


class Rejected:
    """Lines that nobody can read, kept for a person to look at; bounded."""

    def __init__(self, path: Path, most_bytes: int = 1024 * 1024) -> None:
        self._path = path
        self._most_bytes = most_bytes

    def keep(self, line: str) -> None:
        """Raises OSError."""
        with self._path.open("a", encoding="utf-8") as file:
            if file.tell() < self._most_bytes:
                file.write(line[:MOST_LINE_BYTES] + "\n")
