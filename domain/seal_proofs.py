"""A proof that some facts are in the log that was signed, to be checked without the log.

For each fact, the way from its leaf to the root in its block's header; for each block, the way
from its header to the root in a signed checkpoint.
"""

from __future__ import annotations

from attrs import frozen

from domain.checkpoints import Checkpoint
from domain.merkle import leaf_hash, root_of_path
from domain.seals import Block, LoggedFact, entry_of

MOST_FACTS = 10_000
"""Facts in one proof."""


class NotProved(ValueError):
    """Says which part of a proof does not hold."""


@frozen
class ProvedFact:
    """``place``: which leaf of its block the fact is, from 0."""

    fact: LoggedFact
    block: int
    place: int
    path: tuple[bytes, ...]


@frozen
class ProvedBlock:
    block: Block
    path: tuple[bytes, ...]


@frozen
class Proof:
    """``note`` is the signed checkpoint, whose signature has to be checked as well."""

    note: str
    blocks: tuple[ProvedBlock, ...]
    facts: tuple[ProvedFact, ...]


def check_proof(proof: Proof, checkpoint: Checkpoint) -> None:
    """Whether every fact leads to the root of the checkpoint. Raises NotProved."""
    if not proof.facts:
        raise NotProved("the proof is about no fact")
    headers: dict[int, Block] = {}
    for proved in proof.blocks:
        block = proved.block
        try:
            root = root_of_path(block.number, checkpoint.size, block.hash, proved.path)
        except ValueError as error:
            raise NotProved(f"block {block.number}: {error}") from error
        if root != checkpoint.root:
            raise NotProved(f"block {block.number} is not in the log that was signed")
        headers[block.number] = block
    for each in proof.facts:
        where = f"the fact at position {each.fact.position}"
        header = headers.get(each.block)
        if header is None:
            raise NotProved(f"{where}: block {each.block} is not in the proof")
        leaf = leaf_hash(entry_of(each.fact))
        try:
            root = root_of_path(each.place, header.facts, leaf, each.path)
        except ValueError as error:
            raise NotProved(f"{where}: {error}") from error
        if root != header.root:
            raise NotProved(f"{where} is not in block {each.block} as it stands here")
