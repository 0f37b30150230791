"""The people who run a card business: who they are, what role each has, and who gave it."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from enum import StrEnum
from typing import assert_never
from uuid import UUID

from attrs import evolve as changed
from attrs import field, frozen

from domain.errors import AlreadyExists, NotFound, SettingNotAllowed

MOST_PEOPLE = 1_000
"""People in one business, those who left too: names in records stay theirs."""

MOST_NAME = 64
MOST_WORDS = 200


class Role(StrEnum):
    """What somebody is here for; ``application.people`` says what each may do."""

    OWNER = "owner"
    OPERATOR = "operator"
    SUPPORT = "support"
    DISTRIBUTOR = "distributor"
    AUDITOR = "auditor"


# Facts. Secrets lie outside the log, under ids that these facts make count or forget.


@frozen
class PersonCreated:
    """``distributor`` is whose cards a distributor's person sees; None in every other role."""

    person_id: UUID
    name: str
    role: Role
    distributor: str | None
    by: str


@frozen
class RoleGiven:
    person_id: UUID
    role: Role
    distributor: str | None
    by: str


@frozen
class PasswordChanged:
    """From now on the password kept under this id counts, and none before it."""

    person_id: UUID
    credential_id: UUID
    by: str


@frozen
class TotpEnabled:
    """From now on a code of this secret is asked for beside the password (RFC 6238)."""

    person_id: UUID
    credential_id: UUID
    by: str


@frozen
class TotpDisabled:
    person_id: UUID
    by: str


@frozen
class PersonDisabled:
    person_id: UUID
    by: str
    why: str


@frozen
class PersonEnabled:
    person_id: UUID
    by: str
    why: str


PersonFact = (
    PersonCreated
    | RoleGiven
    | PasswordChanged
    | TotpEnabled
    | TotpDisabled
    | PersonDisabled
    | PersonEnabled
)

# State and decisions.


@frozen
class Person:
    person_id: UUID
    name: str
    role: Role
    distributor: str | None = None
    password: UUID | None = None
    totp: UUID | None = None
    enabled: bool = True


@frozen
class Staff:
    """Everybody at once, so that a name has one owner and the last owner stays one."""

    people: Mapping[UUID, Person] = field(factory=dict)

    def person(self, person_id: UUID) -> Person:
        """Raises NotFound."""
        if (person := self.people.get(person_id)) is None:
            raise NotFound("person", str(person_id))
        return person

    def named(self, name: str) -> Person | None:
        key = name_key(name)
        return next((each for each in self.people.values() if name_key(each.name) == key), None)

    def create(
        self, person_id: UUID, name: str, role: Role, distributor: str | None, by: str
    ) -> list[PersonFact]:
        """Raises AlreadyExists for a name in use, whatever its capitals; asking twice is fine."""
        check_name(name)
        _check_distributor(role, distributor)
        wanted = (person_id, name, role, distributor)
        known = self.people.get(person_id) or self.named(name)
        if known is not None:
            if (known.person_id, known.name, known.role, known.distributor) == wanted:
                return []
            raise AlreadyExists("person", name)
        if len(self.people) >= MOST_PEOPLE:
            raise SettingNotAllowed("people", str(len(self.people)), f"{MOST_PEOPLE} at most")
        return [PersonCreated(*wanted, by)]

    def give_role(
        self, person_id: UUID, role: Role, distributor: str | None, by: str
    ) -> list[PersonFact]:
        person = self.person(person_id)
        _check_distributor(role, distributor)
        if (person.role, person.distributor) == (role, distributor):
            return []
        if role is not Role.OWNER:
            self._check_owner_left(person)
        return [RoleGiven(person_id, role, distributor, by)]

    def change_password(self, person_id: UUID, credential_id: UUID, by: str) -> list[PersonFact]:
        if self.person(person_id).password == credential_id:
            return []
        return [PasswordChanged(person_id, credential_id, by)]

    def enable_totp(self, person_id: UUID, credential_id: UUID, by: str) -> list[PersonFact]:
        if self.person(person_id).totp == credential_id:
            return []
        return [TotpEnabled(person_id, credential_id, by)]

    def disable_totp(self, person_id: UUID, by: str) -> list[PersonFact]:
        return [TotpDisabled(person_id, by)] if self.person(person_id).totp else []

    def disable(self, person_id: UUID, by: str, why: str) -> list[PersonFact]:
        person = self.person(person_id)
        _check_why(why)
        if not person.enabled:
            return []
        self._check_owner_left(person)
        return [PersonDisabled(person_id, by, why)]

    def enable(self, person_id: UUID, by: str, why: str) -> list[PersonFact]:
        person = self.person(person_id)
        _check_why(why)
        return [] if person.enabled else [PersonEnabled(person_id, by, why)]

    def _check_owner_left(self, leaving: Person) -> None:
        """Somebody has to be able to let people in again."""
        if leaving.role is not Role.OWNER or not leaving.enabled:
            return
        others = (
            each
            for each in self.people.values()
            if each.role is Role.OWNER and each.enabled and each.person_id != leaving.person_id
        )
        if next(others, None) is None:
            accepted = "kept by the last owner: make another person owner first"
            raise SettingNotAllowed("role", leaving.role.value, accepted)


def name_key(name: str) -> str:
    """What makes two names the same: not capitals, and not how an accent is encoded."""
    return unicodedata.normalize("NFKC", name).casefold()


def check_name(name: str) -> None:
    if not (1 <= len(name) <= MOST_NAME and name.isprintable() and name == name.strip()):
        accepted = f"1 to {MOST_NAME} printable characters without spaces around them"
        raise SettingNotAllowed("name", name[:MOST_NAME], accepted)


def _check_distributor(role: Role, distributor: str | None) -> None:
    if (role is Role.DISTRIBUTOR) != (distributor is not None):
        accepted = "named for the role distributor, and for no other"
        raise SettingNotAllowed("distributor", distributor or "nothing", accepted)
    if distributor is not None and not (
        1 <= len(distributor) <= MOST_NAME and distributor.isprintable() and distributor.strip()
    ):
        accepted = f"1 to {MOST_NAME} printable characters"
        raise SettingNotAllowed("distributor", distributor[:MOST_NAME], accepted)


def _check_why(why: str) -> None:
    if not why.strip() or len(why) > MOST_WORDS:
        raise SettingNotAllowed("why", why[:50], f"a reason, up to {MOST_WORDS} characters")


def evolve(staff: Staff | None, fact: PersonFact) -> Staff:
    known = (staff or Staff()).people
    if isinstance(fact, PersonCreated):
        person = Person(fact.person_id, fact.name, fact.role, fact.distributor)
        return Staff({**known, fact.person_id: person})
    person = known[fact.person_id]
    match fact:
        case RoleGiven(_, role, distributor):
            person = changed(person, role=role, distributor=distributor)
        case PasswordChanged(_, credential_id):
            person = changed(person, password=credential_id)
        case TotpEnabled(_, credential_id):
            person = changed(person, totp=credential_id)
        case TotpDisabled():
            person = changed(person, totp=None)
        case PersonDisabled():
            person = changed(person, enabled=False)
        case PersonEnabled():
            person = changed(person, enabled=True)
        case _:
            assert_never(fact)
    return Staff({**known, fact.person_id: person})
