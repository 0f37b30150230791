"""Ids that sort by time and can be made again from what they stand for."""

from __future__ import annotations

import hashlib
from datetime import datetime
from uuid import UUID

_MOST_MILLISECONDS = 1 << 48
_ENTROPY_BYTES = 10
_FREE = ~(0xF << 76 | 0b11 << 62)
_FIXED = 0x8 << 76 | 0b10 << 62
"""The bits of the version, 8, and of the variant of RFC 9562."""


def time_ordered(milliseconds: int, *source: str) -> UUID:
    """The id of the thing that ``source`` names, made at a time.

    A UUID version 8 (RFC 9562, section 5.8): 48 bits of milliseconds since 1970, the rest from
    the SHA-256 of the sources. The same arguments always give the same id, so a retry names the
    same thing; ids of one time lie together in an index, which keeps the write-ahead log small.

    Raises ValueError if there is no source, or if the time does not fit.
    """
    if not source:
        raise ValueError("an id needs at least one source, or all ids of one moment are the same")
    # Lengths keep ("ab", "c") and ("a", "bc") apart.
    parts = [len(each).to_bytes(8, "big") + each for each in map(str.encode, source)]
    return _version_8(milliseconds, hashlib.sha256(b"".join(parts)).digest())


def random_time_ordered(now: datetime, entropy: bytes) -> UUID:
    """A new id for a thing that nothing else names, from a time and at least 10 random bytes.

    Raises ValueError for a time without a zone and for too little entropy.
    """
    if now.tzinfo is None:
        raise ValueError(f"a time needs a zone, and {now.isoformat()} has none")
    if len(entropy) < _ENTROPY_BYTES:
        raise ValueError(f"an id needs {_ENTROPY_BYTES} random bytes, not {len(entropy)}")
    # The timestamp is of whole milliseconds; datetime arithmetic keeps it exact.
    seconds = int(now.replace(microsecond=0).timestamp())
    return _version_8(seconds * 1000 + now.microsecond // 1000, entropy)


def _version_8(milliseconds: int, rest: bytes) -> UUID:
    if not 0 <= milliseconds < _MOST_MILLISECONDS:
        raise ValueError(
            f"a time is 0 to {_MOST_MILLISECONDS - 1} milliseconds, not {milliseconds}"
        )
    value = milliseconds << 80 | int.from_bytes(rest[:_ENTROPY_BYTES], "big")
    return UUID(int=value & _FREE | _FIXED)
