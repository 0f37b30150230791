"""Reports: sales, usage and margin, what is owed, honest minutes, failed logins, what is live."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any

from msgspec import Meta, Struct

from adapters.http.asking import Answer, Asked, NoParameters, Page
from adapters.http.files import Download, Stream, attachment
from adapters.http.operations import Operation, Routes
from adapters.http.refusals import KINDS
from adapters.http.services import HttpServices
from adapters.http.wire import Digits, MoneyTold, Name, tell
from application import call_card_log
from application.permissions import Action
from application.reports import (
    SUSPICIOUS,
    CallLogAsked,
    LiabilityBy,
    Period,
    RefusalsAsked,
    RefusalsBy,
    SalesAsked,
    SalesBy,
    UsageAsked,
    UsageBy,
)

TSV = "text/tab-separated-values"

_LINES_AT_ONCE = 200

Day = Annotated[date, Meta(description="The first or last day, both included.")]
Zone = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=60,
        pattern=r"^[A-Za-z0-9_+/-]*\Z",
        description="Whose days these are: a time zone of IANA, such as Europe/Warsaw.",
    ),
]
Share = Annotated[str, Meta(description="Per cent, with one decimal place.")] | None
Number = Annotated[str, Meta(max_length=20, pattern=r"^\+?[0-9]*\Z")]
FewDigits = Annotated[str, Meta(max_length=5, pattern=r"^[0-9]*\Z")]


class PeriodAsked(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Without days: the last thirty."""

    since: Day | None = None
    until: Day | None = None
    zone: Zone = "UTC"


class UsageReportAsked(PeriodAsked, frozen=True, forbid_unknown_fields=True, kw_only=True):
    by: UsageBy = UsageBy.TOTAL
    daily: bool = True
    group: Name | None = None


class SalesReportAsked(PeriodAsked, frozen=True, forbid_unknown_fields=True, kw_only=True):
    by: SalesBy = SalesBy.TOTAL
    daily: bool = True
    group: Name | None = None
    distributor: Name | None = None


class RefusalsReportAsked(PeriodAsked, frozen=True, forbid_unknown_fields=True, kw_only=True):
    by: RefusalsBy = RefusalsBy.TOTAL
    daily: bool = True
    access_number: Number | None = None
    caller_id: Number | None = None


class SourcesAsked(PeriodAsked, frozen=True, forbid_unknown_fields=True, kw_only=True):
    least: Annotated[int, Meta(ge=1, le=1_000_000)] = SUSPICIOUS


