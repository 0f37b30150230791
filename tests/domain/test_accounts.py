"""A prepaid account reserves before it spends, and never spends twice."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from uuid import UUID

import pytest

from domain.accounts import (
    Account,
    AccountFact,
    AccountOpened,
    BalanceForfeited,
    ChargeCorrected,
    DailyFeeCharged,
    Forfeiture,
    FundsAdded,
    HoldCaptured,
    HoldPlaced,
    HoldReleased,
    evolve,
    open_account,
)
from domain.errors import (
    AlreadyExists,
    ChargeExceedsHold,
    InsufficientFunds,
    SettingNotAllowed,
    TooManyCalls,
)
from domain.money import Money
from tests.support.story import dollars, given, usd

TOP_UP, CALL, OTHER, HOLDER = (UUID(int=n) for n in range(1, 5))
MONDAY, TUESDAY = date(2026, 11, 23), date(2026, 11, 24)
OPENED = AccountOpened("USD", "card", HOLDER)


def account(*facts: AccountFact) -> Account:
    return given(evolve, OPENED, FundsAdded(TOP_UP, dollars(10)), *facts)


def test_an_account_begins_empty() -> None:
    opened = given(evolve, OPENED)
    assert (opened.balance, opened.held, opened.available) == (usd(0), usd(0), usd(0))


def test_an_account_is_opened_once() -> None:
    assert open_account(None, "USD", "card", HOLDER) == [OPENED]
    assert open_account(account(), "USD", "card", HOLDER) == []


@pytest.mark.parametrize(
    "other", [("EUR", "card", HOLDER), ("USD", "customer", HOLDER), ("USD", "card", CALL)]
)
def test_an_account_belongs_to_one_holder_in_one_unit(other: tuple[str, str, UUID]) -> None:
    with pytest.raises(AlreadyExists):
        open_account(account(), *other)


def test_an_account_is_opened_in_a_real_unit() -> None:
    with pytest.raises(ValueError, match="three capital letters"):
        open_account(None, "usd", "card", HOLDER)


def test_a_top_up_can_be_spent_at_once() -> None:
    facts = account().add_funds(OTHER, usd(1))
    assert facts == [FundsAdded(OTHER, usd(1))]
    assert account(*facts).available == dollars(10) + usd(1)


@pytest.mark.parametrize("amount", [usd(0), usd(-1), Money(1, "EUR")])
def test_a_top_up_is_above_zero_and_in_the_unit_of_the_account(amount: Money) -> None:
    with pytest.raises(SettingNotAllowed):
        account().add_funds(OTHER, amount)


def test_a_hold_makes_money_unavailable_but_does_not_spend_it() -> None:
    facts = account().hold(CALL, dollars(4), most=1)
    assert facts == [HoldPlaced(CALL, dollars(4))]
    after = account(*facts)
    assert (after.balance, after.held, after.available) == (dollars(10), dollars(4), dollars(6))


def test_the_last_millionth_can_be_held() -> None:
    assert account().hold(CALL, dollars(10), most=1) == [HoldPlaced(CALL, dollars(10))]


def test_one_millionth_more_than_is_available_is_refused_and_told() -> None:
    busy = account(HoldPlaced(CALL, dollars(7)))
    with pytest.raises(InsufficientFunds) as refusal:
        busy.hold(OTHER, dollars(3) + usd(1), most=2)
    assert (refusal.value.needed, refusal.value.available) == (dollars(3) + usd(1), dollars(3))


def test_a_call_beyond_the_allowed_number_is_refused_even_when_it_is_free() -> None:
    with pytest.raises(TooManyCalls) as refusal:
        account(HoldPlaced(CALL, usd(0))).hold(OTHER, usd(0), most=1)
    assert refusal.value.limit == 1


def test_an_ended_call_makes_room_for_the_next() -> None:
    free = account(HoldPlaced(CALL, dollars(1)), HoldReleased(CALL))
    assert free.hold(OTHER, dollars(10), most=1) == [HoldPlaced(OTHER, dollars(10))]


def test_a_capture_frees_what_the_call_did_not_use() -> None:
    held = account(HoldPlaced(CALL, dollars(4)))
    facts = held.capture(CALL, dollars(1))
    assert facts == [HoldCaptured(CALL, dollars(1))]
    after = account(HoldPlaced(CALL, dollars(4)), *facts)
    assert (after.balance, after.held, after.holds) == (dollars(9), usd(0), {})


def test_a_charge_never_exceeds_its_hold() -> None:
    held = account(HoldPlaced(CALL, dollars(4)))
    assert held.capture(CALL, dollars(4)) == [HoldCaptured(CALL, dollars(4))]
    with pytest.raises(ChargeExceedsHold) as refusal:
        held.capture(CALL, dollars(4) + usd(1))
    assert (refusal.value.charge, refusal.value.held) == (dollars(4) + usd(1), dollars(4))


def test_a_release_frees_the_whole_hold_and_no_other() -> None:
    two = account(HoldPlaced(CALL, dollars(4)), HoldPlaced(OTHER, dollars(5)))
    after = evolve(two, *two.release(CALL))
    assert (after.balance, after.available, set(after.holds)) == (dollars(10), dollars(5), {OTHER})


def test_a_daily_fee_is_charged_once_a_day() -> None:
    assert account().charge_daily_fee(MONDAY, usd(5)) == [DailyFeeCharged(MONDAY, usd(5))]
    charged = account(DailyFeeCharged(MONDAY, usd(5)))
    assert charged.balance == dollars(10) - usd(5)
    assert charged.charge_daily_fee(MONDAY, usd(5)) == []
    assert charged.charge_daily_fee(TUESDAY, usd(5)) == [DailyFeeCharged(TUESDAY, usd(5))]


def test_a_day_that_has_passed_is_not_charged_late() -> None:
    assert account(DailyFeeCharged(TUESDAY, usd(5))).charge_daily_fee(MONDAY, usd(5)) == []


def test_a_daily_fee_takes_what_is_there_but_nothing_that_a_call_holds() -> None:
    busy = account(HoldPlaced(CALL, dollars(10) - usd(3)))
    assert busy.charge_daily_fee(MONDAY, usd(5)) == [DailyFeeCharged(MONDAY, usd(3))]
    after = evolve(busy, DailyFeeCharged(MONDAY, usd(3)))
    assert after.available == usd(0)


HELD = account(HoldPlaced(CALL, dollars(4)))
CHARGED = account(HoldPlaced(CALL, dollars(4)), HoldCaptured(CALL, dollars(1)))


@pytest.mark.parametrize(
    "repeated",
    [
        lambda: HELD.hold(CALL, dollars(4), most=1),
        lambda: CHARGED.capture(CALL, dollars(1)),
        lambda: CHARGED.capture(CALL, dollars(100)),
        lambda: CHARGED.release(CALL),
        lambda: account().capture(CALL, dollars(1)),
        lambda: account().release(CALL),
    ],
    ids=["hold", "capture", "other capture", "release", "unknown capture", "unknown release"],
)
def test_what_was_done_before_is_not_done_again(repeated: Callable[[], list[AccountFact]]) -> None:
    assert repeated() == []


@pytest.mark.parametrize(
    "negative",
    [
        lambda: account().hold(CALL, usd(-1), most=1),
        lambda: HELD.capture(CALL, usd(-1)),
        lambda: account().charge_daily_fee(MONDAY, usd(-1)),
    ],
    ids=["hold", "charge", "fee"],
)
def test_money_is_never_made_by_a_negative_amount(
    negative: Callable[[], list[AccountFact]],
) -> None:
    with pytest.raises(ValueError, match="zero or more"):
        negative()


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: account().hold(CALL, Money(1, "EUR"), most=1),
        lambda: HELD.capture(CALL, Money(1, "EUR")),
        lambda: account().charge_daily_fee(MONDAY, Money(1, "EUR")),
    ],
    ids=["hold", "charge", "fee"],
)
def test_an_account_moves_money_of_its_own_unit_only(
    wrong: Callable[[], list[AccountFact]],
) -> None:
    with pytest.raises(ValueError, match="share a unit"):
        wrong()


def test_what_is_left_can_be_forfeited_once() -> None:
    facts = account().forfeit(Forfeiture.EXPIRED)
    assert facts == [BalanceForfeited(dollars(10), Forfeiture.EXPIRED)]
    after = account(*facts)
    assert (after.balance, after.forfeit(Forfeiture.VOID)) == (usd(0), [])


def test_what_is_held_is_not_forfeited_until_the_call_has_ended() -> None:
    busy = account(HoldPlaced(CALL, dollars(4)))
    facts = busy.forfeit(Forfeiture.VOID)
    assert facts == [BalanceForfeited(dollars(6), Forfeiture.VOID)]
    after = evolve(busy, facts[0])
    assert (after.balance, after.available) == (dollars(4), usd(0))
    ended = evolve(after, HoldCaptured(CALL, dollars(1)))
    assert ended.forfeit(Forfeiture.VOID) == [BalanceForfeited(dollars(3), Forfeiture.VOID)]


def test_the_state_does_not_grow_with_calls_that_have_ended() -> None:
    busy = account()
    for n in range(100):
        call = UUID(int=1000 + n)
        busy = evolve(evolve(busy, HoldPlaced(call, usd(9))), HoldCaptured(call, usd(1)))
    assert (busy.holds, busy.held, busy.balance) == ({}, usd(0), dollars(10) - usd(100))


def test_a_charge_that_was_corrected_gives_the_difference_back() -> None:
    charged = account(HoldPlaced(CALL, dollars(2)), HoldCaptured(CALL, dollars(1)))
    (fact,) = charged.correct(CALL, OTHER, dollars(1), usd(400_000))
    assert fact == ChargeCorrected(CALL, OTHER, dollars(1), usd(400_000))
    assert evolve(charged, fact).balance == dollars(9) + usd(600_000)
    assert charged.correct(CALL, OTHER, dollars(1), dollars(1)) == []


def test_a_charge_that_becomes_more_takes_what_is_available_and_no_held_money() -> None:
    busy = account(HoldPlaced(CALL, dollars(9)))
    (fact,) = busy.correct(OTHER, TOP_UP, dollars(1), dollars(2))
    assert evolve(busy, fact).available == usd(0)
    with pytest.raises(InsufficientFunds):
        busy.correct(OTHER, TOP_UP, dollars(1), dollars(2) + usd(1))


def test_a_charge_is_never_corrected_below_zero() -> None:
    with pytest.raises(ValueError, match="zero or more"):
        account().correct(CALL, OTHER, dollars(1), usd(-1))
