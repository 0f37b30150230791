"""Breakage on a stored ledger: found in the read models, decided on the facts, shown in both."""

from __future__ import annotations

from datetime import timedelta

from adapters.persistence.breakage_views import LedgerBreakageViews
from adapters.persistence.bulk import LedgerBulkAppends
from adapters.persistence.recorder import EventRecorder
from application.breakage import Breakage
from domain.cards import Status
from tests.adapters.persistence.product import Product, mapper
from tests.support.story import NOON, WARSAW, dollars


def job(product: Product, chunk: int = 2) -> Breakage:
    bulk = LedgerBulkAppends(product.recorder, mapper(), product.clock)
    return Breakage(bulk, LedgerBreakageViews(product.recorder), product.clock, chunk)


def shown(product: Product) -> dict[str, int]:
    """What the lists say is left, by number of card."""
    product.catch_up()
    balances = {row.account_id: row.balance.micros for row in product.views.accounts(None, 100)}
    return {row.number: balances[row.account_id] for row in product.views.cards(None, 100)}


def test_expired_and_void_cards_are_found_in_pages_and_lose_what_is_left(
    recorder: EventRecorder,
) -> None:
    product = Product(recorder)
    product.group("Gold", expires_on=NOON + timedelta(days=1))
    product.group("Tin", valid_days=3)
    gold = [product.card("Gold") for _ in range(5)]
    tin = [product.card("Tin") for _ in range(3)]
    call = product.caller(tin[0])
    product.dialling.dial(call, WARSAW)
    product.settlement.record_leg(product.leg(call, 60))
    product.admin.change_status(tin[1].card_id, Status.VOID, "ann", "stolen")
    product.clock.pass_by(hours=2)
    assert shown(product)[tin[0].number] == 9_400_000
    assert job(product).run().sums == [dollars(10)]
    product.clock.pass_by(days=3)
    product.catch_up()
    report = job(product).run()
    assert (report.forfeited, report.emptied) == (6, 6)
    assert report.sums == [dollars(59, 40)]
    left = shown(product)
    assert [left[card.number] for card in gold] == [0] * 5
    assert [left[card.number] for card in tin] == [0, 0, 10_000_000]
    assert {row.status for row in product.views.cards(None, 100, group="Gold")} == {"empty"}
    assert job(product).run().looked_at == 0


def test_a_list_that_is_behind_takes_nothing_twice(recorder: EventRecorder) -> None:
    product = Product(recorder)
    product.group("Gold", expires_on=NOON)
    card = product.card("Gold")
    product.catch_up()
    assert job(product).run().forfeited == 1
    report = job(product).run()
    assert (report.looked_at, report.forfeited) == (1, 0)
    assert shown(product)[card.number] == 0


def test_what_is_held_is_not_taken(recorder: EventRecorder) -> None:
    product = Product(recorder)
    product.group("Gold", expires_on=NOON + timedelta(hours=1))
    card = product.card("Gold")
    product.dialling.dial(product.caller(card), WARSAW)
    product.clock.pass_by(hours=1)
    product.catch_up()
    job(product).run()
    held = product.views.accounts(None, 1)[0].held.micros
    assert shown(product)[card.number] == held > 0
    assert job(product).run().looked_at == 0
