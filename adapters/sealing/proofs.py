"""A proof as a file that goes to a customer: one JSON document, described in docs/seals.md."""

from __future__ import annotations

import base64
import binascii
from typing import Annotated, Any
from uuid import UUID

import msgspec
from msgspec import Meta, Struct

from domain.merkle import HASH_BYTES
from domain.seal_proofs import MOST_FACTS, NotProved, Proof, ProvedBlock, ProvedFact
from domain.seals import Block, LoggedFact, microseconds, moment_of

FORMAT = "talktime proof v1"
MOST_BYTES = 64 * 1024 * 1024

_Count = Annotated[int, Meta(ge=0, le=(1 << 63) - 1)]
_Path = Annotated[list[str], Meta(max_length=64)]


class BlockShown(Struct, frozen=True, forbid_unknown_fields=True):
    """A header; ``sealed_at`` is in microseconds since 1970. Hashes are in base64."""

    number: _Count
    previous: str
    root: str
    facts: _Count
    total: _Count
    first: _Count
    last: _Count
    sealed_at: _Count
    path: _Path


class FactShown(Struct, frozen=True, forbid_unknown_fields=True):
    """A fact as it is stored; ``data`` is its text in UTF-8."""

    position: _Count
    stream: UUID
    version: _Count
    name: str
    data: str
    block: _Count
    place: _Count
    path: _Path


class ProofShown(Struct, frozen=True, forbid_unknown_fields=True):
    format: str
    call: str
    checkpoint: str
    blocks: Annotated[list[BlockShown], Meta(max_length=MOST_FACTS)]
    facts: Annotated[list[FactShown], Meta(max_length=MOST_FACTS)]


def written(call: str, proof: Proof) -> str:
    """Raises ValueError for a fact whose data is not a text."""
    shown = ProofShown(
        FORMAT,
        call,
        proof.note,
        [_block_shown(each) for each in proof.blocks],
        [_fact_shown(each) for each in proof.facts],
    )
    return msgspec.json.format(msgspec.json.encode(shown), indent=1).decode() + "\n"


def read(content: bytes) -> tuple[str, Proof]:
    """The call's name as the file gives it, and the proof. Raises NotProved for another form."""
    if len(content) > MOST_BYTES:
        raise NotProved(f"a proof has {MOST_BYTES} bytes at most")
    try:
        shown = msgspec.json.decode(content, type=ProofShown)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise NotProved(f"this is no proof: {error}") from error
    if shown.format != FORMAT:
        raise NotProved(f"a proof is of the format {FORMAT!r}, not {shown.format[:40]!r}")
    blocks = tuple(map(_block, shown.blocks))
    facts = tuple(map(_fact, shown.facts))
    return shown.call, Proof(shown.checkpoint, blocks, facts)


def content_of(fact: LoggedFact) -> Any:
    """What a fact of a checked proof says. Raises NotProved for data of another form."""
    try:
        return msgspec.json.decode(fact.data)
    except msgspec.DecodeError as error:
        raise NotProved(f"the fact at position {fact.position} is not JSON: {error}") from error


def _block_shown(proved: ProvedBlock) -> BlockShown:
    block = proved.block
    return BlockShown(
        block.number,
        _base64(block.previous),
        _base64(block.root),
        block.facts,
        block.total,
        block.first,
        block.last,
        microseconds(block.sealed_at),
        list(map(_base64, proved.path)),
    )


def _block(shown: BlockShown) -> ProvedBlock:
    try:
        sealed_at = moment_of(shown.sealed_at)
    except OverflowError as error:
        raise NotProved(f"block {shown.number} was sealed in a time that cannot be") from error
    block = Block(
        shown.number,
        _hash(shown.previous),
        _hash(shown.root),
        shown.facts,
        shown.total,
        shown.first,
        shown.last,
        sealed_at,
    )
    return ProvedBlock(block, tuple(map(_hash, shown.path)))


def _fact(shown: FactShown) -> ProvedFact:
    data = shown.data.encode()
    fact = LoggedFact(shown.position, shown.stream.bytes, shown.version, shown.name, data)
    return ProvedFact(fact, shown.block, shown.place, tuple(map(_hash, shown.path)))


def _fact_shown(proved: ProvedFact) -> FactShown:
    fact = proved.fact
    try:
        data = fact.data.decode()
    except UnicodeDecodeError as error:
        raise ValueError(f"the fact at position {fact.position} is not a text") from error
    return FactShown(
        fact.position,
        UUID(bytes=fact.stream),
        fact.version,
        fact.name,
        data,
        proved.block,
        proved.place,
        list(map(_base64, proved.path)),
    )


def _base64(value: bytes) -> str:
    return base64.b64encode(value).decode()


def _hash(text: str) -> bytes:
    try:
        value = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        value = b""
    if len(value) != HASH_BYTES:
        raise NotProved(f"a hash is {HASH_BYTES} bytes in base64, not {text[:60]!r}")
    return value
