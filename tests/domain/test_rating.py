"""What a call costs, told by example."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from attrs import evolve

from domain.money import Money
from domain.rating import (
    LONGEST_CALL,
    MOST_BANDS,
    MOST_RATE,
    Band,
    ChargeLine,
    RateTerms,
    can_connect,
    charge,
    least_charge,
    talk_minutes,
    talk_time,
    whole_seconds,
    worst_charge,
)

WARSAW = ZoneInfo("Europe/Warsaw")
NOON = datetime(2025, 11, 19, 12, 0, tzinfo=UTC)  # A Wednesday.
TEN_CENTS = RateTerms("USD", 100_000)
WEEKEND = Band((6, 7), 0, 1440, 30_000)


def usd(micros: int) -> Money:
    return Money(micros, "USD")


def priced(terms: RateTerms, seconds: int, answered: datetime = NOON, **due: bool) -> int:
    return charge(terms, answered, seconds, **due).total.micros


def time_for(terms: RateTerms, micros: int, limit: int = 36_000, **due: bool) -> int:
    return talk_time(terms, usd(micros), NOON, NOON, limit=limit, **due)


# Blocks and fees


def test_a_call_nobody_answered_costs_nothing() -> None:
    terms = evolve(TEN_CENTS, connect_fee=50_000, minimum_charge=200_000, setup_fee=1)
    nothing = charge(terms, NOON, 0, setup_due=True)
    assert (nothing.total, nothing.billed_seconds, nothing.lines) == (usd(0), 0, ())


def test_a_minute_costs_the_price_of_a_minute() -> None:
    assert priced(TEN_CENTS, 60) == 100_000


def test_a_price_is_rounded_up_to_a_whole_micro_once() -> None:
    assert priced(RateTerms("USD", 1), 1) == 1
    assert priced(RateTerms("USD", 1), 61) == 2
    assert priced(RateTerms("USD", 60), 7) == 7


def test_a_call_of_31_seconds_in_blocks_of_30_and_6_is_billed_36() -> None:
    terms = evolve(TEN_CENTS, initial_block=30, increment=6)
    assert charge(terms, NOON, 1).billed_seconds == 30
    assert charge(terms, NOON, 30).billed_seconds == 30
    assert charge(terms, NOON, 31).billed_seconds == 36
    assert priced(terms, 31) == 60_000


def test_the_minimum_duration_is_rounded_to_blocks_like_any_other() -> None:
    terms = evolve(TEN_CENTS, initial_block=30, increment=6, minimum_duration=40)
    assert charge(terms, NOON, 5).billed_seconds == 42
    assert charge(terms, NOON, 43).billed_seconds == 48


def test_the_lines_explain_every_fee_of_a_call() -> None:
    terms = evolve(
        TEN_CENTS,
        connect_fee=50_000,
        disconnect_fee=20_000,
        surcharge=10_000,
        surcharge_per_minute=20_000,
        setup_fee=1_000_000,
        minimum_charge=400_000,
    )
    explained = charge(terms, NOON, 60, setup_due=True)
    assert explained.lines == (
        ChargeLine("connect fee", 50_000),
        ChargeLine("surcharge", 10_000),
        ChargeLine("talk", 120_000, 60, 120_000, NOON, NOON + timedelta(seconds=60)),
        ChargeLine("disconnect fee", 20_000),
        ChargeLine("minimum charge", 200_000),
        ChargeLine("setup fee", 1_000_000),
    )
    assert explained.total == usd(1_400_000)


def test_the_setup_fee_is_charged_only_when_it_is_due() -> None:
    terms = evolve(TEN_CENTS, setup_fee=1_000_000)
    assert priced(terms, 60) == 100_000
    assert priced(terms, 60, setup_due=True) == 1_100_000


def test_the_setup_fee_does_not_make_up_the_minimum_charge() -> None:
    terms = evolve(TEN_CENTS, setup_fee=1_000_000, minimum_charge=150_000)
    assert priced(terms, 60, setup_due=True) == 1_150_000


def test_a_call_above_the_minimum_charge_pays_its_own_price() -> None:
    assert priced(evolve(TEN_CENTS, minimum_charge=150_000), 120) == 200_000


def test_a_call_within_the_grace_is_free_of_every_fee_and_one_beyond_it_is_not() -> None:
    terms = evolve(TEN_CENTS, grace_seconds=5, connect_fee=50_000, minimum_charge=200_000)
    assert priced(terms, 5, setup_due=True) == 0
    assert priced(terms, 6) == 200_000
    assert priced(evolve(terms, minimum_charge=0), 6) == 60_000


# The clock on the wall


def test_a_call_of_seven_minutes_into_the_weekend_is_split_at_midnight() -> None:
    terms = evolve(TEN_CENTS, bands=(WEEKEND,), time_zone="Europe/Warsaw")
    friday = datetime(2025, 11, 21, 23, 57, tzinfo=WARSAW)
    explained = charge(terms, friday, 7 * 60)
    midnight = datetime(2025, 11, 21, 23, 0, tzinfo=UTC)
    assert explained.lines == (
        ChargeLine("talk", 300_000, 180, 100_000, friday, midnight),
        ChargeLine("talk", 120_000, 240, 30_000, midnight, midnight + timedelta(minutes=4)),
    )


def test_a_stay_in_one_band_over_midnight_is_one_line() -> None:
    terms = evolve(TEN_CENTS, bands=(WEEKEND,), time_zone="Europe/Warsaw")
    saturday = datetime(2025, 11, 22, 23, 30, tzinfo=WARSAW)
    assert [line.seconds for line in charge(terms, saturday, 3 * 3_600).lines] == [3 * 3_600]


def test_the_first_band_that_covers_a_moment_sets_its_rate() -> None:
    lunch = Band((1, 2, 3, 4, 5), 720, 780, 60_000)
    working_day = Band((1, 2, 3, 4, 5), 480, 1080, 90_000)
    assert priced(evolve(TEN_CENTS, bands=(lunch, working_day)), 60) == 60_000
    assert priced(evolve(TEN_CENTS, bands=(working_day, lunch)), 60) == 90_000


def test_the_end_of_a_band_is_not_part_of_it() -> None:
    lunch = evolve(TEN_CENTS, bands=(Band((3,), 720, 780, 60_000),))
    last_second = NOON + timedelta(seconds=3_599)
    assert priced(lunch, 1, last_second) == 1_000
    assert priced(lunch, 1, last_second + timedelta(seconds=1)) == 1_667


def test_lines_of_fractions_add_up_to_the_price_rounded_once() -> None:
    terms = RateTerms("USD", 1, bands=(Band((3,), 721, 1440, 2),))
    explained = charge(terms, NOON + timedelta(seconds=50), 30)
    assert [(line.seconds, line.micros) for line in explained.lines] == [(10, 1), (20, 0)]
    assert explained.total == usd(1)


@pytest.mark.parametrize(
    ("zone", "begins", "at_night", "by_day"),
    [
        # The hour from 2 to 3 is skipped: from 1:30, half an hour of night and the day follows.
        ("Europe/Warsaw", datetime(2025, 3, 30, 0, 30, tzinfo=UTC), 1_800, 5_400),
        # The hour from 2 to 3 comes twice: the night that ends at 3 lasts an hour longer.
        ("Europe/Warsaw", datetime(2025, 10, 26, 0, 30, tzinfo=UTC), 5_400, 1_800),
        ("America/New_York", datetime(2025, 3, 9, 6, 30, tzinfo=UTC), 1_800, 5_400),
        ("America/New_York", datetime(2025, 11, 2, 6, 0, tzinfo=UTC), 7_200, 0),
        # Lord Howe skips and repeats half an hour.
        ("Australia/Lord_Howe", datetime(2025, 10, 4, 15, 0, tzinfo=UTC), 3_600, 3_600),
        ("Australia/Lord_Howe", datetime(2025, 4, 5, 14, 30, tzinfo=UTC), 7_200, 0),
    ],
)
def test_when_clocks_change_real_seconds_are_billed(
    zone: str, begins: datetime, at_night: int, by_day: int
) -> None:
    night = Band((7,), 0, 180, 60)
    terms = RateTerms("USD", 6_000, bands=(night,), time_zone=zone)
    assert priced(terms, 7_200, begins) == at_night + 100 * by_day


def test_a_clock_set_within_a_minute_is_followed_to_the_second() -> None:
    # In 1972 Liberia went from 44 minutes and 30 seconds behind to none, at midnight on the wall:
    # Thursday ended, and the first 44 minutes of Friday were skipped.
    thursday, skipped = Band((4,), 0, 1440, 60), Band((5,), 0, 44, 600_000)
    terms = RateTerms("USD", 6_000, bands=(thursday, skipped), time_zone="Africa/Monrovia")
    answered = datetime(1972, 1, 7, 0, 44, tzinfo=UTC)
    assert [line.seconds for line in charge(terms, answered, 60).lines] == [30, 30]
    assert priced(terms, 60, answered) == 30 + 3_000


def test_an_answer_within_a_second_counts_from_its_beginning() -> None:
    lunch = evolve(TEN_CENTS, bands=(Band((3,), 720, 780, 60_000),))
    late = NOON + timedelta(seconds=3_599, milliseconds=999)
    assert priced(lunch, 1, late) == 1_000


# Holds


def test_the_worst_charge_of_a_window_is_the_dearest_moment_in_its_middle() -> None:
    dear_minute = evolve(TEN_CENTS, bands=(Band((3,), 721, 722, 900_000),))
    latest = NOON + timedelta(minutes=3)
    assert worst_charge(dear_minute, NOON, latest, 60) == usd(900_000)
    assert priced(dear_minute, 60) == priced(dear_minute, 60, latest) == 100_000


def test_the_worst_charge_is_found_where_the_end_of_the_call_meets_a_border() -> None:
    # The evening is dearer than the afternoon and the night dearest: the later the better, up to
    # the moment at which a call of two hours would leave the dear evening for the free night.
    bands = (Band((3,), 1080, 1200, 300_000), Band((3,), 1200, 1440, 0))
    terms = evolve(TEN_CENTS, bands=bands)
    earliest, latest = NOON + timedelta(hours=4, minutes=30), NOON + timedelta(hours=7)
    worst = worst_charge(terms, earliest, latest, 3 * 3_600)
    assert worst == usd(60 * 100_000 + 120 * 300_000)
    assert worst > charge(terms, earliest, 3 * 3_600).total
    assert worst > charge(terms, latest, 3 * 3_600).total


def test_the_worst_charge_is_found_where_the_start_of_the_call_meets_a_border() -> None:
    bands = (Band((3,), 721, 722, 900_000), Band((3,), 722, 1440, 500_000))
    terms = evolve(TEN_CENTS, bands=bands)
    latest = NOON + timedelta(minutes=10)
    assert worst_charge(terms, NOON, latest, 120) == usd(900_000 + 500_000)


def test_a_hold_for_a_call_within_the_grace_is_nothing() -> None:
    terms = evolve(TEN_CENTS, grace_seconds=5, connect_fee=50_000)
    assert worst_charge(terms, NOON, NOON, 5) == usd(0)


def test_a_dollar_buys_ten_minutes_at_ten_cents() -> None:
    assert time_for(TEN_CENTS, 1_000_000) == 600


def test_fees_are_taken_out_before_time_is_given() -> None:
    terms = evolve(TEN_CENTS, connect_fee=50_000, disconnect_fee=50_000, setup_fee=400_000)
    assert time_for(terms, 1_000_000) == 540
    assert time_for(terms, 1_000_000, setup_due=True) == 300


def test_only_whole_blocks_are_given() -> None:
    terms = evolve(TEN_CENTS, initial_block=60, increment=60)
    assert time_for(terms, 199_999) == 60
    assert time_for(terms, 99_999) == 0


def test_the_time_given_is_never_above_the_limit() -> None:
    assert time_for(TEN_CENTS, 1_000_000, limit=100) == 100


def test_a_free_destination_is_given_the_whole_limit() -> None:
    assert time_for(RateTerms("USD", 0), 0, limit=7_200) == 7_200


def test_grace_is_granted_to_a_payer_with_nothing_who_still_cannot_connect() -> None:
    terms = evolve(TEN_CENTS, grace_seconds=5)
    assert time_for(terms, 0) == 5
    assert not can_connect(terms, usd(0), NOON, NOON)
    assert least_charge(terms, NOON, NOON) == usd(10_000)
    assert can_connect(terms, usd(10_000), NOON, NOON)


def test_the_minimum_charge_decides_who_can_connect() -> None:
    terms = evolve(TEN_CENTS, minimum_charge=150_000)
    assert not can_connect(terms, usd(149_999), NOON, NOON)
    assert can_connect(terms, usd(150_000), NOON, NOON)
    assert time_for(terms, 150_000) == 90


def test_the_setup_fee_decides_who_can_connect_for_the_first_time() -> None:
    terms = evolve(TEN_CENTS, setup_fee=1_000_000)
    assert can_connect(terms, usd(1_667), NOON, NOON)
    assert not can_connect(terms, usd(1_667), NOON, NOON, setup_due=True)


def test_a_debt_buys_no_time() -> None:
    assert time_for(evolve(TEN_CENTS, grace_seconds=5), -1) == 0


def test_time_is_given_through_a_cheaper_band() -> None:
    evening = evolve(TEN_CENTS, bands=(Band((3,), 730, 1440, 50_000),))
    assert time_for(evening, 1_500_000) == 600 + 600


def test_an_amount_in_another_unit_buys_no_time() -> None:
    with pytest.raises(ValueError, match=r"the amount is in EUR, the terms are in USD"):
        talk_time(TEN_CENTS, Money(1, "EUR"), NOON, NOON, limit=60)


# Talk minutes


def test_a_minute_and_a_second_are_two_talk_minutes() -> None:
    assert charge(talk_minutes(), NOON, 61).total == Money(2_000_000, "MIN")


def test_talk_minutes_may_have_a_grace_and_a_minimum() -> None:
    terms = talk_minutes(minimum_duration=120, grace_seconds=10)
    assert charge(terms, NOON, 10).total == Money(0, "MIN")
    assert charge(terms, NOON, 11).total == Money(2_000_000, "MIN")


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"per_minute": 999_999}, "per_minute in talk minutes is 1000000"),
        ({"initial_block": 1}, "initial_block in talk minutes is 60"),
        ({"increment": 6}, "increment in talk minutes is 60"),
        ({"bands": (WEEKEND,)}, "bands and surcharge_per_minute have no place"),
        ({"surcharge_per_minute": 1}, "bands and surcharge_per_minute have no place"),
        ({"connect_fee": 500_000}, "connect_fee in talk minutes is whole minutes"),
    ],
)
def test_talk_minutes_have_one_price(change: dict[str, Any], named: str) -> None:
    with pytest.raises(ValueError, match=named):
        evolve(talk_minutes(), **change)


# What is refused


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"unit": "usd"}, "a unit is three capital letters"),
        ({"unit": 5}, "unit is three capital letters"),
        *(
            ({name: bad}, f"^{name} is a whole number from 0 to {MOST_RATE}, not {bad!r}")
            for name in (
                "per_minute",
                "connect_fee",
                "disconnect_fee",
                "minimum_charge",
                "surcharge",
                "surcharge_per_minute",
                "setup_fee",
            )
            for bad in (-1, MOST_RATE + 1, 0.5, True)
        ),
        ({"initial_block": 0}, "^initial_block is a whole number from 1 to 86400, not 0"),
        ({"increment": 0}, "^increment is a whole number from 1"),
        ({"grace_seconds": -1}, "^grace_seconds is a whole number from 0"),
        ({"minimum_duration": 86_401}, "^minimum_duration is a whole number from 0 to 86400"),
        ({"time_zone": "Mars/Base"}, "^time_zone is a name of the IANA database"),
        ({"time_zone": "../etc"}, "^time_zone is a name of the IANA database"),
        ({"time_zone": "Europe"}, "^time_zone is a name of the IANA database"),
        ({"bands": [WEEKEND]}, "^bands are a tuple of Band"),
        ({"bands": (1,)}, "^bands are a tuple of Band"),
        ({"bands": (WEEKEND,) * (MOST_BANDS + 1)}, f"^bands are at most {MOST_BANDS}"),
    ],
)
def test_terms_that_make_no_sense_are_refused_by_the_name_of_their_field(
    change: dict[str, Any], named: str
) -> None:
    with pytest.raises(ValueError, match=named):
        evolve(TEN_CENTS, **change)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        *(
            ({"weekdays": bad}, "^weekdays are numbers from 1")
            for bad in ((), (0,), (8,), (2, 1), (1, 1), [1], (True,))
        ),
        ({"start_minute": -1}, "^start_minute is a whole number from 0 to 1439"),
        ({"start_minute": 1440}, "^start_minute is a whole number from 0 to 1439"),
        ({"start_minute": 600, "end_minute": 600}, "^end_minute is a whole number from 601"),
        ({"end_minute": 1441}, "^end_minute is a whole number from 1 to 1440"),
        ({"per_minute": -1}, "^per_minute is a whole number from 0"),
    ],
)
def test_a_band_that_makes_no_sense_is_refused_by_the_name_of_its_field(
    change: dict[str, Any], named: str
) -> None:
    with pytest.raises(ValueError, match=named):
        evolve(WEEKEND, **change)


@pytest.mark.parametrize("seconds", [-1, LONGEST_CALL + 1, 1.0, True])
def test_a_call_lasts_whole_seconds_up_to_the_longest(seconds: Any) -> None:
    with pytest.raises(ValueError, match=f"seconds is a whole number from 0 to {LONGEST_CALL}"):
        charge(TEN_CENTS, NOON, seconds)
    with pytest.raises(ValueError, match=f"seconds is a whole number from 0 to {LONGEST_CALL}"):
        worst_charge(TEN_CENTS, NOON, NOON, seconds)
    with pytest.raises(ValueError, match=f"limit is a whole number from 0 to {LONGEST_CALL}"):
        time_for(TEN_CENTS, 1, limit=seconds)


@pytest.mark.parametrize(
    "moment",
    [
        datetime(1969, 12, 31, 23, tzinfo=UTC),
        datetime(9990, 1, 1, tzinfo=UTC),
        NOON.replace(tzinfo=None),
    ],
)
def test_a_moment_is_one_on_the_calendar_with_a_time_zone(moment: datetime) -> None:
    with pytest.raises(ValueError, match="a moment of a call"):
        charge(TEN_CENTS, moment, 1)


def test_the_window_of_an_answer_does_not_end_before_it_begins() -> None:
    with pytest.raises(ValueError, match="from an earlier to a later moment"):
        worst_charge(TEN_CENTS, NOON, NOON - timedelta(seconds=1), 60)


@pytest.mark.parametrize("milliseconds", [-1, 1.5, True])
def test_a_time_talked_is_whole_milliseconds(milliseconds: Any) -> None:
    with pytest.raises(ValueError, match="whole milliseconds from 0"):
        whole_seconds(milliseconds)


def test_the_dearest_call_there_can_be_is_still_money() -> None:
    dear = RateTerms(
        "USD", MOST_RATE, MOST_RATE, 86_400, 86_400, MOST_RATE, surcharge_per_minute=MOST_RATE
    )
    total = charge(dear, NOON, LONGEST_CALL).total
    assert worst_charge(dear, NOON, NOON, LONGEST_CALL) == total
    assert total.micros < 10**18


def test_terms_of_the_same_values_are_the_same_terms() -> None:
    one, other = (RateTerms("USD", 1, bands=(Band((6, 7), 0, 1440, 1),)) for _ in range(2))
    assert one == other
    assert len({one, other}) == 1
