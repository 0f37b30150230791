"""Checks a log against its seals, and names the first block and fact that is not as it was sealed.

The facts are compared with the index of their block, the index with the root in the header, the
header with the one before, and the tree of headers with every checkpoint that was signed. So who
changes a fact has to change all of these, and the last one was signed and published.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from enum import StrEnum
from operator import itemgetter
from uuid import UUID

from attrs import define, field, frozen
from attrs import evolve as changed

from domain.checkpoints import Checkpoint, checkpoint_of
from domain.merkle import Frontier, merkle_root
from domain.seals import (
    BEFORE_ALL,
    Entry,
    LoggedFact,
    Sealed,
    entries_in,
    index_of,
    leaves_of,
)

_position = itemgetter(0)

ReadNote = Callable[[str], Checkpoint]
"""Reads the note that is kept with a block; raises ValueError for one that is not genuine."""


class Breakage(StrEnum):
    """What was done to the log."""

    EDITED = "edited"
    DELETED = "deleted"
    INSERTED = "inserted"
    MOVED = "moved"
    CUT = "cut off"
    RESEALED = "resealed"
    SEAL_DAMAGED = "seal damaged"
    FORGED = "forged"


@frozen
class Break:
    """The first thing that is wrong: in which block, and at which fact if that can be said.

    ``position`` is where the fact is, or was; its stream, version and name are those found there.
    """

    kind: Breakage
    block: int
    told: str
    position: int | None = None
    stream_id: UUID | None = None
    version: int | None = None
    name: str | None = None
    digest: bytes | None = field(default=None, repr=False)


@frozen
class Checked:
    """A log that is as it was sealed: its blocks and facts, and those not sealed yet."""

    blocks: int
    facts: int
    unsealed: int
    checkpoints: int
    """Published checkpoints that were compared."""


@define
class SealCheck:
    """Is given the whole log in order, in pages, and says at the first break what it is.

    ``blocks`` are all blocks in order; ``published`` the checkpoints that were published, smallest
    first, their signatures checked by whoever reads them. ``stored`` reads the notes of blocks.
    """

    _blocks: Iterator[Sealed]
    _published: Iterator[Checkpoint]
    _stored: ReadNote | None = None
    _current: Sealed | None = None
    _before: Sealed | None = None
    _promised: Checkpoint | None = None
    _compared: int = 0
    _facts: list[LoggedFact] = field(factory=list)
    _seen: int = 0
    _last: int | None = None

    @classmethod
    def of(
        cls,
        blocks: Iterable[Sealed],
        published: Iterable[Checkpoint] = (),
        stored: ReadNote | None = None,
    ) -> SealCheck:
        check = cls(iter(blocks), iter(published), stored)
        check._current = next(check._blocks, None)
        check._promised = next(check._published, None)
        return check

    def see(self, facts: Sequence[LoggedFact]) -> Break | None:
        """The next facts of the log. After a break there is nothing more to see."""
        start = 0
        while self._current is not None and start < len(facts):
            last = self._current.block.last
            end = bisect_right(facts, last, start, key=_position)
            self._facts += facts[start:end]
            start = end
            if end < len(facts) and (found := self._close_block()):
                return found
        self._seen += len(facts)
        if facts:
            self._last = facts[-1].position
        return None

    def end(self) -> Break | Checked:
        """To be asked when the log has no more facts."""
        while self._current is not None:
            if found := self._close_block(nothing_follows=True):
                return found
        before = self._before
        total = before.block.total if before else 0
        if self._promised is not None:
            return self._missing(self._promised)
        blocks = before.block.number + 1 if before else 0
        return Checked(blocks, total, self._seen - total, self._compared)

    def _close_block(self, *, nothing_follows: bool = False) -> Break | None:
        sealed, facts = self._current, self._facts
        assert sealed is not None
        found = (
            check_header(self._before, sealed, self._stored)
            or self._against_published(sealed)
            or check_facts(sealed, facts, nothing_follows=nothing_follows)
        )
        if found:
            return found
        self._before, self._current, self._facts = sealed, next(self._blocks, None), []
        return None

    def _against_published(self, sealed: Sealed) -> Break | None:
        while (promised := self._promised) and promised.size <= sealed.tree.size:
            if promised != checkpoint_of(promised.origin, sealed):
                return Break(
                    Breakage.RESEALED,
                    promised.size - 1,
                    f"block {promised.size - 1} is not the one that {promised.origin} signed and"
                    " published: it was sealed again over other facts",
                )
            self._compared += 1
            self._promised = next(self._published, None)
        return None

    def _missing(self, promised: Checkpoint) -> Break:
        """What a published checkpoint promises, and neither blocks nor facts are there."""
        block = self._before.block.number + 1 if self._before else 0
        there = f"the log ends at position {self._last}" if self._seen else "the log is empty"
        told = (
            f"{promised.origin} signed {promised.facts} facts up to position {promised.last} in"
            f" {promised.size} blocks; {there} after {self._seen} facts, and block {block} is gone"
        )
        kind = Breakage.SEAL_DAMAGED if self._seen >= promised.facts else Breakage.CUT
        return Break(kind, block, told)


def check_header(
    before: Sealed | None, sealed: Sealed, stored: ReadNote | None = None
) -> Break | None:
    """Whether a block follows the one before, and its note is about it."""
    block, last = sealed.block, before.block if before else None
    number = last.number + 1 if last else 0

    def damaged(told: str) -> Break:
        return Break(Breakage.SEAL_DAMAGED, number, told)

    if block.number != number:
        return damaged(f"block {number} is gone: the next one there is {block.number}")
    if block.previous != (last.hash if last else BEFORE_ALL):
        return damaged(f"the header of block {number} does not name the block before it")
    if (
        block.facts < 1
        or block.total != (last.total if last else 0) + block.facts
        or not (last.last if last else -1) < block.first <= block.last
    ):
        return damaged(f"the counts in the header of block {number} cannot be")
    if sealed.tree != (before.tree if before else Frontier()).add(block.hash):
        return damaged(f"the header of block {number} was changed")
    if stored is None:
        return None
    try:
        signed = stored(sealed.note)
    except ValueError as error:
        return Break(Breakage.FORGED, number, f"the note of block {number} is not genuine: {error}")
    if signed != checkpoint_of(signed.origin, sealed):
        return Break(
            Breakage.RESEALED, number, f"block {number} is not the one that {signed.origin} signed"
        )
    return None


def check_facts(
    sealed: Sealed, facts: Sequence[LoggedFact], *, nothing_follows: bool = False
) -> Break | None:
    """Whether these, all facts beyond the block before up to its last position, are as sealed.

    ``nothing_follows``: the log has no later fact, so what is missing at the end was cut off.
    """
    block, index = sealed.block, index_of(facts)
    as_sealed = merkle_root(leaves_of(index)) == block.root
    if as_sealed and index == sealed.index:
        return None
    number = block.number
    if as_sealed:
        return Break(
            Breakage.SEAL_DAMAGED,
            number,
            f"the index of block {number} was changed; its facts are as they were sealed",
        )
    try:
        wanted = entries_in(sealed.index)
    except ValueError:
        wanted = []
    if merkle_root(leaves_of(sealed.index)) != block.root:
        return Break(
            Breakage.EDITED,
            number,
            f"facts of block {number}, from position {block.first} to {block.last}, were changed,"
            " and its index with them: which facts cannot be told",
        )
    return _first_difference(number, wanted, facts, entries_in(index), nothing_follows)


def moved_from(found: Break, blocks: Iterable[Sealed]) -> Break:
    """The same break, if the fact there was sealed at another position: then it was moved."""
    if found.digest is None or found.kind not in (Breakage.EDITED, Breakage.INSERTED):
        return found
    for sealed in blocks:
        if found.digest in sealed.index:
            for position, digest in entries_in(sealed.index):
                if digest == found.digest:
                    told = f"the fact at position {found.position} was sealed at {position}"
                    return changed(found, kind=Breakage.MOVED, told=told)
    return found


def _first_difference(
    block: int,
    wanted: Sequence[Entry],
    facts: Sequence[LoggedFact],
    found: Sequence[Entry],
    nothing_follows: bool,
) -> Break:
    sealed_at = {digest: position for position, digest in wanted}
    now_at = {digest: position for position, digest in found}
    at = next(
        (n for n, (one, other) in enumerate(zip(wanted, found, strict=False)) if one != other),
        min(len(wanted), len(found)),
    )
    missing = wanted[at] if at < len(wanted) else None
    there = found[at] if at < len(found) else None
    if there and (missing is None or there.position <= missing.position):
        fact = facts[at]
        where = f"the fact at position {there.position} (stream {fact.stream_id}, {fact.name})"
        if (origin := sealed_at.get(there.digest)) is not None:
            kind, told = Breakage.MOVED, f"{where} was sealed at {origin}"
        elif missing and there.position == missing.position:
            kind, told = Breakage.EDITED, f"{where} is not as it was sealed"
        else:
            kind, told = Breakage.INSERTED, f"{where} was not there when its block was sealed"
        return Break(
            kind, block, told, there.position, fact.stream_id, fact.version, fact.name, there.digest
        )
    assert missing is not None, "the facts differ from the index"
    position = missing.position
    if (now := now_at.get(missing.digest)) is not None:
        told = f"the fact of position {position} is now at {now}"
        return Break(Breakage.MOVED, block, told, position)
    if nothing_follows and there is None:
        rest = len(wanted) - at
        told = f"the log was cut off from position {position} on: {rest} facts of block {block}"
        return Break(Breakage.CUT, block, f"{told} are gone, and all after them", position)
    return Break(Breakage.DELETED, block, f"the fact of position {position} is gone", position)
