"""Attempts that somebody talked in are told with the tariff that sold them."""

from __future__ import annotations

from attrs import evolve

from application import kinds
from application.talked_attempts import TalkedAttempts
from domain.card_groups import CardGroupTermsChanged
from domain.corrections import Selected
from tests.support.corrections import MemoryCalls
from tests.support.shop import Shop
from tests.support.story import ALICE, WARSAW


def test_what_sold_a_call_is_known_although_the_clock_was_put_back_before_it() -> None:
    shop = Shop()
    card = shop.card()
    known = shop.units.state(kinds.CARDS, card.card_id)
    assert known is not None
    group_id = known.group_id
    group = shop.units.state(kinds.CARD_GROUPS, group_id)
    assert group is not None

    def sold_by(tariff: str) -> None:
        changed = CardGroupTermsChanged(evolve(group.terms, tariff=tariff), "ann")
        shop.units.run(
            lambda unit: unit.record(kinds.CARD_GROUPS, group_id, [changed]), writes=(group_id,)
        )

    shop.clock.pass_by(days=2)
    sold_by("ahead")
    shop.clock.pass_by(days=-2, minutes=1)
    sold_by("summer")
    shop.clock.pass_by(minutes=1)
    call = shop.caller(card, ALICE)
    shop.dialling.dial(call, WARSAW)
    shop.settlement.record_leg(shop.leg(call, 60, 1))
    attempts = TalkedAttempts(shop.bulk, MemoryCalls(shop.units), shop.clock.now())
    (attempt,) = attempts.of_call(call.reference)
    assert attempt.tariff == "summer"
    assert list(attempts.of(Selected(reference=call.reference, tariff="ahead"))) == [[]]
