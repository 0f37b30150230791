"""Whatever the terms, a price is the exact integral of its rate, and no hold is too small."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from fractions import Fraction
from itertools import pairwise
from math import ceil
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from domain.money import Money
from domain.rating import (
    Band,
    RateTerms,
    can_connect,
    charge,
    least_charge,
    talk_minutes,
    talk_time,
    whole_seconds,
    worst_charge,
)
from tests.support.examples import examples

SECOND = timedelta(seconds=1)

# Moments (UTC) near which bands begin and end, and clocks are set forward and back.
ANCHORS = (
    datetime(2025, 3, 30, 1, 0, tzinfo=UTC),  # Warsaw: 02:00 becomes 03:00.
    datetime(2025, 10, 26, 1, 0, tzinfo=UTC),  # Warsaw: 03:00 becomes 02:00.
    datetime(2025, 3, 9, 7, 0, tzinfo=UTC),  # New York: 02:00 becomes 03:00.
    datetime(2025, 11, 2, 6, 0, tzinfo=UTC),  # New York: 02:00 becomes 01:00.
    datetime(2025, 10, 4, 15, 30, tzinfo=UTC),  # Lord Howe: 02:00 becomes 02:30.
    datetime(2025, 4, 5, 15, 0, tzinfo=UTC),  # Lord Howe: 02:00 becomes 01:30.
    datetime(2025, 11, 21, 23, 0, tzinfo=UTC),  # Warsaw: Friday becomes Saturday.
    datetime(2025, 12, 31, 24 - 1, 59, tzinfo=UTC),
)
ZONES = ("UTC", "Europe/Warsaw", "America/New_York", "Australia/Lord_Howe")

prices = st.sampled_from((0, 1, 59, 60, 61, 12_345, 100_000, 999_999, 7_000_000))
fees = st.sampled_from((0, 0, 1, 50_000, 1_000_003))
moments = st.builds(
    lambda anchor, seconds: anchor + timedelta(milliseconds=seconds),
    st.sampled_from(ANCHORS),
    st.integers(-5_400_000, 5_400_000),
)
weekdays = st.sets(st.integers(1, 7), min_size=1).map(lambda days: tuple(sorted(days)))


@st.composite
def band(draw: st.DrawFn) -> Band:
    minutes = st.sampled_from((0, 30, 60, 90, 105, 120, 135, 150, 180, 1380, 1439))
    start = draw(minutes)
    end = draw(st.one_of(st.just(1440), st.integers(start + 1, min(1440, start + 90))))
    return Band(draw(weekdays), start, end, draw(prices))


@st.composite
def rate_terms(draw: st.DrawFn, most_bands: int = 4) -> RateTerms:
    return RateTerms(
        "USD",
        draw(prices),
        connect_fee=draw(fees),
        initial_block=draw(st.sampled_from((1, 6, 30, 60, 180))),
        increment=draw(st.sampled_from((1, 6, 7, 60))),
        disconnect_fee=draw(fees),
        minimum_duration=draw(st.sampled_from((0, 0, 10, 61))),
        minimum_charge=draw(fees),
        grace_seconds=draw(st.sampled_from((0, 0, 3, 40))),
        bands=tuple(draw(st.lists(band(), max_size=most_bands))),
        time_zone=draw(st.sampled_from(ZONES)),
        surcharge=draw(fees),
        surcharge_per_minute=draw(st.sampled_from((0, 0, 17, 20_000))),
        setup_fee=draw(fees),
    )


any_terms = st.one_of(rate_terms(0), rate_terms(4), rate_terms(4))
windows = st.sampled_from((0, 1, 7, 90, 900, 5_000))
amounts = st.one_of(
    st.integers(0, 3_000_000), st.sampled_from((0, 1, 50_000, 100_000, 10_000_000, 10**12))
)


def naive_rate(terms: RateTerms, moment: datetime) -> int:
    wall = moment.astimezone(ZoneInfo(terms.time_zone))
    minute = wall.hour * 60 + wall.minute
    for one in terms.bands:
        if wall.isoweekday() in one.weekdays and one.start_minute <= minute < one.end_minute:
            return one.per_minute + terms.surcharge_per_minute
    return terms.per_minute + terms.surcharge_per_minute


def naive_billed(terms: RateTerms, seconds: int) -> int:
    billed = terms.initial_block
    while billed < seconds or billed < terms.minimum_duration:
        billed += terms.increment
    return billed


def naive_price(terms: RateTerms, answered: datetime, seconds: int, setup_due: bool) -> int:
    """Second by second, each at the rate of the wall clock of that second."""
    if seconds <= terms.grace_seconds:
        return 0
    answered = answered.replace(microsecond=0)
    talk = sum(
        (
            Fraction(naive_rate(terms, answered + second * SECOND), 60)
            for second in range(naive_billed(terms, seconds))
        ),
        Fraction(0),
    )
    call = terms.connect_fee + terms.surcharge + terms.disconnect_fee + ceil(talk)
    return max(call, terms.minimum_charge) + (terms.setup_fee if setup_due else 0)


@examples(150)
@given(any_terms, moments, st.integers(0, 1_500), st.booleans())
def test_a_price_is_the_sum_of_its_seconds_at_the_rate_of_the_wall_clock(
    terms: RateTerms, answered: datetime, seconds: int, setup_due: bool
) -> None:
    priced = charge(terms, answered, seconds, setup_due=setup_due)
    assert priced.total == Money(naive_price(terms, answered, seconds, setup_due), "USD")


@pytest.mark.parametrize("anchor", ANCHORS, ids=lambda anchor: anchor.strftime("%Y-%m-%d"))
@pytest.mark.parametrize("zone", ZONES)
def test_a_call_across_a_change_of_clocks_is_priced_by_real_seconds(
    anchor: datetime, zone: str
) -> None:
    hours = tuple(Band(tuple(range(1, 8)), 30 * n, 30 * n + 30, 60 * 10**n) for n in range(8))
    terms = RateTerms("USD", 7, bands=hours, time_zone=zone)
    answered, seconds = anchor - timedelta(seconds=3_601), 7_300
    assert charge(terms, answered, seconds).total.micros == naive_price(
        terms, answered, seconds, False
    )


@examples(200)
@given(any_terms, moments, st.integers(0, 5_000), st.booleans())
def test_the_lines_of_a_charge_add_up_to_its_total(
    terms: RateTerms, answered: datetime, seconds: int, setup_due: bool
) -> None:
    priced = charge(terms, answered, seconds, setup_due=setup_due)
    talk = [line for line in priced.lines if line.what == "talk"]
    assert sum(line.micros for line in priced.lines) == priced.total.micros
    assert all(line.micros >= 0 for line in priced.lines)
    assert sum(line.seconds for line in talk) == priced.billed_seconds
    for line in talk:
        assert line.since is not None
        assert line.until is not None
        assert line.until - line.since == line.seconds * SECOND
        assert line.per_minute == naive_rate(terms, line.since)
        # Cumulative rounding never moves a line by a whole micro from its own exact price.
        assert abs(line.micros - Fraction(line.per_minute * line.seconds, 60)) < 1
    for before, after in pairwise(talk):
        assert before.until == after.since


@examples(200)
@given(any_terms, moments, st.integers(0, 5_000), st.integers(0, 200), st.booleans())
def test_a_longer_call_never_costs_less(
    terms: RateTerms, answered: datetime, seconds: int, more: int, setup_due: bool
) -> None:
    shorter = charge(terms, answered, seconds, setup_due=setup_due)
    longer = charge(terms, answered, seconds + more, setup_due=setup_due)
    assert shorter.total <= longer.total


@examples(300)
@given(any_terms, moments, windows, st.integers(0, 5_000), st.booleans(), st.data())
def test_no_call_in_the_window_costs_more_than_the_worst_charge(
    terms: RateTerms,
    earliest: datetime,
    window: int,
    seconds: int,
    setup_due: bool,
    data: st.DataObject,
) -> None:
    latest = earliest + window * SECOND
    worst = worst_charge(terms, earliest, latest, seconds, setup_due=setup_due)
    for _ in range(5):
        waited = data.draw(st.integers(0, window * 1_000))
        talked = data.draw(st.integers(0, seconds))
        answered = earliest + timedelta(milliseconds=waited)
        assert charge(terms, answered, talked, setup_due=setup_due).total <= worst


@examples(100)
@given(rate_terms(), moments, st.integers(0, 60), st.integers(1, 4_000), st.booleans())
def test_the_worst_charge_is_the_price_of_some_call_in_the_window(
    terms: RateTerms, earliest: datetime, window: int, seconds: int, setup_due: bool
) -> None:
    prices_in_window = [
        charge(terms, earliest + waited * SECOND, seconds, setup_due=setup_due).total.micros
        for waited in range(window + 1)
    ]
    worst = worst_charge(terms, earliest, earliest + window * SECOND, seconds, setup_due=setup_due)
    assert worst.micros == max(prices_in_window)


@st.composite
def crowded_terms(draw: st.DrawFn) -> RateTerms:
    """Bands of a minute or a few, so that calls and windows cross many borders."""
    starts = st.lists(st.tuples(st.integers(0, 8), st.integers(1, 3), prices), max_size=6)
    bands = tuple(
        Band((1, 2, 3, 4, 5, 6, 7), start, start + length, price)
        for start, length, price in draw(starts)
    )
    return RateTerms("USD", draw(prices), bands=bands)


@examples(300)
@given(crowded_terms(), st.integers(-300, 600), st.integers(0, 240), st.integers(1, 400))
def test_the_worst_charge_is_found_among_any_number_of_borders(
    terms: RateTerms, since_midnight: int, window: int, seconds: int
) -> None:
    earliest = datetime(2025, 11, 20, tzinfo=UTC) + since_midnight * SECOND
    costs = [
        charge(terms, earliest + waited * SECOND, seconds).total for waited in range(window + 1)
    ]
    worst = worst_charge(terms, earliest, earliest + window * SECOND, seconds)
    assert worst.micros == max(cost.micros for cost in costs)


@examples(400)
@given(any_terms, moments, windows, amounts, st.integers(0, 20_000), st.booleans())
@example(  # Grace beyond the minimum duration, then a block that is dearer than the amount.
    RateTerms("USD", 60, grace_seconds=40, initial_block=60), ANCHORS[0], 0, 59, 100, False
)
def test_the_talk_time_is_the_longest_that_the_amount_covers(
    terms: RateTerms, earliest: datetime, window: int, micros: int, limit: int, setup_due: bool
) -> None:
    amount, latest = Money(micros, "USD"), earliest + window * SECOND
    granted = talk_time(terms, amount, earliest, latest, setup_due=setup_due, limit=limit)
    assert 0 <= granted <= limit
    assert worst_charge(terms, earliest, latest, granted, setup_due=setup_due) <= amount
    if granted < limit:
        assert worst_charge(terms, earliest, latest, granted + 1, setup_due=setup_due) > amount


@examples(60)
@given(any_terms, moments, amounts, st.integers(0, 400), st.booleans())
def test_the_talk_time_is_found_by_trying_every_second_too(
    terms: RateTerms, answered: datetime, micros: int, limit: int, setup_due: bool
) -> None:
    covered = [
        seconds
        for seconds in range(limit + 1)
        if charge(terms, answered, seconds, setup_due=setup_due).total.micros <= micros
    ]
    granted = talk_time(
        terms, Money(micros, "USD"), answered, answered, setup_due=setup_due, limit=limit
    )
    assert granted == max(covered)


@examples(150)
@given(any_terms, moments, windows, st.integers(1, 5_000), st.booleans())
def test_the_talk_time_for_a_worst_charge_is_the_whole_block_it_pays_for(
    terms: RateTerms, earliest: datetime, window: int, seconds: int, setup_due: bool
) -> None:
    latest = earliest + window * SECOND
    worst = worst_charge(terms, earliest, latest, seconds, setup_due=setup_due)
    granted = talk_time(terms, worst, earliest, latest, setup_due=setup_due, limit=seconds)
    assert granted == seconds
    block = naive_billed(terms, seconds)
    assume(seconds > terms.grace_seconds)
    assert talk_time(terms, worst, earliest, latest, setup_due=setup_due, limit=block) == block


@examples(150)
@given(any_terms, moments, windows, amounts, amounts, st.booleans())
def test_more_money_never_buys_less_talk(
    terms: RateTerms, earliest: datetime, window: int, one: int, other: int, setup_due: bool
) -> None:
    latest = earliest + window * SECOND
    less, more = (
        talk_time(terms, Money(micros, "USD"), earliest, latest, setup_due=setup_due, limit=9_000)
        for micros in sorted((one, other))
    )
    assert less <= more


@examples(150)
@given(any_terms, moments, windows, amounts, st.booleans())
def test_whoever_can_connect_can_talk_beyond_the_grace_and_nobody_else(
    terms: RateTerms, earliest: datetime, window: int, micros: int, setup_due: bool
) -> None:
    latest, amount = earliest + window * SECOND, Money(micros, "USD")
    granted = talk_time(terms, amount, earliest, latest, setup_due=setup_due, limit=9_000)
    connects = can_connect(terms, amount, earliest, latest, setup_due=setup_due)
    assert connects == (granted > terms.grace_seconds)
    assert connects == (least_charge(terms, earliest, latest, setup_due=setup_due) <= amount)


@settings(deadline=None)
@given(st.integers(0, 10**9))
def test_a_second_that_was_begun_counts(milliseconds: int) -> None:
    assert whole_seconds(milliseconds) == ceil(Fraction(milliseconds, 1_000))


@settings(deadline=None)
@given(moments, st.integers(1, 100_000))
def test_every_begun_minute_is_a_unit_of_talk_minutes(answered: datetime, seconds: int) -> None:
    assert charge(talk_minutes(), answered, seconds).total == Money(
        ceil(Fraction(seconds, 60)) * 1_000_000, "MIN"
    )


@settings(deadline=None)
@given(moments, st.integers(0, 500))
def test_as_many_minutes_as_an_account_holds_can_be_talked(answered: datetime, held: int) -> None:
    amount = Money(held * 1_000_000, "MIN")
    granted = talk_time(talk_minutes(), amount, answered, answered, limit=100_000)
    assert granted == held * 60