class LiabilityReportAsked(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    by: LiabilityBy = LiabilityBy.LOT


class CallLogReportAsked(PeriodAsked, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """``more``: a header, and columns behind those that VICIdial has."""

    run: FewDigits | None = None
    batch: FewDigits | None = None
    pack: FewDigits | None = None
    card: Digits | None = None
    access_number: Number | None = None
    caller_id: Number | None = None
    more: bool = False


class UsageLine(Struct, frozen=True):
    """Settled attempts by the day they were placed. ``seconds`` are those charged; ``cost`` and
    ``margin`` are of calls whose cost is known, ``uncosted`` is the revenue of the others.
    ``asr`` is the answer-seizure ratio, ``acd`` the average duration in seconds; ``passed_over``
    counts attempts that had a route before the one they ended on."""

    day: date | None
    name: str | None
    detail: str | None
    attempts: int
    answered: int
    passed_over: int
    asr: Share
    seconds: int
    acd: int | None
    revenue: MoneyTold
    cost: MoneyTold
    margin: MoneyTold
    margin_percent: Share
    uncosted: MoneyTold
    unknown_costs: int


class MinutesLine(Struct, frozen=True):
    """Answered attempts whose callers were told a time. ``short_seconds`` were announced and could
    not be talked; ``honest`` is the share of witnessed calls that kept what was announced."""

    day: date | None
    name: str | None
    announced: int
    announced_seconds: int
    delivered_seconds: int
    cut_at_limit: int
    cut_by_fault: int
    unwitnessed: int
    short_seconds: int
    honest: Share


class SalesLine(Struct, frozen=True):
    """Cards and money by the day they were recorded. ``owed_more`` is what balances gained."""

    day: date | None
    name: str | None
    sold: int
    sold_value: MoneyTold
    returned: int
    returned_value: MoneyTold
    activated: int
    activated_value: MoneyTold
    top_ups: int
    topped_up: MoneyTold
    calls: MoneyTold
    fees: MoneyTold
    forfeited: MoneyTold
    adjusted: MoneyTold
    owed_more: MoneyTold


class LiabilityLine(Struct, frozen=True):
    name: str | None
    accounts: int
    spendable: MoneyTold
    held: MoneyTold
    owed: MoneyTold


class RefusalsLine(Struct, frozen=True):
    day: date | None
    name: str | None
    refused: int


class SourceLine(Struct, frozen=True):
    """A caller ID; null: all callers who hide theirs."""

    caller_id: str | None
    refused: int
    access_numbers: int
    throttled: int
    unknown_cards: int
    wrong_pins: int
    first_day: date
    last_day: date


class MoneyAtRisk(Struct, frozen=True):
    attempts: int
    held: MoneyTold
    since: datetime


class LiveShown(Struct, frozen=True):
    """``calls_up`` includes callers who have not dialled yet; ``since`` is the oldest of them."""

    calls_up: int
    since: datetime | None
    at_risk: list[MoneyAtRisk]


def usage(services: HttpServices, asked: Asked) -> Answer:
    given = asked.parameters(UsageReportAsked)
    report = UsageAsked(_period(services, given), given.by, given.daily, given.group)
    return _lines(UsageLine, services.reports.usage(report))


def minutes(services: HttpServices, asked: Asked) -> Answer:
    given = asked.parameters(UsageReportAsked)
    report = UsageAsked(_period(services, given), given.by, given.daily, given.group)
    return _lines(MinutesLine, services.reports.minutes(report))


def sales(services: HttpServices, asked: Asked) -> Answer:
    given = asked.parameters(SalesReportAsked)
    period = _period(services, given)
    report = SalesAsked(period, given.by, given.daily, given.group, given.distributor)
    return _lines(SalesLine, services.reports.sales(report))


def liability(services: HttpServices, asked: Asked) -> Answer:
    by = asked.parameters(LiabilityReportAsked).by
    return _lines(LiabilityLine, services.reports.liability(by))


def failed_logins(services: HttpServices, asked: Asked) -> Answer:
    given = asked.parameters(RefusalsReportAsked)
    period = _period(services, given)
    report = RefusalsAsked(period, given.by, given.daily, given.access_number, given.caller_id)
    return _lines(RefusalsLine, services.reports.refusals(report))


def suspicious(services: HttpServices, asked: Asked) -> Answer:
    given = asked.parameters(SourcesAsked)
    return _lines(SourceLine, services.reports.sources(_period(services, given), given.least))


def live(services: HttpServices, asked: Asked) -> Answer:
    now = services.reports.live()
    at_risk = [tell(MoneyAtRisk, each) for each in now.at_risk]
    return Answer(tell(LiveShown, now, at_risk=at_risk))


def call_log(services: HttpServices, asked: Asked) -> Answer:
    given = asked.parameters(CallLogReportAsked)
    report = CallLogAsked(
        _period(services, given),
        given.run,
        given.batch,
        given.pack,
        given.card,
        given.access_number,
        given.caller_id,
    )
    name = f"call-cards-{report.period.first}-{report.period.last}.txt"
    calls = services.reports.whole_call_log(report)

    def parts() -> Iterator[bytes]:
        part: list[str] = []
        for line in call_card_log.lines(calls, more=given.more):
            part.append(line)
            if len(part) == _LINES_AT_ONCE:
                yield "".join(part).encode()
                part = []
        yield "".join(part).encode()

    return Answer(Stream(parts()), headers=attachment(name), content_type=TSV)


def _period(services: HttpServices, given: PeriodAsked) -> Period:
    return services.reports.period(given.since, given.until, given.zone)


def _lines(kind: type[Any], rows: Sequence[Any]) -> Answer:
    return Answer(Page([_line(kind, row) for row in rows], None))


def _line(kind: type[Any], row: Any) -> Any:
    """A line of a report; shares are told as text, as amounts are."""
    values = {name: getattr(row, name) for name in kind.__struct_fields__}
    shares = {name: str(value) for name, value in values.items() if isinstance(value, Decimal)}
    return tell(kind, row, **shares)


def _report(handler: Any, summary: str, line: Any, query: Any) -> Operation:
    return Operation(
        handler,
        Action.SEE_REPORTS,
        summary,
        Page[line],
        query=query,
        csv=True,
        problems=_NO_PERIOD if issubclass(query, PeriodAsked) else (),
    )


_NO_PERIOD = (KINDS["setting-not-allowed"],)


ROUTES: Routes = {
    "/v1/reports/usage": {
        "GET": _report(
            usage,
            "Attempts, answer rate, minutes, revenue and margin.",
            UsageLine,
            UsageReportAsked,
        )
    },
    "/v1/reports/minutes": {
        "GET": _report(
            minutes, "Announced minutes against delivered ones.", MinutesLine, UsageReportAsked
        )
    },
    "/v1/reports/sales": {
        "GET": _report(
            sales, "Cards sold, activated and topped up, and money.", SalesLine, SalesReportAsked
        )
    },
    "/v1/reports/liability": {
        "GET": _report(
            liability,
            "What customers can still spend, and what is held for calls.",
            LiabilityLine,
            LiabilityReportAsked,
        )
    },
    "/v1/reports/failed-logins": {
        "GET": _report(
            failed_logins, "Failed logins of callers.", RefusalsLine, RefusalsReportAsked
        )
    },
    "/v1/reports/suspicious": {
        "GET": _report(
            suspicious, "Caller IDs with many failed logins, worst first.", SourceLine, SourcesAsked
        )
    },
    "/v1/reports/live": {
        "GET": Operation(
            live,
            Action.SEE_REPORTS,
            "Calls that are up now, and the money at risk in them.",
            LiveShown,
            query=NoParameters,
        )
    },
    "/v1/reports/call-log": {
        "GET": Operation(
            call_log,
            Action.SEE_REPORTS,
            "Every call of cards, tab-delimited, in the columns of VICIdial's call card export.",
            Download(TSV),
            query=CallLogReportAsked,
            problems=_NO_PERIOD,
        )
    },
}
