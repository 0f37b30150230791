"""Whose number is whose: a row for each person, with the key that the number is sealed with."""

from __future__ import annotations

import secrets
import time
from collections import OrderedDict
from collections.abc import Callable, Collection, Iterator, Sequence
from threading import Lock
from typing import Generic, TypeVar
from uuid import UUID

from attrs import frozen
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV
from sqlalchemy import (
    Column,
    Integer,
    LargeBinary,
    String,
    Table,
    UniqueConstraint,
    Uuid,
    bindparam,
    delete,
    select,
    text,
)

from adapters.persistence.person_keys import CannotUnwrap, KeyRing, MasterKey
from adapters.persistence.person_rows import rows_of
from adapters.persistence.read_models.tables import Moment
from adapters.persistence.recorder import EventRecorder
from adapters.persistence.tables import metadata
from adapters.persistence.units_of_work import outside_errors
from application.ports import Clock, LedgerUnavailable
from domain.sealed_numbers import SealedNumber, is_sealed, read

persons = Table(
    "persons",
    metadata,
    Column("person_id", Uuid, primary_key=True),
    Column("lookup", LargeBinary, nullable=False),
    Column("wrapped", LargeBinary, nullable=False),
    Column("box", LargeBinary, nullable=False),
    Column("key_id", String(8), nullable=False),
    Column("created_at", Moment, nullable=False),
    UniqueConstraint("lookup", name="persons_lookup"),
)
"""``lookup`` and ``wrapped`` are made with the master key ``key_id``, ``box`` with the wrapped
key. None of them tells the number without a master key."""

person_keys = Table(
    "person_keys",
    metadata,
    Column("one", Integer, primary_key=True, autoincrement=False),
    Column("key_id", String(8), nullable=False),
)
"""The master key that new rows are made with, in its only row."""

CACHE_SECONDS = 30.0
MOST_CACHED = 20_000
PERSON_KEY_BYTES = 32

_TRIES = 5
_ROWS_AT_ONCE = 500
_NUMBER_BYTES = 16

T = TypeVar("T")


class MasterKeyMissing(LedgerUnavailable):
    """What the ledger sealed last, it sealed under a master key that this machine does not have."""


def key_in_use(recorder: EventRecorder) -> str | None:
    """The master key that new rows are made with; None while there are no rows."""
    with recorder.reading() as connection:
        key_id: str | None = connection.execute(select(person_keys.c.key_id)).scalar()
    return key_id


def use_first(recorder: EventRecorder, key_id: str) -> str:
    """Uses this master key in a ledger that uses none yet; gives the one that is in use."""
    in_use = key_in_use(recorder)
    if in_use is None:
        with recorder.writing() as connection:
            connection.execute(_FIRST_IN_USE, {"key_id": key_id})
        in_use = key_in_use(recorder)
    assert in_use is not None, "its only row is never taken out"
    return in_use


