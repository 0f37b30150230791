"""The sealing job seals what is due, once, whoever runs it and however often it dies."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import pytest
from attrs import define, field

from adapters.sealing.keys import PublicKeys, SealKey, unchecked
from application.sealing import LedgerIsBehind, Sealing
from domain.checkpoints import Checkpoint
from domain.seal_checks import Checked, SealCheck
from domain.seals import MOST_FACTS, Sealed
from tests.support.memory import SetClock
from tests.support.seals import ORIGIN, MemorySeals, logged

KEY = SealKey.new(ORIGIN)


@define
class Board:
    """A publisher that keeps what it was given, and fails when it is told to."""

    notes: list[str] = field(factory=list)
    broken: bool = False

    def newest(self, origin: str) -> Checkpoint | None:
        own = [unchecked(note) for note in self.notes if note.startswith(f"{origin}\n")]
        return own[-1] if own else None

    def publish(self, origin: str, notes: Sequence[str]) -> None:
        if self.broken:
            raise OSError("the disk is full")
        self.notes += [note for note in notes if note not in self.notes]


@define
class Office:
    """A log that is recorded in, and its sealing job."""

    store: MemorySeals = field(factory=MemorySeals)
    clock: SetClock = field(factory=SetClock)
    board: Board = field(factory=Board)
    told: list[str] = field(factory=list)
    key: SealKey = KEY
    most: int = 4

    def record(self, facts: int) -> None:
        for _ in range(facts):
            self.store.facts.append(logged(len(self.store.facts) + 1))

    @property
    def job(self) -> Sealing:
        return Sealing(
            self.store,
            self.key,
            self.clock,
            [self.board],
            self.told.append,
            timedelta(seconds=10),
            self.most,
        )

    @property
    def sizes(self) -> list[int]:
        return [each.block.facts for each in self.store.sealed]

    def check(self) -> Checked:
        published = [unchecked(note) for note in self.board.notes]
        keys = PublicKeys((self.key.public_key,))
        check = SealCheck.of(self.store.blocks(), published, keys.checkpoint)
        assert check.see(self.store.facts) is None
        found = check.end()
        assert isinstance(found, Checked)
        return found


@pytest.fixture
def office() -> Office:
    return Office()


def test_an_empty_log_has_nothing_to_seal(office: Office) -> None:
    assert office.job.run() == 0
    assert office.board.notes == office.told == []


def test_what_is_recorded_is_sealed_signed_and_published(office: Office) -> None:
    office.record(3)
    assert office.job.run() == 1
    assert office.check() == Checked(blocks=1, facts=3, unsealed=0, checkpoints=1)
    assert office.told == office.board.notes == [office.store.sealed[0].note]


def test_a_long_log_is_sealed_in_blocks_of_at_most_so_many_facts(office: Office) -> None:
    office.record(11)
    assert office.job.run() == 2
    assert office.sizes == [4, 4]
    office.clock.pass_by(seconds=10)
    assert office.job.run() == 1
    assert office.sizes == [4, 4, 3]
    assert office.check().unsealed == 0


def test_small_blocks_are_made_so_often_at_most(office: Office) -> None:
    office.record(1)
    office.job.run()
    office.record(1)
    office.clock.pass_by(seconds=9.999)
    assert office.job.run() == 0
    office.clock.pass_by(seconds=0.001)
    assert office.job.run() == 1


def test_a_full_block_does_not_wait(office: Office) -> None:
    office.record(1)
    office.job.run()
    office.record(4)
    assert office.job.run() == 1


def test_a_clock_that_is_put_back_does_not_keep_the_log_from_being_sealed(office: Office) -> None:
    office.record(1)
    office.job.run()
    office.record(1)
    office.clock.pass_by(hours=-1)
    assert office.job.run() == 1
    assert office.check().facts == 2


def test_asking_again_does_nothing(office: Office) -> None:
    office.record(3)
    office.job.run()
    office.clock.pass_by(hours=1)
    assert office.job.run() == 0
    assert len(office.board.notes) == 1


def test_of_two_processes_at_once_one_makes_the_block(office: Office) -> None:
    """The other one comes between a look at the log and the storing of the block."""
    office.record(3)
    other, add = office.job, office.store.add

    def late(sealed: Sealed) -> bool:
        office.store.add = add  # type: ignore[method-assign]
        assert other.run() == 1
        return add(sealed)

    office.store.add = late  # type: ignore[method-assign]
    assert office.job.run() == 0
    assert office.sizes == [3]
    assert office.check().checkpoints == 1


def test_a_block_that_could_not_be_published_is_published_later(office: Office) -> None:
    office.record(3)
    office.board.broken = True
    with pytest.raises(OSError, match="full"):
        office.job.run()
    assert office.told == []
    office.board.broken = False
    assert office.job.run() == 0
    assert office.check().checkpoints == 1


def test_a_new_publisher_gets_everything(office: Office) -> None:
    office.record(9)
    office.job.run()
    office.board = Board()
    office.job.run()
    assert len(office.board.notes) == 2


# ---- a log never signs two histories


def test_a_log_that_is_behind_what_it_published_is_not_sealed(office: Office) -> None:
    office.record(12)
    office.job.run()
    del office.store.sealed[2:], office.store.facts[8:]
    office.record(6)
    with pytest.raises(LedgerIsBehind, match="has signed 3 blocks with 12 facts") as refused:
        office.job.run()
    assert refused.value.blocks == 2
    assert office.sizes == [4, 4]


def test_it_goes_on_under_a_new_name(office: Office) -> None:
    """As after the restore of a copy that is older than the newest checkpoint."""
    office.record(12)
    office.job.run()
    del office.store.sealed[2:], office.store.facts[8:]
    office.record(6)
    office.key = SealKey.new("example.com/ledger-2")
    office.job.run()
    assert office.sizes == [4, 4, 4]
    own = [note for note in office.board.notes if note.startswith("example.com/ledger-2\n")]
    assert [unchecked(note).size for note in own] == [3]


@pytest.mark.parametrize("most", [0, MOST_FACTS + 1])
def test_a_block_has_a_limit(office: Office, most: int) -> None:
    office.most = most
    with pytest.raises(ValueError, match="1 to 65536 facts"):
        office.job.run()
