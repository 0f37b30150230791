"""Each call records its ways and their cost; a call that loses money is told of, or refused."""

from __future__ import annotations

from typing import Any

import pytest

from application.margins import BelowCost, Loss
from application.ports import LedgerUnavailable, Route
from domain.access_numbers import AccessTerms
from domain.accounts import HoldCaptured, HoldPlaced
from domain.call_sessions import (
    AttemptRouted,
    AttemptSettled,
    AttemptStarted,
    PlannedRoute,
    RoutesPlanned,
)
from domain.costs import Exchange, margin
from domain.errors import DestinationNotSold
from domain.money import Money
from domain.rating import RateTerms, talk_minutes
from tests.support.carriers import EURO_IN_DOLLARS, Carriers
from tests.support.story import CENT_A_SECOND, WARSAW, Story, dollars, usd

EURO = Exchange("USD", EURO_IN_DOLLARS)
DOLLAR = Exchange("USD", 1_000_000)


def world(below_cost: BelowCost = BelowCost.WARN, **told: Any) -> tuple[Story, Carriers]:
    """Calls are sold at 0.60 USD a minute."""
    story = Story(price=CENT_A_SECOND, **told)
    story.group()
    return story, Carriers(story, below_cost=below_cost)


def test_the_ways_are_recorded_with_the_hold_and_what_they_cost() -> None:
    story, carriers = world()
    carriers.line("dollars", 90_000)
    carriers.line("euros", 60_000, "EUR")
    carriers.trunk("any", carriers.provider("any"))
    call = story.caller(story.card())
    grant = story.dialling.dial(call, WARSAW)
    assert [route.trunk for route in grant.routes] == ["euros", "dollars", "any"]
    assert story.facts_of(call, RoutesPlanned) == [
        RoutesPlanned(
            1,
            (
                PlannedRoute("euros", WARSAW, "of-euros", RateTerms("EUR", 60_000), EURO),
                PlannedRoute("dollars", WARSAW, "of-dollars", RateTerms("USD", 90_000), DOLLAR),
                PlannedRoute("any", WARSAW, "any"),
            ),
        )
    ]


def test_the_margin_follows_from_the_facts_alone_whoever_settles() -> None:
    story, carriers = world()
    carriers.line("dollars", 90_000)
    carriers.line("euros", 60_000, "EUR")
    call = story.caller(story.card())
    story.dialling.dial(call, WARSAW)
    # The first leg failed; the shipper of the spool knows no more than the record of the second.
    story.settlement.record_leg(story.leg(call, 120, leg=2))
    (settled,), (routed,) = story.settled(call), story.facts_of(call, AttemptRouted)
    assert (routed.leg, routed.trunk, routed.provider) == (2, "dollars", "of-dollars")
    assert routed.cost == usd(180_000)
    assert margin(settled.charge, routed.cost, routed.exchange) == dollars(1, 20) - usd(180_000)


def test_ways_and_route_are_stored_with_the_hold_and_the_capture() -> None:
    story, carriers = world()
    carriers.line("acme", 1)
    call = story.caller(story.card())
    before = len(story.units.log())
    story.dialling.dial(call, WARSAW)
    story.settlement.record_leg(story.leg(call, 60))
    assert [type(each.fact) for each in story.units.log()[before:]][:6] == [
        *(AttemptStarted, RoutesPlanned, HoldPlaced),
        *(AttemptSettled, AttemptRouted, HoldCaptured),
    ]


def test_nobody_answering_tells_the_last_leg_and_costs_nothing() -> None:
    story, carriers = world()
    carriers.line("acme", 1)
    call = story.caller(story.card())
    story.dialling.dial(call, WARSAW)
    story.settlement.not_connected(call.reference, 1, 17, leg=1)
    (routed,) = story.facts_of(call, AttemptRouted)
    assert (routed.trunk, routed.cost) == ("acme", usd(0))


