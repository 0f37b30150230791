"""The cheapest route comes first, then priority, then name; what carries nothing is left out."""

from __future__ import annotations

import pytest
from attrs import evolve as changed
from hypothesis import given as forall
from hypothesis import settings as bounded
from hypothesis import strategies as st

from application.ports import Route
from application.routes import RouteSettings
from domain.errors import AlreadyExists, DestinationNotSold, NotFound, SettingNotAllowed
from domain.money import Money
from domain.providers import ProviderTerms
from domain.rate_checks import PricedPrefix
from domain.rating import RateTerms
from domain.routing import Order, RouteTerms
from domain.trunks import Translation, TrunkTerms
from tests.support.carriers import Carriers
from tests.support.story import NOON, ROME, WARSAW, Story, usd

TO_WARSAW, TO_ROME = "+" + WARSAW, "+" + ROME


@pytest.fixture
def carriers() -> Carriers:
    return Carriers(Story())


def test_the_cheapest_comes_first_whatever_its_unit(carriers: Carriers) -> None:
    carriers.line("dollars", 105)
    carriers.line("euros", 100, "EUR")
    carriers.line("dear", 111)
    assert carriers.trunks_to(TO_WARSAW) == ["dollars", "euros", "dear"]


def test_fees_count_for_a_call_of_the_nominal_length() -> None:
    def first(nominal_seconds: int) -> str:
        carriers = Carriers(Story(), settings=RouteSettings(nominal_seconds))
        carriers.line("fee", 0)
        carriers.rates.by_tariff["provider:of-fee"][""] = RateTerms("USD", 10, connect_fee=100)
        carriers.line("flat", 50)
        return carriers.trunks_to(TO_WARSAW)[0]

    assert first(60) == "flat"
    assert first(600) == "fee"


def test_of_the_same_cost_priority_decides_and_then_the_name(carriers: Carriers) -> None:
    carriers.line("b", 100, priority=5)
    carriers.line("a", 100, priority=5)
    carriers.line("c", 100, priority=1)
    assert carriers.trunks_to(TO_WARSAW) == ["c", "a", "b"]


LINES = st.lists(
    st.tuples(
        st.text("abcdef", min_size=1, max_size=3),
        st.integers(0, 5),
        st.sampled_from(("USD", "EUR", "GBP")),
        st.integers(0, 2),
    ),
    min_size=1,
    max_size=8,
    unique_by=lambda line: line[0],
)


