"""Seals: blocks of the ordered log, chained, so that nothing in it can be changed unnoticed.

A fact is hashed as it is stored, with its place in the log and in its stream. The facts of a block
are the leaves of a Merkle tree; the block's header holds its root and the hash of the header
before. The headers are the leaves of one growing tree, whose root a checkpoint signs (ADR 0025).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from operator import lt
from struct import Struct
from typing import NamedTuple
from uuid import UUID

from attrs import frozen

from domain.merkle import HASH_BYTES, Frontier, leaf_hash, merkle_root

MOST_FACTS = 65_536
"""Facts in one block at most."""

BEFORE_ALL = bytes(HASH_BYTES)
"""What the first block has in place of the hash of the block before."""

_MAGIC = b"talktime block v1\n"
_HEADER = Struct(">Q32s32sQQQQQ")
_CONTENT = Struct(">Q16sQQQ")
_PLACE = Struct(">Q16sQQ")
_ENTRY = Struct(">Q32s")
_LENGTH = Struct(">Q")
_MOST = (1 << 64) - 1
_1970 = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class LoggedFact(NamedTuple):
    """A fact as the log stores it; ``stream`` is the stream's id, ``data`` its very bytes.

    All in bytes, because a log of millions of these is hashed from end to end.
    """

    position: int
    stream: bytes
    version: int
    name: str
    data: bytes

    @property
    def stream_id(self) -> UUID | None:
        """None for what is no id, as in a log that somebody edited."""
        return UUID(bytes=self.stream) if len(self.stream) == 16 else None


class Entry(NamedTuple):
    """An entry taken apart: the position of a fact, and the digest of all else about it."""

    position: int
    digest: bytes


def digest(stream: bytes, version: int, name: str, data: bytes) -> bytes:
    """The SHA-256 of a fact without its position.

    Stream id (16 bytes), version (64 bits, big-endian), name (UTF-8) and data, each after its
    length as 64 bits, so that no two facts are the same bytes. A version or a stream that no
    program ever wrote has a digest of its own too.
    """
    named = name.encode()
    head = _CONTENT.pack(len(stream), stream, 8, version & _MOST, len(named))
    return sha256(b"%b%b%b%b" % (head, named, _LENGTH.pack(len(data)), data)).digest()


def entry_of(fact: LoggedFact) -> bytes:
    """The 40 bytes that a leaf is the hash of: position (64 bits) and digest."""
    position, stream, version, name, data = fact
    return _ENTRY.pack(position, digest(stream, version, name, data))


def entries_of(rows: Iterable[tuple[int, bytes, int, str, bytes]]) -> list[bytes]:
    """The entries of facts, without the calls of ``entry_of``: a whole log goes through here.

    Rows are looked at one by one and not kept, so millions may come from a cursor.
    """
    entry, place, length = _ENTRY.pack, _PLACE.pack, _LENGTH.pack
    found: list[bytes] = []
    add, join = found.append, b"".join
    # There are a few dozen names, each with its length in front of it.
    names: dict[str, bytes] = {}
    for position, stream, version, name, data in rows:
        named = names.get(name)
        if named is None:
            plain = name.encode()
            named = names[name] = length(len(plain)) + plain
        head = place(len(stream), stream, 8, version & _MOST)
        add(entry(position, sha256(join((head, named, length(len(data)), data))).digest()))
    return found


def index_of(facts: Iterable[LoggedFact]) -> bytes:
    """The entries of a block as one string of bytes, kept with it to tell which fact is wrong."""
    return b"".join(entries_of(facts))


def entries_in(index: bytes) -> list[Entry]:
    """Raises ValueError for what cannot be an index."""
    if len(index) % _ENTRY.size:
        raise ValueError(f"an index is a multiple of {_ENTRY.size} bytes, not {len(index)}")
    return [Entry(*each) for each in _ENTRY.iter_unpack(index)]


def leaves_of(index: bytes) -> list[bytes]:
    """The leaf hashes of a block, from its index."""
    size = _ENTRY.size
    return [leaf_hash(index[at : at + size]) for at in range(0, len(index), size)]


@frozen
class Block:
    """The header of a block: it covers every fact beyond the block before, up to ``last``.

    ``number`` counts from 0; ``previous`` is the hash of the header before; ``total`` the number
    of facts in the log with this block.
    """

    number: int
    previous: bytes
    root: bytes
    facts: int
    total: int
    first: int
    last: int
    sealed_at: datetime

    @property
    def entry(self) -> bytes:
        """The header's canonical bytes, a leaf of the tree of headers."""
        # Of a header that somebody changed nothing is sure, least of all that numbers fit.
        number, *counts = (
            each & _MOST
            for each in (
                self.number,
                self.facts,
                self.total,
                self.first,
                self.last,
                microseconds(self.sealed_at),
            )
        )
        return _MAGIC + _HEADER.pack(number, self.previous, self.root, *counts)

    @property
    def hash(self) -> bytes:
        return leaf_hash(self.entry)


@frozen
class Sealed:
    """A block with what is kept beside it: its index, the tree of headers with it, its note.

    ``note`` is the signed checkpoint of the tree with this block.
    """

    block: Block
    index: bytes
    tree: Frontier
    note: str = ""


def seal(before: Sealed | None, entries: Sequence[bytes], now: datetime) -> Sealed:
    """The next block, over the entries of facts in the order of the log; not yet signed.

    Raises ValueError for no facts, too many, or facts that are not in order beyond the last block.
    """
    if not 0 < len(entries) <= MOST_FACTS:
        raise ValueError(f"a block has 1 to {MOST_FACTS} facts, not {len(entries)}")
    # Positions are the first bytes of entries, and compare as those do.
    at = [_LENGTH.pack(before.block.last)] if before else []
    at += [entry[:8] for entry in entries]
    if not all(map(lt, at, at[1:])):
        raise ValueError("facts are sealed in the order of the log, beyond those that are sealed")
    index = b"".join(entries)
    block = Block(
        number=before.block.number + 1 if before else 0,
        previous=before.block.hash if before else BEFORE_ALL,
        root=merkle_root(leaves_of(index)),
        facts=len(entries),
        total=(before.block.total if before else 0) + len(entries),
        first=int.from_bytes(entries[0][:8], "big"),
        last=int.from_bytes(entries[-1][:8], "big"),
        sealed_at=now,
    )
    tree = (before.tree if before else Frontier()).add(block.hash)
    return Sealed(block, index, tree)


def microseconds(moment: datetime) -> int:
    """Whole microseconds since 1970."""
    return (moment - _1970) // _MICROSECOND


def moment_of(microseconds: int) -> datetime:
    return _1970 + microseconds * _MICROSECOND
