"""What strace wrote down of the calls about files, read back exactly."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from attrs import frozen

_LINE = re.compile(r"(?P<thread>\d+) +[\d.]+ (?P<rest>.*)", re.DOTALL)
_RESUMED = re.compile(r"<\.\.\. \w+ resumed>(?P<rest>.*)", re.DOTALL)
_CALL = re.compile(r"(?P<name>\w+)\((?P<told>.*)\) += (?P<result>-?\d+|\?)(?P<after>.*)", re.DOTALL)
_UNFINISHED = " <unfinished ...>"
_DESCRIPTOR = re.compile(r"(?P<number>-?\d+|AT_FDCWD)(?:<(?P<path>(?:\\x[0-9a-f]{2})*)[^>]*>)?")
_TEXT = re.compile(r'"(?P<text>(?:\\x[0-9a-f]{2})*)"(?P<cut>\.\.\.)?')
_FLAGS = re.compile(r"O_[A-Z_|]+")

_WRITES = frozenset(("write", "writev", "pwrite64", "pwritev", "pwritev2"))
_SYNCS = frozenset(("fsync", "fdatasync", "sync_file_range"))
_BY_DESCRIPTOR = _WRITES | _SYNCS | {"ftruncate", "fallocate", "lseek"}


class TraceUnreadable(Exception):
    """A line that this does not understand: an image made without it would be wrong."""


@frozen
class Call:
    """One call and its place among the others: between ``begun`` and ``done`` it was under way."""

    begun: int
    done: int
    name: str
    result: int
    path: Path | None = None
    """The file it is about, as it is called now; None for one outside the folder."""
    other_path: Path | None = None
    number: int = -1
    offset: int = 0
    """Where it writes, or the length that the file gets."""
    written: bytes = b""
    flags: str = ""
    appends: bool = False

    @property
    def failed(self) -> bool:
        return self.result < 0

    @property
    def descriptor(self) -> tuple[Path | None, int]:
        return self.path, self.number


def calls_of(trace: Path, folder: Path, home: Path | None = None) -> Iterator[Call]:
    """The calls about files below a folder, in the order in which they ended. ``home`` is where
    names begin that are not absolute, if not there. Raises TraceUnreadable."""
    places = (folder, home or folder)
    begun: dict[str, tuple[int, str]] = {}
    appending: set[tuple[Path, int]] = set()
    with trace.open(encoding="ascii", newline="\n") as lines:
        for place, line in enumerate(lines):
            found = _LINE.match(line.rstrip("\n"))
            if found is None:
                raise TraceUnreadable(line[:200])
            thread, rest = found["thread"], found["rest"]
            if rest.startswith(("---", "+++")):
                continue
            start = place
            if rest.endswith(_UNFINISHED):
                begun[thread] = (place, rest.removesuffix(_UNFINISHED))
                continue
            if resumed := _RESUMED.match(rest):
                start, first = begun.pop(thread)
                rest = first + resumed["rest"]
            call = _call(rest, 2 * start, 2 * place + 1, places, appending)
            if call is not None:
                yield call


def _call(
    text: str, begun: int, done: int, places: tuple[Path, Path], appending: set[tuple[Path, int]]
) -> Call | None:
    _, home = places
    parts = _CALL.fullmatch(text)
    if parts is None:
        raise TraceUnreadable(text[:200])
    name, told = parts["name"], parts["told"]
    # A call that a killed process never returned from may have done all of it, or nothing.
    result = 0 if parts["result"] == "?" else int(parts["result"])
    if name in _BY_DESCRIPTOR:
        return _by_descriptor(name, told, result, begun, done, places, appending)
    paths = [_path(each["text"], home) for each in _TEXT.finditer(told)]
    if name in ("open", "openat", "creat"):
        flags = "O_CREAT|O_TRUNC" if name == "creat" else "".join(_FLAGS.findall(told)[:1])
        key = (paths[0], result)
        appending.discard(key)
        if "O_APPEND" in flags:
            appending.add(key)
        return Call(begun, done, name, result, paths[0], None, result, flags=flags)
    if name in ("mkdir", "rmdir"):
        return None
    if name == "truncate":
        size = int(told.rpartition(",")[2])
        return Call(begun, done, name, result, paths[0], offset=size)
    if not paths:
        raise TraceUnreadable(text[:200])
    return Call(begun, done, name, result, paths[0], paths[1] if paths[1:] else None)


def _by_descriptor(
    name: str,
    told: str,
    result: int,
    begun: int,
    done: int,
    places: tuple[Path, Path],
    appending: set[tuple[Path, int]],
) -> Call | None:
    folder, home = places
    descriptor = _DESCRIPTOR.match(told)
    if descriptor is None or descriptor["path"] is None:
        return None
    path = _path(descriptor["path"], home)
    if not path.is_relative_to(folder):
        return None
    numbers = [int(each) for each in re.findall(r", (-?\d+)", _TEXT.sub("", told))]
    written, offset = b"", 0
    if name in _WRITES:
        pieces = list(_TEXT.finditer(told))
        if any(each["cut"] for each in pieces):
            raise TraceUnreadable(f"{name} of more than was written down")
        written = b"".join(_bytes(each["text"]) for each in pieces)[: max(result, 0)]
    if name in ("pwrite64", "pwritev"):
        offset = numbers[-1]
    elif name == "pwritev2":
        offset = numbers[-2]
    elif name == "ftruncate":
        offset = numbers[0]
    elif name == "fallocate":
        offset = numbers[-2] + numbers[-1]
    elif name == "lseek":
        offset = result
    appends = (path, int(descriptor["number"])) in appending
    return Call(
        begun,
        done,
        name,
        result,
        path,
        None,
        int(descriptor["number"]),
        offset,
        written,
        appends=appends,
    )


def _bytes(text: str) -> bytes:
    return bytes.fromhex(text.replace("\\x", ""))


def _path(text: str, home: Path) -> Path:
    return home / _bytes(text).decode("utf-8", "surrogateescape")