def test_asked_again_after_a_lost_answer_the_legs_are_those_that_were_recorded() -> None:
    story, carriers = world()
    carriers.line("first", 10, caller_id="+18005550100")
    carriers.line("second", 20)
    call = story.caller(story.card())
    story.units.lose_next_answer = True
    with pytest.raises(LedgerUnavailable):
        story.dialling.dial(call, WARSAW)
    # Meanwhile the other one is cheaper; what is recorded still names the legs.
    carriers.rates.by_tariff["provider:of-second"][""] = RateTerms("USD", 1)
    grant = story.dialling.dial(call, WARSAW)
    assert [route.trunk for route in grant.routes] == ["first", "second"]
    assert grant.routes[0] == Route(
        "first", WARSAW, "of-first", RateTerms("USD", 10), 30, "+18005550100"
    )
    assert len(story.facts_of(call, RoutesPlanned)) == 1


# Sold below cost


def test_a_call_that_costs_more_than_it_is_sold_for_is_told_of_and_connected() -> None:
    story, carriers = world()
    carriers.line("dear", 700_000)
    carriers.line("dearer", 800_000)
    grant = story.dialling.dial(story.caller(story.card()), WARSAW)
    assert len(grant.routes) == 2
    cost = usd(700_000)
    assert carriers.losses == [Loss(f"+{WARSAW}", "dear", "of-dear", usd(600_000), cost, 60)]


def test_a_call_that_earns_by_its_cheapest_route_is_told_to_nobody() -> None:
    story, carriers = world()
    carriers.line("dear", 700_000)
    carriers.line("even", 600_000)
    story.dialling.dial(story.caller(story.card()), WARSAW)
    assert carriers.losses == []


def test_losses_are_refused_where_the_operator_says_so() -> None:
    story, carriers = world(BelowCost.REFUSE)
    carriers.line("dear", 700_000)
    call = story.caller(story.card())
    with pytest.raises(DestinationNotSold) as refused:
        story.dialling.dial(call, WARSAW)
    assert "costs more" in refused.value.reason
    assert story.facts_of(call, RoutesPlanned) == []
    carriers.line("cheap", 500_000)
    grant = story.dialling.dial(call, WARSAW)
    assert [route.trunk for route in grant.routes] == ["cheap"]


def test_a_surcharge_counts_to_the_price() -> None:
    access = AccessTerms(surcharge=usd(200_000))
    story, carriers = world(BelowCost.REFUSE, access=access)
    carriers.line("dear", 700_000)
    assert story.dialling.dial(story.caller(story.card()), WARSAW).routes
    assert carriers.losses == []


def test_an_unknown_cost_is_no_loss() -> None:
    story, carriers = world(BelowCost.REFUSE)
    carriers.trunk("any", carriers.provider("any"))
    carriers.line("pounds", 10**9, "GBP")
    grant = story.dialling.dial(story.caller(story.card()), WARSAW)
    assert [route.trunk for route in grant.routes] == ["any", "pounds"]
    assert carriers.losses == []


def test_an_operator_who_allows_losses_is_not_told_of_them() -> None:
    story, carriers = world(BelowCost.ALLOW)
    carriers.line("dear", 700_000)
    story.dialling.dial(story.caller(story.card()), WARSAW)
    assert carriers.losses == []


def test_calls_to_the_operator_are_free_and_still_connected() -> None:
    story, carriers = world(BelowCost.REFUSE)
    carriers.line("dear", 700_000)
    story.change(operator_number="+18005550000")
    grant = story.dialling.dial_operator(story.caller(story.card()))
    assert [route.trunk for route in grant.routes] == ["dear"]


def test_a_card_of_talk_minutes_has_a_margin_only_with_a_rate_of_exchange() -> None:
    story = Story(price=talk_minutes())
    story.group(unit="MIN", face_value=Money(60_000_000, "MIN"))
    carriers = Carriers(story, exchange={("USD", "MIN"): 20_000_000})
    carriers.line("acme", 20_000)
    carriers.trunk("euro", carriers.provider("euro", {"": 1}, "EUR"))
    call = story.caller(story.card())
    story.dialling.dial(call, WARSAW)
    (planned,) = story.facts_of(call, RoutesPlanned)
    assert [each.exchange for each in planned.routes] == [Exchange("MIN", 20_000_000), None]
