"""Rate sheets from file to force: imported as drafts, checked, compared, published, taken back."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Protocol
from uuid import UUID

from attrs import field, frozen

from application import kinds
from application.administration import Chance
from application.ids import random_time_ordered
from application.ports import (
    Claim,
    Clock,
    ConcurrencyConflict,
    RouteCosts,
    Unit,
    UnitsOfWork,
)
from application.rate_files import Progress, RateFiles, Reading, Seal, Watched, no_progress
from domain import rate_changes, rate_checks, tariffs
from domain.errors import NotFound, SettingNotAllowed
from domain.rate_changes import Change, What
from domain.rate_checks import PricedPrefix, Report, Rules
from domain.tariffs import SheetImported, Tariff, TariffPublished

RATE_SHEET = "rate-sheet"
"""Claim: a draft belongs to one tariff, and is found by its id alone."""

ABANDONED = timedelta(days=1)
"""An import that began so long ago and did not end was interrupted."""

MOST_ROWS = 500
"""Rows in one page of a sheet or a comparison."""

_TRIES = 3


class SheetStore(Protocol):
    """Rate sheets under ids of their own; a sheet that no fact names is never looked at."""

    def keep(
        self,
        sheet_id: UUID,
        unit: str,
        rows: Iterable[PricedPrefix],
        now: datetime,
        progress: Progress = no_progress,
    ) -> tuple[int, str]:
        """Keeps all rows of a new sheet or none; gives how many, and their SHA-256.

        Raises ValueError for a row that cannot be used.
        """
        ...

    def finish(self, sheet_id: UUID) -> None:
        """Notes that a fact names the sheet now."""
        ...

    def unfinished(self, before: datetime) -> Sequence[UUID]:
        """Sheets whose import began before a moment and was not noted to have ended."""
        ...

    def discard(self, sheet_id: UUID) -> None: ...

    def rows(
        self, sheet_id: UUID, after: str = "", seal: Seal | None = None
    ) -> Iterator[PricedPrefix]:
        """The rows beyond a prefix in the order of prefixes; each is added to the seal."""
        ...

    def prefixes_of(self, sheet_id: UUID, digits: str) -> Sequence[PricedPrefix]:
        """The rows whose prefixes begin these digits, the shortest first."""
        ...


class TariffViews(Protocol):
    def tariffs(self, after: UUID | None, limit: int) -> Sequence[tuple[UUID, str, str]]:
        """Ids, names and units, ordered by id."""
        ...


@frozen
class Comparison:
    """How many prefixes a sheet would add, remove and change in the version ``against``."""

    against: int | None
    added: int
    removed: int
    changed: int


@frozen
class Tariffs:
    units: UnitsOfWork
    sheets: SheetStore
    files: RateFiles
    clock: Clock
    chance: Chance
    costs: RouteCosts | None = None
    rules: Rules = field(factory=Rules)

    # ---- drafts

    def import_sheet(
        self,
        tariff: str,
        path: Path,
        reading: Reading,
        by: str,
        why: str = "",
        progress: Progress = no_progress,
    ) -> SheetImported:
        """Keeps the rows of a file as a draft of a tariff, which is created if it is new.

        All rows are kept or none. Raises ValueError that names the line or the cell.
        """
        tariff_id = kinds.tariff_id(tariff)
        self._clear_away()
        # Before a million rows are read: what the tariff refuses anyway.
        known = self.units.run(
            lambda unit: unit.get(kinds.TARIFFS, tariff_id), writes=(), reads=(tariff_id,)
        )
        tariffs.create(known, tariff, reading.unit)
        now = self.clock.now()
        sheet_id = random_time_ordered(now, self.chance.some_bytes(10))
        rows = self.files.read(path, reading, progress)

        def record(unit: Unit, count: int, digest: str) -> SheetImported:
            before = unit.get(kinds.TARIFFS, tariff_id)
            created = tariffs.create(before, tariff, reading.unit)
            state = before or tariffs.evolve(None, created[0])
            name = path.name[-_LONGEST_NAME:]
            imported = SheetImported(sheet_id, count, digest, name, now, by, why)
            facts = [*created, *state.import_sheet(imported)]
            claims = (Claim(RATE_SHEET, sheet_id.hex),)
            unit.record(kinds.TARIFFS, tariff_id, facts, claims)
            return imported

        try:
            count, digest = self.sheets.keep(sheet_id, reading.unit, rows, now, progress)
            imported = self.units.run(lambda unit: record(unit, count, digest), writes=(tariff_id,))
        except (ValueError, ConcurrencyConflict, SettingNotAllowed):
            # Refused for certain. After anything else nobody knows, and it is cleared away later.
            self.sheets.discard(sheet_id)
            raise
        self.sheets.finish(sheet_id)
        return imported

    def discard(self, sheet_id: UUID, by: str, why: str) -> None:
        """Raises NotFound for a sheet that is no draft, AlreadyExists for a published one."""
        tariff_id = self._tariff_of(sheet_id)

        def decide(unit: Unit) -> None:
            tariff = unit.get(kinds.TARIFFS, tariff_id)
            assert tariff is not None, "it has a sheet"
            unit.record(kinds.TARIFFS, tariff_id, tariff.discard(sheet_id, by, why))

        self.units.run(decide, writes=(tariff_id,))
        self.sheets.discard(sheet_id)

    def tariff(self, name: str) -> Tariff:
        tariff_id = kinds.tariff_id(name)
        return self._state(tariff_id, name)

    def tariff_of(self, sheet_id: UUID) -> Tariff:
        """The tariff that a sheet was imported for. Raises NotFound."""
        return self._state(self._tariff_of(sheet_id), str(sheet_id))

    def rows(self, sheet_id: UUID, after: str = "", limit: int = MOST_ROWS) -> list[PricedPrefix]:
        """One page of a sheet that a tariff names, draft or version."""
        _check_limit(limit)
        return list(islice(self.sheets.rows(sheet_id, after), limit))

    def export(self, sheet_id: UUID, path: Path, progress: Progress = no_progress) -> int:
        """Writes a sheet as CSV; gives the rows. Raises FileExistsError."""
        watched = Watched(self.sheets.rows(sheet_id), "writing", 0, progress)
        return self.files.write(path, watched)

    # ---- looking before publishing

    def lint(
        self,
        sheet_id: UUID,
        since: datetime | None = None,
        rules: Rules | None = None,
        progress: Progress = no_progress,
    ) -> Report:
        """The findings about a draft that is to be in force from a moment on, or from now."""
        tariff = self.tariff_of(sheet_id)
        draft, now = tariff.draft(sheet_id), self.clock.now()
        return self._check(tariff, draft, since or now, now, rules, progress)[0]

    def compare(self, sheet_id: UUID, progress: Progress = no_progress) -> Comparison:
        """Counts what publishing would change now."""
        tariff = self.tariff_of(sheet_id)
        running = tariff.at(self.clock.now())
        rows = Watched(
            self.sheets.rows(sheet_id), "comparing", _rows_of(tariff, sheet_id), progress
        )
        counts = {"added": 0, "removed": 0, "changed": 0}
        for change in rate_changes.changes(rows, self._rows_of_version(running)):
            counts[change.what] += 1
        return Comparison(running.version if running else None, **counts)

    def changes(
        self, sheet_id: UUID, after: str = "", limit: int = MOST_ROWS, only: What | None = None
    ) -> list[Change]:
        """One page of what publishing would change, beyond a prefix."""
        _check_limit(limit)
        running = self.tariff_of(sheet_id).at(self.clock.now())
        found = rate_changes.changes(
            self.sheets.rows(sheet_id, after), self._rows_of_version(running, after)
        )
        return list(islice((each for each in found if only in (None, each.what)), limit))

    # ---- publishing

    def publish(
        self,
        sheet_id: UUID,
        since: datetime | None,
        by: str,
        why: str = "",
        overridden: Collection[str] = (),
        rules: Rules | None = None,
        progress: Progress = no_progress,
    ) -> tuple[int, Report]:
        """Makes a draft the next version, in force from a moment on, or from now.

        Raises SettingNotAllowed while the check finds errors that are not overridden by the names
        of their kinds with a reason, and for a draft whose rows are not those of its digest.
        """
        _check_overridden(overridden, why)
        tariff_id = self._tariff_of(sheet_id)
        for _ in range(_TRIES):
            tariff = self._state(tariff_id, str(sheet_id))
            draft = tariff.draft(sheet_id)
            now = self.clock.now()
            begins = since or now
            seal = Seal()
            report, running = self._check(tariff, draft, begins, now, rules, progress, seal)
            _check_errors(report, overridden)
            if seal.digest != draft.sheet_digest:
                raise SettingNotAllowed("rows", "others", "the rows that were imported")
            used = tuple(kind for kind in report.errors if kind in overridden)
            version = self._publish(tariff_id, sheet_id, running, begins, by, why, used)
            if version is not None:
                return version, report
        raise ConcurrencyConflict("another version came into force during the check, each time")

    def _publish(
        self,
        tariff_id: UUID,
        sheet_id: UUID,
        checked_against: TariffPublished | None,
        since: datetime,
        by: str,
        why: str,
        used: tuple[str, ...],
    ) -> int | None:
        """The version; None if the sheet was checked against one that does not run any more."""

        def decide(unit: Unit) -> int | None:
            tariff = unit.get(kinds.TARIFFS, tariff_id)
            assert tariff is not None, "it has a sheet"
            facts = tariff.publish_draft(sheet_id, since, by, why, used)
            if tariff.at(max(since, self.clock.now())) != checked_against:
                return None
            unit.record(kinds.TARIFFS, tariff_id, facts)
            return tariff.last_version + 1

        return self.units.run(decide, writes=(tariff_id,))

    def rollback(self, name: str, version: int, since: datetime | None, by: str, why: str) -> int:
        """Publishes the sheet of an older version again, at once and without another check: it
        was checked when it was new, and the way back must not be barred. Gives the version."""
        tariff_id = kinds.tariff_id(name)

        def decide(unit: Unit) -> int:
            tariff = unit.get(kinds.TARIFFS, tariff_id)
            if tariff is None:
                raise NotFound("tariff", name)
            begins = since or self.clock.now()
            facts = tariff.publish_again(version, begins, by, why)
            unit.record(kinds.TARIFFS, tariff_id, facts)
            return tariff.last_version + 1

        return self.units.run(decide, writes=(tariff_id,))

    # ---- what they have in common

    def _check(
        self,
        tariff: Tariff,
        draft: SheetImported,
        since: datetime,
        now: datetime,
        rules: Rules | None,
        progress: Progress,
        seal: Seal | None = None,
    ) -> tuple[Report, TariffPublished | None]:
        running = tariff.at(max(since, now))
        sealed = self.sheets.rows(draft.sheet_id, seal=seal)
        rows = Watched(sealed, "checking", draft.rows, progress)
        costs, unit = self.costs, tariff.unit
        report = rate_checks.check(
            rows,
            self._rows_of_version(running),
            unit=unit,
            now=now,
            since=since,
            rules=rules or self.rules,
            cheapest=None if costs is None else lambda prefix: costs.cheapest(prefix, unit),
            runs=running is not None,
        )
        return report, running

    def _rows_of_version(
        self, version: TariffPublished | None, after: str = ""
    ) -> Iterator[PricedPrefix]:
        return self.sheets.rows(version.sheet_id, after) if version else iter(())

    def _tariff_of(self, sheet_id: UUID) -> UUID:
        tariff_id = self.units.find(RATE_SHEET, sheet_id.hex)
        if tariff_id is None:
            raise NotFound("rate sheet", str(sheet_id))
        return tariff_id

    def _state(self, tariff_id: UUID, key: str) -> Tariff:
        tariff = self.units.run(
            lambda unit: unit.get(kinds.TARIFFS, tariff_id), writes=(), reads=(tariff_id,)
        )
        if tariff is None:
            raise NotFound("tariff", key)
        return tariff

    def _clear_away(self) -> None:
        """What interrupted imports left. A sheet that a fact names is one that was not."""
        for sheet_id in self.sheets.unfinished(self.clock.now() - ABANDONED):
            if self.units.find(RATE_SHEET, sheet_id.hex) is None:
                self.sheets.discard(sheet_id)
            else:
                self.sheets.finish(sheet_id)


_LONGEST_NAME = 200


def _check_limit(limit: int) -> None:
    if not 1 <= limit <= MOST_ROWS:
        raise ValueError(f"a page has 1 to {MOST_ROWS} rows, not {limit}")


def _rows_of(tariff: Tariff, sheet_id: UUID) -> int:
    sheets: list[SheetImported | TariffPublished] = [*tariff.drafts, *tariff.schedule]
    return next((each.rows for each in sheets if each.sheet_id == sheet_id), 0)


def _check_overridden(overridden: Collection[str], why: str) -> None:
    accepted = sorted(
        kind
        for kind, (severity, _) in rate_checks.KINDS.items()
        if severity == "error" and kind not in rate_checks.NEVER_OVERRIDDEN
    )
    for kind in overridden:
        if kind not in accepted:
            raise SettingNotAllowed("finding to override", kind, "one of " + ", ".join(accepted))
    if overridden and not why:
        raise SettingNotAllowed("why", why, "a reason, because findings are overridden")


def _check_errors(report: Report, overridden: Collection[str]) -> None:
    left = [kind for kind in report.errors if kind not in overridden]
    if left:
        told = "; ".join(
            f"{kind} ({report.counts[kind]}): {report.examples[kind][0].sentence}" for kind in left
        )
        raise SettingNotAllowed(
            "rate sheet", told, "free of errors, or they are overridden by name with a reason"
        )
