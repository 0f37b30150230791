"""The sealing job: whatever the log has beyond the last block is sealed, signed and published.

It follows the log as a reader does, so nobody who records waits for it. It may be killed at any
time and run in any number of processes: a block's number is taken by whoever stores it first, and
what was stored but not published is published by the next run.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from typing import Protocol
from uuid import UUID

from attrs import evolve, field, frozen

from application.ports import Clock
from domain.checkpoints import Checkpoint, Note, PublicKey, checkpoint_of
from domain.seals import MOST_FACTS, LoggedFact, Sealed, seal

MOST_BLOCKS = 1_000
"""Blocks that one run makes, so that it can be stopped."""

MOST_NOTES = 500
"""Notes that are published at a time."""


class SignedCheckpoints(Protocol):
    """The notes of a log, kept with its blocks."""

    def last(self) -> Sealed | None:
        """The newest block, without its index."""
        ...

    def newest_note(self) -> str | None: ...

    def notes(self, first: int, most: int) -> Sequence[tuple[int, str]]:
        """Number and signed checkpoint of the blocks from a number on."""
        ...


class SealStore(SignedCheckpoints, Protocol):
    """The blocks of a log, kept beside it, and the log itself."""

    def facts_after(self, position: int, most: int) -> Sequence[LoggedFact]:
        """Facts in order, as far as no earlier one can still appear."""
        ...

    def entries_after(self, position: int, most: int) -> Sequence[bytes]:
        """The entries of the same facts, to be sealed."""
        ...

    def add(self, sealed: Sealed) -> bool:
        """Stores the next block; False if another process has stored one of this number."""
        ...

    def blocks(self, first: int = 0, *, headers: bool = False) -> Iterator[Sealed]:
        """All blocks in order from a number on; ``headers``: without their indexes."""
        ...

    def block_of(self, position: int) -> Sealed | None:
        """The block that covers a position, None while it is not sealed."""
        ...

    def facts_of(self, stream_id: UUID, versions: Sequence[int] | None = None) -> list[LoggedFact]:
        """The facts of one stream with their positions, all or these."""
        ...


class Signer(Protocol):
    @property
    def public_key(self) -> PublicKey: ...

    def sign(self, text: str) -> Note: ...


class Publisher(Protocol):
    """Somewhere outside the database, where checkpoints are kept for ever."""

    def newest(self, origin: str) -> Checkpoint | None:
        """The last checkpoint of this log that was published there."""
        ...

    def publish(self, origin: str, notes: Sequence[str]) -> None:
        """Adds the checkpoints, smallest first, which are there when this returns.

        One that is there already is left out.
        """
        ...


class LedgerIsBehind(Exception):
    """The ledger has fewer blocks than were signed and published under this name.

    Nothing is sealed, for a log never signs two histories: either facts were cut off, or an older
    copy was restored, which goes on under a new name.
    """

    def __init__(self, published: Checkpoint, blocks: int) -> None:
        super().__init__(
            f"{published.origin} has signed {published.size} blocks with {published.facts} facts,"
            f" and the ledger has {blocks} blocks; nothing more is sealed under this name. If an"
            " older copy was restored, go on with a new one: talktime seal keys new NAME"
        )
        self.published = published
        self.blocks = blocks


@frozen
class Sealing:
    """``every``: a block with fewer than ``most_facts`` is made so often at most.

    ``tell`` is given the newest checkpoint whenever this process has made one.
    """

    store: SealStore
    signer: Signer
    clock: Clock
    publishers: Sequence[Publisher] = ()
    tell: Callable[[str], object] = lambda note: None
    every: timedelta = timedelta(seconds=1)
    most_facts: int = field(default=16_384)

    @most_facts.validator
    def _check_most_facts(self, _: object, value: int) -> None:
        if not 1 <= value <= MOST_FACTS:
            raise ValueError(f"a block has 1 to {MOST_FACTS} facts, not {value}")

    @property
    def origin(self) -> str:
        return self.signer.public_key.name

    def run(self) -> int:
        """Seals what is due and publishes what is not published; gives the blocks it made.

        Raises LedgerIsBehind, and whatever a publisher raises.
        """
        made = 0
        newest: Sealed | None = None
        self._check_not_behind()
        while made < MOST_BLOCKS and (sealed := self._next()):
            if self.store.add(sealed):
                made, newest = made + 1, sealed
            if sealed.block.facts < self.most_facts:
                break
        self._publish()
        if newest:
            self.tell(newest.note)
        return made

    def _next(self) -> Sealed | None:
        """The next block if one is due, signed."""
        before = self.store.last()
        entries = self.store.entries_after(before.block.last if before else -1, self.most_facts)
        now = self.clock.now()
        if not entries:
            return None
        if before and len(entries) < self.most_facts:
            # A clock that was put back must not keep the log from being sealed.
            waited = now - before.block.sealed_at
            if timedelta() <= waited < self.every:
                return None
        sealed = seal(before, entries, now)
        note = self.signer.sign(checkpoint_of(self.origin, sealed).text)
        return evolve(sealed, note=str(note))

    def _check_not_behind(self) -> None:
        # The publishers first: a block is stored before it is published.
        published = [each.newest(self.origin) for each in self.publishers]
        if not any(published):
            return
        last = self.store.last()
        blocks = last.block.number + 1 if last else 0
        for newest in published:
            if newest and newest.size > blocks:
                raise LedgerIsBehind(newest, blocks)

    def _publish(self) -> None:
        for publisher in self.publishers:
            newest = publisher.newest(self.origin)
            number = newest.size if newest else 0
            while notes := self.store.notes(number, MOST_NOTES):
                number = notes[-1][0] + 1
                # Blocks that were signed under another name are not this log's to publish.
                own = [note for _, note in notes if note.startswith(f"{self.origin}\n")]
                if own:
                    publisher.publish(self.origin, own)
                if len(notes) < MOST_NOTES:
                    break
