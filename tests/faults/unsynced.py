"""What a power failure leaves of files: what was synced, and nothing else that can be relied on.

The calls of a process are written down by strace, in their order. From them a folder is made again
as a disk may hold it at any moment: of each file all that was written before its last sync, and of
the rest nothing, everything or whatever chance keeps, torn at the bounds of sectors. Names too
last only from the sync of their folder on (POSIX; stricter than most file systems).
"""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from attrs import define, field, frozen

from tests.faults.strace_calls import Call, calls_of

SECTORS = (512, 4096)

Keep = Callable[["Change"], Iterable[tuple[int, bytes]]]
"""The pieces of a change that the disk has, by their places."""


@define(eq=False)
class Change:
    """Something done to a file and not yet synced; ``size`` alone is a change of its length."""

    begun: int
    at: int = 0
    data: bytes = b""
    size: int | None = None
    done: int | None = None
    appended: bool = False
    """The file was not longer than where this begins."""


@define(eq=False)
class File:
    lasting: bytearray
    """What was there at the last sync."""
    changes: list[Change] = field(factory=list)

    def sync(self, before: int) -> None:
        """What was done before the sync began lasts now."""
        waiting = []
        for each in self.changes:
            if each.done is not None and each.done < before:
                _change(self.lasting, each, [(each.at, each.data)])
            else:
                waiting.append(each)
        self.changes = waiting

    def content(self, keep: Keep | None = None) -> bytes:
        found = bytearray(self.lasting)
        for each in self.changes:
            _change(found, each, keep(each) if keep else [(each.at, each.data)])
        return bytes(found)

    @property
    def size(self) -> int:
        """As the process sees it."""
        size = len(self.lasting)
        for each in self.changes:
            size = max(size, each.at + len(each.data)) if each.size is None else each.size
        return size


def _change(content: bytearray, change: Change, pieces: Iterable[tuple[int, bytes]]) -> None:
    kept = list(pieces)
    if change.size is not None:
        if kept:
            del content[change.size :]
            content.extend(bytes(change.size - len(content)))
        return
    for at, data in kept:
        if data:
            content.extend(bytes(max(0, at - len(content))))
            content[at : at + len(data)] = data


@frozen
class Renaming:
    """A name that appears, goes or changes, not yet lasting."""

    done: int
    folder: Path
    before: Path | None
    after: Path | None
    file: File


def nothing(change: Change) -> Iterable[tuple[int, bytes]]:
    return ()


def everything(change: Change) -> Iterable[tuple[int, bytes]]:
    """As after the end of a process alone: the kernel keeps what it has."""
    return ((change.at, change.data),)


def lengths_alone(change: Change) -> Iterable[tuple[int, bytes]]:
    """Names and lengths reached the disk before what was written, for which zeros are read."""
    return ((change.at, bytes(len(change.data))),) if change.appended or change.size else ()


def by_chance(chance: random.Random) -> Keep:
    """Each change is there, or not, or in part: only some of its sectors, or its length alone."""

    def keep(change: Change) -> Iterable[tuple[int, bytes]]:
        match chance.randrange(5):
            case 0:
                return ()
            case 1 if change.size is None:
                return _torn(change, chance)
            case 2 if change.appended:
                return lengths_alone(change)
            case _:
                return everything(change)

    return keep