@forall(LINES)
@bounded(max_examples=40, deadline=None)
def test_any_lines_are_ordered_by_cost_priority_and_name(
    lines: list[tuple[str, int, str, int]],
) -> None:
    carriers = Carriers(Story(), settings=RouteSettings(60, "USD", most=20))
    for name, micros, unit, priority in lines:
        carriers.line(name, micros, unit, priority=priority)

    def key(line: tuple[str, int, str, int]) -> tuple[bool, int, int, str]:
        name, micros, unit, priority = line
        # Nobody knows what a pound is worth here, so it comes last.
        worth = {"USD": micros, "EUR": -(-micros * 11 // 10)}.get(unit)
        return worth is None, worth or 0, priority, name

    assert carriers.trunks_to(TO_WARSAW) == [line[0] for line in sorted(lines, key=key)]


def test_a_provider_serves_what_it_has_a_rate_for_and_is_priced_by_the_longest_prefix(
    carriers: Carriers,
) -> None:
    carriers.trunk("poland", carriers.provider("pl", {"48": 100, "4860": 900}))
    carriers.trunk("world", carriers.provider("w", {"": 500}))
    assert carriers.trunks_to(TO_WARSAW) == ["poland", "world"]
    assert carriers.trunks_to("+48600316058") == ["world", "poland"]
    assert carriers.trunks_to(TO_ROME) == ["world"]


def test_a_provider_without_rates_serves_all_and_is_tried_last(carriers: Carriers) -> None:
    carriers.trunk("any", carriers.provider("any"))
    carriers.line("dear", 10**9)
    assert carriers.trunks_to(TO_WARSAW) == ["dear", "any"]
    assert carriers.routes.to(TO_WARSAW)[1].terms is None


def test_a_route_tells_all_that_dialling_needs(carriers: Carriers) -> None:
    carriers.line(
        "acme", 100, translations=(Translation("48", 2, "0"),), capacity=7, caller_id="+18005550100"
    )
    (route,) = carriers.routes.to(TO_WARSAW)
    terms = RateTerms("USD", 100)
    assert route == Route("acme", "0" + WARSAW[2:], "of-acme", terms, 7, "+18005550100")
    assert carriers.routes.nominal_cost(route, NOON) == usd(100)


def test_what_is_not_active_carries_nothing(carriers: Carriers) -> None:
    carriers.line("one", 1)
    carriers.line("two", 2)
    do = carriers.routing
    do.change_trunk("one", lambda now: changed(now, active=False), "ann", "down")
    assert carriers.trunks_to(TO_WARSAW) == ["two"]
    do.change_provider("of-two", lambda now: changed(now, active=False), "ann", "unpaid")
    assert carriers.trunks_to(TO_WARSAW) == []


def test_a_route_as_listed_is_tried_as_listed_and_one_of_named_trunks_by_cost(
    carriers: Carriers,
) -> None:
    for name, micros in (("a", 3), ("b", 2), ("c", 1)):
        carriers.line(name, micros)
    carriers.routing.set_route("48", RouteTerms(("a", "c"), Order.LISTED), "ann", "quality")
    carriers.routing.set_route("39", RouteTerms(("a", "b")), "ann", "")
    assert carriers.trunks_to(TO_WARSAW) == ["a", "c"]
    assert carriers.trunks_to(TO_ROME) == ["b", "a"]
    carriers.routing.remove_route("48", "ann", "over")
    assert carriers.trunks_to(TO_WARSAW) == ["c", "b", "a"]


def test_only_so_many_routes_are_tried_and_full_trunks_come_last() -> None:
    carriers = Carriers(Story(), settings=RouteSettings(60, most=2))
    for name, micros in (("a", 1), ("b", 2), ("c", 3)):
        carriers.line(name, micros, capacity=1)
    assert carriers.trunks_to(TO_WARSAW) == ["a", "b"]
    with carriers.load.call("a", 1):
        assert carriers.trunks_to(TO_WARSAW) == ["b", "c"]
    with carriers.load.call("a", 1), carriers.load.call("b", 1), carriers.load.call("c", 1):
        assert carriers.trunks_to(TO_WARSAW) == ["a", "b"]


def test_a_number_that_a_trunk_would_get_nothing_of_is_not_sent_there(carriers: Carriers) -> None:
    carriers.line("acme", 1, translations=(Translation(WARSAW, len(WARSAW), ""),))
    assert carriers.trunks_to(TO_WARSAW) == []


def test_the_trunks_of_the_settings_are_used_while_the_ledger_has_none(carriers: Carriers) -> None:
    assert carriers.routes.to(TO_WARSAW) == [Route("carrier", WARSAW)]
    carriers.line("acme", 1)
    assert carriers.trunks_to(TO_WARSAW) == ["acme"]


# The cheapest cost, for those who check prices


def test_the_cheapest_cost_is_per_minute_with_fees_spread_over_the_nominal_call() -> None:
    carriers = Carriers(Story(), settings=RouteSettings(120))
    carriers.line("acme", 100)
    carriers.rates.by_tariff["provider:of-acme"]["48"] = RateTerms("USD", 60, connect_fee=10)
    carriers.line("best", 70, "EUR")
    assert carriers.routes.cheapest("48") == 65
    assert carriers.routes.cheapest(TO_WARSAW) == 65
    assert carriers.routes.cheapest("39") == 77
    assert carriers.routes.cheapest("48", "GBP") is None


def test_the_cheapest_cost_is_unknown_without_a_route_or_a_rate(carriers: Carriers) -> None:
    assert carriers.routes.cheapest("48") is None
    carriers.trunk("any", carriers.provider("any"))
    assert carriers.routes.cheapest("48") is None
    with pytest.raises(ValueError, match="digits alone"):
        carriers.routes.cheapest("4x")


# Setting it up


def test_a_trunk_belongs_to_a_provider_that_exists(carriers: Carriers) -> None:
    with pytest.raises(NotFound):
        carriers.trunk("acme", "nobody")
    carriers.line("acme", 1)
    with pytest.raises(NotFound):
        carriers.routing.change_trunk(
            "acme", lambda now: changed(now, provider="nobody"), "ann", ""
        )
    with pytest.raises(NotFound):
        carriers.routing.change_trunk("other", lambda now: now, "ann", "")
    with pytest.raises(NotFound):
        carriers.routing.change_provider("other", lambda now: now, "ann", "")


def test_asked_twice_everything_is_there_once(carriers: Carriers) -> None:
    for _ in range(2):
        carriers.routing.add_provider("acme", ProviderTerms("USD"), "ann", "")
        carriers.routing.add_trunk("acme1", TrunkTerms("acme"), "ann", "")
        carriers.routing.block("53", "Cuba", "ann", "fraud")
    assert carriers.routing.plan().trunks == ("acme1",)
    with pytest.raises(AlreadyExists):
        carriers.routing.add_trunk("acme1", TrunkTerms("acme", 2), "ann", "")


def test_who_and_why_are_short_and_on_one_line(carriers: Carriers) -> None:
    for by, why in (("a" * 101, ""), ("ann", "w" * 201), ("ann", "a\nb")):
        with pytest.raises(SettingNotAllowed):
            carriers.routing.add_provider("acme", ProviderTerms("USD"), by, why)


def test_rates_of_a_provider_are_a_tariff_in_its_unit() -> None:
    story = Story()
    carriers = Carriers(story)
    carriers.provider("acme", {}, "EUR")
    assert carriers.routing.provider("acme").tariff == "provider:acme"
    rates = [PricedPrefix("48", "Poland", RateTerms("EUR", 10_000))]
    assert story.tariffs.publish_rows("provider:acme", "EUR", rows=rates, since=None, by="ann") == 1
    with pytest.raises(NotFound):
        story.tariffs.publish_rows("provider:nobody", "EUR", rates, None, "ann")
    with pytest.raises(SettingNotAllowed, match="EUR, the unit of provider acme"):
        story.tariffs.publish_rows("provider:acme", "USD", rates, None, "ann")


def test_a_blocked_number_is_refused_with_the_reason(carriers: Carriers) -> None:
    carriers.line("acme", 1)
    with pytest.raises(DestinationNotSold) as refused:
        carriers.routes.to("+881612345678")
    assert "881" in refused.value.reason
    assert "satellites" in refused.value.reason
    carriers.routing.allow("8816", "Iridium", "ann", "ships call home")
    assert carriers.trunks_to("+881612345678") == ["acme"]


def test_a_cost_is_in_the_unit_of_its_provider(carriers: Carriers) -> None:
    carriers.line("best", 70, "EUR")
    (route,) = carriers.routes.to(TO_WARSAW)
    assert carriers.routes.nominal_cost(route, NOON) == Money(70, "EUR")
