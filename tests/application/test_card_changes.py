"""Many cards change at once: each by its own rules, and the report names those that did not."""

from __future__ import annotations

from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from application import kinds
from application.approvals import BALANCE_ADJUSTMENT, LOT_VOID
from application.card_changes import Report
from domain.cards import Status
from domain.distributors import NumberRange
from domain.errors import (
    ApprovalNeeded,
    InsufficientFunds,
    NotFound,
    SettingNotAllowed,
    StatusChangeNotAllowed,
)
from domain.lots import LotStatusChanged, Numbering
from tests.support.bookkeeping import Bookkeeper
from tests.support.shop import Shop
from tests.support.story import dollars, usd

ALL = NumberRange("4711000000", "4711000024")


def to(shop: Shop, *statuses: Status, lot: str = "spring") -> Report:
    report = Report()
    for status in statuses:
        report = shop.changes.change_status(shop.changes.lot(lot), status, "ann", "on its way")
    return report


ON_SALE = (Status.PRINTED, Status.SHIPPED, Status.ACTIVE)


def counts(report: Report) -> tuple[int, int, int, int]:
    return (report.changed, report.unchanged, report.missing, report.refused)


def test_a_lot_that_becomes_active_has_its_face_value_as_single_cards_have() -> None:
    shop = Shop()
    lot_id = shop.lot()
    assert counts(to(shop, *ON_SALE)) == (25, 0, 0, 0)
    single = shop.card()
    for place in range(25):
        card_id = kinds.card_id_of_lot(lot_id, place)
        account_id = kinds.account_id_of_card(card_id)
        top_up_id = kinds.face_value_id_of_card(card_id)
        account = shop.units.state(kinds.ACCOUNTS, account_id)
        assert account is not None
        assert account.available == dollars(10)
        like = kinds.account_id_of_card(single.card_id)
        assert [type(fact) for fact in shop.units.facts(account_id)] == [
            type(fact) for fact in shop.units.facts(like)
        ]
        assert shop.units.facts(top_up_id)
    assert counts(to(shop, Status.ACTIVE)) == (0, 25, 0, 0)
    # What one command did is done: the other way of activating it finds nothing to do.
    shop.admin.change_status(kinds.card_id_of_lot(lot_id, 3), Status.ACTIVE, "ann", "again")
    summaries = [f for f in shop.units.facts(lot_id) if isinstance(f, LotStatusChanged)]
    assert [each.status for each in summaries] == list(ON_SALE)


def test_what_is_not_allowed_is_reported_and_the_rest_is_done() -> None:
    shop = Shop()
    lot_id = shop.lot()
    shop.admin.change_status(kinds.card_id_of_lot(lot_id, 4), Status.VOID, "ann", "stolen")
    report = to(shop, Status.PRINTED)
    assert counts(report) == (24, 0, 0, 1)
    assert report.refusals[0].number == "4711000004"
    assert isinstance(report.refusals[0].why, StatusChangeNotAllowed)


def test_a_pack_a_range_and_a_batch_are_the_cards_of_their_names() -> None:
    shop = Shop()
    shop.lot()
    numbering = Numbering("", run="1", batch="02", pack_size=5, pack_digits=3, sequence_digits=4)
    for name, pack in (("north", 1), ("south", 3)):
        told = Numbering("", "1", "02", pack, 5, 3, 4)
        shop.lots.generate(shop.lots.order(name, "Gold", told, 10, "age1key", "ann", "sale"))
    changes, printed = shop.changes, Status.PRINTED
    pack = changes.change_status(changes.lot("spring", 3), printed, "ann", "x")
    assert counts(pack) == (5, 0, 0, 0)
    rest = changes.change_status(changes.range(ALL), printed, "ann", "x")
    assert counts(rest) == (20, 5, 0, 0)
    batch = changes.change_status(changes.batch("1", "02"), printed, "ann", "x")
    assert counts(batch) == (20, 0, 0, 0)
    assert shop.state_of(numbering.number(0)).status is printed
    with pytest.raises(NotFound):
        changes.batch("9", "02")
    with pytest.raises(SettingNotAllowed):
        changes.lot("spring", 4)


def test_a_card_that_changes_meanwhile_is_decided_anew() -> None:
    shop = Shop()
    lot_id = shop.lot()
    card_id = kinds.card_id_of_lot(lot_id, 7)

    def others_first() -> None:
        shop.bulk.before_storing = lambda: None
        shop.admin.change_status(card_id, Status.CANCELLED, "bob", "lost")

    shop.bulk.before_storing = others_first
    report = to(shop, Status.PRINTED)
    assert counts(report) == (24, 0, 0, 1)
    assert shop.admin.card(card_id).status is Status.CANCELLED


