"""The books tell every money fact of a story as one balanced transaction."""

from __future__ import annotations

from uuid import UUID

import pytest
from attrs import evolve as changed
from hypothesis import given as forall
from hypothesis import strategies as st

from application.approvals import BALANCE_ADJUSTMENT
from application.breakage import Breakage
from application.exchange import ExchangeRates
from application.margins import MarginGuard
from application.ports import Route
from domain.access_numbers import AccessTerms
from domain.accounts import AccountOpened, HoldCaptured, HoldPlaced
from domain.books import Books
from domain.cards import Status
from domain.errors import ApprovalNeeded
from domain.money import Money
from domain.rating import RateTerms
from tests.support.bookkeeping import Bookkeeper
from tests.support.breakage import LeftOver
from tests.support.examples import examples
from tests.support.history import Stories
from tests.support.shop import Shop
from tests.support.story import NOON, WARSAW, PrintedCard, Story, dollars, usd

FEES = RateTerms(
    "USD", 600_000, connect_fee=50_000, disconnect_fee=7, initial_block=30, increment=6
)


def told(story: Story) -> dict[str, int]:
    keeper = Bookkeeper(story.units)
    keeper.check_all()
    return keeper.sums()


def without_accounts(sums: dict[str, int]) -> dict[str, int]:
    """Accounts of single cards summed up by group."""
    found: dict[str, int] = {}
    for name, micros in sums.items():
        parts = name.split(":")
        short = ":".join(parts[:3]) if parts[0] == "Liabilities" else name
        found[short] = found.get(short, 0) + micros
    return found


def called(story: Story, card: PrintedCard, seconds: float | None) -> None:
    call = story.caller(card)
    story.dialling.dial(call, WARSAW)
    if seconds is None:
        story.settlement.not_connected(call.reference, 1, 17)
    else:
        story.settlement.record_leg(story.leg(call, seconds))


def test_an_activation_is_owed_to_the_card_and_by_its_channel() -> None:
    story = Story()
    story.card(story.group("Gold 2"))
    assert without_accounts(told(story)) == {
        "Assets:Clearing:Face-value": 10_000_000,
        "Liabilities:Prepaid:Gold-2": -10_000_000,
    }


def test_a_hold_moves_what_is_owed_and_a_release_moves_it_back() -> None:
    story = Story()
    card = story.card(story.group(longest_call=60))
    keeper = Bookkeeper(story.units)
    call = story.caller(card)
    story.dialling.dial(call, WARSAW)
    keeper.catch_up()
    assert without_accounts(keeper.sums("Liabilities")) == {
        "Liabilities:Prepaid:Gold": -9_400_000,
        "Liabilities:Held:Gold": -600_000,
    }
    story.settlement.not_connected(call.reference, 1, 17)
    keeper.catch_up()
    assert keeper.transactions[-1].what == "release"
    assert without_accounts(keeper.sums("Liabilities")) == {"Liabilities:Prepaid:Gold": -10_000_000}


def test_a_charge_is_revenue_by_kind() -> None:
    terms = changed(FEES, minimum_charge=2_000_000)
    story = Story(
        price=terms, access=AccessTerms(surcharge=usd(11), surcharge_per_minute=usd(60_000))
    )
    card = story.card(story.group(setup_fee=usd(500_000), longest_call=600))
    called(story, card, 61)
    sums = told(story)
    # 66 seconds billed: 0.60 and 0.06 a minute.
    talk, surcharge = 660_000, 66_000
    fees = 50_000 + 7 + 11
    assert {name: -micros for name, micros in sums.items() if name.startswith("Income")} == {
        "Income:Calls": talk,
        "Income:Surcharges": surcharge + 11,
        "Income:Fees:Connect": 50_000,
        "Income:Fees:Disconnect": 7,
        "Income:Fees:Minimum": 2_000_000 - talk - surcharge - fees,
        "Income:Fees:Setup": 500_000,
    }


def test_a_call_that_nobody_answered_earns_nothing() -> None:
    story = Story(price=FEES)
    called(story, story.card(story.group()), None)
    assert not [name for name in told(story) if name.startswith("Income")]


