"""Lots, approvals and counts of cards as the lists of a stored ledger show them."""

from __future__ import annotations

from uuid import UUID

import pytest

from adapters.persistence.breakage_views import LedgerBreakageViews
from adapters.persistence.bulk import LedgerBulkAppends
from adapters.persistence.lot_views import LedgerLotViews
from adapters.persistence.recorder import EventRecorder
from application import kinds
from application.administration import Chance
from application.approvals import LOT_EXPORT
from application.card_business import CardBusiness
from domain.cards import Status
from domain.distributors import NumberRange
from domain.errors import ApprovalNeeded
from domain.lots import Numbering
from tests.adapters.persistence.product import Product, mapper
from tests.support.shop import business_on


def open_shop(product: Product) -> CardBusiness:
    product.group("Gold")
    return business_on(
        product.ledger,
        product.clock,
        LedgerBulkAppends(product.recorder, mapper(), product.clock),
        LedgerLotViews(product.recorder),
        LedgerBreakageViews(product.recorder),
        product.pins,
        Chance(product.random.randrange, product.random.randbytes),
        (LOT_EXPORT,),
    )


def order(business: CardBusiness, name: str, first: str, count: int = 25) -> UUID:
    numbering = Numbering(first, pack_size=10)
    return business.lots.order(name, "Gold", numbering, count, "age1key", "ann", "sale")


def test_a_lot_is_listed_as_far_as_it_is_made(recorder: EventRecorder) -> None:
    product = Product(recorder)
    business = open_shop(product)
    spring = order(business, "spring", "4711000000")
    product.clock.pass_by(seconds=1)
    order(business, "autumn", "4711000100", 5)
    product.catch_up()
    assert [(row.name, row.made, row.state) for row in business.views.lots(None, 10)] == [
        ("spring", 0, "being made"),
        ("autumn", 0, "being made"),
    ]
    business.lots.generate(spring)
    product.catch_up()
    (row,) = business.views.lots(None, 1)
    assert (row.made, row.state, row.first_number, row.last_number) == (
        25,
        "made",
        "4711000000",
        "4711000024",
    )
    assert [row.name for row in business.views.lots(spring, 10)] == ["autumn"]
    assert business.views.lots(None, 10, group="Tin") == []


def test_cards_of_a_lot_are_counted_by_status_and_those_of_others_are_not(
    recorder: EventRecorder,
) -> None:
    product = Product(recorder)
    business = open_shop(product)
    product.admin.generate_card("Gold", number="4711000003")
    lots = [order(business, "spring", "4711000000"), order(business, "autumn", "4711000025", 5)]
    for each in lots:
        business.lots.generate(each)
    pack = business.changes.lot("spring", pack=1)
    business.changes.change_status(pack, Status.PRINTED, "ann", "on its way")
    business.changes.sell(business.changes.card("4711000000"), "ann", "sold")
    product.catch_up()

    # Both lots are of one millisecond, so their cards lie between one another.
    def counted(lot_id: UUID, first: int, last: int) -> list[tuple[str, bool, int]]:
        numbering = business.lots.lot(lot_id).ordered.numbering
        found = business.views.statuses(
            kinds.card_id_of_lot(lot_id, first),
            kinds.card_id_of_lot(lot_id, last),
            NumberRange(numbering.number(first), numbering.number(last)),
        )
        return [(each.status, each.sold, each.cards) for each in found]

    assert counted(lots[0], 0, 24) == [
        ("generated", False, 15),
        ("printed", False, 8),
        ("printed", True, 1),
    ]
    assert counted(lots[0], 10, 19) == [("generated", False, 10)]
    assert counted(lots[1], 0, 4) == [("generated", False, 5)]


def test_an_approval_is_listed_with_what_became_of_it(recorder: EventRecorder) -> None:
    product = Product(recorder)
    business = open_shop(product)
    lot_id = order(business, "spring", "4711000000")
    business.lots.generate(lot_id)
    with pytest.raises(ApprovalNeeded) as needed:
        business.lots.start_export(lot_id, "ann", "to print")
    approval_id = UUID(needed.value.approval_id)
    product.catch_up()
    (row,) = business.views.approvals(None, 10, state="waiting")
    assert (row.approval_id, row.subject, row.details, row.by) == (
        approval_id,
        "spring",
        "25 cards",
        "ann",
    )
    business.approvals.approve(approval_id, "bob")
    product.catch_up()
    assert business.views.approvals(None, 10, state="waiting") == []
    assert [each.decided_by for each in business.views.approvals(None, 10)] == ["bob"]
    assert business.views.approvals(approval_id, 10) == []
