"""The people of the business and the keys of its machines: let in, given a role, shut out."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import datetime
from typing import Protocol
from uuid import UUID

from attrs import field, frozen

from application import kinds
from application.ids import random_time_ordered
from application.permissions import Actor
from application.ports import Clock, Unit, UnitsOfWork
from domain.errors import SettingNotAllowed
from domain.machine_keys import KeyRing, MachineKey, Scope
from domain.people import PasswordChanged, Person, PersonFact, Role, Staff, name_key

SHORTEST_PASSWORD = 12
LONGEST_PASSWORD = 200
"""Characters. Length is what makes a password good (NIST SP 800-63B); a limit bounds the work."""


class Credentials(Protocol):
    """Secrets of people, outside the log, each under an id of its own.

    Storing one changes nothing by itself: a fact makes it count. Comparing takes as long for a
    person who does not exist.
    """

    def keep_password(self, credential_id: UUID, person_id: UUID, password: str) -> None: ...

    def password_matches(self, credential_id: UUID | None, password: str) -> bool: ...

    def new_totp(self, credential_id: UUID, person_id: UUID) -> str:
        """A new secret in base 32, as authenticator programs take it."""
        ...

    def code_matches(self, credential_id: UUID, person_id: UUID, code: str, now: datetime) -> bool:
        """Whether this is the code of the moment. A code is right once."""
        ...

    def forget(self, credential_id: UUID) -> None: ...


@frozen
class NewKey:
    """A machine key as it leaves: the only moment at which its secret is known."""

    key: MachineKey
    secret: str | None = field(repr=False)


@frozen
class People:
    units: UnitsOfWork
    credentials: Credentials
    clock: Clock
    some_bytes: Callable[[int], bytes]

    def staff(self) -> Staff:
        return self.units.run(_staff, writes=(), reads=(kinds.STAFF_ID,))

    def person(self, person_id: UUID) -> Person:
        """Raises NotFound."""
        return self.staff().person(person_id)

    def create(
        self,
        person_id: UUID,
        name: str,
        role: Role,
        password: str,
        by: str,
        *,
        distributor: str | None = None,
    ) -> Person:
        """Asked again with the same id it changes nothing, the password neither.

        Raises AlreadyExists for a name in use, SettingNotAllowed for a password that is too easy.
        """
        check_password(password, name)
        # Refused before the slow hash, and again below, where it counts.
        self.staff().create(person_id, name, role, distributor, by)
        credential_id = self._keep(person_id, password)

        def decide(staff: Staff) -> list[PersonFact]:
            created = staff.create(person_id, name, role, distributor, by)
            if not created:
                return []
            return [*created, PasswordChanged(person_id, credential_id, by)]

        person = self._change(decide).person(person_id)
        if person.password != credential_id:
            self.credentials.forget(credential_id)
        return person

    def give_role(
        self, person_id: UUID, role: Role, by: str, *, distributor: str | None = None
    ) -> Person:
        """Raises SettingNotAllowed for the last owner."""
        staff = self._change(lambda staff: staff.give_role(person_id, role, distributor, by))
        return staff.person(person_id)

    def change_password(self, person_id: UUID, password: str, by: str) -> Person:
        """Ends all sessions of the person: each counts for the password it was begun with."""
        before = self.person(person_id)
        check_password(password, before.name)
        credential_id = self._keep(person_id, password)
        staff = self._change(lambda staff: staff.change_password(person_id, credential_id, by))
        if before.password is not None:
            self.credentials.forget(before.password)
        return staff.person(person_id)

    def begin_totp(self, person_id: UUID) -> tuple[UUID, str]:
        """A secret that counts once a code of it was shown to ``enable_totp``, and its id."""
        self.person(person_id)
        credential_id = self.new_id()
        return credential_id, self.credentials.new_totp(credential_id, person_id)

    def enable_totp(self, person_id: UUID, credential_id: UUID, code: str, by: str) -> Person:
        """Raises SettingNotAllowed for a code that is not of this secret and this moment."""
        before = self.person(person_id)
        if not self.credentials.code_matches(credential_id, person_id, code, self.clock.now()):
            accepted = "the six digits that the authenticator shows now"
            raise SettingNotAllowed("code", "what was given", accepted)
        staff = self._change(lambda staff: staff.enable_totp(person_id, credential_id, by))
        if before.totp not in (None, credential_id):
            self.credentials.forget(before.totp)
        return staff.person(person_id)

    def disable_totp(self, person_id: UUID, by: str) -> Person:
        before = self.person(person_id)
        staff = self._change(lambda staff: staff.disable_totp(person_id, by))
        if before.totp is not None:
            self.credentials.forget(before.totp)
        return staff.person(person_id)

    def disable(self, person_id: UUID, by: str, why: str) -> Person:
        """Raises SettingNotAllowed for the last owner."""
        return self._change(lambda staff: staff.disable(person_id, by, why)).person(person_id)

    def enable(self, person_id: UUID, by: str, why: str) -> Person:
        return self._change(lambda staff: staff.enable(person_id, by, why)).person(person_id)

    def _change(self, decision: Callable[[Staff], list[PersonFact]]) -> Staff:
        def decide(unit: Unit) -> Staff:
            unit.record(kinds.STAFF, kinds.STAFF_ID, decision(_staff(unit)))
            return _staff(unit)

        return self.units.run(decide, writes=(kinds.STAFF_ID,))

    def _keep(self, person_id: UUID, password: str) -> UUID:
        credential_id = self.new_id()
        self.credentials.keep_password(credential_id, person_id, password)
        return credential_id

    def new_id(self) -> UUID:
        return random_time_ordered(self.clock.now(), self.some_bytes(10))


def check_password(password: str, name: str) -> None:
    """Raises SettingNotAllowed, never showing it, for a password that is too easy to guess."""
    accepted = (
        f"{SHORTEST_PASSWORD} to {LONGEST_PASSWORD} characters, not all alike and not the name"
    )
    easy = len(set(password)) < 5 or name_key(name) in (
        name_key(password),
        name_key(password[: len(password) // 2]),
    )
    if not SHORTEST_PASSWORD <= len(password) <= LONGEST_PASSWORD or easy:
        raise SettingNotAllowed("password", "what was given", accepted)


def _staff(unit: Unit) -> Staff:
    return unit.get(kinds.STAFF, kinds.STAFF_ID) or Staff()


@frozen
class MachineKeys:
    """Keys that people make for machines; those of the settings are beside these."""

    units: UnitsOfWork
    new_secret: Callable[[], str]

    def ring(self) -> KeyRing:
        return self.units.run(_ring, writes=(), reads=(kinds.KEY_RING_ID,))

    def make(
        self,
        key_id: UUID,
        name: str,
        scopes: tuple[Scope, ...],
        nodes: tuple[str, ...],
        by: str,
    ) -> NewKey:
        """Asked again with the same id it gives the key of before, without its secret.

        Raises AlreadyExists for a name in use.
        """
        secret = self.new_secret()
        digest = hashlib.sha256(secret.encode()).hexdigest()

        def decide(unit: Unit) -> NewKey:
            known = _ring(unit).keys.get(key_id)
            if known is not None and known.name == name:
                return NewKey(known, None)
            facts = _ring(unit).make(key_id, name, digest, scopes, nodes, by)
            unit.record(kinds.MACHINE_KEYS, kinds.KEY_RING_ID, facts)
            return NewKey(_ring(unit).key(key_id), secret)

        return self.units.run(decide, writes=(kinds.KEY_RING_ID,))

    def revoke(self, key_id: UUID, by: str) -> MachineKey:
        def decide(unit: Unit) -> MachineKey:
            facts = _ring(unit).revoke(key_id, by)
            unit.record(kinds.MACHINE_KEYS, kinds.KEY_RING_ID, facts)
            return _ring(unit).key(key_id)

        return self.units.run(decide, writes=(kinds.KEY_RING_ID,))

    def actor(self, key_digest: str) -> Actor | None:
        """Who knocks with the key of this digest; None: nobody, or one that was revoked."""
        key = self.ring().find(key_digest)
        if key is None:
            return None
        nodes = frozenset(key.nodes) or None
        return Actor(key.name, f"key {key.key_id}", scopes=frozenset(key.scopes), nodes=nodes)


def _ring(unit: Unit) -> KeyRing:
    return unit.get(kinds.MACHINE_KEYS, kinds.KEY_RING_ID) or KeyRing()