def _torn(change: Change, chance: random.Random) -> Iterator[tuple[int, bytes]]:
    sector = chance.choice(SECTORS)
    at, end = change.at, change.at + len(change.data)
    first_only = chance.random() < 0.5
    while at < end:
        upto = min(end, (at // sector + 1) * sector)
        if chance.random() < 0.5:
            yield at, change.data[at - change.at : upto - change.at]
        elif first_only:
            return
        at = upto


@define
class Disk:
    """A folder as its processes see it and as the disk has it, one call after the other."""

    folder: Path
    names: dict[Path, File] = field(factory=dict)
    """As the processes see them."""
    lasting: dict[Path, File] = field(factory=dict)
    renamings: list[Renaming] = field(factory=list)
    folders: list[Path] = field(factory=list)
    """As they were before; some programs want theirs although nothing is in it."""
    _places: dict[tuple[Path | None, int], int] = field(factory=dict)
    _on_the_way: dict[int, list[tuple[File, Change]]] = field(factory=dict)

    @classmethod
    def of(cls, folder: Path, before: Path) -> Disk:
        """``before`` is a copy of the folder as it was, all of it on the disk."""
        disk = cls(folder)
        for path in before.rglob("*"):
            name = folder / path.relative_to(before)
            if path.is_dir():
                disk.folders.append(name)
            elif path.is_file():
                disk.names[name] = disk.lasting[name] = File(bytearray(path.read_bytes()))
        return disk

    def begins(self, call: Call) -> None:
        """Writes may reach the disk from the moment on that they are asked for."""
        file = self.names.get(call.path) if call.path is not None else None
        if file is None or call.failed:
            return
        changes: list[Change] = []
        match call.name:
            case "pwrite64" | "pwritev" | "pwritev2":
                changes.append(Change(call.begun, call.offset, call.written))
            case "write" | "writev":
                at = file.size if call.appends else self._places.get(call.descriptor, 0)
                self._places[call.descriptor] = at + len(call.written)
                changes.append(Change(call.begun, at, call.written))
            case "ftruncate" | "truncate":
                changes.append(Change(call.begun, size=call.offset))
            case "fallocate" if call.offset > file.size:
                changes.append(Change(call.begun, size=call.offset))
        for each in changes:
            each.appended = each.size is None and each.at >= file.size
        file.changes += changes
        self._on_the_way[call.begun] = [(file, each) for each in changes]

    def ends(self, call: Call) -> None:
        for _, change in self._on_the_way.pop(call.begun, ()):
            change.done = call.done
        if call.failed:
            return
        match call.name:
            case "open" | "openat" | "creat":
                self._opened(call)
            case "lseek":
                self._places[call.descriptor] = call.offset
            case "rename" | "renameat" | "renameat2":
                self._renamed(call)
            case "unlink" | "unlinkat" if call.path in self.names:
                assert call.path is not None
                gone = self.names.pop(call.path)
                self._note(call, call.path, None, gone)
            case "fsync" | "fdatasync" if call.path is not None:
                if (file := self.names.get(call.path)) is not None:
                    file.sync(call.begun)
                self._sync_names(call.path, call.begun)

    def _opened(self, call: Call) -> None:
        path = call.path
        if path is None or not self._is_ours(path):
            return
        self._places[call.descriptor] = 0
        file = self.names.get(path)
        if file is None:
            if "O_CREAT" in call.flags:
                file = self.names[path] = File(bytearray())
                self._note(call, None, path, file)
        elif "O_TRUNC" in call.flags and file.size:
            file.changes.append(Change(call.begun, size=0, done=call.done))

    def _renamed(self, call: Call) -> None:
        before, after = call.path, call.other_path
        if before not in self.names:
            return
        assert before is not None
        assert after is not None
        file = self.names[after] = self.names.pop(before)
        self._note(call, before, after, file)

    def _note(self, call: Call, before: Path | None, after: Path | None, file: File) -> None:
        folder = (after or before or self.folder).parent
        self.renamings.append(Renaming(call.done, folder, before, after, file))

    def _sync_names(self, folder: Path, begun: int) -> None:
        waiting = []
        for each in self.renamings:
            if each.folder == folder and each.done < begun:
                _rename(self.lasting, each)
            else:
                waiting.append(each)
        self.renamings = waiting

    def _is_ours(self, path: Path) -> bool:
        return path.is_relative_to(self.folder)

    def seen(self, name: Path) -> bytes:
        """What the processes have written to a file for certain, synced or not."""
        return self.names[name].content(lambda each: () if each.done is None else everything(each))

    def image(self, target: Path, keep: Keep = nothing, renamings: int = 0) -> None:
        """The folder as the disk may have it now; of the changes of names the first so many."""
        names = dict(self.lasting)
        for each in self.renamings[:renamings]:
            _rename(names, each)
        shutil.rmtree(target, ignore_errors=True)
        target.mkdir(parents=True)
        for path in self.folders:
            (target / path.relative_to(self.folder)).mkdir(parents=True, exist_ok=True)
        for path, file in names.items():
            place = target / path.relative_to(self.folder)
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(file.content(keep))

    def image_by_chance(self, target: Path, chance: random.Random) -> None:
        self.image(target, by_chance(chance), chance.randint(0, len(self.renamings)))


def _rename(names: dict[Path, File], each: Renaming) -> None:
    if each.before is not None:
        names.pop(each.before, None)
    if each.after is not None:
        names[each.after] = each.file


@frozen
class Recorded:
    """A run that was written down: the folder before it, and every call after that."""

    folder: Path
    before: Path
    calls: Sequence[Call]

    def moments(self) -> Iterator[tuple[Call, Disk]]:
        """The disk after the end of each call, in turn: the same one, as it goes on."""
        disk = Disk.of(self.folder, self.before)
        marks = [(call.begun, False, call) for call in self.calls]
        marks += [(call.done, True, call) for call in self.calls]
        for _, ended, call in sorted(marks, key=lambda mark: mark[:2]):
            if ended:
                disk.ends(call)
                yield call, disk
            else:
                disk.begins(call)


def recorded(folder: Path, before: Path, trace: Path, home: Path | None = None) -> Recorded:
    """``home`` is where the processes were at home, if not in that folder."""
    return Recorded(folder, before, list(calls_of(trace, folder, home)))
