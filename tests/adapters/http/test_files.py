"""Files arrive with bounded memory, whole or not at all, and none stays behind."""

from __future__ import annotations

import asyncio
import hashlib
import tracemalloc
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from starlette.requests import Request

from adapters.http import problems
from adapters.http.asking import Answer
from adapters.http.files import CSV, MIB, SentFile, Slots, Stream, Upload, attachment, received
from adapters.http.observed import response_of
from adapters.http.problems import AskedWrongly

Receive = Callable[[], Awaitable[dict[str, Any]]]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    return tmp_path


def parts(*chunks: bytes, then: dict[str, Any] | None = None) -> Receive:
    messages = [{"type": "http.request", "body": each, "more_body": True} for each in chunks]
    messages.append(then or {"type": "http.request", "body": b"", "more_body": False})

    async def receive() -> dict[str, Any]:
        return messages.pop(0)

    return receive


async def never() -> dict[str, Any]:
    await asyncio.Event().wait()
    raise AssertionError("nobody sets the event")


def arrive(
    receive: Receive,
    look: Callable[[SentFile], object] = lambda sent: None,
    upload: Upload | None = None,
    slots: Slots | None = None,
) -> None:
    headers = [(b"content-type", CSV.encode())]
    scope = {"type": "http", "method": "POST", "path": "/", "headers": headers}

    async def arriving() -> None:
        limits = upload or Upload((CSV,), 64 * MIB)
        async with received(Request(scope, receive), limits, slots or Slots()) as sent:
            look(sent)

    asyncio.run(arriving())


def test_a_file_is_on_the_disk_while_it_is_looked_at_and_no_longer(folder: Path) -> None:
    seen = []

    def look(sent: SentFile) -> None:
        seen.append(sent.path.read_bytes())
        assert (sent.size, sent.media_type) == (6, CSV)
        assert sent.sha256 == hashlib.sha256(b"onetwo").hexdigest()

    arrive(parts(b"one", b"two"), look)
    assert seen == [b"onetwo"]
    assert list(folder.iterdir()) == []


def test_a_file_that_is_needed_for_longer_is_moved_away(folder: Path) -> None:
    arrive(parts(b"kept"), lambda sent: sent.path.rename(folder / "mine"))
    assert (folder / "mine").read_bytes() == b"kept"


def test_a_large_file_takes_little_memory() -> None:
    chunk = bytes(64 * 1024)
    left = 32 * MIB // len(chunk)

    async def receive() -> dict[str, Any]:
        nonlocal left
        left -= 1
        return {"type": "http.request", "body": chunk, "more_body": left > 0}

    tracemalloc.start()
    try:
        arrive(receive, lambda sent: None)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 8 * MIB


@pytest.mark.parametrize(
    ("receive", "upload", "kind"),
    [
        (parts(b"half", then={"type": "http.disconnect"}), None, problems.BAD_REQUEST),
        (parts(b"x" * 11), Upload((CSV,), 10), problems.BODY_TOO_LARGE),
        (never, Upload((CSV,), 10, seconds=0.01), problems.BODY_TOO_SLOW),
        (parts(b"x"), Upload(("text/plain",), 10), problems.BAD_CONTENT_TYPE),
    ],
    ids=["cut off", "too large", "too slow", "of another type"],
)
def test_a_file_that_does_not_arrive_whole_is_refused_and_leaves_nothing(
    folder: Path, receive: Receive, upload: Upload | None, kind: problems.ProblemKind
) -> None:
    slots = Slots(1)
    with pytest.raises(AskedWrongly) as refused:
        arrive(receive, lambda sent: pytest.fail("it is not whole"), upload, slots)
    assert refused.value.problem.kind == kind
    assert list(folder.iterdir()) == []
    assert slots.free == 1


def test_only_so_many_files_arrive_at_the_same_time() -> None:
    slots = Slots(1)

    def second(_: SentFile) -> None:
        with pytest.raises(AskedWrongly) as refused, slots.one():
            pytest.fail("there is one slot only")
        assert refused.value.problem.kind == problems.OVERLOADED

    arrive(parts(b"first"), second, slots=slots)
    assert slots.free == 1


def test_a_stream_is_read_as_it_leaves() -> None:
    begun = []

    def lines() -> Any:
        for each in (b"a", b"b"):
            begun.append(each)
            yield each

    response = response_of(Answer(Stream(lines()), content_type=CSV))
    assert begun == []
    sent: list[bytes] = []

    async def send(message: Any) -> None:
        sent.append(message.get("body", b""))

    asyncio.run(response({"type": "http", "method": "GET"}, never, send))
    assert b"".join(sent) == b"ab"


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("spring.age", "spring.age"),
        ('a"; filename="b', "a___filename__b"),
        ("été/../x", "_t__.._x"),
        ("", "file"),
    ],
)
def test_a_file_name_cannot_break_out_of_its_header(name: str, told: str) -> None:
    assert attachment(name) == {"Content-Disposition": f'attachment; filename="{told}"'}
