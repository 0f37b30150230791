"""Each figure of a report is what the facts add up to, in whatever pages they were read."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from attrs import define, field
from hypothesis import HealthCheck, Phase, settings
from hypothesis import given as forall
from hypothesis import strategies as st

from adapters.persistence.codec import RecordedFact
from adapters.persistence.read_models import report_tables
from adapters.persistence.read_models.reports import Reports
from adapters.persistence.rebuild_check import RebuildCheck
from adapters.persistence.recorder import EventRecorder
from application import kinds
from application.persons import opened
from application.report_rows import UsageRow, totals
from application.reports import (
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
from domain.accounts import (
    Account,
    AccountOpened,
    BalanceAdjusted,
    BalanceForfeited,
    ChargeCorrected,
    DailyFeeCharged,
    FundsAdded,
    HoldCaptured,
)
from domain.call_sessions import (
    AttemptRefunded,
    AttemptRerated,
    AttemptRouted,
    AttemptSettled,
    AttemptStarted,
    CallEnded,
    CallStarted,
    LoginRefused,
    PlannedRoute,
    RoutesPlanned,
    TimeAnnounced,
)
from domain.cards import CardGenerated, CardSold, CardUnsold
from domain.costs import margin
from domain.distributors import CardRangeAssigned, CardRangeTakenBack
from domain.errors import SettingNotAllowed
from domain.lots import LotOrdered
from domain.money import Money
from domain.top_ups import TopUpReceived
from tests.adapters.persistence.product import NewLedger, Product, mapper, new_ledger
from tests.adapters.persistence.trade import Trade
from tests.support.story import WARSAW

__all__ = ["new_ledger"]

STEPS = st.lists(st.integers(0, 1_000_000), min_size=10, max_size=80)
ZONES = st.sampled_from(
    ["UTC", "Europe/Warsaw", "America/New_York", "Asia/Kolkata", "Asia/Kathmandu", "Pacific/Apia"]
)
BOUNDED = settings(
    max_examples=6,
    deadline=None,
    # A history of eighty steps takes minutes to shrink, and says where it went wrong anyway.
    phases=(Phase.explicit, Phase.reuse, Phase.generate),
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
PERIOD = (date(2026, 11, 1), date(2027, 2, 28))


@define
class Tried:
    """One attempt as its facts tell it."""

    call: CallStarted
    started: AttemptStarted
    group_id: UUID
    routes: tuple[PlannedRoute, ...] = ()
    announced: int | None = None
    settled: AttemptSettled | None = None
    charge_now: Money | None = None
    routed: AttemptRouted | None = None


@define
class Folded:
    """What the whole log says, told one fact after another: slow, and plainly right."""

    tried: dict[tuple[UUID, int], Tried] = field(factory=dict)
    accounts: dict[UUID, Account] = field(factory=dict)
    filled: dict[UUID, date] = field(factory=dict)
    cards: dict[UUID, CardGenerated] = field(factory=dict)
    lots: dict[UUID, str] = field(factory=dict)
    calls: dict[UUID, tuple[CallStarted, datetime]] = field(factory=dict)
    up: set[UUID] = field(factory=set)
    money: list[tuple[datetime, UUID, str, str, dict[str, int]]] = field(factory=list)
    refused: list[tuple[datetime, CallStarted, str]] = field(factory=list)
    corrected: list[tuple[datetime, Tried, AttemptRerated | AttemptRefunded]] = field(factory=list)
    groups: dict[UUID, str] = field(factory=dict)
    channels: dict[UUID, str] = field(factory=dict)

    @staticmethod
    def of(product: Product) -> Folded:
        folded, distribution = Folded(), None
        log = product.log()
        folded.channels = {
            r.originator_id: r.fact.channel for r in log if isinstance(r.fact, TopUpReceived)
        }
        for recorded in log:
            fact, stream_id, at = (
                recorded.fact,
                recorded.originator_id,
                recorded.recorded_at,
            )
            if isinstance(fact, CardRangeAssigned | CardRangeTakenBack) or (
                type(fact).__name__ == "DistributorAdded"
            ):
                distribution = kinds.DISTRIBUTION.evolve(distribution, fact)
            folded._account(recorded)
            folded._call(recorded)
            match fact:
                case CardGenerated():
                    folded.cards[stream_id] = fact
                case LotOrdered():
                    for place in range(fact.count):
                        folded.lots[kinds.card_id_of_lot(stream_id, place)] = fact.name
            for card_id, told in _moved(fact, stream_id, folded):
                card = folded.cards[card_id]
                holder = distribution.holder(card.number) if distribution else None
                unit = card.face_value.unit
                folded.money.append((at, card.group_id, holder or "", unit, told))
        folded.groups = {kinds.card_group_id(name): name for name in ("Gold", "Tin", "Mute")}
        folded.groups[kinds.card_group_id("Minutes")] = "Minutes"
        return folded

    def _account(self, recorded: RecordedFact) -> None:
        stream_id, fact = recorded.originator_id, recorded.fact
        if isinstance(fact, AccountOpened) or stream_id in self.accounts:
            self.accounts[stream_id] = kinds.ACCOUNTS.evolve(self.accounts.get(stream_id), fact)
        if isinstance(fact, AccountOpened | FundsAdded):
            self.filled[stream_id] = recorded.recorded_at.date()

    def _call(self, recorded: RecordedFact) -> None:
        stream_id, fact = recorded.originator_id, recorded.fact
        match fact:
            case CallStarted():
                self.calls[stream_id] = (fact, recorded.recorded_at)
                self.up.add(stream_id)
            case CallEnded():
                self.up.discard(stream_id)
            case LoginRefused(reason):
                self.refused.append((recorded.recorded_at, self.calls[stream_id][0], reason))
            case AttemptStarted():
                group_id = self.cards[fact.card_id].group_id
                tried = Tried(self.calls[stream_id][0], fact, group_id)
                tried.announced = fact.limit_seconds
                self.tried[stream_id, fact.number] = tried
            case RoutesPlanned(number, routes):
                self.tried[stream_id, number].routes = routes
            case TimeAnnounced(number, seconds):
                self.tried[stream_id, number].announced = seconds
            case AttemptSettled():
                self.tried[stream_id, fact.number].settled = fact
            case AttemptRouted():
                self.tried[stream_id, fact.number].routed = fact
            case AttemptRerated() | AttemptRefunded():
                tried = self.tried[stream_id, fact.number]
                tried.charge_now = fact.charge
                self.corrected.append((recorded.recorded_at, tried, fact))

    def done(self) -> Iterator[tuple[Tried, AttemptSettled]]:
        for each in self.tried.values():
            if each.settled is not None:
                yield each, each.settled


def _moved(fact: object, stream_id: UUID, folded: Folded) -> Iterator[tuple[UUID, dict[str, int]]]:
    """Whose money a fact moves, and how it is counted in the sales."""
    holder = folded.accounts[stream_id].holder if stream_id in folded.accounts else stream_id
    match fact:
        case AccountOpened():
            yield holder, {"activated": 1}
        case FundsAdded(top_up_id, amount) if folded.channels[top_up_id] == "face value":
            yield holder, {"activated_value": amount.micros}
        case FundsAdded(_, amount):
            yield holder, {"top_ups": 1, "topped_up": amount.micros}
        case HoldCaptured(_, amount):
            yield holder, {"calls": amount.micros}
        case ChargeCorrected(_, _, before, charge):
            yield holder, {"calls": charge.micros - before.micros}
        case DailyFeeCharged(_, amount):
            yield holder, {"fees": amount.micros}
        case BalanceForfeited(amount):
            yield holder, {"forfeited": amount.micros}
        case BalanceAdjusted(_, amount):
            yield holder, {"adjusted": amount.micros}
        case CardSold():
            value = folded.cards[stream_id].face_value.micros
            yield stream_id, {"sold": 1, "sold_value": value}
        case CardUnsold():
            value = folded.cards[stream_id].face_value.micros
            yield stream_id, {"returned": 1, "returned_value": value}


def day_of(at: datetime, zone: str) -> date:
    return at.astimezone(ZoneInfo(zone)).date()


def within(day: date) -> bool:
    return PERIOD[0] <= day <= PERIOD[1]


Named = tuple[str | None, str | None]


def usage_name(by: UsageBy, each: Tried, folded: Folded) -> Named:
    routed = each.routed
    match by:
        case UsageBy.TOTAL:
            return None, None
        case UsageBy.GROUP:
            return folded.groups[each.group_id], None
        case UsageBy.DESTINATION:
            return each.started.destination_name, None
        case UsageBy.ACCESS_NUMBER:
            return each.call.access_number, None
        case UsageBy.PROVIDER:
            return (routed.provider if routed else None), None
        case UsageBy.ROUTE:
            return (routed.provider, routed.trunk) if routed else (None, None)


def usage_by_the_facts(folded: Folded, asked: UsageAsked) -> dict[Any, dict[str, int]]:
    found: defaultdict[Any, defaultdict[str, int]] = defaultdict(lambda: defaultdict(int))
    for each, settled in folded.done():
        day = day_of(each.started.placed_at, asked.period.zone)
        if not within(day) or asked.group not in (None, folded.groups[each.group_id]):
            continue
        told, unit = (day if asked.daily else None), settled.charge.unit
        line = found[told, *usage_name(asked.by, each, folded), unit]
        routed = each.routed
        left = margin(settled.charge, routed.cost, routed.exchange) if routed else None
        line["attempts"] += 1
        line["seconds"] += settled.seconds
        line["revenue"] += settled.charge.micros
        if settled.answered_at is not None:
            line["answered"] += 1
            if left is None:
                line["unknown_costs"] += 1
                line["uncosted"] += settled.charge.micros
        if left is not None:
            line["cost"] += (settled.charge - left).micros
        if asked.by in (UsageBy.ROUTE, UsageBy.PROVIDER) and routed is not None:
            for route in each.routes[: routed.leg - 1]:
                trunk = route.trunk if asked.by is UsageBy.ROUTE else None
                found[told, route.provider, trunk, unit]["passed_over"] += 1
    for at, each, fact in folded.corrected:
        day, settled = day_of(at, asked.period.zone), each.settled
        if not within(day) or asked.group not in (None, folded.groups[each.group_id]):
            continue
        told, unit = (day if asked.daily else None), fact.charge.unit
        line = found[told, *usage_name(asked.by, each, folded), unit]
        more, routed = fact.charge.micros - fact.charge_before.micros, each.routed
        line["revenue"] += more
        assert settled is not None, "what is not settled is not corrected"
        if routed is None or margin(settled.charge, routed.cost, routed.exchange) is None:
            line["uncosted"] += more
    return {key: {n: v for n, v in line.items() if v} for key, line in found.items()}


def told_of(rows: Iterable[UsageRow]) -> dict[Any, dict[str, int]]:
    found = {}
    for row in rows:
        figures = {
            "attempts": row.attempts,
            "answered": row.answered,
            "seconds": row.seconds,
            "revenue": row.revenue.micros,
            "cost": row.cost.micros,
            "uncosted": row.uncosted.micros,
            "unknown_costs": row.unknown_costs,
            "passed_over": row.passed_over,
        }
        key = (row.day, row.name, row.detail, row.revenue.unit)
        assert key not in found, "a line comes once"
        found[key] = {name: figure for name, figure in figures.items() if figure}
    return found


@BOUNDED
@forall(
    steps=STEPS,
    page=st.integers(1, 60),
    zone=ZONES,
    daily=st.booleans(),
    group=st.sampled_from([None, "Gold", "Tin", "Minutes"]),
)
def test_usage_is_what_the_attempts_add_up_to(
    new_ledger: NewLedger,
    steps: list[int],
    page: int,
    zone: str,
    daily: bool,
    group: str | None,
) -> None:
    with new_ledger() as recorder:
        trade = Trade(Product(recorder))
        trade.play(steps)
        trade.product.catch_up(page)
        folded = Folded.of(trade.product)
        for by in UsageBy:
            asked = UsageAsked(Period(*PERIOD, zone), by, daily, group)
            assert told_of(trade.reports.usage(asked)) == usage_by_the_facts(folded, asked)


@BOUNDED
@forall(steps=STEPS, page=st.integers(1, 60), zone=ZONES, daily=st.booleans())
def test_sales_are_what_cards_and_accounts_add_up_to(
    new_ledger: NewLedger, steps: list[int], page: int, zone: str, daily: bool
) -> None:
    with new_ledger() as recorder:
        trade = Trade(Product(recorder))
        trade.play(steps)
        trade.product.catch_up(page)
        folded = Folded.of(trade.product)
        for by in SalesBy:
            asked = SalesAsked(Period(*PERIOD, zone), by, daily)
            expected: defaultdict[Any, defaultdict[str, int]] = defaultdict(
                lambda: defaultdict(int)
            )
            for at, group_id, holder, unit, told in folded.money:
                day = day_of(at, zone)
                if not within(day):
                    continue
                name = {
                    SalesBy.TOTAL: None,
                    SalesBy.GROUP: folded.groups[group_id],
                    SalesBy.DISTRIBUTOR: holder or None,
                }[by]
                for what, amount in told.items():
                    expected[day if daily else None, name, unit][what] += amount
            assert {
                (row.day, row.name, row.calls.unit): {
                    name: amount
                    for name, amount in _plain(row).items()
                    if amount and name not in ("day", "name")
                }
                for row in trade.reports.sales(asked)
            } == {
                key: {name: amount for name, amount in line.items() if amount}
                for key, line in expected.items()
            }


@BOUNDED
@forall(steps=STEPS, page=st.integers(1, 60))
def test_what_is_owed_is_what_is_on_the_accounts(
    new_ledger: NewLedger, steps: list[int], page: int
) -> None:
    with new_ledger() as recorder:
        trade = Trade(Product(recorder))
        trade.play(steps)
        trade.product.catch_up(page)
        folded = Folded.of(trade.product)
        today = date(2027, 3, 1)
        for by in LiabilityBy:
            expected: defaultdict[Any, list[int]] = defaultdict(lambda: [0, 0, 0])
            for account_id, account in folded.accounts.items():
                days = (today - folded.filled[account_id]).days
                name = {
                    LiabilityBy.LOT: folded.lots.get(account.holder),
                    LiabilityBy.GROUP: folded.groups[folded.cards[account.holder].group_id],
                    LiabilityBy.AGE: age_by_the_book(days),
                }[by]
                line = expected[name, account.unit]
                line[0] += account.balance.micros > 0
                line[1] += account.available.micros
                line[2] += account.held.micros
            rows = trade.reports.liability(by, today)
            assert {
                (row.name, row.owed.unit): [row.accounts, row.spendable.micros, row.held.micros]
                for row in rows
            } == {key: line for key, line in expected.items() if any(line)}


def age_by_the_book(days: int) -> str:
    for first, last in ((0, 30), (31, 60), (61, 90), (91, 180), (181, 365)):
        if first <= days <= last:
            return f"{first} to {last} days"
    return "366 days and more"


@BOUNDED
@forall(steps=STEPS, page=st.integers(1, 60), zone=ZONES)
def test_announced_minutes_are_told_against_those_delivered(
    new_ledger: NewLedger, steps: list[int], page: int, zone: str
) -> None:
    with new_ledger() as recorder:
        trade = Trade(Product(recorder))
        trade.play(steps)
        trade.product.catch_up(page)
        folded = Folded.of(trade.product)
        expected: defaultdict[Any, list[int]] = defaultdict(lambda: [0] * 7)
        for each, settled in folded.done():
            if each.announced is None or settled.answered_at is None:
                continue
            day = day_of(each.started.placed_at, zone)
            line = expected[day, folded.groups[each.group_id]]
            missing = max(0, each.announced - settled.seconds)
            at_limit = missing > 0 and settled.seconds >= each.started.limit_seconds
            unseen = settled.evidence in ("last sign of life", "limit passed")
            fault = settled.cause in (27, 34, 38, 41, 127)
            cut = missing > 0 and not at_limit and not unseen and fault
            line[0] += 1
            line[1] += each.announced
            line[2] += settled.seconds
            line[3] += at_limit
            line[4] += cut
            line[5] += missing > 0 and not at_limit and unseen
            line[6] += missing if at_limit or cut else 0
        rows = trade.reports.minutes(UsageAsked(Period(*PERIOD, zone), UsageBy.GROUP))
        assert {
            (row.day, row.name): [
                row.announced,
                row.announced_seconds,
                row.delivered_seconds,
                row.cut_at_limit,
                row.cut_by_fault,
                row.unwitnessed,
                row.short_seconds,
            ]
            for row in rows
        } == {key: line for key, line in expected.items() if within(key[0])}


@BOUNDED
@forall(steps=STEPS, page=st.integers(1, 60), zone=ZONES)
def test_failed_logins_and_what_is_open_are_counted(
    new_ledger: NewLedger, steps: list[int], page: int, zone: str
) -> None:
    with new_ledger() as recorder:
        trade = Trade(Product(recorder))
        trade.play(steps)
        trade.product.catch_up(page)
        folded = Folded.of(trade.product)
        persons = trade.product.persons
        period = Period(*PERIOD, zone)
        names: dict[RefusalsBy, Callable[[CallStarted, str], str | None]] = {
            RefusalsBy.TOTAL: lambda call, reason: None,
            RefusalsBy.ACCESS_NUMBER: lambda call, reason: call.access_number,
            RefusalsBy.CALLER_ID: lambda call, reason: opened(persons, call.caller_id),
            RefusalsBy.REASON: lambda call, reason: reason,
        }
        for by, named in names.items():
            counted: defaultdict[Any, int] = defaultdict(int)
            for at, call, reason in folded.refused:
                if within(day_of(at, zone)):
                    counted[day_of(at, zone), named(call, reason)] += 1
            rows = trade.reports.refusals(RefusalsAsked(period, by))
            assert {(row.day, row.name): row.refused for row in rows} == counted
        by_source: defaultdict[str | None, list[tuple[CallStarted, str]]] = defaultdict(list)
        for at, call, reason in folded.refused:
            if within(day_of(at, zone)):
                by_source[opened(persons, call.caller_id)].append((call, reason))
        assert {
            row.caller_id: (row.refused, row.access_numbers, row.unknown_cards, row.wrong_pins)
            for row in trade.reports.sources(period, 2)
        } == {
            source: (
                len(tries),
                len({call.access_number for call, _ in tries}),
                sum(reason == "unknown card" for _, reason in tries),
                sum(reason == "wrong PIN" for _, reason in tries),
            )
            for source, tries in by_source.items()
            if len(tries) >= 2
        }
        live = trade.reports.live()
        assert live.calls_up == len(folded.up)
        held: defaultdict[str, int] = defaultdict(int)
        for each in folded.tried.values():
            if each.settled is None:
                held[each.started.held.unit] += each.started.held.micros
        assert {each.held.unit: each.held.micros for each in live.at_risk} == held
        account_held: defaultdict[str, int] = defaultdict(int)
        for account in folded.accounts.values():
            account_held[account.unit] += account.held.micros
        assert held == {unit: micros for unit, micros in account_held.items() if unit in held}


@BOUNDED
@forall(steps=STEPS, page=st.integers(1, 40))
def test_every_settled_attempt_is_in_the_call_log_once(
    new_ledger: NewLedger, steps: list[int], page: int
) -> None:
    with new_ledger() as recorder:
        trade = Trade(Product(recorder))
        trade.play(steps)
        trade.product.catch_up()
        folded = Folded.of(trade.product)
        asked = CallLogAsked(Period(date(2025, 1, 1), date(2027, 12, 31)))
        logged, after = [], None
        while True:
            part = trade.reports.call_log(asked, after, page)
            logged += part.calls
            after = part.after
            if after is None:
                break
        assert sorted(
            (each.called_at, each.card, each.destination, each.seconds, each.charge.micros)
            for each in logged
        ) == sorted(
            (
                each.started.placed_at,
                folded.cards[each.started.card_id].number,
                each.started.destination,
                settled.seconds,
                (each.charge_now or settled.charge).micros,
            )
            for each, settled in folded.done()
        )
        lots = {folded.cards[card_id].number: name for card_id, name in folded.lots.items()
                if card_id in folded.cards}  # fmt: skip
        assert all(each.lot == lots.get(each.card, "") for each in logged)


@BOUNDED
@forall(steps=STEPS, pages=st.lists(st.integers(1, 30), min_size=1, max_size=4))
def test_pages_of_any_size_make_the_same_sums(
    new_ledger: NewLedger, steps: list[int], pages: list[int]
) -> None:
    with new_ledger() as recorder:
        trade = Trade(Product(recorder))
        for number, page in enumerate(pages):
            trade.play(steps[number :: len(pages)])
            trade.product.catch_up(page)
        before = rows_of(recorder)
        trade.product.projections.rebuild(Reports())
        assert rows_of(recorder) == before


@BOUNDED
@forall(steps=STEPS, page=st.integers(1, 60))
def test_the_check_finds_nothing_in_read_models_that_are_right(
    new_ledger: NewLedger, steps: list[int], page: int
) -> None:
    with new_ledger() as recorder:
        trade = Trade(Product(recorder))
        trade.play(steps)
        trade.product.catch_up()
        checked = RebuildCheck(recorder, mapper(), page=page).run()
        assert checked.difference is None
        assert checked.facts == len(trade.product.log())


@pytest.fixture
def played(recorder: EventRecorder) -> Trade:
    trade = Trade(Product(recorder))
    trade.play(random.Random(11).choices(range(1_000_000), k=250))
    trade.product.catch_up()
    assert RebuildCheck(recorder, mapper()).run().difference is None
    return trade


@pytest.mark.parametrize(
    "table", [each for each in report_tables.ALL if each.name != "report_lots"], ids=str
)
def test_the_check_names_what_was_changed(played: Trade, table: Any) -> None:
    recorder = played.product.recorder
    changed = next(
        column
        for column in table.columns
        if not column.primary_key and column.type.python_type in (int, str, datetime)
    )
    wrong = {int: 7_777, str: "wrong", datetime: datetime(2001, 1, 1, tzinfo=ZoneInfo("UTC"))}
    with recorder.writing() as connection:
        count = connection.execute(
            table.update().values({changed.name: wrong[changed.type.python_type]})
        ).rowcount
    difference = RebuildCheck(recorder, mapper()).run().difference
    assert (difference is None) == (count == 0)
    if difference is not None:
        assert difference.startswith(table.name)
        assert changed.name in difference


def test_the_check_names_what_is_missing_and_what_nobody_recorded(played: Trade) -> None:
    recorder, table = played.product.recorder, report_tables.refusals
    with recorder.writing() as connection:
        connection.execute(
            table.insert().values(
                grain=0, slot=1, access_number="1", caller_id="", reason="none", refused=1
            )
        )
    told = RebuildCheck(recorder, mapper()).run().difference
    assert told is not None
    assert "by no fact" in told
    with recorder.writing() as connection:
        connection.execute(table.delete())
    told = RebuildCheck(recorder, mapper()).run().difference
    assert told is not None
    assert told.startswith(table.name)
    assert told.endswith("is missing")


@pytest.mark.parametrize("page", [1, 2, 3])
def test_a_route_right_behind_the_end_of_a_page_is_seen(recorder: EventRecorder, page: int) -> None:
    played = Trade(Product(recorder))
    product = played.product
    card = product.card("Gold")
    for number in range(4):
        call = product.caller(card, None)
        played.ways.first, played.ways.count = number % 2, 2
        product.dialling.dial(call, WARSAW)
        product.settlement.record_leg(product.leg(call, 30, 1, 2))
        product.settlement.call_ended(call.reference)
    product.catch_up(page)
    usage = played.reports.usage(UsageAsked(Period(*PERIOD), UsageBy.ROUTE, daily=False))
    assert any(row.cost for row in usage)
    assert RebuildCheck(product.recorder, mapper(), page=page).run().difference is None
    before = rows_of(product.recorder)
    product.projections.rebuild(Reports())
    assert rows_of(product.recorder) == before


def test_the_check_compares_a_model_that_is_behind_as_far_as_it_has_read(played: Trade) -> None:
    played.play(random.Random(12).choices(range(1_000_000), k=20))
    checked = RebuildCheck(played.product.recorder, mapper()).run()
    assert checked.difference is None
    assert checked.facts < len(played.product.log())


def test_totals_never_add_units_together(played: Trade) -> None:
    rows = played.reports.usage(UsageAsked(Period(*PERIOD), UsageBy.DESTINATION))
    added = {row.revenue.unit: row for row in totals(rows)}
    assert set(added) == {each.revenue.unit for each in rows}
    for unit, row in added.items():
        mine = [each for each in rows if each.revenue.unit == unit]
        assert row.attempts == sum(each.attempts for each in mine)
        assert row.revenue == Money(sum(each.revenue.micros for each in mine), unit)
        assert (row.day, row.name) == (None, None)


def test_a_day_with_a_change_of_the_clock_has_its_own_length(played: Trade) -> None:
    period = Period(date(2026, 3, 1), date(2026, 4, 30), "Europe/Warsaw")
    assert (period.ends - period.begins) == timedelta(days=61, hours=-1)


@pytest.mark.parametrize(
    ("first", "last", "zone"),
    [
        (date(2026, 1, 2), date(2026, 1, 1), "UTC"),
        (date(2026, 1, 1), date(2030, 1, 1), "UTC"),
        (date(1999, 1, 1), date(1999, 1, 2), "UTC"),
        (date(2026, 1, 1), date(2026, 1, 1), "Mars/Olympus"),
        (date(2026, 1, 1), date(2026, 1, 1), "../etc/passwd"),
        (date(2026, 1, 1), date(2026, 1, 1), ""),
    ],
)
def test_a_period_that_cannot_be_is_refused(first: date, last: date, zone: str) -> None:
    with pytest.raises(SettingNotAllowed):
        Period(first, last, zone)


def _plain(row: Any) -> dict[str, Any]:
    names = (each.name for each in type(row).__attrs_attrs__)
    return {
        name: value.micros if isinstance(value := getattr(row, name), Money) else value
        for name in names
    }


def rows_of(recorder: EventRecorder) -> dict[str, list[Any]]:
    with recorder.reading() as connection:
        return {
            table.name: connection.execute(
                table.select().order_by(*table.primary_key.columns)
            ).all()
            for table in report_tables.ALL
        }