class StoredPersons:
    """The port ``Persons`` on the ledger's database and a ring of master keys outside it."""

    def __init__(
        self,
        recorder: EventRecorder,
        read_ring: Callable[[], KeyRing],
        clock: Clock,
        *,
        monotonic: Callable[[], float] = time.monotonic,
        seconds: float = CACHE_SECONDS,
        most: int = MOST_CACHED,
        some_bytes: Callable[[int], bytes] = secrets.token_bytes,
    ) -> None:
        """``read_ring`` is called again when a row names a key that was not there yet."""
        self._recorder = recorder
        self._read_ring = read_ring
        self._ring = read_ring()
        self._clock = clock
        self._some_bytes = some_bytes
        self._rows = rows_of(recorder)
        self._in_use: str | None = None
        self._sealed: _Recent[str] = _Recent(most, seconds, monotonic)
        self._opened: _Recent[str] = _Recent(most, seconds, monotonic)
        # Who was read from a server that is gone may not be known to the one that took over.
        recorder.when_lost.append(self._sealed.clear)

    def check(self) -> None:
        """Raises MasterKeyMissing if the ring does not have the master key that is in use."""
        with outside_errors():
            key_id = key_in_use(self._recorder)
        if key_id is not None and key_id not in self._ring:
            self._read_again(key_id)

    def seal(self, number: str) -> str:
        sealed = self._sealed.get(number)
        if sealed is not None:
            return sealed
        padded(number)
        with outside_errors():
            for _ in range(_TRIES):
                # Known before it is looked whether the number is: while this key is in use, who
                # was made with an earlier one was there already.
                key = self._key_in_use()
                found = self._row_of(number) or self._add(number, key)
                if found is not None:
                    return self._known(number, str(found))
                # Somebody else was first, or the master key in use is another one by now.
                self._look_at_key_in_use()
        raise LedgerUnavailable("the master key of persons kept changing")

    def find(self, number: str) -> str | None:
        sealed = self._sealed.get(number)
        if sealed is not None:
            return sealed
        with outside_errors():
            for _ in range(_TRIES):
                ring = self._ring
                found = self._row_of(number)
                if found is not None:
                    return self._known(number, str(found))
                # Only who knows the key in use, after looking, knows that nothing is there.
                self._look_at_key_in_use()
                if self._ring is ring:
                    return None
        raise LedgerUnavailable("the master key of persons kept changing")

    def opened(self, sealed: Collection[str]) -> dict[str, str]:
        told: dict[str, str] = {}
        wanted: dict[UUID, list[SealedNumber]] = {}
        for each in sealed:
            if not is_sealed(each):
                told[each] = each
            elif (number := self._opened.get(each)) is not None:
                told[each] = number
            else:
                number_sealed = read(each)
                wanted.setdefault(number_sealed.person_id, []).append(number_sealed)
        for person_id, data_key in self._data_keys(list(wanted)):
            for box in wanted.pop(person_id):
                told[str(box)] = number = _opened(data_key, box)
                self._opened.put(str(box), number)
        for boxes in wanted.values():
            told.update((str(box), box.pseudonym) for box in boxes)
        return told

    def forget(self, sealed: str) -> None:
        person_id = read(sealed).person_id
        with outside_errors(), self._recorder.writing() as connection:
            connection.execute(delete(persons).where(persons.c.person_id == person_id))
        self._sealed.drop(lambda _, value: value == sealed)
        self._opened.drop(lambda key, _: key == sealed)

    # ---- rows

    def _row_of(self, number: str) -> SealedNumber | None:
        """Whoever the number belongs to, found under any master key of the ring."""
        lookups = [key.lookup(number) for key in self._ring.keys]
        return self._rows.find(lookups)

    def _add(self, number: str, key: MasterKey) -> SealedNumber | None:
        """A new person; None if the number is known by now, or another master key is in use."""
        person_id = UUID(bytes=self._some_bytes(16), version=4)
        data_key = self._some_bytes(PERSON_KEY_BYTES)
        box = AESSIV(data_key).encrypt(padded(number), [person_id.bytes])
        wrapped = key.wrap(person_id, data_key)
        added = self._rows.add(
            person_id, key.lookup(number), wrapped, box, key.key_id, self._clock.now()
        )
        return SealedNumber(person_id, box) if added else None

    def _data_keys(self, person_ids: Sequence[UUID]) -> Iterator[tuple[UUID, bytes | None]]:
        """None for a row that was changed: whoever looks at a list is told the other numbers."""
        for at in range(0, len(person_ids), _ROWS_AT_ONCE):
            some = person_ids[at : at + _ROWS_AT_ONCE]
            with outside_errors(), self._recorder.reading() as connection:
                rows = connection.execute(_BY_ID, {"person_ids": some}).all()
            for row in rows:
                key = self._ring.find(row.key_id) or self._read_again(row.key_id)
                try:
                    yield row.person_id, key.unwrap(row.person_id, row.wrapped)
                except CannotUnwrap:
                    yield row.person_id, None

    # ---- the master key in use

    def _key_in_use(self) -> MasterKey:
        key = self._ring.find(self._in_use) if self._in_use is not None else None
        return key or self._look_at_key_in_use()

    def _look_at_key_in_use(self) -> MasterKey:
        key_id = use_first(self._recorder, self._ring.newest.key_id)
        key = self._ring.find(key_id) or self._read_again(key_id)
        self._in_use = key_id
        return key

    def _read_again(self, key_id: str) -> MasterKey:
        """The key from the ring as it is now. Raises MasterKeyMissing if it is not there."""
        try:
            self._ring = self._read_ring()
        except ValueError as error:
            raise MasterKeyMissing(str(error)) from error
        key = self._ring.find(key_id)
        if key is None:
            raise MasterKeyMissing(
                f"the ledger uses the master key {key_id}, which is not in the file of this"
                " machine: copy the file from the machine where `talktime persons rotate` ran"
            )
        return key

    def _known(self, number: str, sealed: str) -> str:
        self._sealed.put(number, sealed)
        return sealed


def padded(number: str) -> bytes:
    """All numbers are equally long in their boxes. Raises ValueError for one that is too long."""
    encoded = number.encode("ascii")
    if not 0 < len(encoded) <= _NUMBER_BYTES or encoded.endswith(b"\0"):
        raise ValueError(f"a number in E.164 has at most {_NUMBER_BYTES} characters")
    return encoded.ljust(_NUMBER_BYTES, b"\0")


def _opened(data_key: bytes | None, sealed: SealedNumber) -> str:
    unreadable = f"unreadable-{sealed.person_id.hex[:12]}"
    if data_key is None:
        return unreadable
    try:
        number = AESSIV(data_key).decrypt(sealed.box, [sealed.person_id.bytes])
    except InvalidTag:
        return unreadable
    return number.rstrip(b"\0").decode("ascii")


_BY_ID = select(persons.c.person_id, persons.c.wrapped, persons.c.key_id).where(
    persons.c.person_id.in_(bindparam("person_ids", expanding=True))
)
_FIRST_IN_USE = text(
    "INSERT INTO person_keys (one, key_id) VALUES (1, :key_id) ON CONFLICT DO NOTHING"
)


@frozen
class _Entry(Generic[T]):
    value: T
    until: float


class _Recent(Generic[T]):
    """What was found in the last seconds, no more than ``most``."""

    def __init__(self, most: int, seconds: float, monotonic: Callable[[], float]) -> None:
        self._most = most
        self._seconds = seconds
        self._monotonic = monotonic
        self._lock = Lock()
        self._entries: OrderedDict[str, _Entry[T]] = OrderedDict()

    def get(self, key: str) -> T | None:
        with self._lock:
            entry = self._entries.get(key)
            if entry is None:
                return None
            if entry.until <= self._monotonic():
                del self._entries[key]
                return None
            return entry.value

    def put(self, key: str, value: T) -> None:
        with self._lock:
            self._entries[key] = _Entry(value, self._monotonic() + self._seconds)
            self._entries.move_to_end(key)
            if len(self._entries) > self._most:
                self._entries.popitem(last=False)

    def clear(self) -> None:
        with self._lock:
            self._entries.clear()

    def drop(self, wanted: Callable[[str, T], bool]) -> None:
        with self._lock:
            for key in [each for each, entry in self._entries.items() if wanted(each, entry.value)]:
                del self._entries[key]
