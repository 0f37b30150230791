"""Daily fees: each day once, however late, often or interrupted the job runs."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from application import kinds
from domain.accounts import DailyFeeCharged
from domain.cards import Status
from tests.support.shop import Shop
from tests.support.story import NOON, PrintedCard, dollars, usd


class Killed(BaseException):
    """The program ends here."""


def shop_with(*, fee: int = 1_000_000, zone: str = "UTC", **terms: Any) -> Shop:
    return Shop(zone=zone, daily_fee=usd(fee), **terms)


def used(shop: Shop, *, value: int = 10) -> PrintedCard:
    card = shop.card()

    def decide(unit: Any) -> None:
        state = unit.get(kinds.CARDS, card.card_id)
        unit.record(kinds.CARDS, card.card_id, state.first_talk(shop.clock.now()))

    shop.units.run(decide, writes=(card.card_id,))
    if value != 10:
        shop.changes.adjust_balance(card.card_id, UUID(int=5), dollars(value - 10), "ann", "x")
    return card


def days(shop: Shop, card: PrintedCard) -> list[tuple[date, int]]:
    account_id = kinds.account_id_of_card(card.card_id)
    return [
        (fact.day, fact.amount.micros)
        for fact in shop.units.facts(account_id)
        if isinstance(fact, DailyFeeCharged)
    ]


@settings(max_examples=60, deadline=None)
@given(
    st.integers(0, 30),
    st.lists(st.tuples(st.integers(0, 40), st.booleans(), st.booleans()), max_size=8),
    st.sampled_from([1_000_000, 2_500_000, 333_333]),
)
def test_whenever_it_runs_it_charges_what_a_job_on_time_had_charged(
    hours: int, runs: list[tuple[int, bool, bool]], fee: int
) -> None:
    shop = shop_with(fee=fee)
    shop.clock.pass_by(hours=hours)
    card = used(shop)
    began = shop.clock.now().date()
    for wait, twice, killed in runs:
        shop.clock.pass_by(hours=wait)
        if killed:

            def die() -> None:
                raise Killed

            shop.bulk.before_storing = die
            with suppress(Killed):
                shop.fees.run()
            shop.bulk.before_storing = lambda: None
        shop.fees.run()
        if twice:
            assert shop.fees.run().charged == 0
    charged = days(shop, card)
    left, expected = 10_000_000, []
    if runs:
        day = began
        while day <= shop.clock.now().date() and left:
            expected.append((day, min(fee, left)))
            left -= min(fee, left)
            day += timedelta(days=1)
    assert charged == expected
    assert shop.account(card).balance == usd(left)
    assert (shop.card_state(card).status is Status.EMPTY) == (left == 0)


def test_a_card_that_was_never_used_pays_nothing() -> None:
    shop = shop_with()
    card = shop.card()
    shop.clock.pass_by(days=9)
    assert shop.fees.run().charged == 0
    assert shop.account(card).balance == dollars(10)


def test_a_day_begins_where_the_operator_says() -> None:
    shop = shop_with(zone="America/New_York")
    shop.clock.time = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)
    card = used(shop)
    shop.fees.run()
    assert days(shop, card) == [(date(2026, 11, 21), 1_000_000)]
    shop.clock.time = datetime(2026, 11, 22, 5, 0, tzinfo=UTC)
    shop.fees.run()
    assert [day for day, _ in days(shop, card)] == [date(2026, 11, 21), date(2026, 11, 22)]


def test_a_refilled_card_pays_again_from_the_day_of_its_refill() -> None:
    shop = shop_with()
    card = used(shop, value=1)
    shop.fees.run()
    assert shop.card_state(card).status is Status.EMPTY
    shop.clock.pass_by(days=5)
    shop.fees.run()
    shop.top_up(card, dollars(3))
    shop.clock.pass_by(days=1)
    shop.fees.run()
    today = shop.clock.now().date()
    assert [day for day, _ in days(shop, card)][1:] == [today - timedelta(days=1), today]


def test_a_changed_fee_counts_from_the_next_day_however_late_the_job_is() -> None:
    shop = shop_with()
    card = used(shop)
    shop.clock.pass_by(days=1, hours=3)
    shop.change("Gold", daily_fee=dollars(2))
    shop.clock.pass_by(days=1)
    shop.change("Gold", daily_fee=None)
    shop.clock.pass_by(days=2)
    shop.fees.run()
    assert [amount for _, amount in days(shop, card)] == [1_000_000, 1_000_000, 2_000_000]


def test_an_expired_card_pays_through_the_day_it_expired() -> None:
    shop = shop_with(valid_days=2)
    card = used(shop)
    shop.clock.pass_by(days=6)
    shop.fees.run()
    assert len(days(shop, card)) == 3


def test_a_card_that_expires_at_midnight_pays_nothing_for_the_day_that_begins_then() -> None:
    midnight = NOON.replace(hour=0, minute=0, second=0, microsecond=0)
    shop = shop_with(expires_on=midnight + timedelta(days=2))
    card = used(shop)
    shop.clock.pass_by(days=6)
    shop.fees.run()
    assert len(days(shop, card)) == 2


@pytest.mark.parametrize("status", [Status.VOID, Status.ON_HOLD])
def test_a_void_card_pays_nothing_and_one_on_hold_goes_on_paying(status: Status) -> None:
    shop = shop_with()
    card = shop.card()
    if status is Status.ON_HOLD:
        shop.admin.change_status(card.card_id, status, "ann", "asked for")

    def decide(unit: Any) -> None:
        state = unit.get(kinds.CARDS, card.card_id)
        unit.record(kinds.CARDS, card.card_id, state.first_talk(shop.clock.now()))

    shop.units.run(decide, writes=(card.card_id,))
    if status is Status.VOID:
        shop.admin.change_status(card.card_id, status, "ann", "stolen")
    shop.fees.run()
    assert len(days(shop, card)) == (1 if status is Status.ON_HOLD else 0)


def test_what_is_held_for_a_call_is_left_alone() -> None:
    shop = shop_with()
    card = used(shop, value=1)
    account_id = kinds.account_id_of_card(card.card_id)

    def hold(unit: Any) -> None:
        account = unit.get(kinds.ACCOUNTS, account_id)
        unit.record(kinds.ACCOUNTS, account_id, account.hold(card.card_id, usd(700_000), most=1))

    shop.units.run(hold, writes=(account_id,))
    shop.fees.run()
    assert shop.account(card).available == usd(0)
    assert shop.account(card).balance == usd(700_000)
