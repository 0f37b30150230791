"""Master keys of persons replaced by new ones, so that what was erased opens in no backup."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from cryptography.hazmat.primitives.ciphers.aead import AESSIV
from sqlalchemy import Connection, bindparam, func, select, update

from adapters.persistence.person_keys import KeyRing, KeyRingFile, MasterKey
from adapters.persistence.persons import (
    MasterKeyMissing,
    key_in_use,
    person_keys,
    persons,
    use_first,
)
from adapters.persistence.recorder import EventRecorder
from adapters.persistence.units_of_work import outside_errors
from application.persons import Rotated
from application.ports import Clock, ConcurrencyConflict
from domain.errors import SettingNotAllowed
from domain.sealed_numbers import SealedNumber

_ROWS_AT_ONCE = 200


class PersonKeyRotation:
    """Replaces the master key in use; killed at any point, the next run goes on from there.

    The new key is in the file before the ledger uses it, and the old one stays there until no row
    needs it, and then for ``keep``, so that backups from before can be restored.
    """

    def __init__(
        self,
        recorder: EventRecorder,
        file: KeyRingFile,
        clock: Clock,
        *,
        every: timedelta,
        keep: timedelta,
        alone: bool = True,
    ) -> None:
        """``alone``: no other machine has to be given a key before it is used."""
        self._recorder = recorder
        self._file = file
        self._clock = clock
        self._every = every
        self._keep = keep
        self._alone = alone

    def is_due(self) -> bool:
        """Whether the newest master key has been there for too long."""
        return self._is_old(self._file.read().newest, self._clock.now())

    def prepare(self) -> str:
        """Puts the next master key into the file, to be copied to other machines before ``rotate``
        uses it; gives its id."""
        with outside_errors(), self._file.held():
            ring, in_use = self._ring()
            if in_use in (None, ring.newest.key_id):
                ring = self._with_new(ring)
            return ring.newest.key_id

    def rotate(self, *, due: bool = False, drop: bool = False) -> Rotated:
        """Uses a new master key, wraps everybody's key with it, and drops old ones in their time.

        ``due``: only if the newest one has been there for too long. ``drop``: replaced ones at
        once, so that numbers in older backups are lost. Where other machines have the file too, a
        key is only used that ``prepare`` made, and never because it is ``due``.

        Raises MasterKeyMissing if the file is not the ledger's, ConcurrencyConflict if another
        machine does the same, SettingNotAllowed if a key has to be prepared first.
        """
        with outside_errors(), self._file.held():
            ring, in_use = self._ring()
            if in_use is None:
                # Rows move to a key only once it is in use, or they would not be found.
                in_use = use_first(self._recorder, ring.newest.key_id)
            wanted = not due or self._is_old(ring.newest, self._clock.now())
            if in_use != ring.newest.key_id and due and not self._alone:
                return Rotated(in_use)
            if wanted and in_use == ring.newest.key_id and not self._behind(ring):
                if self._alone:
                    ring = self._with_new(ring)
                elif not due and not drop:
                    raise SettingNotAllowed(
                        "rotate", "without a prepared key", _PREPARE.format(self._file.path)
                    )
            if in_use != ring.newest.key_id:
                self._use(ring.newest, instead_of=in_use)
            moved = self._move_all(ring)
            return Rotated(ring.newest.key_id, moved, self._tidy(ring, at_once=drop))

    def lost_keys(self) -> set[str]:
        """The ids of the master keys that the ledger needs and that are not in the file."""
        ring = self._file.read()
        with outside_errors(), self._recorder.reading() as connection:
            needed = set(connection.execute(select(persons.c.key_id).distinct()).scalars())
            needed.update(connection.execute(select(person_keys.c.key_id)).scalars())
        return {key_id for key_id in needed if key_id not in ring}

    def lost(self) -> list[str]:
        """The sealed numbers whose master keys are not in the file: nobody can open them."""
        ring = [key.key_id for key in self._file.read().keys]
        query = select(persons.c.person_id, persons.c.box).where(persons.c.key_id.not_in(ring))
        with outside_errors(), self._recorder.reading() as connection:
            rows = connection.execute(query).all()
        return [str(SealedNumber(row.person_id, row.box)) for row in rows]

    def go_on(self) -> None:
        """Uses the newest master key of the file if the one in use is lost. What was made with the
        lost one has to be forgotten before."""
        with outside_errors(), self._file.held():
            ring, in_use = self._file.read(), key_in_use(self._recorder)
            if in_use is not None and in_use not in ring:
                self._use(ring.newest, instead_of=in_use)

    def _ring(self) -> tuple[KeyRing, str | None]:
        ring = self._file.read()
        in_use = key_in_use(self._recorder)
        with self._recorder.reading() as connection:
            named = connection.execute(select(persons.c.key_id).distinct()).scalars().all()
        for key_id in {*named, *([in_use] if in_use else [])}:
            if key_id not in ring:
                raise MasterKeyMissing(
                    f"{self._file.path} does not have the master key {key_id} of the ledger: copy"
                    " the file from the machine where keys were replaced last"
                )
        return ring, in_use

    def _is_old(self, key: MasterKey, now: datetime) -> bool:
        return now - key.made_at >= self._every

    def _with_new(self, ring: KeyRing) -> KeyRing:
        ring = ring.with_new(MasterKey.new(self._clock.now()))
        self._file.replace(ring)
        return ring

    def _use(self, key: MasterKey, *, instead_of: str) -> None:
        """From now on rows are made with this key. Waits for those that are being made."""
        changed = update(person_keys).where(person_keys.c.key_id == instead_of)
        with self._recorder.writing() as connection:
            if connection.execute(changed.values(key_id=key.key_id)).rowcount != 1:
                raise ConcurrencyConflict("another machine replaced the master key of persons")

    # ---- rows

    def _behind(self, ring: KeyRing) -> int:
        """How many rows are wrapped with another key than the newest."""
        count = select(func.count()).where(persons.c.key_id.in_(_older(ring)))
        with self._recorder.reading() as connection:
            return int(connection.execute(count).scalar_one())

    def _move_all(self, ring: KeyRing) -> int:
        moved, after = 0, UUID(int=0)
        while some := self._move_some(ring, after):
            moved, after = moved + len(some), some[-1].person_id
        return moved

    def _move_some(self, ring: KeyRing, after: UUID) -> Sequence[Any]:
        """The next rows behind a person; none appear before, as the older keys are out of use."""
        older = _older(ring)
        if not older:
            return []
        query = select(persons.c.person_id, persons.c.wrapped, persons.c.box, persons.c.key_id)
        query = query.where(persons.c.key_id.in_(older), persons.c.person_id > after)
        with self._recorder.writing() as connection:
            rows = connection.execute(
                query.order_by(persons.c.person_id).limit(_ROWS_AT_ONCE)
            ).all()
            if rows:
                self._move(connection, rows, ring)
        return rows

    def _move(self, connection: Connection, rows: Sequence[Any], ring: KeyRing) -> None:
        new = ring.newest
        values = []
        for row in rows:
            old = ring.find(row.key_id)
            assert old is not None, "only keys of the ring were asked for"
            data_key = old.unwrap(row.person_id, row.wrapped)
            number = AESSIV(data_key).decrypt(row.box, [row.person_id.bytes])
            values.append(
                {
                    "of_person": row.person_id,
                    "new_lookup": new.lookup(number.rstrip(b"\0").decode("ascii")),
                    "new_wrapped": new.wrap(row.person_id, data_key),
                    "new_key_id": new.key_id,
                }
            )
        connection.execute(_MOVED, values)

    # ---- keys out of use

    def _tidy(self, ring: KeyRing, *, at_once: bool) -> tuple[str, ...]:
        now = self._clock.now()

        def is_gone(key: MasterKey) -> bool:
            return at_once or (key.replaced_at is not None and now - key.replaced_at >= self._keep)

        left = ring.replaced(now).without(is_gone)
        if left != ring:
            self._file.replace(left)
        return tuple(key.key_id for key in ring.keys if key.key_id not in left)


_PREPARE = (
    "`talktime persons rotate --prepare`, then {} copied to the other machines that use this"
    " ledger, then `talktime persons rotate`"
)

_MOVED = (
    update(persons)
    .where(persons.c.person_id == bindparam("of_person"))
    .values(
        lookup=bindparam("new_lookup"),
        wrapped=bindparam("new_wrapped"),
        key_id=bindparam("new_key_id"),
    )
)


def _older(ring: KeyRing) -> list[str]:
    return [key.key_id for key in ring.keys[:-1]]
