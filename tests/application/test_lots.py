"""A lot is made once, whoever is interrupted, and its PINs open its cards and no others."""

from __future__ import annotations

from uuid import UUID

import pytest

from application import kinds
from application.approvals import LOT_EXPORT
from domain.cards import CardGenerated
from domain.errors import (
    AlreadyDone,
    AlreadyExists,
    ApprovalNeeded,
    ApprovalNotUsable,
    PinsUsedUp,
    SettingNotAllowed,
)
from domain.lots import Numbering
from tests.support.shop import Shop
from tests.support.story import PrintedCard as Bought


class Killed(BaseException):
    """The program ends here."""


def test_every_card_of_a_lot_opens_with_the_pin_that_the_printer_gets() -> None:
    shop = Shop()
    printed = shop.export(shop.lot())
    assert [card.number for card in printed] == [f"{4711000000 + n}" for n in range(25)]
    assert len({card.pin for card in printed}) == 25
    for card in printed:
        state = shop.state_of(card.number)
        assert state.pin_digest == shop.pins.digest(card.pin)
    first = printed[0]
    assert (first.lot, first.group, first.face_value) == ("spring", "Gold", "10.00 USD")
    assert [card.pack for card in printed[9:11]] == ["1", "2"]


def test_a_card_of_a_lot_calls_once_it_is_active() -> None:
    shop = Shop()
    printed = shop.export(shop.lot())[3]
    card_id = shop.units.find(kinds.CARD_NUMBER, printed.number)
    assert card_id is not None
    shop.admin.issue_card(card_id, "ann", "sold")
    call = shop.caller(Bought(card_id, printed.number, printed.pin))
    assert call.payer is not None


@pytest.mark.parametrize("after", range(8))
def test_a_lot_that_was_killed_anywhere_is_whole_after_the_next_command(after: int) -> None:
    shop = Shop()
    lot_id = shop.order()
    left = after

    def die() -> None:
        nonlocal left
        left -= 1
        if left < 0:
            raise Killed

    shop.bulk.before_storing = die
    keep = shop.drawer.keep

    def keep_or_die(*told: object) -> None:
        die()
        keep(*told)  # type: ignore[arg-type]

    shop.drawer.keep = keep_or_die  # type: ignore[method-assign]
    try:
        shop.lots.generate(lot_id)
    except Killed:
        shop.bulk.before_storing = lambda: None
        shop.drawer.keep = keep  # type: ignore[method-assign]
        assert shop.order() == lot_id
    lot = shop.lots.generate(lot_id)
    assert (lot.made, lot.kept, lot.completed) == (25, 0, True)
    made = [each for each in shop.units.log() if isinstance(each.fact, CardGenerated)]
    assert sorted(each.fact.number for each in made) == [f"{4711000000 + n}" for n in range(25)]
    for card in shop.export(lot_id):
        assert shop.state_of(card.number).pin_digest == shop.pins.digest(card.pin)
    assert shop.drawer.kept == {}


def test_two_that_make_the_same_lot_make_it_once() -> None:
    shop = Shop()
    lot_id = shop.order()
    chunks = 0

    def other_one() -> None:
        nonlocal chunks
        shop.bulk.before_storing = lambda: None
        chunks += 1
        shop.lots.generate(lot_id)

    shop.bulk.before_storing = other_one
    assert shop.lots.generate(lot_id).made == 25
    assert chunks == 1
    assert all(
        shop.state_of(card.number).pin_digest == shop.pins.digest(card.pin)
        for card in shop.export(lot_id)
    )


def test_numbers_in_use_are_kept_and_reported() -> None:
    shop = Shop()
    before = shop.admin.generate_card("Gold", number="4711000007")
    lot_id = shop.lot()
    lot = shop.lots.lot(lot_id)
    assert (lot.made, lot.kept) == (24, 1)
    assert list(shop.lots.kept_numbers(lot_id)) == ["4711000007"]
    assert shop.units.find(kinds.CARD_NUMBER, "4711000007") == before.card_id
    assert "4711000007" not in [card.number for card in shop.export(lot_id)]


def test_a_pin_in_use_is_drawn_again() -> None:
    shop = Shop()
    taken = shop.admin.generate_card("Gold", pin="12345678")
    pins = iter([12345678, *range(11, 40)])
    below = shop.lots.chance.below
    object.__setattr__(shop.lots.chance, "below", lambda _: next(pins))
    printed = shop.export(shop.lot(count=20))
    object.__setattr__(shop.lots.chance, "below", below)
    assert taken.pin not in [card.pin for card in printed]
    assert len({card.pin for card in printed}) == 20


def test_one_pin_in_five_may_be_in_use_and_the_refusal_says_how_many_are_left() -> None:
    shop = Shop()
    shop.change("Gold", pin_length=4)
    shop.lot("first", 1_990)
    with pytest.raises(PinsUsedUp) as refused:
        shop.order("second", 11, "5000000000")
    assert refused.value.left == 10
    shop.lot("second", 9, "5000000000")
    shop.admin.generate_card("Gold")
    with pytest.raises(PinsUsedUp):
        shop.admin.generate_card("Gold")
    assert shop.lots.pins_left(4) == 0


