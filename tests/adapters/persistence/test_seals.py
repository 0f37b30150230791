"""A stored log is sealed as far as it is safe to read, and tampering by SQL is found."""

from __future__ import annotations

import random
import shutil
import sqlite3
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from attrs import frozen
from eventsourcing.persistence import StoredEvent
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adapters.persistence.connecting import connect
from adapters.persistence.migrations import upgrade
from adapters.persistence.recorder import EventRecorder
from adapters.persistence.seals import StoredSeals
from adapters.sealing.checkpoint_file import CheckpointFile
from adapters.sealing.keys import PublicKeys, SealKey
from application.seal_verification import facts_in_order, verify
from application.sealing import Sealing
from domain.checkpoints import UnknownKey
from domain.seal_checks import Break, Breakage, Checked
from talktime.sealing import Trusted
from tests.support.memory import SetClock
from tests.support.seals import ORIGIN

KEY = SealKey.new(ORIGIN)
KEYS = PublicKeys((KEY.public_key,))


def record(recorder: EventRecorder, facts: int) -> None:
    for number in range(facts):
        data = f'{{"v":1,"fact":{{"number":{number}}}}}'.encode()
        recorder.insert_events([StoredEvent(uuid4(), 1, "funds-added", data)])


def job(recorder: EventRecorder, path: Path | None = None, most: int = 5) -> Sealing:
    publishers = [CheckpointFile(path)] if path else []
    every = timedelta()
    return Sealing(StoredSeals(recorder), KEY, SetClock(), publishers, every=every, most_facts=most)


def test_a_sealed_log_is_as_it_was_sealed(recorder: EventRecorder, tmp_path: Path) -> None:
    record(recorder, 13)
    path = tmp_path / "checkpoints"
    assert job(recorder, path).run() == 3
    record(recorder, 2)
    store = StoredSeals(recorder)
    assert verify(store, Trusted(KEYS, path)) == Checked(3, 13, 2, 3)
    assert job(recorder, path).run() == 1
    assert verify(store, Trusted(KEYS, path)) == Checked(4, 15, 0, 4)


def test_blocks_come_back_as_they_were_stored(recorder: EventRecorder) -> None:
    record(recorder, 13)
    job(recorder).run()
    store = StoredSeals(recorder)
    blocks = list(store.blocks())
    assert [each.block.facts for each in blocks] == [5, 5, 3]
    assert list(store.blocks(1)) == blocks[1:]
    assert [each.block for each in store.blocks(headers=True)] == [each.block for each in blocks]
    newest = store.last()
    assert newest
    assert (newest.block, newest.tree, newest.index) == (blocks[2].block, blocks[2].tree, b"")
    assert store.newest_note() == blocks[2].note
    assert store.notes(1, 1) == [(1, blocks[1].note)]
    positions = [fact.position for page in facts_in_order(store) for fact in page]
    assert store.block_of(positions[5]) == blocks[1]
    assert store.block_of(positions[-1] + 1) is None
    (fact,) = store.facts_of(next(facts_in_order(store))[3].stream_id)
    assert fact.position == positions[3]
    assert store.facts_of(fact.stream_id, [2]) == []


def test_of_two_processes_one_stores_a_block(recorder: EventRecorder) -> None:
    record(recorder, 3)
    job(recorder).run()
    store = StoredSeals(recorder)
    (stored,) = store.blocks()
    assert not store.add(stored)
    assert list(store.blocks()) == [stored]


@pytest.mark.postgres
@pytest.mark.parametrize("store_kind", ["postgres"], indirect=True)
def test_nothing_is_sealed_beyond_a_writer_that_may_still_store(recorder: EventRecorder) -> None:
    """Otherwise a fact would appear in a block that was made without it."""
    record(recorder, 2)
    with recorder.writing() as slow:
        slow.exec_driver_sql("SELECT pg_current_xact_id()")
        record(recorder, 3)
        job(recorder).run()
    assert [each.block.total for each in StoredSeals(recorder).blocks()] == [2]
    job(recorder).run()
    assert [each.block.total for each in StoredSeals(recorder).blocks()] == [2, 5]


# ---- tampering, by somebody who can write to the database's file


@frozen
class SealedFile:
    """The file of a sealed ledger with 40 facts at every third position, and what was published."""

    path: Path
    checkpoints: Path

    def copy(self, name: str) -> SealedFile:
        return SealedFile(Path(shutil.copy(self.path, self.path.parent / name)), self.checkpoints)

    def change(self, *statements: tuple[str, tuple[object, ...]]) -> None:
        with closing(sqlite3.connect(self.path)) as database, database:
            for statement, values in statements:
                database.execute(statement, values)

    def rows(self) -> dict[int, tuple[object, ...]]:
        with closing(sqlite3.connect(self.path)) as database:
            return {row[0]: row for row in database.execute("SELECT * FROM events")}

    def verify(self, *, published: bool = True) -> Break | Checked:
        with connect(f"sqlite:///{self.path}") as recorder:
            trusted = Trusted(KEYS, self.checkpoints if published else None)
            return verify(StoredSeals(recorder), trusted)


