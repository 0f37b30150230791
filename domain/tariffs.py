"""A tariff: versions of a price list, each in force from its own moment on."""

from __future__ import annotations

from datetime import datetime
from typing import assert_never
from uuid import UUID

from attrs import evolve as changed
from attrs import frozen

from domain.errors import SettingNotAllowed

MOST_VERSIONS = 50
"""Versions that are remembered; the ones that began first are forgotten first."""

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


TariffFact = TariffCreated | TariffPublished

# State and decisions.


@frozen
class Tariff:
    name: str
    unit: str
    last_version: int = 0
    schedule: tuple[TariffPublished, ...] = ()
    """By the moment each begins: the one in force, those to come, and some before."""

    def publish(self, published: TariffPublished) -> list[TariffFact]:
        """The next version. Raises SettingNotAllowed for an empty sheet, a version that is not the
        next, or a moment without a time zone."""
        if published.rows < 1:
            raise SettingNotAllowed("rows", str(published.rows), "a sheet with at least one rate")
        if published.effective_from.tzinfo is None:
            since = str(published.effective_from)
            raise SettingNotAllowed("effective from", since, "a moment with a time zone")
        if published.version != self.last_version + 1:
            accepted = f"the next version, {self.last_version + 1}"
            raise SettingNotAllowed("version", str(published.version), accepted)
        return [published]

    def at(self, now: datetime) -> TariffPublished | None:
        """The version in force: the one that began last."""
        begun = [each for each in self.schedule if each.effective_from <= now]
        return begun[-1] if begun else None


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
        case TariffPublished(version=version, effective_from=since):
            # What was to begin at the same moment is replaced; what begins later still will.
            others = [each for each in tariff.schedule if each.effective_from != since]
            schedule = sorted([*others, fact], key=lambda each: each.effective_from)
            kept = tuple(schedule[-MOST_VERSIONS:])
            return changed(tariff, last_version=version, schedule=kept)
        case _:
            assert_never(fact)