def test_kept_numbers_give_their_pins_back() -> None:
    shop = Shop()
    shop.admin.generate_card("Gold", number="4711000007")
    left = shop.lots.pins_left(8)
    shop.lot()
    assert shop.lots.pins_left(8) == left - 24


def test_the_printers_file_leaves_once() -> None:
    shop = Shop()
    lot_id = shop.lot()
    with pytest.raises(AlreadyDone):
        shop.lots.start_export(lot_id, "ann", "print") and shop.export(lot_id, "bob")
    first = shop.export(lot_id)
    assert len(first) == 25
    with pytest.raises(AlreadyDone):
        shop.export(lot_id)


def test_an_interrupted_export_gives_the_same_again_to_the_same_person() -> None:
    shop = Shop()
    lot_id = shop.lot()
    before = list(shop.lots.start_export(lot_id, "ann", "print").parts)
    assert list(shop.lots.start_export(lot_id, "ann", "print").parts) == before


def test_a_second_person_approves_an_export_where_the_setting_asks_for_it() -> None:
    shop = Shop(LOT_EXPORT)
    lot_id = shop.lot()
    with pytest.raises(ApprovalNeeded):
        shop.export(lot_id)
    approval_id = shop.units.streams("approval")[0]
    with pytest.raises(ApprovalNotUsable):
        shop.export(lot_id, approval_id=approval_id)
    with pytest.raises(ApprovalNotUsable):
        shop.approvals.approve(approval_id, "ann")
    shop.approvals.approve(approval_id, "bob")
    with pytest.raises(ApprovalNotUsable):
        shop.export(lot_id, "bob", approval_id=approval_id)
    assert len(shop.export(lot_id, approval_id=approval_id)) == 25
    assert shop.approvals.approval(approval_id).used_by == "ann"


def test_a_name_belongs_to_one_lot_and_a_bad_order_is_refused() -> None:
    shop = Shop()
    shop.lot()
    with pytest.raises(AlreadyExists):
        shop.order(count=26)
    with pytest.raises(SettingNotAllowed):
        shop.order("other", first="471100")
    with pytest.raises(SettingNotAllowed):
        shop.lots.order("x", "Gold", Numbering("4711000000"), 5, "pgp", "ann", "sale")


def test_a_lot_keeps_the_terms_it_was_ordered_under() -> None:
    shop = Shop()
    lot_id = shop.order()
    shop.change("Gold", pin_length=12, number_length=12)
    assert shop.order() == lot_id
    assert {len(card.pin) for card in shop.export(shop.lot())} == {8}


def test_the_cards_of_a_lot_lie_in_order_behind_one_another() -> None:
    shop = Shop()
    lot_id = shop.lot()
    ids = [kinds.card_id_of_lot(lot_id, place) for place in range(1 << 12)]
    assert ids == sorted(set(ids))
    assert {each.version for each in ids} == {8}
    assert shop.admin.card_id("4711000024") == ids[24]


def test_one_request_orders_one_lot_under_one_name() -> None:
    shop = Shop()
    request_id = kinds.distributor_id("any id will do")

    def order(name: str) -> object:
        numbering = Numbering("4711000000", pack_size=10)
        return shop.lots.order(
            name, "Gold", numbering, 25, "age1key", "ann", "sale", request_id=request_id
        )

    assert order("spring") == order("spring")
    with pytest.raises(AlreadyExists) as refused:
        order("autumn")
    assert refused.value.kind == kinds.REQUEST


def test_a_request_that_is_repeated_asks_a_second_person_once_and_then_uses_the_answer() -> None:
    shop = Shop(LOT_EXPORT)
    lot_id = shop.lot()
    request_id = kinds.distributor_id("any id will do")

    def start() -> None:
        shop.lots.start_export(lot_id, "ann", "to the printer", request_id=request_id)

    needed = []
    for _ in range(2):
        with pytest.raises(ApprovalNeeded) as asked:
            start()
        needed.append(asked.value.approval_id)
    assert needed[0] == needed[1]
    assert len(shop.units.streams("approval")) == 1
    shop.approvals.approve(UUID(needed[0]), "bob")
    start()
    assert shop.approvals.approval(UUID(needed[0])).used_by == "ann"


def test_the_file_that_is_being_exported_can_be_read_again_until_it_has_arrived() -> None:
    shop = Shop()
    lot_id = shop.lot()
    with pytest.raises(SettingNotAllowed):
        shop.lots.sealed_parts(lot_id)
    first = b"".join(shop.lots.start_export(lot_id, "ann", "to the printer").parts)
    assert b"".join(shop.lots.sealed_parts(lot_id)) == first
    shop.lots.finish_export(lot_id, "ann", "digest")
    with pytest.raises(SettingNotAllowed):
        shop.lots.sealed_parts(lot_id)
