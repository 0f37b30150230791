"""Whose number is whose: one person for each number, whoever seals it first, until forgotten."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from attrs import define, field
from cryptography.hazmat.primitives.ciphers.aead import AESSIV
from eventsourcing.persistence import IntegrityError
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import delete, func, select, update

from adapters.persistence import person_rotation
from adapters.persistence import persons as stored
from adapters.persistence.connecting import connect
from adapters.persistence.migrations import upgrade
from adapters.persistence.person_keys import KeyRing, KeyRingFile, MasterKey
from adapters.persistence.person_rotation import PersonKeyRotation
from adapters.persistence.person_rows import ADD_TO_POSTGRES
from adapters.persistence.persons import (
    MasterKeyMissing,
    StoredPersons,
    key_in_use,
    padded,
    persons,
)
from adapters.persistence.recorder import EventRecorder
from adapters.persistence.sqlite import SqliteRecorder
from domain.sealed_numbers import SealedNumber, read
from tests.support.persons import KEYS
from tests.support.postgres import PostgresServer
from tests.support.stores import FixedClock

ALICE, BOB = "+48600316058", "+14155550123"
FULL = 2
"""SQLite's ``synchronous``."""

MONTH = timedelta(days=30)


@define
class Desk:
    """A ledger with its file of master keys, and processes that use both."""

    recorder: EventRecorder
    clock: FixedClock
    file: KeyRingFile
    seconds: float = 0.0
    keep: timedelta = timedelta(days=15)
    statements: list[str] = field(factory=list)

    def process(self, read_ring: Callable[[], KeyRing] | None = None) -> StoredPersons:
        """Another process: it shares nothing but the ledger and the file."""
        ring = read_ring or self.file.read
        return StoredPersons(self.recorder, ring, self.clock, monotonic=lambda: self.seconds)

    @property
    def rotation(self) -> PersonKeyRotation:
        every = timedelta(days=15)
        return PersonKeyRotation(self.recorder, self.file, self.clock, every=every, keep=self.keep)

    def rows(self) -> list[Any]:
        with self.recorder.reading() as connection:
            return list(connection.execute(select(persons)).all())


@pytest.fixture
def desk(recorder: EventRecorder, clock: FixedClock, tmp_path: Path) -> Desk:
    file = KeyRingFile(tmp_path / "persons.key")
    file.make(clock.now())
    return Desk(recorder, clock, file)


def test_a_number_is_sealed_alike_by_every_process_and_opens(desk: Desk) -> None:
    one, other = desk.process(), desk.process()
    sealed = one.seal(ALICE)
    assert one.seal(ALICE) == other.seal(ALICE) == other.find(ALICE) == sealed
    assert other.opened((sealed,)) == {sealed: ALICE}
    assert one.seal(BOB) != sealed
    assert len(desk.rows()) == 2


def test_nothing_that_is_stored_tells_the_number(desk: Desk) -> None:
    sealed = desk.process().seal(ALICE)
    (row,) = desk.rows()
    stored = sealed.encode() + b"".join(
        each if isinstance(each, bytes) else str(each).encode() for each in row
    )
    for spelled in (ALICE[1:], ALICE[1:].encode().hex(), ALICE[3:]):
        assert spelled.encode() not in stored


def test_looking_for_a_number_makes_nobody(desk: Desk) -> None:
    assert desk.process().find(ALICE) is None
    assert desk.rows() == []


