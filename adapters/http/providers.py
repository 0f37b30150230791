"""Providers: the carriers that calls are bought from. Their rates are a tariff like any other."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

from msgspec import Meta, Struct

from adapters.http import accounts
from adapters.http.asking import USUAL_ROWS, Answer, Asked, Limit, Page
from adapters.http.conditional import unless_changed
from adapters.http.groups import Unit
from adapters.http.operations import Operation, Routes
from adapters.http.services import HttpServices
from adapters.http.wire import Name, Text, tell
from application import kinds
from application.permissions import Action
from domain.errors import NotFound
from domain.providers import Provider, ProviderTerms, tariff_of

PlainName = Annotated[
    str,
    Meta(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,79}\Z",
        description="A letter or digit, then letters, digits, _, . and -.",
    ),
]


class ProviderShown(Struct, frozen=True):
    """``rated``: it serves what its rate sheet has a rate for; else all, at a cost nobody knows.
    Its rate sheets are sent to the tariff of the name ``tariff``."""

    provider_id: UUID
    name: str
    unit: str
    rated: bool
    active: bool
    tariff: str
    tariff_id: UUID


class ProviderListed(Struct, frozen=True):
    provider_id: UUID
    name: str
    unit: str
    rated: bool
    active: bool
    tariff: str
    tariff_id: UUID
    changed_at: datetime
    changed_by: str
    why: str


class ProviderWanted(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    name: PlainName
    unit: Unit
    rated: bool = True
    active: bool = True
    why: Text | None = None
    by: Name | None = None


class ProviderChange(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Without an active provider its trunks carry nothing. The unit stays: past costs are in it."""

    rated: bool
    active: bool
    why: Text
    by: Name | None = None


class ProvidersAsked(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    after: Name | None = None
    limit: Limit = USUAL_ROWS


def listed(services: HttpServices, asked: Asked) -> Answer:
    given = asked.parameters(ProvidersAsked)
    found = services.route_views.providers(given.after, given.limit)
    shown = [tell(ProviderListed, each, **_ids(each.name)) for each in found]
    return asked.page(shown, found[-1].name if found else None)


def one(services: HttpServices, asked: Asked) -> Answer:
    return Answer(_shown(_provider(services, asked)))


def add(services: HttpServices, asked: Asked) -> Answer:
    """Asked again with the same terms it answers the same: the name is what makes it one."""
    wanted = asked.body(ProviderWanted)
    terms = ProviderTerms(wanted.unit, wanted.rated, wanted.active)
    services.routing.add_provider(wanted.name, terms, asked.by(wanted.by), wanted.why or "")
    shown = _shown(Provider(wanted.name, terms))
    return Answer(shown, 201, {"Location": f"/v1/providers/{shown.provider_id}"})


def change(services: HttpServices, asked: Asked) -> Answer:
    wanted = asked.body(ProviderChange)
    provider = _provider(services, asked)
    provider_id = kinds.provider_id(provider.name)
    terms = services.routing.change_provider(
        provider.name,
        lambda now: ProviderTerms(now.unit, wanted.rated, wanted.active),
        asked.by(wanted.by),
        wanted.why,
        check=unless_changed(services, asked, kinds.PROVIDERS, provider_id, _shown),
    )
    return Answer(_shown(Provider(provider.name, terms)))


def events(services: HttpServices, asked: Asked) -> Answer:
    provider_id = kinds.provider_id(_provider(services, asked).name)
    return accounts.history(services, asked, provider_id)


def _provider(services: HttpServices, asked: Asked) -> Provider:
    provider_id = asked.id("provider")
    (provider,) = services.administration.states(kinds.PROVIDERS, [provider_id])
    if provider is None:
        raise NotFound("provider", str(provider_id))
    return provider


def _ids(name: str) -> dict[str, object]:
    tariff = tariff_of(name)
    return {
        "provider_id": kinds.provider_id(name),
        "tariff": tariff,
        "tariff_id": kinds.tariff_id(tariff),
    }


def _shown(provider: Provider) -> ProviderShown:
    terms = provider.terms
    fields = {"unit": terms.unit, "rated": terms.rated, "active": terms.active}
    return tell(ProviderShown, provider, **_ids(provider.name), **fields)


ROUTES: Routes = {
    "/v1/providers": {
        "GET": Operation(
            listed,
            Action.SEE_ROUTES,
            "Providers, by name.",
            Page[ProviderListed],
            query=ProvidersAsked,
            csv=True,
        ),
        "POST": Operation(
            add,
            Action.CHANGE_ROUTES,
            "Add a provider. Send its rates next, then add its trunks.",
            ProviderShown,
            body=ProviderWanted,
            status=201,
        ),
    },
    "/v1/providers/{id}": {
        "GET": Operation(one, Action.SEE_ROUTES, "One provider.", ProviderShown),
        "PUT": Operation(
            change,
            Action.CHANGE_ROUTES,
            "Change a provider.",
            ProviderShown,
            body=ProviderChange,
            guarded=True,
        ),
    },
    "/v1/providers/{id}/events": {"GET": accounts.events_of(events, Action.SEE_ROUTES, "provider")},
}
