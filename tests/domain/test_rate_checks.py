"""What is found before a rate sheet is published."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given as forall
from hypothesis import strategies as st

from domain.rate_changes import changes
from domain.rate_checks import (
    MOST_EXAMPLES,
    Cheapest,
    PricedPrefix,
    Report,
    Rules,
    check,
    country_code,
    percent,
    reference,
)
from domain.rating import Band, RateTerms
from tests.support.story import NOON

TEN = RateTerms("USD", 100_000)


def rate(prefix: str, per_minute: int = 100_000, line: int = 0, **terms: int) -> PricedPrefix:
    return PricedPrefix(
        prefix,
        f"to {prefix}",
        RateTerms("USD", per_minute, **terms),  # type: ignore[arg-type]
        line,
    )


def checked(
    *sheet: PricedPrefix,
    running: tuple[PricedPrefix, ...] = (),
    cheapest: Cheapest | None = None,
    rules: Rules | None = None,
    hours: int = 0,
) -> Report:
    return check(
        sheet,
        running,
        unit="USD",
        now=NOON,
        since=NOON + timedelta(hours=hours),
        rules=rules,
        cheapest=cheapest,
        runs=bool(running),
    )


def found(report: Report) -> dict[str, list[str]]:
    return {kind: [each.prefix for each in told] for kind, told in report.examples.items()}


def test_a_sheet_like_the_running_one_has_no_findings() -> None:
    sheet = (rate("48"), rate("4860"))
    report = checked(*sheet, running=sheet)
    assert (report.counts, report.errors, report.rows) == ({}, (), 2)


def test_a_prefix_that_would_have_no_price_any_more_is_a_gap() -> None:
    running = (rate("48"), rate("4860"), rate("49"))
    assert found(checked(rate("48"), running=running)) == {"gap": ["49"]}


def test_a_prefix_whose_numbers_longer_ones_cover_is_no_gap() -> None:
    longer = [rate(f"49{digit}") for digit in range(10)]
    assert found(checked(*longer, running=(rate("49"),))) == {}
    assert found(checked(*longer[:9], running=(rate("49"),))) == {
        "gap": ["49"],
        "open-area": ["49"],
    }


def test_a_prefix_that_falls_back_to_a_shorter_one_with_another_price_is_told() -> None:
    report = checked(rate("48"), running=(rate("48"), rate("4860", 120_000)))
    assert found(report) == {"removed": ["4860"]}
    (told,) = report.examples["removed"]
    assert (told.old, told.new, report.errors) == (360_000, 300_000, ())


def test_a_prefix_that_comes_twice_is_told_with_both_lines() -> None:
    report = checked(rate("48", line=2), rate("48", 1, line=9))
    assert found(report) == {"duplicate": ["48"]}
    assert report.examples["duplicate"][0].sentence == (
        "the prefix 48 comes twice, in lines 2 and 9"
    )


def test_a_price_below_the_cheapest_route_is_an_error() -> None:
    costs = {"48": 100_000, "49": 100_001, "44": None}
    report = checked(rate("44"), rate("48"), rate("49"), cheapest=costs.get)
    assert found(report) == {"below-cost": ["49"], "no-route": ["44"]}
    assert report.errors == ("below-cost",)


def test_the_cheapest_hour_counts_against_the_cost() -> None:
    night = RateTerms("USD", 100_000, bands=(Band((1,), 0, 60, 50_000),))
    report = checked(PricedPrefix("48", "Poland", night), cheapest=lambda _: 60_000)
    assert found(report) == {"below-cost": ["48"]}


def test_where_no_cost_is_known_nothing_is_said_of_routes() -> None:
    assert found(checked(rate("48"), cheapest=lambda _: None)) == {}


@pytest.mark.parametrize(
    ("new", "jumps"),
    [(150_000, False), (150_001, True), (50_000, False), (49_999, True), (100_000, False)],
)
def test_a_jump_is_more_than_so_many_percent(new: int, jumps: bool) -> None:
    report = checked(rate("48", new), running=(rate("48"),))
    assert found(report) == ({"jump": ["48"]} if jumps else {})


def test_a_jump_hidden_in_fees_or_increments_is_one_too() -> None:
    running = (rate("48"), rate("49"))
    sheet = (rate("48", connect_fee=200_000), rate("49", increment=1, initial_block=600))
    assert found(checked(*sheet, running=running))["jump"] == ["48", "49"]


def test_the_percentages_of_a_jump_are_a_setting() -> None:
    strict = Rules(most_rise_percent=0, most_fall_percent=0)
    report = checked(rate("48", 100_001), rate("49", 99_999), running=(rate("48"), rate("49")),
                     rules=strict)  # fmt: skip
    assert found(report) == {"jump": ["48", "49"]}
    with pytest.raises(ValueError, match="the most fall is 0 to 100 %"):
        Rules(most_fall_percent=101)


def test_a_price_of_nothing_is_an_error_unless_a_fee_is_taken() -> None:
    report = checked(rate("44", 0, connect_fee=1), rate("48", 0))
    assert found(report) == {"zero-price": ["48"]}


def test_an_unusual_increment_is_a_warning() -> None:
    report = checked(rate("48", initial_block=37, increment=3))
    assert found(report) == {"increments": ["48"]}
    assert report.errors == ()
    assert "37/3" in report.examples["increments"][0].sentence


def test_another_unit_is_an_error() -> None:
    assert found(checked(PricedPrefix("48", "Poland", RateTerms("EUR", 1)))) == {"unit": ["48"]}


def test_a_version_beginning_in_the_past_is_an_error_beside_a_running_one() -> None:
    assert found(checked(rate("48"), running=(rate("48"),), hours=-1)) == {"in-the-past": [""]}
    assert found(checked(rate("48"), hours=-1)) == {}


def test_a_price_dated_later_than_its_version_is_an_error() -> None:
    row = PricedPrefix("48", "Poland", TEN, 7, date(2026, 11, 22))
    assert found(checked(row)) == {"later-date": ["48"]}
    assert found(checked(row, hours=24)) == {}


def test_numbers_of_a_country_without_a_price_are_told_once_for_it() -> None:
    sheet = (rate("1201"), rate("1202"), rate("4822"), rate("49"), rate("3531"))
    assert found(checked(*sheet)) == {"open-area": ["1", "353", "48"]}


def test_findings_beyond_the_first_are_counted() -> None:
    report = checked(*(rate(f"48{n:03d}", 0) for n in range(500)))
    assert report.counts["zero-price"] == 500
    assert len(report.examples["zero-price"]) == MOST_EXAMPLES


@pytest.mark.parametrize(
    ("digits", "code"),
    [("12015", "1"), ("7495", "7"), ("48", "48"), ("3531", "353"), ("35", ""), ("998", "998")],
)
def test_the_country_code_of_digits(digits: str, code: str) -> None:
    assert country_code(digits) == code


@pytest.mark.parametrize(
    ("old", "new", "by"), [(100, 150, 50), (100, 99, -1), (3, 4, 34), (0, 0, 0), (0, 1, None)]
)
def test_percentages_round_away_from_nothing(old: int, new: int, by: int | None) -> None:
    assert percent(old, new) == by


def test_prices_are_compared_by_three_minutes_at_the_dearest_hour() -> None:
    terms = RateTerms("USD", 100_000, connect_fee=7, bands=(Band((1,), 0, 60, 200_000),))
    assert reference(terms) == 600_007


prices = st.dictionaries(
    st.text("0123456789", min_size=1, max_size=4), st.integers(0, 3), max_size=40
)


@forall(prices, prices)
def test_the_changes_turn_the_running_version_into_the_sheet(
    new: dict[str, int], old: dict[str, int]
) -> None:
    became = dict(old)
    seen = []
    for change in changes(
        [rate(p, new[p]) for p in sorted(new)], [rate(p, old[p]) for p in sorted(old)]
    ):
        seen.append(change.prefix)
        if change.new is None:
            del became[change.prefix]
        else:
            assert (change.what == "added") == (change.prefix not in became)
            became[change.prefix] = change.new.terms.per_minute
    assert became == new
    assert seen == sorted(set(seen))
    assert set(seen) == {p for p in new | old if new.get(p) != old.get(p)}


@forall(prices, prices)
def test_a_gap_is_a_running_prefix_with_a_number_that_has_no_price(
    new: dict[str, int], old: dict[str, int]
) -> None:
    """Against the definition, on all numbers of five digits."""
    report = checked(
        *(rate(p, 1) for p in sorted(new)), running=tuple(rate(p, 1) for p in sorted(old))
    )

    def priced(prefix: str) -> bool:
        if any(prefix.startswith(p) for p in new):
            return True
        return len(prefix) < 5 and all(priced(prefix + digit) for digit in "0123456789")

    gaps = report.examples.get("gap", [])
    assert {each.prefix for each in gaps} == {p for p in old if not priced(p)}
