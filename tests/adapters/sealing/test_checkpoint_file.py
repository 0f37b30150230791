"""The file of checkpoints only grows, whoever publishes to it and whenever one of them dies."""

from __future__ import annotations

import fcntl
import multiprocessing
import threading
from itertools import pairwise
from pathlib import Path

import pytest

from adapters.sealing.checkpoint_file import CheckpointFile, published
from adapters.sealing.keys import PublicKeys, SealKey, unchecked
from domain.checkpoints import MOST_NOTE, NotACheckpoint, notes_in
from tests.support.seals import ORIGIN, chain, logged

KEY = SealKey.new(ORIGIN)
OTHER = SealKey.new("example.org/other")
KEYS = PublicKeys((KEY.public_key,))
LOG = [logged(number) for number in range(1, 41)]
NOTES = [each.note for each in chain(LOG, [1] * 40, KEY)]
THEIRS = [each.note for each in chain(LOG, [1] * 40, OTHER)]


def notes(path: Path) -> list[str]:
    return list(notes_in(path.read_text().splitlines(keepends=True)))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "public" / "checkpoints"


def test_what_is_published_is_there_once(path: Path) -> None:
    file = CheckpointFile(path)
    assert file.newest(ORIGIN) is None
    file.publish(ORIGIN, NOTES[:3])
    file.publish(ORIGIN, NOTES[1:5])
    file.publish(ORIGIN, NOTES[:2])
    assert notes(path) == NOTES[:5]
    assert file.newest(ORIGIN) == unchecked(NOTES[4])


@pytest.mark.parametrize("lost", [1, 2, 10, 100, 150])
def test_a_note_that_was_not_written_whole_is_written_again(path: Path, lost: int) -> None:
    file = CheckpointFile(path)
    file.publish(ORIGIN, NOTES[:3])
    path.write_bytes(path.read_bytes()[:-lost])
    assert file.newest(ORIGIN) == unchecked(NOTES[1])
    file.publish(ORIGIN, NOTES[2:4])
    assert notes(path) == NOTES[:4]


@pytest.mark.parametrize("left", [1, 30, 80, 120])
def test_a_first_note_that_was_not_written_whole_is_written_again(path: Path, left: int) -> None:
    path.parent.mkdir()
    path.write_bytes(NOTES[0].encode()[:left])
    file = CheckpointFile(path)
    file.publish(ORIGIN, NOTES[:2])
    assert notes(path) == NOTES[:2]


def test_logs_under_other_names_may_share_the_file(path: Path) -> None:
    file = CheckpointFile(path)
    file.publish(ORIGIN, NOTES[:5])
    file.publish(OTHER.public_key.name, THEIRS[:3])
    assert file.newest(ORIGIN) == unchecked(NOTES[4])
    assert file.newest(OTHER.public_key.name) == unchecked(THEIRS[2])
    file.publish(ORIGIN, NOTES[:6])
    assert notes(path) == [*NOTES[:5], *THEIRS[:3], NOTES[5]]


def test_the_newest_of_a_name_is_found_however_far_back_it_is(path: Path) -> None:
    file = CheckpointFile(path)
    file.publish(ORIGIN, NOTES[:5])
    with path.open("a") as more:
        more.writelines(f"{note}\n" for note in THEIRS * 10)
    assert path.stat().st_size > 64 * 1024
    assert file.newest(ORIGIN) == unchecked(NOTES[4])
    assert file.newest("nobody.example") is None


@pytest.mark.parametrize("left", [0, 30])
def test_a_first_note_of_which_the_power_left_the_length_is_written_again(
    path: Path, left: int
) -> None:
    """Zeros are read for what did not reach the disk."""
    path.parent.mkdir()
    path.write_bytes(NOTES[0].encode()[:left] + bytes(len(NOTES[0]) - left))
    file = CheckpointFile(path)
    file.publish(ORIGIN, NOTES[:2])
    assert notes(path) == NOTES[:2]


@pytest.mark.parametrize("begin", [600, 512, 700])
def test_a_note_in_which_zeros_stand_for_a_lost_sector_is_written_again(
    path: Path, begin: int
) -> None:
    """Sectors reach the disk in any order: what follows may be whole, and its signature too."""
    file = CheckpointFile(path)
    file.publish(ORIGIN, NOTES[:8])
    content = path.read_bytes()
    path.write_bytes(content[:begin] + bytes(100) + content[begin + 100 :])
    before = content[:begin].count(b"\n\n") // 2
    assert [each.size for each in published(path, KEYS, thorough=True)][-1] == before
    assert file.newest(ORIGIN) == unchecked(NOTES[before - 1])
    file.publish(ORIGIN, NOTES)
    assert notes(path) == NOTES


def test_a_first_note_whose_first_sector_was_lost_is_written_again(path: Path) -> None:
    path.parent.mkdir()
    content = "".join(f"{note}\n" for note in NOTES[:8]).encode()
    path.write_bytes(bytes(512) + content[512:])
    with pytest.raises(NotACheckpoint, match="no checkpoint"):
        list(published(path, KEYS, thorough=False))
    CheckpointFile(path).publish(ORIGIN, NOTES)
    assert notes(path) == NOTES


