"""Card groups: the terms that cards are sold under."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

import attrs
from msgspec import Meta, Struct, field

from adapters.http import accounts, problems
from adapters.http.asking import Answer, Asked, Page, PageAsked
from adapters.http.conditional import unless_changed
from adapters.http.operations import Operation, Routes
from adapters.http.problems import asked_wrongly
from adapters.http.services import HttpServices
from adapters.http.wire import MoneyTold, Name, tell
from application import kinds
from application.administration import check_expiry
from application.permissions import Action
from domain.card_groups import LONGEST_CALL, MOST_SIMULTANEOUS_CALLS, CardGroup, GroupTerms
from domain.errors import NotFound
from domain.login import LoginMode

Length = Annotated[int, Meta(ge=4, le=20, description="Digits.")]
Sound = Annotated[
    str,
    Meta(
        max_length=200,
        pattern=r"^/?[A-Za-z0-9_-]+([./][A-Za-z0-9_-]+)*\Z",
        description="A file of Asterisk's sounds, without its ending.",
    ),
]
Language = Annotated[str, Meta(pattern=r"^[a-z]{2,3}(_[A-Z]{2})?\Z")]
E164 = Annotated[str, Meta(pattern=r"^\+[1-9][0-9]{3,14}\Z", description="E.164, with plus.")]
Unit = Annotated[str, Meta(pattern=r"^[A-Z]{3}\Z", description="ISO 4217, or MIN: minutes.")]


class TermsTold(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Every term a card is sold under. Amounts are in the unit of the group.

    ``daily_fee``: each calendar day from first use. ``valid_days``: after first use; 0: for ever.
    ``most_held``: what one attempt may hold at most. ``longest_call`` in seconds.
    ``ghost_percent``: for speech only, what part of the real talk time is announced.
    """

    unit: Unit
    face_value: MoneyTold
    tariff: Name
    login_mode: LoginMode = LoginMode.NUMBER_AND_PIN
    number_length: Length = 10
    pin_length: Length = 8
    setup_fee: MoneyTold | None = None
    daily_fee: MoneyTold | None = None
    expires_on: Annotated[datetime, Meta(tz=True)] | None = None
    valid_days: Annotated[int, Meta(ge=0, le=36_500)] = 0
    simultaneous_calls: Annotated[int, Meta(ge=1, le=MOST_SIMULTANEOUS_CALLS)] = 1
    most_held: MoneyTold | None = None
    longest_call: Annotated[int, Meta(ge=1, le=LONGEST_CALL)] = 2 * 3600
    pinless_allowed: bool = True
    store_caller_id_at_login: bool = False
    deny_double_use: bool = False
    minimum_balance: MoneyTold | None = None
    say_balance: bool = True
    say_time: bool = True
    ghost_percent: Annotated[int, Meta(ge=1, le=1_000)] = 100
    first_announcement: Sound | None = None
    languages: Annotated[list[Language], Meta(min_length=1, max_length=20)] = field(
        default_factory=lambda: ["en"]
    )
    operator_number: E164 | None = None


class GroupShown(Struct, frozen=True):
    group_id: UUID
    name: str
    terms: TermsTold


class GroupWanted(Struct, frozen=True, forbid_unknown_fields=True):
    name: Name
    terms: TermsTold
    by: Name | None = None


class TermsWanted(Struct, frozen=True, forbid_unknown_fields=True):
    """All terms, not only those that change: what is left out is at its default again."""

    terms: TermsTold
    by: Name | None = None


class NamedAsked(PageAsked, frozen=True, forbid_unknown_fields=True, kw_only=True):
    name: Name | None = None


def listed(services: HttpServices, asked: Asked) -> Answer:
    given = asked.parameters(NamedAsked)
    kind = kinds.CARD_GROUPS
    ids = services.directory.listed(kind.name, given.after, given.limit, name=given.name)
    groups = services.administration.states(kind, ids)
    shown = [_shown(group) for group in groups if group is not None]
    return asked.page(shown, ids[-1] if ids else None)


def one(services: HttpServices, asked: Asked) -> Answer:
    return Answer(_shown(_group(services, asked)))


def create(services: HttpServices, asked: Asked) -> Answer:
    """Asked again with the same terms it answers the same: the name is what makes it one."""
    wanted = asked.body(GroupWanted)
    terms = _terms(wanted.terms)
    services.administration.create_group(wanted.name, terms, asked.by(wanted.by))
    shown = _shown(services.administration.group(wanted.name))
    return Answer(shown, 201, {"Location": f"/v1/groups/{shown.group_id}"})


def change(services: HttpServices, asked: Asked) -> Answer:
    wanted = asked.body(TermsWanted)
    group = _group(services, asked)
    seen = unless_changed(services, asked, kinds.CARD_GROUPS, asked.id("card group"), _shown)
    terms, now = _terms(wanted.terms), services.clock.now()

    def check(before: CardGroup) -> None:
        seen(before)
        check_expiry(before.terms, terms, now)

    services.administration.change_group(group.name, terms, asked.by(wanted.by), check=check)
    return Answer(_shown(services.administration.group(group.name)))


def events(services: HttpServices, asked: Asked) -> Answer:
    _group(services, asked)
    return accounts.history(services, asked, asked.id("card group"))


def _group(services: HttpServices, asked: Asked) -> CardGroup:
    group_id = asked.id("card group")
    (group,) = services.administration.states(kinds.CARD_GROUPS, [group_id])
    if group is None:
        raise NotFound("card group", str(group_id))
    return group


def _shown(group: CardGroup) -> GroupShown:
    return GroupShown(kinds.card_group_id(group.name), group.name, tell(TermsTold, group.terms))


def _terms(told: TermsTold) -> GroupTerms:
    """Raises AskedWrongly for terms that do not go together."""
    values = {each.name: getattr(told, each.name) for each in attrs.fields(GroupTerms)}
    for name, value in values.items():
        if isinstance(value, MoneyTold):
            values[name] = value.money()
        if isinstance(value, list):
            values[name] = tuple(value)
    try:
        return GroupTerms(**values)
    except ValueError as error:
        raise asked_wrongly(problems.BAD_FIELD, f"$.terms: {error}", field="$.terms") from error


ROUTES: Routes = {
    "/v1/groups": {
        "GET": Operation(
            listed,
            Action.SEE_GROUPS,
            "Card groups.",
            Page[GroupShown],
            query=NamedAsked,
            csv=True,
        ),
        "POST": Operation(
            create,
            Action.CHANGE_GROUPS,
            "Create a card group.",
            GroupShown,
            body=GroupWanted,
            status=201,
        ),
    },
    "/v1/groups/{id}": {
        "GET": Operation(one, Action.SEE_GROUPS, "One card group.", GroupShown),
        "PUT": Operation(
            change,
            Action.CHANGE_GROUPS,
            "Change the terms of a card group. What calls have cost stays as it was.",
            GroupShown,
            body=TermsWanted,
            guarded=True,
        ),
    },
    "/v1/groups/{id}/events": {"GET": accounts.events_of(events, Action.SEE_GROUPS, "card group")},
}
