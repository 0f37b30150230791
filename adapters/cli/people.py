"""talktime people: who may sign in, and as what. The first owner is made here."""

from __future__ import annotations

import sys
from typing import Annotated
from uuid import UUID

import typer

from adapters.cli.context import By, Json, Why, office, whoever
from adapters.cli.output import show_fields, show_json, show_rows
from adapters.cli.program import BackOffice
from domain.errors import NotFound
from domain.people import Person, Role

app = typer.Typer(help="Who may sign in, and as what.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(help="The name to sign in with.")]
Distributor = Annotated[str | None, typer.Option(help="Whose cards a distributor's person sees.")]


@app.command()
def create(
    context: typer.Context,
    name: Name,
    role: Annotated[Role, typer.Option(help="What the person is here for.")],
    distributor: Distributor = None,
    by: By = "",
    json: Json = False,
) -> None:
    """Let a person in. Asks for a password twice; a pipe gives it once, on a line."""
    with office(context) as back:
        password = _new_password()
        person = back.people.create(
            back.people.new_id(), name, role, password, by or whoever(), distributor=distributor
        )
    _show(person, json)


@app.command("list")
def list_people(context: typer.Context, json: Json = False) -> None:
    """Who may sign in, and who might once."""
    with office(context) as back:
        people = sorted(back.people.staff().people.values(), key=lambda each: each.name)
    if json:
        show_json([_fields(each) for each in people])
        return
    rows = [
        (p.name, p.role.value, p.distributor, "yes" if p.totp else "no", _enabled(p))
        for p in people
    ]
    show_rows("People", ("name", "role", "distributor", "codes", "may sign in"), rows)


@app.command()
def role(
    context: typer.Context,
    name: Name,
    new: Annotated[Role, typer.Argument(help="The new role.", metavar="ROLE")],
    distributor: Distributor = None,
    by: By = "",
    json: Json = False,
) -> None:
    """Give a person another role."""
    with office(context) as back:
        person_id = _id(back, name)
        person = back.people.give_role(person_id, new, by or whoever(), distributor=distributor)
    _show(person, json)


@app.command()
def password(context: typer.Context, name: Name, by: By = "", json: Json = False) -> None:
    """Set a new password, which ends all sessions of the person."""
    with office(context) as back:
        person_id = _id(back, name)
        person = back.people.change_password(person_id, _new_password(), by or whoever())
    _show(person, json)


@app.command()
def disable(context: typer.Context, name: Name, why: Why, by: By = "", json: Json = False) -> None:
    """Shut a person out, at once."""
    with office(context) as back:
        person = back.people.disable(_id(back, name), by or whoever(), why)
    _show(person, json)


@app.command()
def enable(context: typer.Context, name: Name, why: Why, by: By = "", json: Json = False) -> None:
    """Let a person in again."""
    with office(context) as back:
        person = back.people.enable(_id(back, name), by or whoever(), why)
    _show(person, json)


@app.command("drop-codes")
def drop_codes(context: typer.Context, name: Name, by: By = "", json: Json = False) -> None:
    """Ask for no one-time code any more, for somebody who has lost the authenticator."""
    with office(context) as back:
        person = back.people.disable_totp(_id(back, name), by or whoever())
    _show(person, json)


def _new_password() -> str:
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\r\n")
    entered: str = typer.prompt("Password", hide_input=True, confirmation_prompt=True, err=True)
    return entered


def _id(back: BackOffice, name: str) -> UUID:
    person = back.people.staff().named(name)
    if person is None:
        raise NotFound("person", name)
    return person.person_id


def _fields(person: Person) -> dict[str, object]:
    return {
        "id": str(person.person_id),
        "name": person.name,
        "role": person.role.value,
        "distributor": person.distributor,
        "codes": person.totp is not None,
        "enabled": person.enabled,
    }


def _enabled(person: Person) -> str:
    return "yes" if person.enabled else "no"


def _show(person: Person, json: bool) -> None:
    if json:
        show_json(_fields(person))
    else:
        show_fields(f"{person.name}", _fields(person))