def test_daily_fees_breakage_and_adjustments_have_accounts_of_their_own() -> None:
    shop = Shop(longest_call=60)
    card, void = shop.card(), shop.card()
    shop.daily_fee(card, NOON, usd(250_000))
    shop.changes.adjust_balance(card.card_id, UUID(int=1), dollars(-1), "ann", "typing error")
    shop.changes.adjust_balance(card.card_id, UUID(int=2), dollars(3), "bob", "goodwill")
    shop.admin.change_status(void.card_id, Status.VOID, "ann", "stolen")
    Breakage(shop.bulk, LeftOver(shop.units), shop.clock).run()
    assert without_accounts(told(shop)) == {
        "Assets:Clearing:Face-value": 20_000_000,
        "Expenses:Adjustments:Ann": -1_000_000,
        "Expenses:Adjustments:Bob": 3_000_000,
        "Income:Fees:Daily": -250_000,
        "Income:Breakage": -10_000_000,
        "Liabilities:Prepaid:Gold": -11_750_000,
    }


def test_an_adjustment_that_was_approved_is_under_the_name_of_who_approved_it() -> None:
    shop = Shop(BALANCE_ADJUSTMENT)
    card = shop.card()
    with pytest.raises(ApprovalNeeded) as needed:
        shop.changes.adjust_balance(card.card_id, UUID(int=1), dollars(2), "ann", "goodwill")
    approval = UUID(needed.value.approval_id)
    shop.approvals.approve(approval, "Zoë")
    shop.changes.adjust_balance(card.card_id, UUID(int=1), dollars(2), "ann", "goodwill", approval)
    found = [name for name in told(shop) if name.startswith("Expenses:Adjustments")]
    assert len(found) == 1
    assert found[0].startswith("Expenses:Adjustments:Zoe-")


def test_carriage_is_owed_to_the_provider_in_its_own_unit() -> None:
    story = Story()
    carrier = RateTerms("EUR", 60_000)

    class Carried:
        def to(self, number: str) -> list[Route]:
            return [Route("acme1", number, "acme", carrier)]

    story.dialling = changed(
        story.dialling,
        routes=Carried(),
        margins=MarginGuard(ExchangeRates({("EUR", "USD"): 1_100_000})),
    )
    called(story, story.card(story.group()), 61)
    assert told(story)["Expenses:Carriage:Acme"] == 61_000
    assert told(story)["Liabilities:Payable:Acme"] == -61_000


def test_talk_minutes_are_a_unit_of_their_own() -> None:
    story = Story(price=RateTerms("MIN", 1_000_000, initial_block=60, increment=60))
    name = story.group("Minutes", unit="MIN", face_value=Money(5_000_000, "MIN"))
    card = story.card(name)
    called(story, card, 61)
    keeper = Bookkeeper(story.units)
    keeper.catch_up()
    assert {row.unit for row in keeper.balances.rows()} == {"MIN"}
    assert keeper.sums("Income") == {"Income:Calls": -2_000_000}


def test_a_ledger_that_ends_what_never_began_is_told_to_be_damaged() -> None:
    books = Books()
    account = UUID(int=1)
    books.add(1, NOON, account, AccountOpened("USD", "card", UUID(int=2)))
    books.add(2, NOON, account, HoldCaptured(UUID(int=3), usd(1)))
    assert books.waiting == [2]
    story = Story()
    called(story, story.card(story.group()), 5)
    log = [each for each in story.units.log() if not isinstance(each.fact, HoldPlaced)]
    with pytest.raises(ValueError, match="audit verify"):
        [books.add(n, each.recorded_at, each.stream_id, each.fact) for n, each in enumerate(log)]


@examples(60)
@forall(st.integers(0, 10**9), st.integers(0, 120), st.booleans())
def test_after_every_step_of_a_story_the_books_say_what_the_accounts_say(
    seed: int, steps: int, every_step: bool
) -> None:
    stories = Stories()
    keeper = Bookkeeper(stories.shop.units)
    if every_step:
        for step in range(steps):
            stories.play_at_random(seed + step, 1)
            keeper.check_all()
    else:
        stories.play_at_random(seed, steps)
        keeper.check_all()
    for unit in ("USD", "EUR"):
        rows = [row for row in keeper.balances.rows() if row.unit == unit]
        assert sum(row.amount.micros for row in rows) == 0
    assert len({each.position for each in keeper.transactions}) == len(keeper.transactions)
