"""People: let in, given a role, shut out. Only owners change them, and the trail says who did."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated
from uuid import UUID

from msgspec import Meta, Struct

from adapters.http.asking import Answer, Asked, Page
from adapters.http.operations import Operation, Routes
from adapters.http.services import HttpServices
from adapters.http.wire import Text, tell
from application.people import LONGEST_PASSWORD, SHORTEST_PASSWORD
from application.permissions import Action
from domain.people import MOST_NAME, Person, Role

PersonName = Annotated[
    str, Meta(min_length=1, max_length=MOST_NAME, pattern=r"^[^\x00-\x1f\x7f]*\Z")
]
NewPassword = Annotated[
    str,
    Meta(min_length=SHORTEST_PASSWORD, max_length=LONGEST_PASSWORD, description="Long is good."),
]
Distributor = Annotated[
    str, Meta(min_length=1, max_length=MOST_NAME, pattern=r"^[^\x00-\x1f\x7f]*\Z")
]


class PersonShown(Struct, frozen=True):
    """``totp``: a one-time code is asked for beside the password."""

    person_id: UUID
    name: str
    role: Role
    distributor: str | None
    enabled: bool
    totp: bool


class PersonWanted(Struct, frozen=True, forbid_unknown_fields=True):
    """``distributor`` is named for the role distributor and for no other."""

    name: PersonName
    role: Role
    password: NewPassword
    distributor: Distributor | None = None


class RoleWanted(Struct, frozen=True, forbid_unknown_fields=True):
    role: Role
    distributor: Distributor | None = None


class PasswordWanted(Struct, frozen=True, forbid_unknown_fields=True):
    password: NewPassword


class EnabledWanted(Struct, frozen=True, forbid_unknown_fields=True):
    enabled: bool
    why: Text


def listed(services: HttpServices, asked: Asked) -> Answer:
    """All of them: there is a bounded number."""
    people = services.people.staff().people.values()
    return Answer(Page([shown(each) for each in people], None))


def one(services: HttpServices, asked: Asked) -> Answer:
    return Answer(shown(services.people.person(asked.id("person"))))


def create(services: HttpServices, asked: Asked) -> Answer:
    wanted = asked.body(PersonWanted)
    person = services.people.create(
        asked.command_id("person"),
        wanted.name,
        wanted.role,
        wanted.password,
        asked.by(),
        distributor=wanted.distributor,
    )
    headers = {"Location": f"/v1/people/{person.person_id}"}
    return Answer(shown(person), 201, headers)


def give_role(services: HttpServices, asked: Asked) -> Answer:
    wanted = asked.body(RoleWanted)
    person_id = asked.id("person")
    return Answer(
        shown(
            services.people.give_role(
                person_id, wanted.role, asked.by(), distributor=wanted.distributor
            )
        )
    )


def set_password(services: HttpServices, asked: Asked) -> Answer:
    password = asked.body(PasswordWanted).password
    person = services.people.change_password(asked.id("person"), password, asked.by())
    return Answer(shown(person))


def set_enabled(services: HttpServices, asked: Asked) -> Answer:
    """Who is disabled is signed out with the same fact."""
    wanted = asked.body(EnabledWanted)
    people = services.people
    change: Callable[[UUID, str, str], Person] = people.enable if wanted.enabled else people.disable
    return Answer(shown(change(asked.id("person"), asked.by(), wanted.why)))


def drop_totp(services: HttpServices, asked: Asked) -> Answer:
    """For somebody who has lost the authenticator."""
    return Answer(shown(services.people.disable_totp(asked.id("person"), asked.by())))


def end_sessions(services: HttpServices, asked: Asked) -> Answer:
    services.signing_in.end_sessions(asked.id("person"), asked.by())
    return Answer(b"", 204)


def shown(person: Person) -> PersonShown:
    return tell(PersonShown, person, totp=person.totp is not None)


_OWNERS = Action.CHANGE_PEOPLE

ROUTES: Routes = {
    "/v1/people": {
        "GET": Operation(
            listed, Action.SEE_PEOPLE, "Who works here, and worked.", Page[PersonShown], csv=True
        ),
        "POST": Operation(
            create,
            _OWNERS,
            "Let a person in.",
            PersonShown,
            body=PersonWanted,
            status=201,
            once=True,
            hashes=True,
        ),
    },
    "/v1/people/{id}": {"GET": Operation(one, Action.SEE_PEOPLE, "One person.", PersonShown)},
    "/v1/people/{id}/role": {
        "PUT": Operation(give_role, _OWNERS, "Give another role.", PersonShown, body=RoleWanted)
    },
    "/v1/people/{id}/password": {
        "PUT": Operation(
            set_password,
            _OWNERS,
            "Set a new password, which ends all sessions of the person.",
            PersonShown,
            body=PasswordWanted,
            hashes=True,
        )
    },
    "/v1/people/{id}/enabled": {
        "PUT": Operation(
            set_enabled, _OWNERS, "Shut out, or let in again.", PersonShown, body=EnabledWanted
        )
    },
    "/v1/people/{id}/totp": {
        "DELETE": Operation(drop_totp, _OWNERS, "Ask for no code any more.", PersonShown)
    },
    "/v1/people/{id}/sessions": {
        "DELETE": Operation(end_sessions, _OWNERS, "Sign somebody out everywhere.", None, 204)
    },
}
