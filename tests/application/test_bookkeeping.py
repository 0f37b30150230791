"""Every figure of the books as of any past moment, from a ledger in memory."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import pytest
from hypothesis import given as forall
from hypothesis import strategies as st

from application.bookkeeping import Bookkeeping
from domain.errors import SettingNotAllowed
from domain.money import Money
from tests.support.bookkeeping import MemoryLog
from tests.support.examples import examples
from tests.support.story import NOON, WARSAW, PrintedCard, Story, dollars, usd


class Shop(Story):
    def __init__(self) -> None:
        super().__init__()
        self.books = Bookkeeping(MemoryLog(self.units))
        self.group("Gold", longest_call=60)

    def talks(self, card: PrintedCard, seconds: int) -> None:
        call = self.caller(card, None)
        self.dialling.dial(call, WARSAW)
        self.settlement.record_leg(self.leg(call, seconds))


def balances(shop: Shop, at: datetime | None = None) -> dict[str, int]:
    return {row.account: row.amount.micros for row in shop.books.trial_balance(at, 3).rows}


def test_a_trial_balance_is_as_of_the_moment_asked_for() -> None:
    shop = Shop()
    card = shop.card()
    shop.clock.pass_by(hours=1)
    shop.talks(card, 30)
    assert balances(shop, NOON) == {
        "Assets:Clearing:Face-value": 10_000_000,
        "Liabilities:Prepaid:Gold": -10_000_000,
    }
    assert balances(shop) == {
        "Assets:Clearing:Face-value": 10_000_000,
        "Income:Calls": -300_000,
        "Liabilities:Held:Gold": 0,
        "Liabilities:Prepaid:Gold": -9_700_000,
    }
    assert balances(shop, NOON - timedelta(seconds=1)) == {}


def test_debits_equal_credits_in_every_unit() -> None:
    shop = Shop()
    shop.group("Minutes", unit="MIN", face_value=Money(5_000_000, "MIN"))
    shop.card("Minutes")
    shop.talks(shop.card(), 30)
    assert shop.books.trial_balance().sums == {
        "MIN": (5_000_000, 5_000_000),
        "USD": (10_000_000, 10_000_000),
    }


def test_a_statement_has_a_running_balance_between_its_opening_and_its_closing() -> None:
    shop = Shop()
    card = shop.card()
    shop.clock.pass_by(hours=1)
    shop.talks(card, 30)
    shop.clock.pass_by(hours=1)
    shop.top_up(card, dollars(2))
    shop.clock.pass_by(hours=1)
    shop.talks(card, 10)
    told = shop.books.statement(
        "Liabilities:Prepaid:Gold",
        "Liabilities:Held",
        since=NOON + timedelta(hours=1),
        until=NOON + timedelta(hours=3),
    )
    assert (told.opening, told.closing) == ([usd(-10_000_000)], [usd(-11_700_000)])
    assert [(line.what, line.amount, line.balance) for line in told.lines] == [
        ("capture", usd(300_000), usd(-9_700_000)),
        ("top-up", usd(-2_000_000), usd(-11_700_000)),
    ]
    assert [line.others for line in told.lines] == [("Income:Calls",), ("Assets:Clearing:Cash",)]


def test_a_name_that_only_begins_alike_is_another_account() -> None:
    shop = Shop()
    shop.group("Golden")
    shop.card("Golden")
    assert shop.books.statement("Liabilities:Prepaid:Gold").lines == []
    assert len(shop.books.statement("Liabilities:Prepaid").lines) == 1


def test_what_is_owed_is_told_for_each_day_also_when_nothing_happened() -> None:
    shop = Shop()
    shop.group("Tin")
    card = shop.card()
    shop.clock.pass_by(days=2)
    shop.card("Tin")
    call = shop.caller(card)
    shop.dialling.dial(call, WARSAW)
    rows = shop.books.liability(date(2026, 11, 20), date(2026, 11, 24))
    assert [(row.day.day, row.group, row.prepaid.micros, row.held.micros) for row in rows] == [
        (21, "Gold", 10_000_000, 0),
        (22, "Gold", 10_000_000, 0),
        (23, "Gold", 9_400_000, 600_000),
        (23, "Tin", 10_000_000, 0),
        (24, "Gold", 9_400_000, 600_000),
        (24, "Tin", 10_000_000, 0),
    ]
    assert rows[2].total == dollars(10)


def test_a_day_ends_where_the_operator_says() -> None:
    shop = Shop()
    shop.clock.time = datetime.fromisoformat("2026-11-22T03:00:00+00:00")
    shop.card()
    day = date(2026, 11, 21)
    assert shop.books.liability(day, day) == []
    new_york = Bookkeeping(shop.books.log, "America/New_York")
    assert len(new_york.liability(day, day)) == 1


@pytest.mark.parametrize("last", [date(2026, 1, 1), date(2046, 1, 1)])
def test_days_run_forwards_and_are_not_too_many(last: date) -> None:
    with pytest.raises(SettingNotAllowed, match="days"):
        Shop().books.liability(date(2026, 1, 2), last)


@examples(40)
@forall(st.lists(st.tuples(st.integers(0, 3), st.integers(1, 90)), max_size=15))
def test_what_was_known_at_a_moment_stays_the_same_for_ever(steps: list[tuple[int, int]]) -> None:
    shop = Shop()
    cards = [shop.card(), shop.card()]
    known = []
    for what, number in steps:
        shop.clock.pass_by(minutes=number)
        if what == 0:
            shop.top_up(cards[number % 2], usd(number))
        elif what == 1 and shop.account(cards[number % 2]).available > dollars(1):
            shop.talks(cards[number % 2], number)
        elif what == 2:
            known.append((shop.clock.now(), shop.books.trial_balance()))
    for moment, told in known:
        assert shop.books.trial_balance(moment) == told
        assert all(debits == credits for debits, credits in told.sums.values())
