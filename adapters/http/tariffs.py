"""Tariffs: their versions, the moments from which each is in force, and the way back."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Annotated
from uuid import UUID

from msgspec import Meta, Struct

from adapters.http import accounts, problems
from adapters.http.asking import Answer, Asked, Page
from adapters.http.groups import NamedAsked
from adapters.http.operations import Operation, Routes
from adapters.http.problems import asked_wrongly
from adapters.http.services import HttpServices
from adapters.http.wire import Name, Text, tell
from application import kinds
from application.permissions import Action
from domain.errors import NotFound
from domain.tariffs import Tariff, TariffPublished

Moment = Annotated[datetime, Meta(tz=True)]
Version = Annotated[int, Meta(ge=1, le=1_000_000)]
AfterVersion = Annotated[
    int,
    Meta(
        ge=0,
        le=1_000_000,
        description="The tariff's last_version as you saw it; 409 if there is a newer one.",
    ),
]


class VersionShown(Struct, frozen=True):
    """``sheet_digest`` is the SHA-256 over all rows of its sheet."""

    version: int
    sheet_id: UUID
    effective_from: datetime
    rows: int
    sheet_digest: str
    by: str


class DraftShown(Struct, frozen=True):
    """A sheet that was imported, and neither published nor discarded. No call is priced by it."""

    sheet_id: UUID
    rows: int
    sheet_digest: str
    file: str
    imported_at: datetime
    by: str
    why: str


class TariffShown(Struct, frozen=True):
    """``in_force`` is the version that prices calls now; null before the first begins."""

    tariff_id: UUID
    name: str
    unit: str
    last_version: int
    in_force: int | None
    schedule: list[VersionShown]
    drafts: list[DraftShown]


class RollbackWanted(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """``since``: in force from then on; null: at once."""

    version: Version
    after_version: AfterVersion
    why: Text
    since: Moment | None = None
    by: Name | None = None


def listed(services: HttpServices, asked: Asked) -> Answer:
    given = asked.parameters(NamedAsked)
    kind = kinds.TARIFFS
    ids = services.directory.listed(kind.name, given.after, given.limit, name=given.name)
    found = services.administration.states(kind, ids)
    shown = [_shown(services, tariff) for tariff in found if tariff is not None]
    return asked.page(shown, ids[-1] if ids else None)


def one(services: HttpServices, asked: Asked) -> Answer:
    return Answer(_shown(services, tariff_asked(services, asked)))


def versions(services: HttpServices, asked: Asked) -> Answer:
    """All that are remembered: there is a bounded number."""
    tariff = tariff_asked(services, asked)
    return Answer(Page([tell(VersionShown, each) for each in tariff.schedule], None))


def rollback(services: HttpServices, asked: Asked) -> Answer:
    """Asked again by the same after it was done, it answers the version that was made."""
    wanted = asked.body(RollbackWanted)
    tariff = tariff_asked(services, asked)
    by, after = asked.by(wanted.by), wanted.after_version
    older = tariff.version(wanted.version)
    made = _version(tariff, tariff.last_version)
    again = tariff.last_version == after + 1 and made is not None and made.version != older.version
    if made is None or not again or (made.sheet_id, made.by) != (older.sheet_id, by):
        version = services.tariffs.rollback(
            tariff.name, wanted.version, wanted.since, by, wanted.why, check=unless_published(after)
        )
        made = services.tariffs.tariff(tariff.name).version(version)
    return Answer(tell(VersionShown, made), 201)


def events(services: HttpServices, asked: Asked) -> Answer:
    return accounts.history(services, asked, kinds.tariff_id(tariff_asked(services, asked).name))


def unless_published(after_version: int) -> Callable[[Tariff], None]:
    """Raises AskedWrongly (409) that tells which versions somebody has published since."""

    def check(tariff: Tariff) -> None:
        if tariff.last_version <= after_version:
            return
        newer = [each for each in tariff.schedule if each.version > after_version]
        who = ", ".join(f"version {each.version} by {each.by}" for each in newer)
        raise asked_wrongly(
            problems.PUBLISHED_MEANWHILE,
            f"since you looked there is {who or 'a newer version'}: look at the differences again",
            last_version=tariff.last_version,
            versions=[tell(VersionShown, each) for each in newer],
        )

    return check


def tariff_asked(services: HttpServices, asked: Asked) -> Tariff:
    tariff_id = asked.id("tariff")
    (tariff,) = services.administration.states(kinds.TARIFFS, [tariff_id])
    if tariff is None:
        raise NotFound("tariff", str(tariff_id))
    return tariff


def _version(tariff: Tariff, version: int) -> TariffPublished | None:
    return next((each for each in tariff.schedule if each.version == version), None)


def _shown(services: HttpServices, tariff: Tariff) -> TariffShown:
    now = tariff.at(services.clock.now())
    return tell(
        TariffShown,
        tariff,
        tariff_id=kinds.tariff_id(tariff.name),
        in_force=now.version if now is not None else None,
        schedule=[tell(VersionShown, each) for each in tariff.schedule],
        drafts=[tell(DraftShown, each) for each in tariff.drafts],
    )


ROUTES: Routes = {
    "/v1/tariffs": {
        "GET": Operation(
            listed,
            Action.SEE_TARIFFS,
            "Tariffs, their versions and their drafts.",
            Page[TariffShown],
            query=NamedAsked,
            csv=True,
        )
    },
    "/v1/tariffs/{id}": {"GET": Operation(one, Action.SEE_TARIFFS, "One tariff.", TariffShown)},
    "/v1/tariffs/{id}/versions": {
        "GET": Operation(
            versions,
            Action.SEE_TARIFFS,
            "The versions of a tariff, by the moment each begins.",
            Page[VersionShown],
            csv=True,
        ),
        "POST": Operation(
            rollback,
            Action.CHANGE_TARIFFS,
            "Publish the sheet of an older version again.",
            VersionShown,
            body=RollbackWanted,
            status=201,
            problems=(problems.PUBLISHED_MEANWHILE,),
        ),
    },
    "/v1/tariffs/{id}/events": {"GET": accounts.events_of(events, Action.SEE_TARIFFS, "tariff")},
}
