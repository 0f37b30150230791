"""Rate sheets that come in: all their rows are kept as a draft, or nothing of them is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid5

from attrs import evolve, frozen

from application import kinds
from application.administration import Chance
from application.ids import random_time_ordered
from application.looking import look_up
from application.ports import Claim, Clock, ConcurrencyConflict, Unit, UnitsOfWork
from application.rate_files import Progress, RateFiles, Reading, no_progress
from application.sheet_store import SheetStore
from domain import tariffs
from domain.errors import NotFound, SettingNotAllowed
from domain.providers import provider_of
from domain.rate_checks import PricedPrefix
from domain.tariffs import SheetImported, Tariff

RATE_SHEET = "rate-sheet"
"""Claim: a draft belongs to one tariff, and is found by its id alone."""

ABANDONED = timedelta(days=1)
"""An import that began so long ago and did not end was interrupted."""

_MOST_TIMES = 20
"""One import may be begun so often, having been interrupted each time before."""
_LONGEST_NAME = 200
_LONGEST_TARIFF = 100


@frozen
class SheetImports:
    units: UnitsOfWork
    sheets: SheetStore
    files: RateFiles
    clock: Clock
    chance: Chance

    def import_sheet(
        self,
        tariff: str,
        path: Path,
        reading: Reading,
        by: str,
        why: str = "",
        progress: Progress = no_progress,
        *,
        asked: UUID | None = None,
        name: str = "",
    ) -> SheetImported:
        """Keeps the rows of a file as a draft of a tariff, which is created if it is new.

        All rows are kept or none. ``asked`` names the request: asked again it gives the draft of
        before. ``name`` is that of the file if its path does not tell. Raises ValueError that names
        the line or the cell, NotFound for a draft of before that is no draft any more.
        """
        rows = self.files.read(path, reading, progress)
        told = name or path.name
        return self._import(tariff, reading.unit, rows, told, by, why, progress, asked)

    def import_rows(
        self,
        tariff: str,
        unit: str,
        rows: Iterable[PricedPrefix],
        source: str,
        by: str,
        why: str = "",
        *,
        asked: UUID | None = None,
    ) -> SheetImported:
        """The same for rows that come from somewhere else than a file: their places are their
        lines."""
        placed = (evolve(row, line=line) for line, row in enumerate(rows, 1))
        return self._import(tariff, unit, placed, source, by, why, no_progress, asked)

    def check_importable(self, tariff: str, unit: str) -> None:
        """Raises what an import into this tariff is refused with, whatever stands in the sheet."""
        tariff_id = kinds.tariff_id(tariff)

        def look(ledger: Unit) -> None:
            self._created(ledger, tariff, unit)
            known = ledger.get(kinds.TARIFFS, tariff_id)
            if known is not None:
                known.check_room()

        self.units.run(look, writes=(), reads=(tariff_id,))

    def imported(self, asked: UUID) -> UUID | None:
        """The sheet that a request was answered with; None for one that never was, or failed."""
        found = self.units.find_many(RATE_SHEET, [each.hex for each in _sheet_ids(asked)])
        return next((UUID(hex=key) for key in found), None)

    def _import(
        self,
        tariff: str,
        unit_name: str,
        rows: Iterator[PricedPrefix],
        source: str,
        by: str,
        why: str,
        progress: Progress,
        asked: UUID | None,
    ) -> SheetImported:
        tariff_id = kinds.tariff_id(tariff)
        if asked is not None and (before := self.imported(asked)) is not None:
            return self._state(tariff_id, tariff).draft(before)
        self._clear_away()
        # Before a million rows are read: what the tariff refuses anyway.
        self.check_importable(tariff, unit_name)
        now = self.clock.now()
        sheet_id = self._sheet_id(asked, now)

        def record(unit: Unit, count: int, digest: str) -> SheetImported:
            created = self._created(unit, tariff, unit_name)
            state = unit.get(kinds.TARIFFS, tariff_id) or tariffs.evolve(None, created[0])
            twins = set(_sheet_ids(asked)) if asked is not None else set()
            if twin := next((each for each in state.drafts if each.sheet_id in twins), None):
                return twin
            file = source[-_LONGEST_NAME:]
            imported = SheetImported(sheet_id, count, digest, file, now, by, why)
            facts = [*created, *state.import_sheet(imported)]
            claims = (Claim(RATE_SHEET, sheet_id.hex),)
            unit.record(kinds.TARIFFS, tariff_id, facts, claims)
            return imported

        try:
            count, digest = self.sheets.keep(sheet_id, unit_name, rows, now, progress)
            imported = self.units.run(lambda unit: record(unit, count, digest), writes=(tariff_id,))
        except (ValueError, ConcurrencyConflict, SettingNotAllowed):
            # Refused for certain. After anything else nobody knows, and it is cleared away later.
            self.sheets.discard(sheet_id)
            raise
        if imported.sheet_id != sheet_id:
            # The same request was answered twice at the same time, and the other came first.
            self.sheets.discard(sheet_id)
        self.sheets.finish(sheet_id)
        return imported

    def _sheet_id(self, asked: UUID | None, now: datetime) -> UUID:
        """A new one; of a request, the first that no interrupted import has left rows under."""
        if asked is None:
            return random_time_ordered(now, self.chance.some_bytes(10))
        free = (each for each in _sheet_ids(asked) if not self.sheets.is_begun(each))
        if (found := next(free, None)) is None:
            accepted = f"one that was not begun {_MOST_TIMES} times: ask with a new one"
            raise SettingNotAllowed("request", str(asked), accepted)
        return found

    @staticmethod
    def _created(unit: Unit, name: str, unit_name: str) -> list[tariffs.TariffFact]:
        """Raises NotFound for the rates of a provider that there is not, SettingNotAllowed for a
        name that cannot be used and for another unit."""
        if not 0 < len(name) <= _LONGEST_TARIFF or not name.isprintable():
            accepted = f"1 to {_LONGEST_TARIFF} printable characters"
            raise SettingNotAllowed("name of a tariff", name[:_LONGEST_TARIFF], accepted)
        if (provider := provider_of(name)) is not None:
            known = unit.get(kinds.PROVIDERS, kinds.provider_id(provider))
            if known is None:
                raise NotFound("provider", provider)
            if known.terms.unit != unit_name:
                accepted = f"{known.terms.unit}, the unit of provider {provider}"
                raise SettingNotAllowed("unit", unit_name, accepted)
        return tariffs.create(unit.get(kinds.TARIFFS, kinds.tariff_id(name)), name, unit_name)

    def _state(self, tariff_id: UUID, key: str) -> Tariff:
        return look_up(self.units, kinds.TARIFFS, tariff_id, key)

    def _clear_away(self) -> None:
        """What interrupted imports left. A sheet that a fact names is one that was not."""
        for sheet_id in self.sheets.unfinished(self.clock.now() - ABANDONED):
            if self.units.find(RATE_SHEET, sheet_id.hex) is None:
                self.sheets.discard(sheet_id)
            else:
                self.sheets.finish(sheet_id)


def _sheet_ids(asked: UUID) -> list[UUID]:
    return [uuid5(asked, str(number)) for number in range(_MOST_TIMES)]
