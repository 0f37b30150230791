"""Access numbers: the numbers that customers dial in, and what answers there."""

from __future__ import annotations

from typing import Annotated, Literal
from uuid import UUID

import attrs
from msgspec import Meta, Struct

from adapters.http import accounts, problems
from adapters.http.asking import Answer, Asked, Page, PageAsked
from adapters.http.conditional import unless_changed
from adapters.http.groups import Language, Sound
from adapters.http.operations import Operation, Routes
from adapters.http.problems import asked_wrongly
from adapters.http.services import HttpServices
from adapters.http.wire import MoneyTold, Name, Text, tell
from application import kinds
from application.permissions import Action
from domain.access_numbers import AccessNumber, AccessTerms
from domain.errors import NotFound
from domain.login import LoginMode

Number = Annotated[
    str,
    Meta(pattern=r"^\+?[0-9]{3,20}\Z", description="As Asterisk receives it."),
]


class AccessTermsTold(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What a caller of this number meets. Surcharges come on top of what a call costs.

    ``country`` (ISO 3166-1): whose callers' numbers arrive here without a country code.
    """

    service: Literal["card"] = "card"
    login_mode: LoginMode = LoginMode.NUMBER_AND_PIN
    language: Language = "en"
    first_announcement: Sound | None = None
    surcharge: MoneyTold | None = None
    surcharge_per_minute: MoneyTold | None = None
    country: Annotated[str, Meta(pattern=r"^[A-Z]{2}\Z")] = "US"
    open: bool = True


class AccessNumberShown(Struct, frozen=True):
    access_number_id: UUID
    number: str
    terms: AccessTermsTold


class AccessNumberWanted(Struct, frozen=True, forbid_unknown_fields=True):
    number: Number
    terms: AccessTermsTold = AccessTermsTold()
    by: Name | None = None
    why: Text | None = None


class AccessTermsWanted(Struct, frozen=True, forbid_unknown_fields=True):
    """All terms, not only those that change: what is left out is at its default again."""

    terms: AccessTermsTold
    by: Name | None = None
    why: Text | None = None


class NumbersAsked(PageAsked, frozen=True, forbid_unknown_fields=True, kw_only=True):
    number: Annotated[str, Meta(min_length=1, max_length=21)] | None = None


def listed(services: HttpServices, asked: Asked) -> Answer:
    given = asked.parameters(NumbersAsked)
    kind = kinds.ACCESS_NUMBERS
    ids = services.directory.listed(kind.name, given.after, given.limit, name=given.number)
    found = services.administration.states(kind, ids)
    return asked.page([_shown(each) for each in found if each], ids[-1] if ids else None)


def one(services: HttpServices, asked: Asked) -> Answer:
    return Answer(_shown(_access(services, asked)))


def add(services: HttpServices, asked: Asked) -> Answer:
    """Asked again with the same terms it answers the same: the number is what makes it one."""
    wanted = asked.body(AccessNumberWanted)
    terms = _terms(wanted.terms)
    services.access_numbers.add(wanted.number, terms, asked.by(wanted.by), wanted.why or "")
    shown = _shown(AccessNumber(wanted.number, terms))
    return Answer(shown, 201, {"Location": f"/v1/access-numbers/{shown.access_number_id}"})


def change(services: HttpServices, asked: Asked) -> Answer:
    wanted = asked.body(AccessTermsWanted)
    access = _access(services, asked)
    check = unless_changed(services, asked, kinds.ACCESS_NUMBERS, _id(access), _shown)
    terms = _terms(wanted.terms)
    services.access_numbers.change(
        access.number, lambda _: terms, asked.by(wanted.by), wanted.why or "", check=check
    )
    return Answer(_shown(AccessNumber(access.number, terms)))


def events(services: HttpServices, asked: Asked) -> Answer:
    return accounts.history(services, asked, _id(_access(services, asked)))


def _access(services: HttpServices, asked: Asked) -> AccessNumber:
    access_id = asked.id("access number")
    (access,) = services.administration.states(kinds.ACCESS_NUMBERS, [access_id])
    if access is None:
        raise NotFound("access number", str(access_id))
    return access


def _id(access: AccessNumber) -> UUID:
    return kinds.access_number_id(access.number)


def _shown(access: AccessNumber) -> AccessNumberShown:
    return AccessNumberShown(_id(access), access.number, tell(AccessTermsTold, access.terms))


def _terms(told: AccessTermsTold) -> AccessTerms:
    """Raises AskedWrongly for terms that do not go together."""
    values = {each.name: getattr(told, each.name) for each in attrs.fields(AccessTerms)}
    for name, value in values.items():
        if isinstance(value, MoneyTold):
            values[name] = value.money()
    try:
        return AccessTerms(**values)
    except ValueError as error:
        raise asked_wrongly(problems.BAD_FIELD, f"$.terms: {error}", field="$.terms") from error


ROUTES: Routes = {
    "/v1/access-numbers": {
        "GET": Operation(
            listed,
            Action.SEE_ACCESS_NUMBERS,
            "Access numbers.",
            Page[AccessNumberShown],
            query=NumbersAsked,
            csv=True,
        ),
        "POST": Operation(
            add,
            Action.CHANGE_ACCESS_NUMBERS,
            "Add an access number.",
            AccessNumberShown,
            body=AccessNumberWanted,
            status=201,
        ),
    },
    "/v1/access-numbers/{id}": {
        "GET": Operation(one, Action.SEE_ACCESS_NUMBERS, "One access number.", AccessNumberShown),
        "PUT": Operation(
            change,
            Action.CHANGE_ACCESS_NUMBERS,
            "Change what a caller of this number meets.",
            AccessNumberShown,
            body=AccessTermsWanted,
            guarded=True,
        ),
    },
    "/v1/access-numbers/{id}/events": {
        "GET": accounts.events_of(events, Action.SEE_ACCESS_NUMBERS, "access number")
    },
}
