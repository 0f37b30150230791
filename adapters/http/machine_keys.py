"""The keys of machines: made, listed, revoked. Those of the settings file are not listed here."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from msgspec import Meta, Struct

from adapters.http.asking import Answer, Asked, Page
from adapters.http.operations import Operation, Routes
from adapters.http.services import HttpServices
from adapters.http.wire import tell
from application.permissions import Action
from domain.machine_keys import Scope

Node = Annotated[str, Meta(pattern=r"^[a-z0-9]{1,16}\Z")]


class KeyShown(Struct, frozen=True):
    """``nodes``: the Asterisks it speaks for; none named: every one."""

    key_id: UUID
    name: str
    scopes: list[Scope]
    nodes: list[str]
    revoked: bool


class KeyMade(KeyShown, frozen=True):
    """``secret`` is in the first answer and in no other."""

    secret: str | None


class KeyWanted(Struct, frozen=True, forbid_unknown_fields=True):
    name: Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}\Z")]
    scopes: Annotated[list[Scope], Meta(min_length=1, max_length=3)]
    nodes: Annotated[list[Node], Meta(max_length=100)] = []


def listed(services: HttpServices, asked: Asked) -> Answer:
    """All of them, revoked ones too: there is a bounded number."""
    keys = services.machine_keys.ring().keys.values()
    return Answer(Page([tell(KeyShown, each) for each in keys], None))


def make(services: HttpServices, asked: Asked) -> Answer:
    wanted = asked.body(KeyWanted)
    new = services.machine_keys.make(
        asked.command_id("machine key"),
        wanted.name,
        tuple(wanted.scopes),
        tuple(wanted.nodes),
        asked.by(),
    )
    headers = {"Cache-Control": "no-store"}
    status = 200 if new.secret is None else 201
    return Answer(tell(KeyMade, new.key, secret=new.secret), status, headers)


def revoke(services: HttpServices, asked: Asked) -> Answer:
    key = services.machine_keys.revoke(asked.id("machine key"), asked.by())
    return Answer(tell(KeyShown, key))


ROUTES: Routes = {
    "/v1/keys": {
        "GET": Operation(
            listed, Action.SEE_KEYS, "The keys of machines.", Page[KeyShown], csv=True
        ),
        "POST": Operation(
            make,
            Action.CHANGE_KEYS,
            "Make a key. Its secret is in the first answer and in no other.",
            KeyMade,
            body=KeyWanted,
            status=201,
            also=(200,),
            once=True,
        ),
    },
    "/v1/keys/{id}": {
        "DELETE": Operation(revoke, Action.CHANGE_KEYS, "Revoke a key, for ever.", KeyShown)
    },
}
