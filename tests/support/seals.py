"""A log in memory that can be sealed, and the keys to do it with."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid5

from attrs import define, evolve, field

from adapters.sealing.keys import SealKey
from domain.checkpoints import checkpoint_of
from domain.seals import LoggedFact, Sealed, entries_of, seal

ORIGIN = "example.com/ledger"
NOON = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)

_NAMES = UUID("5b0c5a4e-3d7f-4bb2-9d9e-0a2f6d1c7e10")


def logged(number: int, *, gap: int = 1) -> LoggedFact:
    """The fact at a place in some log, from 1; always the same one."""
    stream = uuid5(_NAMES, str(number % 7)).bytes
    data = f'{{"v":1,"at":"2026-11-21T12:00:00Z","fact":{{"amount":{number}}}}}'.encode()
    return LoggedFact(number * gap, stream, number // 7 + 1, "funds-added", data)


def chain(facts: Sequence[LoggedFact], sizes: Sequence[int], key: SealKey) -> list[Sealed]:
    """Blocks of these sizes over the first of the facts, each signed."""
    blocks: list[Sealed] = []
    start = 0
    for number, size in enumerate(sizes):
        some = facts[start : start + size]
        before = blocks[-1] if blocks else None
        made = seal(before, entries_of(some), NOON + timedelta(seconds=number))
        note = key.sign(checkpoint_of(key.public_key.name, made).text)
        blocks.append(evolve(made, note=str(note)))
        start += size
    return blocks


@define(slots=False)
class MemorySeals:
    """The port ``SealStore`` without a database. ``facts`` is the log, up to the horizon."""

    facts: list[LoggedFact] = field(factory=list)
    sealed: list[Sealed] = field(factory=list)

    def last(self) -> Sealed | None:
        return evolve(self.sealed[-1], index=b"") if self.sealed else None

    def facts_after(self, position: int, most: int) -> Sequence[LoggedFact]:
        return [each for each in self.facts if each.position > position][:most]

    def entries_after(self, position: int, most: int) -> Sequence[bytes]:
        return entries_of(self.facts_after(position, most))

    def add(self, sealed: Sealed) -> bool:
        if sealed.block.number != len(self.sealed):
            return False
        self.sealed.append(sealed)
        return True

    def blocks(self, first: int = 0, *, headers: bool = False) -> Iterator[Sealed]:
        yield from self.sealed[first:]

    def block_of(self, position: int) -> Sealed | None:
        return next((each for each in self.sealed if each.block.last >= position), None)

    def newest_note(self) -> str | None:
        return self.sealed[-1].note if self.sealed else None

    def notes(self, first: int, most: int) -> Sequence[tuple[int, str]]:
        return [(each.block.number, each.note) for each in self.sealed[first : first + most]]

    def facts_of(self, stream_id: UUID, versions: Sequence[int] | None = None) -> list[LoggedFact]:
        return [
            each
            for each in self.facts
            if each.stream_id == stream_id and (versions is None or each.version in versions)
        ]


def sealed_log(facts: int = 10, a_block: int = 4) -> MemorySeals:
    """A log that was sealed in blocks."""
    log = [logged(number) for number in range(1, facts + 1)]
    sizes = [a_block] * (facts // a_block) + ([facts % a_block] if facts % a_block else [])
    return MemorySeals(log, chain(log, sizes, SealKey.new(ORIGIN)))