def test_a_lot_is_voided_with_a_second_person_where_the_setting_asks_for_it() -> None:
    shop = Shop(LOT_VOID)
    shop.lot()
    cards = shop.changes.lot("spring")
    with pytest.raises(ApprovalNeeded):
        shop.changes.change_status(cards, Status.VOID, "ann", "stolen")
    approval_id = shop.units.streams("approval")[0]
    shop.approvals.approve(approval_id, "bob")
    done = shop.changes.change_status(cards, Status.VOID, "ann", "stolen", approval_id=approval_id)
    assert counts(done) == (25, 0, 0, 0)
    # One card by itself needs nobody else: a customer who lost it is on the line.
    one = shop.changes.card(shop.admin.generate_card("Gold").number)
    assert counts(shop.changes.change_status(one, Status.VOID, "ann", "lost"))[0] == 1


def test_a_distributor_switches_its_own_cards_and_no_others() -> None:
    shop = Shop()
    shop.lot()
    to(shop, Status.PRINTED, Status.SHIPPED)
    shop.distributors.add("Kiosk", "ann")
    shop.distributors.assign("Kiosk", NumberRange("4711000010", "4711000014"), "ann", "spring")
    cards = shop.changes.lot("spring")
    done = shop.changes.change_status(cards, Status.ACTIVE, "kim", "sold", distributor="Kiosk")
    assert counts(done) == (5, 0, 20, 0)
    assert shop.state_of("4711000009").status is Status.SHIPPED
    with pytest.raises(SettingNotAllowed):
        shop.changes.change_status(cards, Status.VOID, "kim", "x", distributor="Kiosk")
    with pytest.raises(NotFound):
        shop.changes.change_status(cards, Status.ACTIVE, "kim", "x", distributor="Nobody")


def test_sold_cards_come_back_unless_they_were_used() -> None:
    shop = Shop()
    lot_id = shop.lot()
    to(shop, *ON_SALE)
    cards = shop.changes.lot("spring")
    assert counts(shop.changes.sell(cards, "kim", "sold")) == (25, 0, 0, 0)
    card_id = kinds.card_id_of_lot(lot_id, 0)

    def used(unit: object) -> None:
        card = unit.get(kinds.CARDS, card_id)  # type: ignore[attr-defined]
        unit.record(kinds.CARDS, card_id, card.first_talk(shop.clock.now()))  # type: ignore[attr-defined]

    shop.units.run(used, writes=(card_id,))
    assert counts(shop.changes.sell(cards, "kim", "returned", back=True)) == (24, 0, 0, 1)
    assert not shop.state_of("4711000001").sold
    assert shop.state_of("4711000000").sold


@settings(max_examples=40)
@given(st.lists(st.tuples(st.integers(0, 5), st.integers(-15_000_000, 15_000_000)), max_size=15))
def test_adjustments_happen_once_and_never_push_a_balance_below_zero(
    told: list[tuple[int, int]],
) -> None:
    shop = Shop()
    card = shop.card()
    balance, made = 10_000_000, dict[int, int]()
    for key, micros in told:
        try:
            left = shop.changes.adjust_balance(
                card.card_id, UUID(int=900 + key), usd(micros), "ann", "goodwill"
            )
        except InsufficientFunds:
            assert key not in made
            assert balance + micros < 0
            continue
        except Exception:
            assert micros == 0 or made[key] != micros
            continue
        if key not in made:
            made[key] = micros
            balance += micros
        assert left == usd(balance)
    account = shop.account(card)
    assert account.balance == usd(balance)
    keeper = Bookkeeper(shop.units)
    keeper.catch_up()
    keeper.check(kinds.account_id_of_card(card.card_id), account)
    adjusted = keeper.sums("Expenses:Adjustments").get("Expenses:Adjustments:Ann", 0)
    assert adjusted == balance - 10_000_000
    empty = shop.card_state(card).status is Status.EMPTY
    assert empty == (balance == 0)


def test_an_approval_is_for_one_adjustment_of_one_amount() -> None:
    shop = Shop(BALANCE_ADJUSTMENT)
    card = shop.card()
    adjust = shop.changes.adjust_balance
    with pytest.raises(ApprovalNeeded):
        adjust(card.card_id, UUID(int=1), dollars(5), "ann", "goodwill")
    approval_id = shop.units.streams("approval")[0]
    shop.approvals.approve(approval_id, "bob")
    with pytest.raises(Exception, match="not for"):
        adjust(card.card_id, UUID(int=1), dollars(6), "ann", "goodwill", approval_id)
    assert adjust(card.card_id, UUID(int=1), dollars(5), "ann", "x", approval_id) == dollars(15)
    assert adjust(card.card_id, UUID(int=2), dollars(5), "ann", "x", approval_id) == dollars(15)
