"""What is left on expired and void cards falls to the operator: once, and never what is held."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from application import kinds
from application.breakage import Breakage
from domain.accounts import BalanceForfeited, Forfeiture
from domain.cards import Status
from domain.errors import SettingNotAllowed
from domain.money import Money
from tests.support.breakage import LeftOver
from tests.support.examples import examples
from tests.support.shop import Shop
from tests.support.story import NOON, WARSAW, PrintedCard, dollars, usd


class Killed(BaseException):
    """The program ends here."""


def job(shop: Shop, chunk: int = 2) -> Breakage:
    return Breakage(shop.bulk, LeftOver(shop.units), shop.clock, chunk)


def forfeited(shop: Shop, card: PrintedCard) -> list[tuple[str, int]]:
    account_id = kinds.account_id_of_card(card.card_id)
    return [
        (fact.reason.value, fact.amount.micros)
        for fact in shop.units.facts(account_id)
        if isinstance(fact, BalanceForfeited)
    ]


def use(shop: Shop, card: PrintedCard) -> None:
    def decide(unit: Any) -> None:
        state = unit.get(kinds.CARDS, card.card_id)
        unit.record(kinds.CARDS, card.card_id, state.first_talk(shop.clock.now()))

    shop.units.run(decide, writes=(card.card_id,))


def add(shop: Shop, card: PrintedCard, amount: Money) -> None:
    """Money that was on its way when the card expired."""
    account_id = kinds.account_id_of_card(card.card_id)

    def decide(unit: Any) -> None:
        account = unit.get(kinds.ACCOUNTS, account_id)
        unit.record(kinds.ACCOUNTS, account_id, account.add_funds(UUID(int=77), amount))

    shop.units.run(decide, writes=(account_id,))


def test_days_of_grace_let_a_mistaken_expiry_be_mended() -> None:
    shop = Shop(valid_days=30)
    patient = Breakage(shop.bulk, LeftOver(shop.units), shop.clock, grace=timedelta(days=7))
    card, void = shop.card(), shop.card()
    use(shop, card)
    shop.clock.pass_by(days=36, hours=23)
    assert patient.run().forfeited == 0
    shop.clock.pass_by(hours=1)
    assert patient.run().sums == [dollars(10)]
    shop.admin.change_status(void.card_id, Status.VOID, "ann", "stolen")
    assert patient.run().forfeited == 1


def test_an_expired_card_loses_what_is_left_and_is_empty() -> None:
    shop = Shop(valid_days=30)
    card, unused = shop.card(), shop.card()
    use(shop, card)
    shop.clock.pass_by(days=29, hours=23)
    assert job(shop).run().forfeited == 0
    shop.clock.pass_by(hours=1)
    report = job(shop).run()
    assert (report.forfeited, report.emptied, report.sums) == (1, 1, [dollars(10)])
    assert forfeited(shop, card) == [("expired", 10_000_000)]
    assert shop.account(card).balance == usd(0)
    assert shop.card_state(card).status is Status.EMPTY
    assert shop.account(unused).balance == dollars(10)


def test_a_date_ends_every_card_of_its_group_and_of_no_other() -> None:
    shop = Shop(expires_on=NOON + timedelta(days=1))
    cards = [shop.card() for _ in range(5)]
    shop.group("Silver")
    other = shop.card("Silver")
    shop.clock.pass_by(days=1)
    assert job(shop).run().forfeited == 5
    assert {tuple(forfeited(shop, card)) for card in cards} == {(("expired", 10_000_000),)}
    assert shop.account(other).balance == dollars(10)


def test_a_void_card_loses_what_is_left_and_stays_void() -> None:
    shop = Shop()
    card = shop.card()
    shop.admin.change_status(card.card_id, Status.VOID, "ann", "stolen")
    assert job(shop).run().forfeited == 1
    assert forfeited(shop, card) == [("void", 10_000_000)]
    assert shop.card_state(card).status is Status.VOID


def test_a_card_that_was_void_before_it_had_an_account_loses_nothing() -> None:
    shop = Shop()
    card = shop.new_card()
    shop.admin.change_status(card.card_id, Status.VOID, "ann", "misprint")
    assert job(shop).run().forfeited == 0


def test_an_expiry_that_was_moved_later_before_the_job_ran_leaves_the_money() -> None:
    shop = Shop(expires_on=NOON + timedelta(days=1))
    card = shop.card()
    shop.clock.pass_by(days=2)
    shop.change("Gold", expires_on=NOON + timedelta(days=9))
    assert job(shop).run().forfeited == 0
    shop.clock.pass_by(days=7)
    assert job(shop).run().forfeited == 1
    assert forfeited(shop, card) == [("expired", 10_000_000)]


def test_what_is_held_for_a_call_is_taken_when_the_call_has_left_something() -> None:
    shop = Shop(expires_on=NOON + timedelta(hours=1), longest_call=300)
    card = shop.card()
    call = shop.caller(card)
    shop.dialling.dial(call, WARSAW)
    held = shop.account(card).held
    assert usd(0) < held < dollars(10)
    shop.clock.pass_by(hours=2)
    assert job(shop).run().sums == [dollars(10) - held]
    assert shop.account(card).balance == held
    assert job(shop).run().forfeited == 0
    shop.settlement.record_leg(shop.leg(call, 60))
    assert shop.card_state(card).status is Status.USED
    job(shop).run()
    cost = usd(600_000)
    assert forfeited(shop, card) == [
        ("expired", (dollars(10) - held).micros),
        ("expired", (held - cost).micros),
    ]
    assert shop.account(card).balance == usd(0)
    assert shop.card_state(card).status is Status.EMPTY


def test_a_top_up_that_comes_first_is_taken_too_and_one_that_comes_later_is_refused() -> None:
    shop = Shop(valid_days=3)
    card = shop.card()
    use(shop, card)
    shop.clock.pass_by(days=3)

    def arrives() -> None:
        shop.bulk.before_storing = lambda: None
        add(shop, card, dollars(5))

    shop.bulk.before_storing = arrives
    job(shop).run()
    assert forfeited(shop, card) == [("expired", 15_000_000)]
    with pytest.raises(SettingNotAllowed, match="expired"):
        shop.top_up(card, dollars(1))
    shop.change("Gold", valid_days=30)
    assert shop.top_up(card, dollars(1)) == dollars(1)
    assert shop.card_state(card).status is Status.ACTIVE
    assert job(shop).run().forfeited == 0


def test_a_top_up_that_was_stored_before_the_expiry_may_be_sent_again_after_it() -> None:
    shop = Shop(valid_days=3)
    card = shop.card()
    use(shop, card)
    top_up = (card.card_id, UUID(int=78), dollars(1), "cash", "ann")
    shop.admin.top_up_card(*top_up)
    shop.clock.pass_by(days=9)
    before = len(shop.units.log())
    shop.admin.top_up_card(*top_up)
    assert len(shop.units.log()) == before


@examples(60)
@given(
    st.lists(
        st.sampled_from(["use", "void", "hold", "end", "top up", "pass", "later", "run", "killed"]),
        max_size=14,
    )
)
def test_whatever_happens_each_balance_is_taken_once_and_only_when_nobody_can_spend_it(
    steps: list[str],
) -> None:
    shop = Shop(valid_days=2, longest_call=60)
    card = shop.card()
    added, spent = 10_000_000, 0
    call = shop.caller(card)
    for step in steps:
        state = shop.card_state(card)
        account = shop.account(card)
        group = shop.admin.group("Gold").terms
        end = state.expires_at(group)
        over = state.status is Status.VOID or (end is not None and end <= shop.clock.now())
        match step:
            case "use" if state.status is Status.ACTIVE:
                use(shop, card)
            case "void" if state.status is not Status.VOID:
                shop.admin.change_status(card.card_id, Status.VOID, "ann", "stolen")
            case "hold" if not over and not account.holds and account.available > usd(700_000):
                shop.dialling.dial(call, WARSAW)
            case "end" if account.holds:
                leg = shop.leg(call, 30, call.attempts)
                receipt = shop.settlement.record_leg(leg)
                spent += receipt.charge.micros if receipt else 0
            case "top up" if not over:
                shop.top_up(card, dollars(1))
                added += 1_000_000
            case "pass":
                shop.clock.pass_by(hours=30)
            case "later":
                shop.change("Gold", valid_days=group.valid_days + 1)
            case "run" | "killed":
                if step == "killed":

                    def die() -> None:
                        raise Killed

                    shop.bulk.before_storing = die
                    with suppress(Killed):
                        job(shop).run()
                    shop.bulk.before_storing = lambda: None
                before = shop.account(card).available.micros
                report = job(shop).run()
                assert report.amounts == ({"USD": before} if over and before else {})
                assert job(shop).run().forfeited == 0
        after = shop.account(card)
        taken = sum(micros for _, micros in forfeited(shop, card))
        assert after.balance.micros == added - spent - taken
        assert after.available.micros >= 0
        assert all(micros > 0 for _, micros in forfeited(shop, card))
    voids = [reason for reason, _ in forfeited(shop, card) if reason == Forfeiture.VOID]
    assert not voids or shop.card_state(card).status is Status.VOID


class EveryCard(LeftOver):
    """A list that is far behind, or wrong: it names every card with money on it."""

    def left_over(self, group_id: UUID, **asked: Any) -> Sequence[UUID]:
        return super().left_over(group_id, **asked | {"everything": True})


def test_who_is_listed_and_has_not_expired_keeps_the_money() -> None:
    shop = Shop(expires_on=NOON + timedelta(days=1))
    card = shop.card()
    eager = Breakage(shop.bulk, EveryCard(shop.units), shop.clock)
    assert eager.run().looked_at == 1
    assert forfeited(shop, card) == []
    shop.clock.pass_by(days=1)
    eager.run()
    assert forfeited(shop, card) == [("expired", 10_000_000)]


def test_two_units_are_reported_apart() -> None:
    shop = Shop(expires_on=NOON)
    shop.group("Minutes", unit="MIN", face_value=Money(5_000_000, "MIN"), expires_on=NOON)
    shop.card()
    shop.card("Minutes")
    assert job(shop).run().sums == [Money(5_000_000, "MIN"), dollars(10)]