def test_many_that_see_a_number_first_make_one_person(desk: Desk) -> None:
    numbers = [ALICE, BOB, "+390612345678"]
    processes = [desk.process() for _ in range(4)]
    together = threading.Barrier(12)
    found: list[tuple[str, str]] = []

    def seals(process: StoredPersons, number: str) -> None:
        together.wait()
        found.append((number, process.seal(number)))

    threads = [
        threading.Thread(target=seals, args=(process, number))
        for process in processes
        for number in numbers
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 12
    assert len(set(found)) == 3
    assert len(desk.rows()) == 3


def test_a_forgotten_number_is_a_pseudonym_and_somebody_new_when_it_calls_again(
    desk: Desk,
) -> None:
    one, other = desk.process(), desk.process()
    sealed = one.seal(ALICE)
    assert other.opened((sealed,)) == {sealed: ALICE}
    one.forget(sealed)
    assert one.find(ALICE) is None
    assert one.opened((sealed,)) == {sealed: read(sealed).pseudonym}
    # Another process may remember it, but not for long.
    desk.seconds += 31
    assert other.opened((sealed,)) == {sealed: read(sealed).pseudonym}
    again = other.seal(ALICE)
    assert read(again).person_id != read(sealed).person_id
    assert other.opened((sealed, again)) == {sealed: read(sealed).pseudonym, again: ALICE}


def test_what_is_known_lately_asks_the_database_nothing(desk: Desk) -> None:
    one = desk.process()
    sealed = one.seal(ALICE)
    one.opened((sealed,))
    with desk.recorder.writing() as connection:
        connection.execute(delete(persons))
    assert one.seal(ALICE) == sealed
    assert one.opened((sealed,)) == {sealed: ALICE}
    desk.seconds += 31
    assert one.seal(ALICE) != sealed


def test_a_box_that_was_changed_does_not_open(desk: Desk) -> None:
    one = desk.process()
    sealed, other = one.seal(ALICE), one.seal(BOB)
    swapped = f"{sealed.partition('.')[0]}.{other.partition('.')[2]}"
    assert one.opened((swapped,))[swapped].startswith("unreadable-")
    with desk.recorder.writing() as connection:
        connection.execute(
            update(persons).where(persons.c.box == read(sealed).box).values(wrapped=b"x")
        )
    shown = desk.process().opened((sealed, other))
    assert (shown[sealed][:11], shown[other]) == ("unreadable-", BOB)


def test_many_are_opened_at_once(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stored, "_ROWS_AT_ONCE", 10)
    one = desk.process()
    numbers = {one.seal(f"+4860031{each:04}"): f"+4860031{each:04}" for each in range(25)}
    assert desk.process().opened(numbers.keys()) == numbers
    assert desk.process().opened(["+48", ""]) == {"+48": "+48", "": ""}


@given(st.from_regex(r"\+[1-9][0-9]{4,14}", fullmatch=True))
def test_every_number_is_equally_long_in_its_box(number: str) -> None:
    assert len(padded(number)) == 16
    assert padded(number).rstrip(b"\0").decode() == number


@pytest.mark.parametrize("number", ["", "+" + "1" * 16, "+48\0", "+48ż"])
def test_what_is_no_number_has_no_box(number: str) -> None:
    with pytest.raises(ValueError):
        padded(number)


# ---- master keys replaced


def test_after_a_rotation_everybody_is_who_they_were(desk: Desk) -> None:
    before = desk.process()
    sealed = {number: before.seal(number) for number in (ALICE, BOB)}
    rotated = desk.rotation.rotate()
    assert (rotated.moved, rotated.dropped) == (2, ())
    assert key_in_use(desk.recorder) == rotated.key_id
    assert {row.key_id for row in desk.rows()} == {rotated.key_id}
    # This one knows the old key alone, until it meets the new one.
    desk.seconds += 31
    for process in (before, desk.process()):
        assert {number: process.find(number) for number in sealed} == sealed
        assert process.opened(sealed.values()) == {each: n for n, each in sealed.items()}
    assert before.seal("+390612345678") == desk.process().find("+390612345678")


def test_a_process_that_missed_two_rotations_finds_and_makes_nobody_twice(desk: Desk) -> None:
    late = desk.process()
    sealed = desk.process().seal(ALICE)
    for _ in range(2):
        desk.rotation.rotate(drop=True)
    assert late.find(BOB) is None
    assert late.find(ALICE) == sealed
    assert late.seal(BOB) == desk.process().seal(BOB)
    assert len(desk.rows()) == 2


def test_a_replaced_key_stays_for_its_days_and_then_is_gone(desk: Desk) -> None:
    desk.process().seal(ALICE)
    (old,) = desk.file.read().keys
    assert desk.rotation.rotate(due=True).key_id == old.key_id
    desk.clock.time += timedelta(days=15)
    assert desk.rotation.is_due()
    new = desk.rotation.rotate(due=True)
    assert [key.key_id for key in desk.file.read().keys] == [old.key_id, new.key_id]
    assert not desk.rotation.is_due()
    desk.clock.time += timedelta(days=14)
    assert desk.rotation.rotate(due=True).dropped == ()
    desk.clock.time += timedelta(days=1)
    assert desk.rotation.rotate(due=True).dropped == (old.key_id,)
    assert old.key_id not in desk.file.read()
    assert old.secret not in desk.file.path.read_bytes()


def test_a_key_that_was_prepared_is_used_by_the_next_rotation_alone(desk: Desk) -> None:
    one = desk.process()
    one.seal(ALICE)
    first = key_in_use(desk.recorder)
    prepared = desk.rotation.prepare()
    assert desk.rotation.prepare() == prepared
    one.seal(BOB)
    assert {row.key_id for row in desk.rows()} == {first} != {prepared}
    assert desk.rotation.rotate().key_id == prepared
    assert len(desk.file.read().keys) == 2


class Killed(BaseException):
    pass


@pytest.mark.parametrize("step", range(7))
def test_a_rotation_killed_at_any_step_is_gone_on_with(
    desk: Desk, step: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(person_rotation, "_ROWS_AT_ONCE", 5)
    numbers = [f"+4860031{each:04}" for each in range(12)]
    first = desk.process()
    sealed = {number: first.seal(number) for number in numbers}
    steps = iter(range(100))

    def kills(act: Callable[..., Any]) -> Callable[..., Any]:
        def done(*args: Any, **options: Any) -> Any:
            if next(steps) == step:
                raise Killed
            return act(*args, **options)

        return done

    with monkeypatch.context() as patched:
        for name in ("_with_new", "_use", "_move_some", "_tidy"):
            patched.setattr(PersonKeyRotation, name, kills(getattr(PersonKeyRotation, name)))
        with pytest.raises(Killed):
            desk.rotation.rotate(drop=True)
    # Between, calls go on, by processes that know the old key alone and by new ones.
    desk.seconds += 31
    assert first.find(numbers[0]) == sealed[numbers[0]]
    assert first.seal(BOB) == desk.process().seal(BOB)
    rotated = desk.rotation.rotate(drop=True)
    ring = desk.file.read()
    assert [key.key_id for key in ring.keys] == [rotated.key_id] == [key_in_use(desk.recorder)]
    assert {row.key_id for row in desk.rows()} == {rotated.key_id}
    assert len(desk.rows()) == len(numbers) + 1
    last = desk.process()
    assert {number: last.find(number) for number in numbers} == sealed
    assert desk.process().opened(sealed.values()) == {each: n for n, each in sealed.items()}


def test_numbers_first_seen_while_keys_are_replaced_make_one_person_each(desk: Desk) -> None:
    numbers = [f"+4860032{each:04}" for each in range(30)]
    processes = [desk.process() for _ in range(3)]
    found: list[tuple[str, str]] = []
    faults: list[BaseException] = []

    def seals(process: StoredPersons) -> None:
        try:
            for number in numbers:
                found.append((number, process.seal(number)))
        except BaseException as fault:
            faults.append(fault)
            raise

    threads = [threading.Thread(target=seals, args=(each,)) for each in processes]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        desk.rotation.rotate()
    for thread in threads:
        thread.join()
    assert faults == []
    assert len(set(found)) == len(numbers) == len(desk.rows())


def test_a_machine_without_the_key_in_use_says_which_one_it_lacks(desk: Desk) -> None:
    sealed = desk.process().seal(ALICE)
    stranger = desk.process(lambda: KEYS)
    with pytest.raises(MasterKeyMissing, match=r"master key [0-9a-f]{8}"):
        stranger.check()
    with pytest.raises(MasterKeyMissing):
        stranger.seal(BOB)
    with pytest.raises(MasterKeyMissing):
        stranger.find(ALICE)
    with pytest.raises(MasterKeyMissing):
        stranger.opened((sealed,))
    desk.file.replace(KEYS)
    with pytest.raises(MasterKeyMissing):
        desk.rotation.rotate()
    assert desk.file.read() == KEYS


def test_an_older_copy_opens_nothing_once_its_master_key_is_gone(desk: Desk) -> None:
    erased, kept = desk.process().seal(ALICE), desk.process().seal(BOB)
    backup = desk.rows()
    desk.process().forget(erased)
    # Until then the copy opens with the present ring: what was forgotten is not gone yet.
    assert _opened(backup, desk.file.read()) == {ALICE, BOB}
    desk.rotation.rotate()
    assert _opened(backup, desk.file.read()) == {ALICE, BOB}
    desk.clock.time += MONTH
    desk.rotation.rotate(due=True)
    ring = desk.file.read()
    assert _opened(backup, ring) == set()
    lookups = {key.lookup(ALICE) for key in ring.keys}
    assert not lookups & {row.lookup for row in backup}
    # And who was not erased is known in the ledger of today.
    assert desk.process().opened((kept,)) == {kept: BOB}
    with desk.recorder.reading() as connection:
        assert connection.execute(select(func.count()).select_from(persons)).scalar() == 1


def _opened(rows: list[Any], ring: KeyRing) -> set[str]:
    """What somebody with these rows and these master keys finds out."""
    found = set()
    for row in rows:
        for key in ring.keys:
            try:
                data_key = key.unwrap(row.person_id, row.wrapped)
            except ValueError:
                continue
            box = AESSIV(data_key).decrypt(row.box, [row.person_id.bytes])
            found.add(box.rstrip(b"\0").decode())
    return found


def test_a_ring_of_one_key_is_enough_for_a_new_ledger(desk: Desk) -> None:
    ring = KeyRing((MasterKey.new(desk.clock.now()),))
    one = desk.process(lambda: ring)
    one.check()
    assert key_in_use(desk.recorder) is None
    one.seal(ALICE)
    assert key_in_use(desk.recorder) == ring.newest.key_id


def test_facts_after_a_new_person_are_synced_as_ever(tmp_path: Path, clock: FixedClock) -> None:
    """With the fact its caller is on the disk too, as both are in one log, in this order."""
    with connect(f"sqlite:///{tmp_path}/ledger.db") as recorder:
        assert isinstance(recorder, SqliteRecorder)
        upgrade(recorder)
        StoredPersons(recorder, lambda: KEYS, clock).seal(ALICE)
        with pytest.raises(IntegrityError):
            recorder.change("INSERT INTO person_keys VALUES (1, 'x')", ())
        with recorder.writing() as connection:
            assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == FULL


@pytest.mark.postgres
def test_a_person_in_the_making_keeps_the_master_key_in_use(
    postgres_server: PostgresServer, clock: FixedClock, tmp_path: Path
) -> None:
    """Or a row made with the old key would appear after it was looked for, and a second one."""
    name = postgres_server.create_database()
    url = postgres_server.url(name)
    with connect(url) as mine, connect(url) as other:
        upgrade(mine)
        file = KeyRingFile(tmp_path / "persons.key")
        file.make(clock.now())
        desk = Desk(mine, clock, file)
        desk.process().seal(ALICE)
        old = desk.file.read().newest
        rotates = threading.Thread(target=desk.rotation.rotate)
        with other.writing() as connection:
            person_id, key = uuid4(), b"k" * 32
            box = AESSIV(key).encrypt(padded(BOB), [person_id.bytes])
            row = (person_id, old.lookup(BOB), old.wrap(person_id, key), box)
            connection.exec_driver_sql(ADD_TO_POSTGRES, (*row, clock.now(), old.key_id))
            rotates.start()
            waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted"
            while not mine.ask(waiting, ())[0][0]:
                assert rotates.is_alive(), "it did not wait"
            assert key_in_use(mine) == old.key_id
        rotates.join()
        assert key_in_use(mine) != old.key_id
        assert {row.key_id for row in desk.rows()} == {key_in_use(mine)}
        sealed = str(SealedNumber(person_id, box))
        assert desk.process().seal(BOB) == sealed
        assert desk.process().opened((sealed,)) == {sealed: BOB}
    postgres_server.drop_database(name)
