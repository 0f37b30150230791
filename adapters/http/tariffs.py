"""Tariffs: their versions, and the moments from which each is in force."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from msgspec import Struct

from adapters.http import accounts
from adapters.http.asking import Answer, Asked, Page
from adapters.http.groups import NamedAsked
from adapters.http.operations import Operation, Routes
from adapters.http.services import HttpServices
from adapters.http.wire import tell
from application import kinds
from application.permissions import Action
from domain.errors import NotFound
from domain.tariffs import Tariff


class VersionShown(Struct, frozen=True):
    """``sheet_digest`` is the SHA-256 over all rows of its sheet."""

    version: int
    sheet_id: UUID
    effective_from: datetime
    rows: int
    sheet_digest: str
    by: str


class TariffShown(Struct, frozen=True):
    """``in_force`` is the version that prices calls now; null before the first begins."""

    tariff_id: UUID
    name: str
    unit: str
    last_version: int
    in_force: int | None
    schedule: list[VersionShown]


def listed(services: HttpServices, asked: Asked) -> Answer:
    given = asked.parameters(NamedAsked)
    kind = kinds.TARIFFS
    ids = services.directory.listed(kind.name, given.after, given.limit, name=given.name)
    found = services.administration.states(kind, ids)
    shown = [_shown(services, tariff) for tariff in found if tariff is not None]
    return asked.page(shown, ids[-1] if ids else None)


def one(services: HttpServices, asked: Asked) -> Answer:
    return Answer(_shown(services, _tariff(services, asked)))


def events(services: HttpServices, asked: Asked) -> Answer:
    return accounts.history(services, asked, kinds.tariff_id(_tariff(services, asked).name))


def _tariff(services: HttpServices, asked: Asked) -> Tariff:
    tariff_id = asked.id("tariff")
    (tariff,) = services.administration.states(kinds.TARIFFS, [tariff_id])
    if tariff is None:
        raise NotFound("tariff", str(tariff_id))
    return tariff


def _shown(services: HttpServices, tariff: Tariff) -> TariffShown:
    now = tariff.at(services.clock.now())
    return tell(
        TariffShown,
        tariff,
        tariff_id=kinds.tariff_id(tariff.name),
        in_force=now.version if now is not None else None,
        schedule=[tell(VersionShown, each) for each in tariff.schedule],
    )


ROUTES: Routes = {
    "/v1/tariffs": {
        "GET": Operation(
            listed,
            Action.SEE_TARIFFS,
            "Tariffs and their versions.",
            Page[TariffShown],
            query=NamedAsked,
            csv=True,
        )
    },
    "/v1/tariffs/{id}": {"GET": Operation(one, Action.SEE_TARIFFS, "One tariff.", TariffShown)},
    "/v1/tariffs/{id}/events": {"GET": accounts.events_of(events, Action.SEE_TARIFFS, "tariff")},
}
