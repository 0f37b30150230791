"""How money, times and facts look in JSON."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from uuid import UUID

import msgspec
import pytest
from attrs import frozen
from hypothesis import given
from hypothesis import strategies as st

from adapters.http.wire import MoneyTold, encode, to_wire
from domain.cards import CardGenerated, Status
from domain.money import MICROS, MOST, Money

CARD = UUID("0190c5a2-5a2b-8c3d-9e4f-0123456789ab")


@given(st.integers(-MOST * MICROS, MOST * MICROS), st.sampled_from(["USD", "EUR", "MIN"]))
def test_money_comes_back_from_the_wire_to_the_millionth(micros: int, unit: str) -> None:
    money = Money(micros, unit)
    sent = msgspec.json.decode(encode(to_wire(money)), type=MoneyTold)
    assert sent.money() == money


@given(
    st.datetimes(timezones=st.integers(-14, 14).map(lambda h: timezone(timedelta(hours=h)))).filter(
        lambda time: 2 < time.year < 9998
    )
)
def test_a_time_is_told_in_utc_and_comes_back_the_same(time: datetime) -> None:
    told = to_wire(time)
    assert told.endswith("Z")
    assert datetime.fromisoformat(told) == time


def test_a_fact_keeps_its_fields_but_not_the_digest_of_a_pin() -> None:
    fact = CardGenerated("4711000042", "cafe" * 16, CARD, CARD, Money(5 * MICROS, "USD"))

    assert to_wire(fact) == {
        "number": "4711000042",
        "pin_digest": "kept back",
        "group_id": str(CARD),
        "account_id": str(CARD),
        "face_value": {"amount": "5.00", "unit": "USD"},
    }


def test_nested_things_are_told_too() -> None:
    @frozen
    class Nested:
        amounts: tuple[Money, ...]
        by_day: dict[date, Money]
        status: Status
        nothing: None = None

    money = Money(1, "USD")
    assert to_wire(Nested((money,), {date(2026, 3, 2): money}, Status.ON_HOLD)) == {
        "amounts": [{"amount": "0.000001", "unit": "USD"}],
        "by_day": {"2026-03-02": {"amount": "0.000001", "unit": "USD"}},
        "status": "on hold",
        "nothing": None,
    }


def test_a_float_has_no_form_on_the_wire() -> None:
    with pytest.raises(TypeError, match="float"):
        to_wire(0.1)


def test_a_moment_keeps_its_microseconds() -> None:
    assert to_wire(datetime(2026, 3, 2, 1, 2, 3, 4, UTC)) == "2026-03-02T01:02:03.000004Z"
