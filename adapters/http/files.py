"""Files as bodies: what is sent goes to a temporary file, and what is answered leaves in parts."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import BinaryIO

import anyio
from anyio import to_thread
from attrs import define, field, frozen
from starlette.requests import ClientDisconnect, Request

from adapters.http import problems
from adapters.http.problems import RETRY_AFTER, asked_wrongly

MIB = 1024 * 1024

CSV = "text/csv"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"

MOST_UPLOADS = 8
"""Files that arrive at the same time: so many times the largest file is needed on the disk."""

_CLOSE = {"Connection": "close"}
_WRITTEN_AT_ONCE = MIB


@frozen
class Upload:
    """An operation whose body is a file: of which media types, how large, how long under way."""

    media_types: tuple[str, ...]
    most_bytes: int
    seconds: float = 900.0


@frozen
class Download:
    """An operation that answers a file of this media type: ``Answer(Stream(...))``."""

    media_type: str


@frozen
class SentFile:
    """The file that came as the body. It is deleted after the answer: who needs it for longer
    renames it to a place of its own."""

    path: Path
    media_type: str
    size: int
    sha256: str


@frozen
class Stream:
    """A body in parts, each read when the one before has left; never all of them in memory."""

    parts: Iterable[bytes]


@define
class Slots:
    """So many files at a time and no more; touched by the event loop only."""

    free: int = MOST_UPLOADS

    @contextmanager
    def one(self) -> Iterator[None]:
        """Raises AskedWrongly when all are taken."""
        if not self.free:
            raise asked_wrongly(
                problems.OVERLOADED, "too many files are arriving; send it again", RETRY_AFTER
            )
        self.free -= 1
        try:
            yield
        finally:
            self.free += 1


@define
class _Arriving:
    """A file while it arrives; the digest tells later whether another one is the same."""

    out: BinaryIO
    size: int = 0
    digest: hashlib._Hash = field(factory=hashlib.sha256)
    waiting: bytearray = field(factory=bytearray)

    def write(self) -> None:
        self.out.write(self.waiting)
        self.digest.update(self.waiting)
        self.waiting.clear()


@asynccontextmanager
async def received(request: Request, upload: Upload, slots: Slots) -> AsyncIterator[SentFile]:
    """The body in a temporary file for as long as this lasts, with bounded memory.

    Raises AskedWrongly for another media type, too many bytes, a body that is cut off or slow.
    """
    media_type = check_media_type(request, upload.media_types)
    too_large = asked_wrongly(
        problems.BODY_TOO_LARGE,
        f"a file here has {upload.most_bytes} bytes at most",
        _CLOSE,
        most=upload.most_bytes,
    )
    if announced(request) > upload.most_bytes:
        raise too_large
    with slots.one():
        handle, name = tempfile.mkstemp(prefix="talktime-")
        path = Path(name)
        try:
            with os.fdopen(handle, "wb") as out:
                arriving = _Arriving(out)
                await _arrived(request, arriving, upload, too_large)
            yield SentFile(path, media_type, arriving.size, arriving.digest.hexdigest())
        finally:
            # Shielded, so that a client that leaves does not leave its file behind.
            with anyio.CancelScope(shield=True):
                await to_thread.run_sync(lambda: path.unlink(missing_ok=True))


async def _arrived(
    request: Request, arriving: _Arriving, upload: Upload, too_large: problems.AskedWrongly
) -> None:
    try:
        with anyio.fail_after(upload.seconds):
            async for chunk in request.stream():
                arriving.size += len(chunk)
                if arriving.size > upload.most_bytes:
                    raise too_large
                arriving.waiting += chunk
                if len(arriving.waiting) >= _WRITTEN_AT_ONCE:
                    await to_thread.run_sync(arriving.write)
        await to_thread.run_sync(arriving.write)
    except TimeoutError as error:
        raise asked_wrongly(
            problems.BODY_TOO_SLOW, f"a file has {upload.seconds:g} seconds to arrive", _CLOSE
        ) from error
    except ClientDisconnect as error:
        raise asked_wrongly(problems.BAD_REQUEST, "the file was cut off") from error


def announced(request: Request) -> int:
    """The length that the headers promise, 0 if they promise none."""
    length = request.headers.get("content-length", "0")
    return int(length[:20]) if length.isascii() and length.isdigit() else 0


def check_media_type(request: Request, accepted: tuple[str, ...]) -> str:
    """Raises AskedWrongly for a body of another type, in another encoding, or compressed."""
    media, _, parameter = request.headers.get("content-type", "").lower().partition(";")
    media = media.strip()
    charset = parameter.strip().removeprefix("charset=").strip('"')
    # How a CSV says whether it has a header (RFC 4180) is no encoding.
    plain = charset in ("", "utf-8", "header=present")
    coded = request.headers.get("content-encoding", "identity").lower()
    if media not in accepted or not plain or coded != "identity":
        raise asked_wrongly(
            problems.BAD_CONTENT_TYPE,
            f"send the body as {' or '.join(accepted)} in UTF-8, not compressed",
            {"Accept": ", ".join(accepted), **_CLOSE},
        )
    return media


def attachment(name: str) -> dict[str, str]:
    """The headers under which a browser stores an answer as a file (RFC 6266)."""
    plain = "".join(each if each.isalnum() or each in "._-" else "_" for each in name)
    name_ = plain.encode("ascii", "replace").decode().replace("?", "_")[:150] or "file"
    return {"Content-Disposition": f'attachment; filename="{name_}"'}