@pytest.fixture(scope="module")
def sealed(tmp_path_factory: pytest.TempPathFactory) -> SealedFile:
    folder = tmp_path_factory.mktemp("sealed")
    found = SealedFile(folder / "ledger.db", folder / "checkpoints")
    with connect(f"sqlite:///{found.path}") as recorder:
        upgrade(recorder)
        record(recorder, 40)
        with recorder.writing() as connection:
            connection.exec_driver_sql("UPDATE events SET position = -position")
            connection.exec_driver_sql("UPDATE events SET position = -3 * position")
        job(recorder, found.checkpoints, 7).run()
        with recorder.writing() as connection:
            connection.exec_driver_sql("DELETE FROM projection_positions")
    with closing(sqlite3.connect(found.path)) as database:
        database.execute("PRAGMA journal_mode = DELETE")
    return found


POSITIONS = range(3, 121, 3)
EDITS = {
    "data": "UPDATE events SET data = CAST(data || ' ' AS BLOB) WHERE position = ?",
    "name": "UPDATE events SET name = 'funds-removed' WHERE position = ?",
    "version": "UPDATE events SET version = version + 1 WHERE position = ?",
    "stream": "UPDATE events SET stream_id = '00000000000000000000000000000001' WHERE position = ?",
    "text": "UPDATE events SET data = replace(data, 'number', 'amount') WHERE position = ?",
    "not a stream": "UPDATE events SET stream_id = 'nobody' WHERE position = ?",
    "capitals": "UPDATE events SET stream_id = upper(stream_id) WHERE position = ?",
    "bytes that are no text": "UPDATE events SET name = CAST(X'FF' AS TEXT) WHERE position = ?",
    "words for a number": "UPDATE events SET version = 'first' WHERE position = ?",
    "below zero": "UPDATE events SET version = -1 WHERE position = ?",
    "an enormous version": "UPDATE events SET version = 9223372036854775807 WHERE position = ?",
    "bytes for a name": "UPDATE events SET name = X'00' WHERE position = ?",
    "a number for data": "UPDATE events SET data = 7 WHERE position = ?",
}
DELETE = "DELETE FROM events WHERE position = ?"
INSERT = "INSERT INTO events VALUES (?, ?, 1, 'funds-added', X'7B7D')"
MOVE = "UPDATE events SET position = ? WHERE position = ?"


@pytest.mark.parametrize("edit", sorted(EDITS))
def test_an_edit_by_sql_is_found_at_the_exact_fact(sealed: SealedFile, edit: str) -> None:
    file = sealed.copy(f"edited-{edit}.db")
    file.change((EDITS[edit], (57,)))
    found = file.verify()
    assert isinstance(found, Break)
    assert (found.kind, found.block, found.position) == (Breakage.EDITED, 2, 57)


def test_an_untouched_copy_is_as_it_was_sealed(sealed: SealedFile) -> None:
    assert sealed.copy("untouched.db").verify() == Checked(6, 40, 0, 6)


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(seed=st.integers(0, 1 << 32))
def test_whatever_is_done_by_sql_the_first_wrong_fact_is_named(
    sealed: SealedFile, seed: int
) -> None:
    """Edits, deletions, insertions, exchanges and cut tails at random, several at a time."""
    chance = random.Random(seed)
    file = sealed.copy("tampered.db")
    was = file.rows()
    for _ in range(chance.randint(1, 4)):
        there = sorted(file.rows())
        if not there:
            break
        position, other = chance.choice(there), chance.choice(there)
        match chance.choice(("edit", "delete", "insert", "exchange", "cut")):
            case "edit":
                file.change((EDITS["data"], (position,)))
            case "delete":
                file.change((DELETE, (position,)))
            case "insert":
                free = position - 1
                file.change((DELETE, (free,)), (INSERT, (free, chance.randbytes(16).hex())))
            case "exchange":
                file.change((MOVE, (-1, position)), (MOVE, (position, other)), (MOVE, (other, -1)))
            case "cut":
                file.change(("DELETE FROM events WHERE position >= ?", (position,)))
    now = file.rows()
    wrong = [at for at in sorted(was.keys() | now.keys()) if was.get(at) != now.get(at)]
    found = file.verify(published=chance.random() < 0.5)
    if not wrong:
        assert found == Checked(6, 40, 0, found.checkpoints if isinstance(found, Checked) else 0)
        return
    assert isinstance(found, Break)
    assert found.position == wrong[0]
    if all(at not in now for at in was if at >= wrong[0]) and not now.keys() - was.keys():
        assert found.kind is Breakage.CUT


