"""Rate sheets from file to force: imported as drafts, checked, compared, published, taken back."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from datetime import datetime
from itertools import islice
from pathlib import Path
from uuid import UUID

from attrs import field, frozen

from application import kinds
from application.administration import Check, accept
from application.overrides import check_errors, check_overridden
from application.ports import ConcurrencyConflict, RouteCosts, Unit
from application.rate_files import Progress, Seal, Watched, no_progress
from application.sheet_imports import RATE_SHEET, SheetImports
from domain import rate_changes, rate_checks
from domain.errors import NotFound, SettingNotAllowed
from domain.providers import provider_of
from domain.rate_changes import Change, What
from domain.rate_checks import PricedPrefix, Report, Rules
from domain.tariffs import SheetImported, Tariff, TariffPublished

MOST_ROWS = 500
"""Rows in one page of a sheet or a comparison."""

MOST_COMPARED = 20_000
"""Prefixes that are looked at for one page of a comparison."""

_TRIES = 3


@frozen
class Comparison:
    """How many prefixes a sheet would add, remove and change in the version ``against``."""

    against: int | None
    added: int
    removed: int
    changed: int


@frozen
class Tariffs(SheetImports):
    """``costs`` of the routes are what prices are checked against; None: they are not."""

    costs: RouteCosts | None = None
    rules: Rules = field(factory=Rules)

    # ---- drafts

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

    def is_published(self, name: str) -> bool:
        """Whether the tariff exists and has a version, be it one to come."""
        try:
            return self.tariff(name).last_version > 0
        except NotFound:
            return False

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

    def some_changes(
        self, sheet_id: UUID, after: str = "", limit: int = MOST_ROWS, only: What | None = None
    ) -> tuple[list[Change], str | None]:
        """As ``changes``, but looking at so many prefixes and no more; and where to go on.

        Two sheets of a million equal rows are so read through in many short steps. None: that was
        all.
        """
        _check_limit(limit)
        running = self.tariff_of(sheet_id).at(self.clock.now())
        pairs = rate_changes.compared(
            self.sheets.rows(sheet_id, after), self._rows_of_version(running, after)
        )
        found: list[Change] = []
        for looked, (prefix, change) in enumerate(pairs, 1):
            if change is not None and only in (None, change.what):
                found.append(change)
            if len(found) >= limit or looked >= MOST_COMPARED:
                return found, prefix
        return found, None

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
        *,
        check: Check[Tariff] = accept,
    ) -> tuple[int, Report]:
        """Makes a draft the next version, in force from a moment on, or from now.

        Raises SettingNotAllowed while the check finds errors that are not overridden by the names
        of their kinds with a reason, and for a draft whose rows are not those of its digest;
        AlreadyDone for a sheet that was published; what ``check`` raises, looking at the tariff.
        """
        check_overridden(overridden, why)
        tariff_id = self._tariff_of(sheet_id)
        for _ in range(_TRIES):
            tariff = self._state(tariff_id, str(sheet_id))
            check(tariff)
            draft = tariff.unpublished(sheet_id)
            now = self.clock.now()
            begins = since or now
            seal = Seal()
            report, running = self._check(tariff, draft, begins, now, rules, progress, seal)
            check_errors(report, overridden)
            if seal.digest != draft.sheet_digest:
                raise SettingNotAllowed("rows", "others", "the rows that were imported")
            used = tuple(kind for kind in report.errors if kind in overridden)
            version = self._publish(tariff_id, sheet_id, running, begins, by, why, used, check)
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
        check: Check[Tariff],
    ) -> int | None:
        """The version; None if the sheet was checked against one that does not run any more."""

        def decide(unit: Unit) -> int | None:
            tariff = unit.get(kinds.TARIFFS, tariff_id)
            assert tariff is not None, "it has a sheet"
            check(tariff)
            facts = tariff.publish_draft(sheet_id, since, by, why, used)
            if tariff.at(max(since, self.clock.now())) != checked_against:
                return None
            unit.record(kinds.TARIFFS, tariff_id, facts)
            return tariff.last_version + 1

        return self.units.run(decide, writes=(tariff_id,))

    def publish_rows(
        self,
        tariff: str,
        unit: str,
        rows: Iterable[PricedPrefix],
        since: datetime | None,
        by: str,
        why: str = "",
        overridden: Collection[str] = (),
    ) -> int:
        """Imports rows, checks and publishes them in one go; leaves no draft if it is refused."""
        sheet_id = self.import_rows(tariff, unit, rows, "rows", by, why).sheet_id
        try:
            return self.publish(sheet_id, since, by, why, overridden)[0]
        except Exception:
            self.discard(sheet_id, by, "not published")
            raise

    def rollback(
        self,
        name: str,
        version: int,
        since: datetime | None,
        by: str,
        why: str,
        *,
        check: Check[Tariff] = accept,
    ) -> int:
        """Publishes the sheet of an older version again, at once and without another look at it: it
        was checked when it was new, and the way back must not be barred. Gives the version."""
        tariff_id = kinds.tariff_id(name)

        def decide(unit: Unit) -> int:
            tariff = unit.get(kinds.TARIFFS, tariff_id)
            if tariff is None:
                raise NotFound("tariff", name)
            check(tariff)
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
        # The rates of a provider are the costs.
        costs = None if provider_of(tariff.name) else self.costs
        unit = tariff.unit
        report = rate_checks.check(
            rows,
            self._rows_of_version(running),
            unit=unit,
            now=now,
            since=since,
            rules=rules or self.rules,
            cheapest=None if costs is None else costs.costs_now(unit),
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


def _check_limit(limit: int) -> None:
    if not 1 <= limit <= MOST_ROWS:
        raise ValueError(f"a page has 1 to {MOST_ROWS} rows, not {limit}")


def _rows_of(tariff: Tariff, sheet_id: UUID) -> int:
    sheets: list[SheetImported | TariffPublished] = [*tariff.drafts, *tariff.schedule]
    return next((each.rows for each in sheets if each.sheet_id == sheet_id), 0)
