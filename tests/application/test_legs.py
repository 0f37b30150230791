"""A leg record says exactly how long a leg talked, or is refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from application.legs import MOST_LINE, LegRecord, parse_leg

LINE = "pbx1-1763765000.1|2|3|1763765001.250|1763765004.000|16|1763765001.2"


def test_a_record_is_read() -> None:
    assert parse_leg(LINE + "\n") == LegRecord(
        "pbx1-1763765000.1", 2, 3, 1763765001250, 1763765004000, 16, "1763765001.2"
    )
    assert parse_leg(LINE).talked_ms == 2750


def test_a_leg_that_nobody_answered_talked_not_at_all() -> None:
    record = parse_leg(LINE.replace("1763765001.250", ""))
    assert record.answered_ms is None
    assert record.talked_ms == 0


def test_a_record_may_lack_its_cause() -> None:
    assert parse_leg(LINE.replace("|16|", "||")).cause is None


def test_a_clock_that_was_set_back_never_makes_talk_negative() -> None:
    record = parse_leg(LINE.replace("1763765004.000", "1763765000.000"))
    assert record.talked_ms == 0


def test_a_record_is_of_one_leg_only() -> None:
    record = parse_leg(LINE)
    assert record.is_of("pbx1-1763765000.1", 2, 3)
    assert not record.is_of("pbx1-1763765000.1", 2, 4)
    assert not record.is_of("pbx1-1763765000.1", 1, 3)
    assert not record.is_of("pbx1-1763765000.2", 2, 3)


@pytest.mark.parametrize(
    "line",
    [
        "",
        "nonsense",
        LINE + "|more",
        LINE.replace("|2|", "|0|"),
        LINE.replace("|2|", "|-2|"),
        LINE.replace("|2|", "|٢|"),
        LINE.replace("pbx1-", "p bx-"),
        LINE.replace("1763765001.250", "soon"),
        LINE.replace("1763765001.250", "1763765001.2501"),
        LINE.replace("1763765001.250", "1e9"),
        LINE.replace("|16|", "|1600|"),
        LINE.rpartition("|")[0],
        LINE + "\n\nx",
        "x" * (MOST_LINE + 1),
    ],
)
def test_what_is_no_record_is_refused_with_its_form(line: str) -> None:
    with pytest.raises(ValueError, match=r"<reference>\|<attempt>\|<leg>"):
        parse_leg(line)


@given(st.integers(0, 10**13 - 1), st.integers(0, 86_400_000))
def test_no_millisecond_is_lost(answered: int, talked: int) -> None:
    def seconds(ms: int) -> str:
        return f"{ms // 1000}.{ms % 1000:03d}"

    record = parse_leg(f"a-1.1|1|1|{seconds(answered)}|{seconds(answered + talked)}|16|1.2")
    assert record.answered_ms == answered
    assert record.talked_ms == talked


@given(st.text(max_size=80))
def test_no_text_without_a_reference_is_a_record(text: str) -> None:
    with pytest.raises(ValueError, match="not a leg record"):
        parse_leg("|" + text)
