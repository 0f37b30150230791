"""An attempt records the ways it may take, and with its settlement the one it ended on."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from domain.call_sessions import (
    AttemptRouted,
    AttemptSettled,
    AttemptStarted,
    CallSession,
    CallStarted,
    Evidence,
    LegUnanswered,
    PlannedRoute,
    RoutesPlanned,
    TimeAnnounced,
    evolve,
)
from domain.costs import Exchange
from domain.money import Money
from domain.rating import RateTerms
from tests.support.story import CENT_A_SECOND, NOON, given, usd

ID = UUID(int=1)
EURO = RateTerms("EUR", 60_000)
CHEAP = PlannedRoute("cheap", "0048221234567", "acme", EURO, Exchange("USD", 1_100_000))
SPARE = PlannedRoute("spare", "48221234567")
STARTED = AttemptStarted(
    1,
    "+48221234567",
    "Poland",
    ID,
    ID,
    ID,
    usd(1_000_000),
    60,
    CENT_A_SECOND,
    NOON,
    NOON + timedelta(seconds=300),
    first_use=False,
)


def a_session(*routes: PlannedRoute) -> CallSession:
    facts = [RoutesPlanned(1, routes)] if routes else []
    return given(evolve, CallStarted("pbx1-1", "pbx1", "1800", None), STARTED, *facts)


def settled(talked_ms: int = 30_000, *, answered: bool = True) -> AttemptSettled:
    seconds = min(-(-talked_ms // 1000), 60)
    at = NOON if answered else None
    evidence = Evidence.LEG_RECORD if answered else Evidence.DIAL_STATUS
    return AttemptSettled(1, at, talked_ms, seconds, usd(300_000), False, evidence, 16)


def test_the_ways_are_planned_once_and_only_of_an_open_attempt() -> None:
    assert a_session().plan_routes(1, (CHEAP, SPARE)) == [RoutesPlanned(1, (CHEAP, SPARE))]
    assert a_session(CHEAP).plan_routes(1, (SPARE,)) == []
    assert a_session().plan_routes(2, (CHEAP,)) == []
    assert a_session().plan_routes(1, ()) == []


def test_the_leg_that_was_answered_tells_the_trunk_the_provider_and_the_cost() -> None:
    facts = a_session(SPARE, CHEAP).settle(settled(), leg=2)
    cost = Money(30_000, "EUR")
    routed = AttemptRouted(1, 2, "cheap", "acme", EURO, cost, Exchange("USD", 1_100_000))
    assert facts == [settled(), routed]


def test_a_leg_nobody_answered_costs_nothing() -> None:
    (_, routed) = a_session(CHEAP).settle(settled(0, answered=False), leg=1)
    assert isinstance(routed, AttemptRouted)
    assert routed.cost == Money(0, "EUR")


def test_a_provider_bills_what_was_talked_beyond_our_limit_as_well() -> None:
    (_, routed) = a_session(CHEAP).settle(settled(61_500), leg=1)
    assert isinstance(routed, AttemptRouted)
    assert routed.cost == Money(62_000, "EUR")


def test_the_cost_of_a_trunk_without_a_rate_is_unknown() -> None:
    (_, routed) = a_session(SPARE).settle(settled(), leg=1)
    assert routed == AttemptRouted(1, 1, "spare", None, None, None, None)


def test_a_leg_that_was_not_planned_settles_and_tells_no_route() -> None:
    assert a_session(CHEAP).settle(settled(), leg=2) == [settled()]
    assert a_session().settle(settled(), leg=1) == [settled()]
    assert a_session(CHEAP, SPARE).settle(settled()) == [settled()]


def test_the_only_way_is_known_even_if_nobody_tells_the_leg() -> None:
    facts = a_session(CHEAP).settle(settled())
    assert [type(each) for each in facts] == [AttemptSettled, AttemptRouted]


def test_a_settled_attempt_is_not_routed_again() -> None:
    session = a_session(CHEAP)
    for fact in session.settle(settled(), leg=1):
        session = evolve(session, fact)
    assert session.settle(settled(), leg=1) == []
    assert session.attempts == {}


# ---- what is known of an attempt that nobody but the end of its call settles


def with_facts(session: CallSession, *facts: object) -> CallSession:
    for fact in facts:
        session = evolve(session, fact)  # type: ignore[arg-type]
    return session


def test_a_leg_nobody_answered_is_recorded_once_and_only_of_an_open_attempt() -> None:
    session = a_session(SPARE, CHEAP)
    assert session.leg_unanswered(1, 1, 34) == [LegUnanswered(1, 1, 34)]
    session = with_facts(session, LegUnanswered(1, 1, 34))
    assert session.leg_unanswered(1, 1, 34) == []
    assert session.leg_unanswered(1, 2, 17) == [LegUnanswered(1, 2, 17)]
    assert session.leg_unanswered(1, 3, 17) == []
    assert session.leg_unanswered(2, 1, 17) == []
    ended = with_facts(session, *session.settle(settled(), leg=2))
    assert ended.leg_unanswered(1, 2, 17) == []


def test_a_released_attempt_ended_on_the_last_leg_that_was_tried() -> None:
    session = with_facts(a_session(SPARE, CHEAP), LegUnanswered(1, 1, 34), LegUnanswered(1, 2, 17))
    (_, routed) = session.settle(settled(0, answered=False))
    assert isinstance(routed, AttemptRouted)
    assert (routed.leg, routed.trunk, routed.cost) == (2, "cheap", Money(0, "EUR"))


def test_an_attempt_without_any_leg_took_no_route() -> None:
    nobody = settled(0, answered=False)
    assert a_session(CHEAP).settle(nobody) == [nobody]


def test_the_only_leg_left_is_the_one_that_was_talked_on() -> None:
    session = with_facts(a_session(SPARE, CHEAP), LegUnanswered(1, 1, 34))
    (_, routed) = session.settle(settled())
    assert isinstance(routed, AttemptRouted)
    assert routed.leg == 2


def test_what_is_announced_is_recorded_where_it_is_not_the_limit() -> None:
    session = a_session(CHEAP)
    assert session.announce(1, STARTED.limit_seconds) == []
    assert session.announce(1, 66) == [TimeAnnounced(1, 66)]
    assert session.announce(1, None) == [TimeAnnounced(1, None)]
    assert session.announce(2, 66) == []
    assert with_facts(session, TimeAnnounced(1, 66)) == session
