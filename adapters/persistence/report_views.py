"""Reports from their sums."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import Any
from uuid import UUID

from attrs import evolve
from sqlalchemy import Column, ColumnElement, Connection, Select, Table, func, select

from adapters.persistence.call_log import CallLog
from adapters.persistence.codec import FactMapper
from adapters.persistence.read_models import lot_tables
from adapters.persistence.read_models import report_tables as tables
from adapters.persistence.read_models import tables as lists
from adapters.persistence.recorder import EventRecorder
from adapters.persistence.report_days import stretches
from application import kinds
from application.persons import Numbers
from application.report_rows import (
    LiabilityRow,
    LiveFigures,
    MinutesRow,
    OpenMoney,
    RefusalsRow,
    SalesRow,
    SourceRow,
    UsageRow,
)
from application.reports import (
    AGES,
    MOST_LINES,
    MOST_SOURCES,
    CallLogAsked,
    LiabilityBy,
    LogPage,
    Period,
    RefusalsAsked,
    RefusalsBy,
    SalesAsked,
    SalesBy,
    UsageAsked,
    UsageBy,
)
from domain.errors import SettingNotAllowed
from domain.money import Money

_USAGE = (
    "attempts",
    "answered",
    "seconds",
    "charged",
    "cost",
    "uncosted",
    "unknown_costs",
    "passed_over",
)
_MINUTES = (
    "announced",
    "announced_seconds",
    "delivered_seconds",
    "cut_at_limit",
    "cut_by_fault",
    "unwitnessed",
    "short_seconds",
)
_USAGE_NAMES: dict[UsageBy, tuple[str, ...]] = {
    UsageBy.TOTAL: (),
    UsageBy.GROUP: ("group_id",),
    UsageBy.DESTINATION: ("name",),
    UsageBy.PROVIDER: ("name",),
    UsageBy.ROUTE: ("name", "detail"),
    UsageBy.ACCESS_NUMBER: ("name",),
}
_SALES_NAMES: dict[SalesBy, tuple[str, ...]] = {
    SalesBy.TOTAL: (),
    SalesBy.GROUP: ("group_id",),
    SalesBy.DISTRIBUTOR: ("distributor",),
}
_REFUSALS_NAMES: dict[RefusalsBy, tuple[str, ...]] = {
    RefusalsBy.TOTAL: (),
    RefusalsBy.ACCESS_NUMBER: ("access_number",),
    RefusalsBy.CALLER_ID: ("caller_id",),
    RefusalsBy.REASON: ("reason",),
}

_Line = tuple[date | None, tuple[Any, ...], tuple[int, ...]]
"""A day, what it is about, and the sums."""


class LedgerReportViews:
    """The port ``ReportViews`` on the ledger's database."""

    def __init__(self, recorder: EventRecorder, mapper: FactMapper, numbers: Numbers) -> None:
        self._recorder = recorder
        self._numbers = numbers
        self._log = CallLog(recorder, mapper, numbers)

    def usage(self, asked: UsageAsked) -> Sequence[UsageRow]:
        return self._calls(asked, _USAGE, _usage_row)

    def minutes(self, asked: UsageAsked) -> Sequence[MinutesRow]:
        rows = self._calls(asked, _MINUTES, _minutes_row, units=False)
        return [row for row in rows if row.announced]

    def sales(self, asked: SalesAsked) -> Sequence[SalesRow]:
        table = tables.sales
        conditions = _of_group(table, asked.group)
        if asked.distributor is not None:
            conditions.append(table.c.distributor == asked.distributor)
        sums = [c.name for c in table.columns if not c.primary_key]
        with self._recorder.reading() as connection:
            keys = [*_SALES_NAMES[asked.by], "unit"]
            lines = self._lines(
                connection, table, asked.period, asked.daily, keys, sums, conditions
            )
            named = _names(connection, asked.by is SalesBy.GROUP)
        return _sorted(
            [_sales_row(day, named(key[:-1]), key[-1], amounts) for day, key, amounts in lines]
        )

    def liability(self, by: LiabilityBy, today: date) -> Sequence[LiabilityRow]:
        table = tables.liability
        name: ColumnElement[Any] = {
            LiabilityBy.LOT: table.c.lot_mark,
            LiabilityBy.GROUP: table.c.group_id,
            LiabilityBy.AGE: table.c.since,
        }[by]
        sums = [func.sum(table.c[name]) for name in ("accounts", "balance", "held")]
        query = select(name, table.c.unit, *sums).group_by(name, table.c.unit)
        with self._recorder.reading() as connection:
            rows = connection.execute(query).all()
            named = _owed_by(connection, by, today)
        found: defaultdict[tuple[Any, str], list[int]] = defaultdict(lambda: [0, 0, 0])
        for key, unit, *amounts in rows:
            line = found[named(key), unit]
            for place, amount in enumerate(amounts):
                line[place] += int(amount)
        order = {_age(first): place for place, first in enumerate(AGES)}
        return sorted(
            (
                LiabilityRow(called, count, Money(balance - held, unit), Money(held, unit))
                for (called, unit), (count, balance, held) in found.items()
                if count or balance or held
            ),
            key=lambda row: (row.owed.unit, order.get(row.name or "", 0), row.name or ""),
        )

    def refusals(self, asked: RefusalsAsked) -> Sequence[RefusalsRow]:
        table = tables.refusals
        conditions: list[ColumnElement[bool]] = []
        if asked.access_number is not None:
            conditions.append(table.c.access_number == asked.access_number)
        if asked.caller_id is not None:
            sealed = self._numbers.find(asked.caller_id)
            if sealed is None:
                return []
            conditions.append(table.c.caller_id == sealed)
        keys = list(_REFUSALS_NAMES[asked.by])
        with self._recorder.reading() as connection:
            lines = self._lines(
                connection, table, asked.period, asked.daily, keys, ["refused"], conditions
            )
        shown: Mapping[str, str] = {}
        if asked.by is RefusalsBy.CALLER_ID:
            shown = self._numbers.opened({key[0] for _, key, _ in lines})
        rows = [
            RefusalsRow(day, (shown.get(key[0], key[0]) or None) if key else None, n)
            for day, key, (n,) in lines
        ]
        return sorted(rows, key=lambda row: (row.day or date.min, -row.refused, row.name or ""))

    def sources(self, period: Period, least: int) -> Sequence[SourceRow]:
        table = tables.refusals
        lines: list[_Line] = []
        keys = ["caller_id", "access_number", "reason"]
        with self._recorder.reading() as connection:
            lines = self._lines(connection, table, period, True, keys, ["refused"], [])
        found: defaultdict[str, list[_Line]] = defaultdict(list)
        for line in lines:
            found[line[1][0]].append(line)
        rows = [_source(caller_id, of_it) for caller_id, of_it in found.items()]
        worst = sorted(rows, key=lambda row: (-row.refused, row.caller_id or ""))
        told = [row for row in worst if row.refused >= least][:MOST_SOURCES]
        known = self._numbers.opened({row.caller_id for row in told if row.caller_id})
        return [
            evolve(row, caller_id=known[row.caller_id]) if row.caller_id else row for row in told
        ]

    def live(self) -> LiveFigures:
        calls, attempts = tables.open_calls, tables.open_attempts
        counted = select(func.count(), func.min(calls.c.started_at)).select_from(calls)
        query = (
            select(
                attempts.c.unit,
                func.count(),
                func.sum(attempts.c.held),
                func.min(attempts.c.placed_at),
            )
            .group_by(attempts.c.unit)
            .order_by(attempts.c.unit)
        )
        with self._recorder.reading() as connection:
            up, since = connection.execute(counted).one()
            rows = connection.execute(query).all()
        at_risk = [OpenMoney(n, Money(int(held), unit), old) for unit, n, held, old in rows]
        return LiveFigures(up, since, at_risk)

    def call_log(self, asked: CallLogAsked, after: UUID | None, sessions: int) -> LogPage:
        return self._log.page(asked, after, sessions)

    # ---- sums

    def _calls(
        self,
        asked: UsageAsked,
        sums: Sequence[str],
        row: Callable[..., Any],
        *,
        units: bool = True,
    ) -> list[Any]:
        table = tables.usage
        conditions = [
            table.c.dimension == asked.by.dimension.value,
            *_of_group(table, asked.group),
        ]
        keys = [*_USAGE_NAMES[asked.by], *(["unit"] if units else [])]
        with self._recorder.reading() as connection:
            lines = self._lines(
                connection, table, asked.period, asked.daily, keys, sums, conditions
            )
            named = _names(connection, asked.by is UsageBy.GROUP)
        names = len(_USAGE_NAMES[asked.by])
        return _sorted(
            [
                row(
                    day,
                    named(key[:names]),
                    (key[1] or None) if names > 1 else None,
                    key[-1] if units else "",
                    *amounts,
                )
                for day, key, amounts in lines
            ]
        )

    @staticmethod
    def _lines(
        connection: Connection,
        table: Table,
        period: Period,
        daily: bool,
        keys: Sequence[str],
        sums: Sequence[str],
        conditions: Sequence[ColumnElement[bool]],
    ) -> list[_Line]:
        """The sums of a period by day, if asked for, and by some columns."""
        found: dict[tuple[date | None, tuple[Any, ...]], list[int]] = {}
        columns: list[ColumnElement[Any]] = [table.c[name] for name in keys]
        added = [func.sum(table.c[name]) for name in sums]
        for each in stretches(period):
            by = list(columns)
            if daily:
                by.insert(0, ((table.c.slot - each.start) // each.length).label("day"))
            query: Select[Any] = select(*by, *added).where(
                table.c.grain == each.grain,
                table.c.slot >= each.start,
                table.c.slot < each.end,
                *conditions,
            )
            query = query.group_by(*by).limit(MOST_LINES + 1) if by else query
            for row in connection.execute(query):
                values = list(row)
                day = each.day(int(values.pop(0))) if daily else None
                key, amounts = tuple(values[: len(keys)]), values[len(keys) :]
                if amounts[0] is None:
                    continue
                line = found.setdefault((day, key), [0] * len(sums))
                for place, amount in enumerate(amounts):
                    line[place] += int(amount)
            if len(found) > MOST_LINES:
                accepted = f"at most {MOST_LINES}: ask for fewer days, or without days"
                raise SettingNotAllowed("lines of the report", f"over {MOST_LINES}", accepted)
        return [(day, key, tuple(amounts)) for (day, key), amounts in found.items()]


def _of_group(table: Table, group: str | None) -> list[ColumnElement[bool]]:
    if group is None:
        return []
    column: Column[UUID] = table.c.group_id
    return [column == kinds.card_group_id(group)]


def _names(connection: Connection, by_group: bool) -> Callable[[tuple[Any, ...]], str | None]:
    """What a line is called: the name of its group, else what its first column says."""
    if by_group:
        named = _group_names(connection)
        return lambda key: named(key[0])
    return lambda key: (key[0] or None) if key else None


def _group_names(connection: Connection) -> Callable[[UUID], str | None]:
    table = lists.card_groups
    names = {row.group_id: row.name for row in connection.execute(select(table))}
    return lambda group_id: names.get(group_id) or (str(group_id) if group_id.int else None)


def _lot_names(connection: Connection) -> Callable[[UUID], str | None]:
    marks, lots = tables.lots, lot_tables.lots
    query = select(marks.c.lot_mark, lots.c.name).join(lots, lots.c.lot_id == marks.c.lot_id)
    names = {row.lot_mark: row.name for row in connection.execute(query)}
    return lambda mark: names.get(mark) or (str(mark) if mark.int else None)


def _owed_by(connection: Connection, by: LiabilityBy, today: date) -> Callable[[Any], str | None]:
    match by:
        case LiabilityBy.LOT:
            return _lot_names(connection)
        case LiabilityBy.GROUP:
            return _group_names(connection)
        case LiabilityBy.AGE:
            return lambda since: _age((today - since).days)


def _age(days: int) -> str:
    """The class of an age in days, such as ``31 to 60 days``."""
    place = max((at for at, first in enumerate(AGES) if first <= days), default=0)
    if place == len(AGES) - 1:
        return f"{AGES[place]} days and more"
    return f"{AGES[place]} to {AGES[place + 1] - 1} days"


def _sorted(rows: list[Any]) -> list[Any]:
    def key(row: Any) -> tuple[Any, ...]:
        detail = getattr(row, "detail", None) or ""
        return (row.day or date.min, row.name or "", detail, _unit_of(row))

    return sorted(rows, key=key)


def _unit_of(row: Any) -> str:
    amount = getattr(row, "revenue", None) or getattr(row, "calls", None)
    return amount.unit if isinstance(amount, Money) else ""


def _usage_row(
    day: date | None, name: str | None, detail: str | None, unit: str, *sums: int
) -> UsageRow:
    attempts, answered, seconds, charged, cost, uncosted, unknown, passed = sums
    money = (Money(charged, unit), Money(cost, unit), Money(uncosted, unit))
    return UsageRow(day, name, detail, attempts, answered, seconds, *money, unknown, passed)


def _minutes_row(
    day: date | None, name: str | None, detail: str | None, _: str, *sums: int
) -> MinutesRow:
    return MinutesRow(day, f"{name} {detail}" if detail else name, *sums)


def _sales_row(day: date | None, name: str | None, unit: str, sums: tuple[int, ...]) -> SalesRow:
    sold, sold_value, returned, returned_value, activated, activated_value, top_ups, *rest = sums
    return SalesRow(
        day,
        name,
        sold,
        Money(sold_value, unit),
        returned,
        Money(returned_value, unit),
        activated,
        Money(activated_value, unit),
        top_ups,
        *(Money(amount, unit) for amount in rest),
    )


def _source(caller_id: str, lines: Sequence[_Line]) -> SourceRow:
    def refused(*reasons: str) -> int:
        return sum(n for _, key, (n,) in lines if key[2] in reasons)

    days = [day for day, _, _ in lines if day is not None]
    return SourceRow(
        caller_id or None,
        sum(n for _, _, (n,) in lines),
        len({key[1] for _, key, _ in lines}),
        refused("throttled"),
        refused("unknown card"),
        refused("wrong PIN"),
        min(days),
        max(days),
    )
