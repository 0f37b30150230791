"""People and the keys of machines: who is let in, as what, and with which key."""

from __future__ import annotations

from adapters.http.machine_keys import KeyShown, KeyWanted
from adapters.http.pages.forms import Choices, Field, Kind, form, form_page, limited, read
from adapters.http.pages.lists import Button, Column, ListPage
from adapters.http.pages.visits import Gone, Page, Reply, Shown, Visit
from adapters.http.people import (
    EnabledWanted,
    PasswordWanted,
    PersonShown,
    PersonWanted,
    RoleWanted,
)
from application.permissions import Action
from domain.machine_keys import Scope
from domain.people import Role

_ROLES: Choices = [
    (Role.OWNER.value, "owner: everything, and the people"),
    (Role.OPERATOR.value, "operator: everything but the people"),
    (Role.SUPPORT.value, "support: looks, and blocks cards"),
    (Role.DISTRIBUTOR.value, "distributor: its own cards"),
    (Role.AUDITOR.value, "auditor: reads everything, changes nothing"),
]
_SCOPES: Choices = [
    (Scope.ADMIN.value, "admin: what an operator may"),
    (Scope.READ.value, "read: looks only"),
    (Scope.NODE.value, "node: the door of an Asterisk"),
]
_DISTRIBUTOR = Field(
    "distributor", "Distributor", hint="Whose cards; for the role distributor only."
)

LIST = ListPage(
    "people",
    "People",
    "/v1/people",
    Action.SEE_PEOPLE,
    "person_id",
    (
        Column("name", "Name", link="/people/{person_id}"),
        Column("role", "Role"),
        Column("distributor", "Distributor"),
        Column("state", "State", "status", value=lambda row: state(row)),
        Column("totp", "One-time code", value=lambda row: row.totp),
    ),
    icon="fa-solid fa-users",
    buttons=(Button("Let a person in", "/people/new", Action.CHANGE_PEOPLE),),
    intro="Who works here, and who did: names on the record stay theirs.",
)

NEW = form_page(
    "/people/new",
    ("POST", "/v1/people"),
    Action.CHANGE_PEOPLE,
    (
        Field("name", "Name"),
        Field("role", "Role", Kind.CHOICE, choices=_ROLES),
        Field(
            "password",
            "First password",
            Kind.PASSWORD,
            hint="12 characters at least. Long is good. They change it after signing in.",
        ),
        _DISTRIBUTOR,
    ),
    title="Let a person in",
    body=PersonWanted,
    then="/people/{person_id}",
    done="The person can sign in now.",
    submit="Let them in",
    hashes=True,
)

_ROLE = limited(RoleWanted, (Field("role", "Role", Kind.CHOICE, choices=_ROLES), _DISTRIBUTOR))
_PASSWORD = limited(
    PasswordWanted,
    (Field("password", "New password", Kind.PASSWORD, hint="12 characters at least.", wide=True),),
)
_WHY = limited(EnabledWanted, (Field("why", "Why", wide=True),))


def state(person: PersonShown) -> str:
    return "enabled" if person.enabled else "disabled"


def show(visit: Visit) -> Reply:
    person: PersonShown = visit.ask("GET", "/v1/people/{id}", id=visit.here("id"))
    context: dict[str, object] = {
        "person": person,
        "state": state(person),
        "crumbs": [("/people", "People")],
    }
    if visit.may(Action.CHANGE_PEOPLE):
        asks = visit.needs_password("PUT", "/v1/people/{id}/role")
        at = f"/people/{person.person_id}"
        word = "Shut out" if person.enabled else "Let in again"
        context |= {
            "role": form(
                visit,
                _ROLE,
                source=person,
                submit="Give this role",
                to=f"{at}/role",
                asks_password=asks,
            ),
            "password": form(
                visit, _PASSWORD, submit="Set the password", to=f"{at}/password", asks_password=asks
            ),
            "enabled": form(
                visit,
                _WHY,
                submit=word,
                to=f"{at}/enabled",
                asks_password=asks,
                danger=person.enabled,
            ),
            "totp": form(
                visit,
                (),
                submit="Ask for no code any more",
                to=f"{at}/totp",
                asks_password=asks,
                danger=True,
            ),
            "sessions": form(
                visit, (), submit="Sign out everywhere", to=f"{at}/sessions", asks_password=asks
            ),
        }
    return Shown("person.html", person.name, context)


def give_role(visit: Visit) -> Reply:
    visit.ask("PUT", "/v1/people/{id}/role", sent=read(_ROLE, visit.sent), **visit.path)
    return Gone(f"/people/{visit.here('id')}", "The role is given.")