def test_so_much_is_synced_at_once_that_the_end_of_the_file_shows_what_was_not(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes = [0]

    def synced(file: int) -> None:
        sizes.append(max(sizes[-1], path.stat().st_size))

    monkeypatch.setattr("adapters.sealing.checkpoint_file.os.fsync", synced)
    many = [each.note for each in chain([logged(n) for n in range(1, 301)], [1] * 300, KEY)]
    CheckpointFile(path).publish(ORIGIN, many)
    assert sizes[-1] > 2 * MOST_NOTE
    assert max(after - before for before, after in pairwise(sizes)) < 2 * MOST_NOTE


def test_a_file_with_zeros_far_from_its_end_is_no_file_of_checkpoints(path: Path) -> None:
    many = [each.note for each in chain([logged(n) for n in range(1, 501)], [1] * 500, KEY)]
    CheckpointFile(path).publish(ORIGIN, many)
    content = path.read_bytes()
    path.write_bytes(content[:1_000] + b"\0" + content[1_001:])
    with pytest.raises(NotACheckpoint, match="something else than checkpoints"):
        list(published(path, KEYS, thorough=False))


@pytest.mark.parametrize(
    "content", [b"SQLite format 3\0" * 20, b"x" * 100_000, b"one line\n", b"\0\x7fELF"]
)
def test_a_file_that_holds_something_else_is_left_alone(path: Path, content: bytes) -> None:
    path.parent.mkdir()
    path.write_bytes(content)
    with pytest.raises(NotACheckpoint, match="something else than checkpoints"):
        CheckpointFile(path).publish(ORIGIN, NOTES[:1])
    assert path.read_bytes() == content


def publish(path: Path, first: int) -> None:
    for number in range(first, 40, 2):
        CheckpointFile(path).publish(ORIGIN, NOTES[: number + 1])


def test_processes_publish_to_one_file_in_turn(path: Path) -> None:
    # Forked, so that both have the notes of this process.
    context = multiprocessing.get_context("fork")
    running = [context.Process(target=publish, args=(path, first)) for first in (0, 1)]
    for each in running:
        each.start()
    for each in running:
        each.join(60)
    assert [each.exitcode for each in running] == [0, 0]
    assert notes(path) == NOTES


def test_who_publishes_waits_for_another_and_sees_what_it_published(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = CheckpointFile(path)
    file.publish(ORIGIN, NOTES[:1])
    lock, waits = fcntl.flock, threading.Event()

    def told(*arguments: int) -> None:
        waits.set()
        lock(*arguments)

    monkeypatch.setattr("adapters.sealing.checkpoint_file.fcntl.flock", told)
    with path.open("a") as other:
        lock(other, fcntl.LOCK_EX)
        publisher = threading.Thread(target=file.publish, args=(ORIGIN, NOTES[:3]))
        publisher.start()
        assert waits.wait(20)
        other.write(f"{NOTES[1]}\n")
    publisher.join(20)
    assert notes(path) == NOTES[:3]


def test_nothing_of_a_longer_note_that_was_not_written_whole_is_left(path: Path) -> None:
    file = CheckpointFile(path)
    file.publish(ORIGIN, NOTES[:1])
    long = SealKey.new(f"example.org/{'long' * 40}")
    with path.open("a") as more:
        more.write(chain(LOG, [1], long)[0].note[:-1])
    file.publish(ORIGIN, NOTES[:2])
    assert path.read_text() == f"{NOTES[0]}\n{NOTES[1]}\n"


# ---- read again


def test_published_checkpoints_are_read_in_order(path: Path) -> None:
    CheckpointFile(path).publish(ORIGIN, NOTES)
    for thorough in (False, True):
        found = list(published(path, KEYS, thorough=thorough))
        assert found == [unchecked(each) for each in NOTES]


def test_one_note_that_somebody_kept_is_a_file_too(tmp_path: Path) -> None:
    path = tmp_path / "kept"
    path.write_text(NOTES[7])
    assert list(published(path, KEYS, thorough=False)) == [unchecked(NOTES[7])]
    path.write_text(NOTES[7] * 1 + "\n" + NOTES[7])
    assert list(published(path, KEYS, thorough=False)) == [unchecked(NOTES[7])]


def test_checkpoints_of_logs_whose_keys_nobody_gave_are_passed_over(path: Path) -> None:
    CheckpointFile(path).publish(ORIGIN, NOTES[:2])
    CheckpointFile(path).publish(OTHER.public_key.name, THEIRS[:4])
    assert [each.size for each in published(path, KEYS, thorough=True)] == [1, 2]
    nobody = PublicKeys((SealKey.new("nobody.example").public_key,))
    with pytest.raises(NotACheckpoint, match="no checkpoint that is signed under these keys"):
        list(published(path, nobody, thorough=False))


def test_the_last_signature_is_always_checked_the_others_when_it_matters(path: Path) -> None:
    CheckpointFile(path).publish(ORIGIN, NOTES[:3])
    text = path.read_text()
    path.write_text(text.replace("facts 3", "facts 4"))
    with pytest.raises(NotACheckpoint, match=r"signature of example\.com/ledger is wrong"):
        list(published(path, KEYS, thorough=False))
    path.write_text(text.replace("facts 2", "facts 4"))
    assert len(list(published(path, KEYS, thorough=False))) == 3
    with pytest.raises(NotACheckpoint, match=r"signature of example\.com/ledger is wrong"):
        list(published(path, KEYS, thorough=True))


def test_two_histories_in_one_file_are_refused(path: Path) -> None:
    path.parent.mkdir()
    path.write_text("".join(f"{note}\n" for note in (NOTES[4], NOTES[2])))
    with pytest.raises(NotACheckpoint, match="tells two histories"):
        list(published(path, KEYS, thorough=False))


def test_a_file_of_other_bytes_is_no_file_of_checkpoints(tmp_path: Path) -> None:
    path = tmp_path / "kept"
    for content in (b"", b"\xff\xfe\xfd"):
        path.write_bytes(content)
        with pytest.raises(NotACheckpoint):
            list(published(path, KEYS, thorough=False))