@pytest.mark.parametrize("left", range(6))
def test_a_tail_cut_off_with_its_blocks_is_found_by_the_published_checkpoints(
    sealed: SealedFile, left: int
) -> None:
    file = sealed.copy(f"cut-{left}.db")
    last = left * 7 * 3
    file.change(
        ("DELETE FROM events WHERE position > ?", (last,)),
        ("DELETE FROM seal_blocks WHERE number >= ?", (left,)),
    )
    assert isinstance(file.verify(published=False), Checked)
    found = file.verify()
    assert isinstance(found, Break)
    assert (found.kind, found.block) == (Breakage.CUT, left)


def reseal(file: SealedFile, key: SealKey) -> None:
    """All blocks made again over the facts as they are now."""
    file.change(("DELETE FROM seal_blocks", ()))
    with connect(f"sqlite:///{file.path}") as recorder:
        store = StoredSeals(recorder)
        Sealing(store, key, SetClock(), every=timedelta(), most_facts=7).run()


def test_a_log_resealed_with_the_stolen_key_is_not_what_was_published(sealed: SealedFile) -> None:
    file = sealed.copy("resealed.db")
    file.change((EDITS["data"], (57,)))
    reseal(file, KEY)
    assert isinstance(file.verify(published=False), Checked)
    found = file.verify()
    assert isinstance(found, Break)
    assert (found.kind, found.block) == (Breakage.RESEALED, 2)


def test_a_log_resealed_with_another_key_is_not_trusted(sealed: SealedFile) -> None:
    file = sealed.copy("other-key.db")
    file.change((EDITS["data"], (57,)))
    reseal(file, SealKey.new(ORIGIN))
    with pytest.raises(UnknownKey):
        file.verify(published=False)
    found = file.verify()
    assert isinstance(found, Break)
    assert (found.kind, found.block) == (Breakage.RESEALED, 2)


BLOCK_EDITS = {
    "root": "'text'",
    "previous": "7",
    "facts": "'many'",
    "total": "-1",
    "first_position": "-1",
    "last_position": "9223372036854775807",
    "sealed_at": "9223372036854775807",
    "peaks": "X'00'",
    "entries": "'text'",
    "note": "X'FF'",
    "number": "77",
}


@pytest.mark.parametrize("column", sorted(BLOCK_EDITS))
def test_whatever_is_put_into_a_block_is_found(sealed: SealedFile, column: str) -> None:
    file = sealed.copy(f"block-{column}.db")
    file.change((f"UPDATE seal_blocks SET {column} = {BLOCK_EDITS[column]} WHERE number = 2", ()))
    found = file.verify()
    assert isinstance(found, Break)
    assert found.block == 2


@pytest.mark.parametrize("number", range(6))
def test_a_forged_note_is_found_in_its_block(sealed: SealedFile, number: int) -> None:
    file = sealed.copy(f"forged-{number}.db")
    file.change(
        (
            "UPDATE seal_blocks SET note = replace(note, 'up to', 'up to 9') WHERE number = ?",
            (number,),
        )
    )
    found = file.verify(published=False)
    assert isinstance(found, Break)
    assert (found.kind, found.block) == (Breakage.FORGED, number)


def test_a_chain_rebuilt_consistently_without_the_key_is_found_in_the_first_block_it_changed(
    sealed: SealedFile,
) -> None:
    """Everything made again, notes too; only the signatures are those of before."""
    file = sealed.copy("rebuilt.db")
    with closing(sqlite3.connect(file.path)) as database:
        signed = [
            note.rpartition("\n\n")[2]
            for (note,) in database.execute("SELECT note FROM seal_blocks ORDER BY number")
        ]
    file.change((EDITS["data"], (57,)))
    reseal(file, KEY)
    with closing(sqlite3.connect(file.path)) as database:
        notes = [row[0] for row in database.execute("SELECT note FROM seal_blocks ORDER BY number")]
    forged = [
        note.rpartition("\n\n")[0] + "\n\n" + old for note, old in zip(notes, signed, strict=True)
    ]
    update = "UPDATE seal_blocks SET note = ? WHERE number = ?"
    file.change(*((update, (note, number)) for number, note in enumerate(forged)))
    found = file.verify(published=False)
    assert isinstance(found, Break)
    assert (found.kind, found.block) == (Breakage.FORGED, 2)
