"""Trunks: the lines to providers that calls go out through."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

from msgspec import Meta, Struct, field

from adapters.http import accounts, problems
from adapters.http.asking import Answer, Asked, Page
from adapters.http.conditional import unless_changed
from adapters.http.operations import Operation, Routes
from adapters.http.problems import asked_wrongly
from adapters.http.providers import PlainName, ProvidersAsked
from adapters.http.services import HttpServices
from adapters.http.wire import Name, Text, tell
from application import kinds
from application.permissions import Action
from domain.errors import NotFound
from domain.trunks import (
    MOST_CAPACITY,
    MOST_PRIORITY,
    MOST_TRANSLATIONS,
    Translation,
    Trunk,
    TrunkTerms,
)

Translated = Annotated[
    str,
    Meta(
        max_length=40,
        pattern=r"^[0-9]{0,15}:[0-9]{1,2}:[0-9]{0,16}\Z",
        description="match:strip:prepend. 48:2:0 sends 48221234567 as 0221234567.",
    ),
]
Translations = Annotated[list[Translated], Meta(max_length=MOST_TRANSLATIONS)]
Capacity = Annotated[int, Meta(ge=1, le=MOST_CAPACITY, description="Calls at once.")]
Priority = Annotated[int, Meta(ge=0, le=MOST_PRIORITY, description="Lowest first.")]
CallerId = Annotated[str, Meta(pattern=r"^\+?[0-9]{3,15}\Z", description="The number to present.")]


class TrunkShown(Struct, frozen=True):
    """``name`` is that of the PJSIP endpoint. ``caller_id`` null: the caller's own is presented.
    Of trunks that cost the same the one of the lowest ``priority`` is tried first."""

    trunk_id: UUID
    name: str
    provider: str
    capacity: int
    priority: int
    translations: list[str]
    caller_id: str | None
    active: bool


class TrunkListed(Struct, frozen=True):
    trunk_id: UUID
    name: str
    provider: str
    provider_id: UUID
    capacity: int
    priority: int
    translations: list[str]
    caller_id: str | None
    active: bool
    changed_at: datetime
    changed_by: str
    why: str


class TrunkTermsTold(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """All terms, not only those that change: what is left out is at its default again."""

    provider: PlainName
    capacity: Capacity = 30
    priority: Priority = 100
    translations: Translations = field(default_factory=list)
    caller_id: CallerId | None = None
    active: bool = True
    by: Name | None = None

    def terms(self) -> TrunkTerms:
        """Raises AskedWrongly for translations that do not go together."""
        try:
            found = [each.split(":") for each in self.translations]
            return TrunkTerms(
                self.provider,
                self.capacity,
                self.priority,
                tuple(Translation(match, int(strip), prepend) for match, strip, prepend in found),
                self.caller_id,
                self.active,
            )
        except ValueError as error:
            at = "$.translations"
            raise asked_wrongly(problems.BAD_FIELD, f"{at}: {error}", field=at) from error


class TrunkWanted(TrunkTermsTold, frozen=True, forbid_unknown_fields=True, kw_only=True):
    name: PlainName
    why: Text | None = None


class TrunkChange(TrunkTermsTold, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Calls that are up stay up."""

    why: Text


class TrunksAsked(ProvidersAsked, frozen=True, forbid_unknown_fields=True, kw_only=True):
    provider: Name | None = None


def listed(services: HttpServices, asked: Asked) -> Answer:
    given = asked.parameters(TrunksAsked)
    found = services.route_views.trunks(given.after, given.limit, provider=given.provider)
    shown = [
        tell(
            TrunkListed,
            each,
            trunk_id=kinds.trunk_id(each.name),
            provider_id=kinds.provider_id(each.provider),
        )
        for each in found
    ]
    return asked.page(shown, found[-1].name if found else None)


def one(services: HttpServices, asked: Asked) -> Answer:
    return Answer(_shown(_trunk(services, asked)))


def add(services: HttpServices, asked: Asked) -> Answer:
    """Asked again with the same terms it answers the same: the name is what makes it one."""
    wanted = asked.body(TrunkWanted)
    terms = wanted.terms()
    services.routing.add_trunk(wanted.name, terms, asked.by(wanted.by), wanted.why or "")
    shown = _shown(Trunk(wanted.name, terms))
    return Answer(shown, 201, {"Location": f"/v1/trunks/{shown.trunk_id}"})


def change(services: HttpServices, asked: Asked) -> Answer:
    wanted = asked.body(TrunkChange)
    trunk, terms = _trunk(services, asked), wanted.terms()
    services.routing.change_trunk(
        trunk.name,
        lambda _: terms,
        asked.by(wanted.by),
        wanted.why,
        check=unless_changed(services, asked, kinds.TRUNKS, kinds.trunk_id(trunk.name), _shown),
    )
    return Answer(_shown(Trunk(trunk.name, terms)))


def events(services: HttpServices, asked: Asked) -> Answer:
    return accounts.history(services, asked, kinds.trunk_id(_trunk(services, asked).name))


def _trunk(services: HttpServices, asked: Asked) -> Trunk:
    trunk_id = asked.id("trunk")
    (trunk,) = services.administration.states(kinds.TRUNKS, [trunk_id])
    if trunk is None:
        raise NotFound("trunk", str(trunk_id))
    return trunk


def _shown(trunk: Trunk) -> TrunkShown:
    return tell(
        TrunkShown,
        trunk.terms,
        trunk_id=kinds.trunk_id(trunk.name),
        name=trunk.name,
        translations=[f"{e.match}:{e.strip}:{e.prepend}" for e in trunk.terms.translations],
    )


ROUTES: Routes = {
    "/v1/trunks": {
        "GET": Operation(
            listed,
            Action.SEE_ROUTES,
            "Trunks, by name.",
            Page[TrunkListed],
            query=TrunksAsked,
            csv=True,
        ),
        "POST": Operation(
            add,
            Action.CHANGE_ROUTES,
            "Add a trunk. It carries calls at once, to all that its provider serves.",
            TrunkShown,
            body=TrunkWanted,
            status=201,
        ),
    },
    "/v1/trunks/{id}": {
        "GET": Operation(one, Action.SEE_ROUTES, "One trunk.", TrunkShown),
        "PUT": Operation(
            change,
            Action.CHANGE_ROUTES,
            "Change a trunk.",
            TrunkShown,
            body=TrunkChange,
            guarded=True,
        ),
    },
    "/v1/trunks/{id}/events": {"GET": accounts.events_of(events, Action.SEE_ROUTES, "trunk")},
}
