"""A tariff: versions of a price list, each in force from its own moment on."""

from __future__ import annotations

from datetime import datetime
from typing import assert_never
from uuid import UUID

from attrs import evolve as changed
from attrs import frozen

from domain.errors import AlreadyDone, AlreadyExists, NotFound, SettingNotAllowed

MOST_VERSIONS = 50
"""Versions that are remembered; the ones that began first are forgotten first."""

MOST_DRAFTS = 20
"""Imported sheets that wait to be published or discarded."""

# Facts.


@frozen
class TariffCreated:
    name: str
    unit: str


@frozen
class TariffPublished:
    """The rows of the sheet are kept beside the log; ``sheet_digest`` (SHA-256) seals them."""

    version: int
    sheet_id: UUID
    effective_from: datetime
    rows: int
    sheet_digest: str
    by: str


@frozen
class SheetImported:
    """A draft: its rows are stored and sealed, but no call is priced by them."""

    sheet_id: UUID
    rows: int
    sheet_digest: str
    file: str
    """The name of the file it came from."""
    imported_at: datetime
    by: str
    why: str


@frozen
class SheetDiscarded:
    sheet_id: UUID
    by: str
    why: str


@frozen
class PublicationJustified:
    """Why a version was published, and which findings of the check were overridden for it."""

    version: int
    overridden: tuple[str, ...]
    by: str
    why: str


TariffFact = TariffCreated | TariffPublished | SheetImported | SheetDiscarded | PublicationJustified

# State and decisions.


@frozen
class Tariff:
    name: str
    unit: str
    last_version: int = 0
    schedule: tuple[TariffPublished, ...] = ()
    """By the moment each begins: the one in force, those to come, and some before."""
    drafts: tuple[SheetImported, ...] = ()
    """Sheets that were neither published nor discarded, oldest first."""
    justified: int = 0
    """The last version whose publication was explained."""

    def publish(self, published: TariffPublished) -> list[TariffFact]:
        """The next version. Raises SettingNotAllowed for an empty sheet, a version that is not the
        next, or a moment without a time zone."""
        _check_rows(published.rows)
        if published.effective_from.tzinfo is None:
            since = str(published.effective_from)
            raise SettingNotAllowed("effective from", since, "a moment with a time zone")
        if published.version != self.last_version + 1:
            accepted = f"the next version, {self.last_version + 1}"
            raise SettingNotAllowed("version", str(published.version), accepted)
        return [published]

    def publish_draft(
        self,
        sheet_id: UUID,
        effective_from: datetime,
        by: str,
        why: str = "",
        overridden: tuple[str, ...] = (),
    ) -> list[TariffFact]:
        """The draft as the next version. Raises NotFound for a sheet that is no draft, AlreadyDone
        for one that was published, SettingNotAllowed for findings overridden without a reason."""
        if overridden and not why:
            raise SettingNotAllowed("why", why, "a reason, because findings are overridden")
        draft = self.unpublished(sheet_id)
        published = TariffPublished(
            self.last_version + 1, sheet_id, effective_from, draft.rows, draft.sheet_digest, by
        )
        return self.publish(published) + self._justify(overridden, by, why)

    def publish_again(
        self, version: int, effective_from: datetime, by: str, why: str
    ) -> list[TariffFact]:
        """The sheet of an older version as the next version: the way back.

        Raises NotFound for a version that is not remembered, SettingNotAllowed without a reason.
        """
        if not why:
            raise SettingNotAllowed("why", why, "the reason for going back")
        older = self.version(version)
        published = TariffPublished(
            self.last_version + 1,
            older.sheet_id,
            effective_from,
            older.rows,
            older.sheet_digest,
            by,
        )
        return self.publish(published) + self._justify((), by, why)

    def _justify(self, overridden: tuple[str, ...], by: str, why: str) -> list[TariffFact]:
        if not why:
            return []
        return [PublicationJustified(self.last_version + 1, overridden, by, why)]

    def import_sheet(self, imported: SheetImported) -> list[TariffFact]:
        """One more draft. Raises SettingNotAllowed for an empty sheet, and for too many drafts."""
        if any(each.sheet_id == imported.sheet_id for each in self.drafts):
            return []
        _check_rows(imported.rows)
        self.check_room()
        return [imported]

    def check_room(self) -> None:
        """Raises SettingNotAllowed if there are so many drafts that no other may come."""
        if len(self.drafts) >= MOST_DRAFTS:
            accepted = f"at most {MOST_DRAFTS} in a tariff: publish or discard some"
            raise SettingNotAllowed("drafts", str(len(self.drafts) + 1), accepted)

    def discard(self, sheet_id: UUID, by: str, why: str) -> list[TariffFact]:
        """Raises AlreadyExists for a sheet that was published: it may be needed again."""
        if any(each.sheet_id == sheet_id for each in self.schedule):
            raise AlreadyExists("published sheet", str(sheet_id))
        self.draft(sheet_id)
        return [SheetDiscarded(sheet_id, by, why)]

    def draft(self, sheet_id: UUID) -> SheetImported:
        """Raises NotFound for a sheet that is no draft (any more)."""
        for each in self.drafts:
            if each.sheet_id == sheet_id:
                return each
        raise NotFound("draft", str(sheet_id))

    def unpublished(self, sheet_id: UUID) -> SheetImported:
        """The draft that is to be published. Raises NotFound, and AlreadyDone for a version."""
        for each in self.schedule:
            if each.sheet_id == sheet_id:
                raise AlreadyDone(f"the publication as version {each.version}", each.by)
        return self.draft(sheet_id)

    def version(self, number: int) -> TariffPublished:
        """Raises NotFound for a version that never was, or is forgotten."""
        for each in self.schedule:
            if each.version == number:
                return each
        raise NotFound("version", f"{number} of tariff {self.name}")

    def at(self, now: datetime) -> TariffPublished | None:
        """The version in force: the one that began last."""
        begun = [each for each in self.schedule if each.effective_from <= now]
        return begun[-1] if begun else None


def _check_rows(rows: int) -> None:
    if rows < 1:
        raise SettingNotAllowed("rows", str(rows), "a sheet with at least one rate")


def create(tariff: Tariff | None, name: str, unit: str) -> list[TariffFact]:
    if tariff is None:
        return [TariffCreated(name, unit)]
    if tariff.unit != unit:
        raise SettingNotAllowed("unit", unit, f"{tariff.unit}, the unit of tariff {name}")
    return []


def evolve(tariff: Tariff | None, fact: TariffFact) -> Tariff:
    if isinstance(fact, TariffCreated):
        return Tariff(fact.name, fact.unit)
    assert tariff is not None, "a tariff begins with TariffCreated"
    match fact:
        case TariffPublished(version=version, sheet_id=sheet_id, effective_from=since):
            # What was to begin at the same moment is replaced; what begins later still will.
            others = [each for each in tariff.schedule if each.effective_from != since]
            schedule = sorted([*others, fact], key=lambda each: each.effective_from)
            return changed(
                tariff,
                last_version=version,
                schedule=tuple(schedule[-MOST_VERSIONS:]),
                drafts=_without(tariff.drafts, sheet_id),
            )
        case SheetImported():
            return changed(tariff, drafts=(*tariff.drafts, fact))
        case SheetDiscarded(sheet_id):
            return changed(tariff, drafts=_without(tariff.drafts, sheet_id))
        case PublicationJustified(version):
            return changed(tariff, justified=version)
        case _:
            assert_never(fact)


def _without(drafts: tuple[SheetImported, ...], sheet_id: UUID) -> tuple[SheetImported, ...]:
    return tuple(each for each in drafts if each.sheet_id != sheet_id)