def set_password(visit: Visit) -> Reply:
    visit.ask("PUT", "/v1/people/{id}/password", sent=read(_PASSWORD, visit.sent), **visit.path)
    return Gone(f"/people/{visit.here('id')}", "The password is set; all their sessions are over.")


def set_enabled(visit: Visit) -> Reply:
    person: PersonShown = visit.ask("GET", "/v1/people/{id}", id=visit.here("id"))
    sent = {**read(_WHY, visit.sent), "enabled": not person.enabled}
    visit.ask("PUT", "/v1/people/{id}/enabled", sent=sent, **visit.path)
    told = "Shut out, and signed out everywhere." if person.enabled else "Let in again."
    return Gone(f"/people/{person.person_id}", told)


def drop_totp(visit: Visit) -> Reply:
    visit.ask("DELETE", "/v1/people/{id}/totp", **visit.path)
    return Gone(f"/people/{visit.here('id')}", "No code is asked for any more.")


def end_sessions(visit: Visit) -> Reply:
    visit.ask("DELETE", "/v1/people/{id}/sessions", **visit.path)
    return Gone(f"/people/{visit.here('id')}", "Signed out everywhere.")


_CHANGE = Action.CHANGE_PEOPLE

KEYS = ListPage(
    "keys",
    "Machine keys",
    "/v1/keys",
    Action.SEE_KEYS,
    "key_id",
    (
        Column("name", "Name", link="/keys/{key_id}"),
        Column("scopes", "Opens", value=lambda row: row.scopes),
        Column("nodes", "Speaks for", value=lambda row: row.nodes or "every Asterisk"),
        Column(
            "state", "State", "status", value=lambda row: "revoked" if row.revoked else "active"
        ),
    ),
    icon="fa-solid fa-key",
    buttons=(Button("Make a key", "/keys/new", Action.CHANGE_KEYS),),
    intro="Programs ask the API with these. Keys of the settings file are not listed here.",
    empty="Make a key for each program and each Asterisk, so that each can be revoked by itself.",
)

_KEY = limited(
    KeyWanted,
    (
        Field("name", "Name", hint="Such as billing-export or pbx1."),
        Field("nodes", "Asterisks it speaks for", Kind.LIST, hint="Such as pbx1; empty: all."),
        Field("scopes", "What it opens", Kind.CHOICES, choices=_SCOPES, wide=True),
    ),
)


def new_key(visit: Visit) -> Reply:
    made = form(
        visit,
        _KEY,
        submit="Make the key",
        asks_password=visit.needs_password("POST", "/v1/keys"),
        cancel="/keys",
    )
    told = "Its secret is shown once, on the next page, and never again."
    return Shown("form.html", "Make a key", {"form": made, "intro": told})


def make_key(visit: Visit) -> Reply:
    key = visit.ask("POST", "/v1/keys", sent=read(_KEY, visit.sent))
    context = {"key": key, "crumbs": [("/keys", "Machine keys")]}
    return Shown("key_made.html", f"Key {key.name}", context)


def show_key(visit: Visit) -> Reply:
    keys: list[KeyShown] = visit.ask("GET", "/v1/keys").items
    key = next((each for each in keys if str(each.key_id) == visit.here("id")), None)
    if key is None:
        visit.nothing_here()
    revoke = None
    if visit.may(Action.CHANGE_KEYS) and not key.revoked:
        revoke = form(
            visit,
            (),
            submit="Revoke it for ever",
            to=f"/keys/{key.key_id}/revoke",
            asks_password=visit.needs_password("DELETE", "/v1/keys/{id}"),
            danger=True,
        )
    context = {"key": key, "revoke": revoke, "crumbs": [("/keys", "Machine keys")]}
    return Shown("key.html", key.name, context)


def revoke_key(visit: Visit) -> Reply:
    visit.ask("DELETE", "/v1/keys/{id}", **visit.path)
    return Gone(f"/keys/{visit.here('id')}", "The key opens nothing any more.")


PAGES = (
    NEW,
    Page("/people/{id}", Action.SEE_PEOPLE, show),
    Page("/people/{id}/role", _CHANGE, show, give_role),
    Page("/people/{id}/password", _CHANGE, show, set_password, hashes=True),
    Page("/people/{id}/enabled", _CHANGE, show, set_enabled),
    Page("/people/{id}/totp", _CHANGE, show, drop_totp),
    Page("/people/{id}/sessions", _CHANGE, show, end_sessions),
)
KEY_PAGES = (
    Page("/keys/new", Action.CHANGE_KEYS, new_key, make_key),
    Page("/keys/{id}", Action.SEE_KEYS, show_key),
    Page("/keys/{id}/revoke", Action.CHANGE_KEYS, show_key, revoke_key),
)
