"""The longest prefix of a number decides its trunks, and whether anybody may dial it."""

from __future__ import annotations

import pytest
from hypothesis import given as forall
from hypothesis import strategies as st

from domain.blocked_ranges import BLOCKED_RANGES
from domain.errors import NotFound, SettingNotAllowed
from domain.routing import (
    MOST_RULES,
    OPERATOR,
    Order,
    PrefixAllowed,
    PrefixBlocked,
    PrefixRuleRemoved,
    RouteRemoved,
    RouteSet,
    RouteTerms,
    RoutingPlan,
    Rule,
    TrunkListed,
    evolve,
)
from tests.support.story import given

TRUNKS = (TrunkListed("acme"), TrunkListed("best"))
DIGITS = st.text("0123456789", min_size=5, max_size=15).map(lambda text: "4" + text[1:])
PREFIXES = st.text("0123456789", min_size=1, max_size=6).map(lambda text: "4" + text[1:])


def test_a_trunk_is_listed_once() -> None:
    assert RoutingPlan().list_trunk("acme") == [TrunkListed("acme")]
    assert given(evolve, *TRUNKS).list_trunk("acme") == []


def test_the_longest_prefix_decides_and_without_a_route_every_trunk_may_carry_it() -> None:
    poland, mobile = RouteTerms(("acme",)), RouteTerms(("best", "acme"), Order.LISTED)
    plan = given(
        evolve,
        *TRUNKS,
        RouteSet("48", poland, "ann", ""),
        RouteSet("4860", mobile, "ann", ""),
    )
    assert plan.route_of("48600316058") == ("4860", mobile)
    assert plan.route_of("48221234567") == ("48", poland)
    assert plan.route_of("390612345678") == ("", RouteTerms())
    again = evolve(plan, RouteRemoved("4860", "ann", ""))
    assert again.route_of("48600316058") == ("48", poland)


def test_the_empty_prefix_is_the_route_of_all_other_numbers() -> None:
    plan = given(evolve, *TRUNKS)
    terms = RouteTerms(("best",))
    (fact,) = plan.set_route("", terms, "ann", "cheap")
    assert evolve(plan, fact).route_of("390612345678") == ("", terms)


@forall(DIGITS, st.dictionaries(PREFIXES, st.sampled_from(("acme", "best")), max_size=8))
def test_the_route_is_the_longest_that_begins_the_number(
    digits: str, by_prefix: dict[str, str]
) -> None:
    facts = [RouteSet(p, RouteTerms((trunk,)), "ann", "") for p, trunk in by_prefix.items()]
    plan = given(evolve, *TRUNKS, *facts)
    fitting = sorted((p for p in by_prefix if digits.startswith(p)), key=len)
    expected = fitting[-1] if fitting else ""
    assert plan.route_of(digits)[0] == expected


def test_setting_the_same_route_again_changes_nothing() -> None:
    terms = RouteTerms(("acme",))
    plan = given(evolve, *TRUNKS, RouteSet("48", terms, "ann", ""))
    assert plan.set_route("48", terms, "bob", "again") == []


def test_a_route_names_trunks_that_exist_each_once_and_in_order_at_least_one() -> None:
    with pytest.raises(NotFound):
        given(evolve, *TRUNKS).set_route("48", RouteTerms(("nobody",)), "ann", "")
    with pytest.raises(ValueError, match="names its trunks"):
        RouteTerms((), Order.LISTED)
    with pytest.raises(ValueError, match="each trunk once"):
        RouteTerms(("acme", "acme"))
    with pytest.raises(ValueError, match="at most 50"):
        RouteTerms(tuple(str(each) for each in range(51)))


@pytest.mark.parametrize("prefix", ["+48", "048", "4 8", "x", "\u0664\u0668", "4" * 16])
def test_a_prefix_is_digits_country_code_first(prefix: str) -> None:
    plan = given(evolve, *TRUNKS)
    for decision in (
        lambda: plan.set_route(prefix, RouteTerms(), "ann", ""),
        lambda: plan.block(prefix, "name", "ann", "why"),
        lambda: plan.allow(prefix, "name", "ann", "why"),
    ):
        with pytest.raises(SettingNotAllowed):
            decision()


def test_what_is_not_there_cannot_be_removed() -> None:
    with pytest.raises(NotFound):
        RoutingPlan().remove_route("48", "ann", "")
    with pytest.raises(NotFound):
        RoutingPlan().remove_rule("48", "ann", "")


# Blocked


@pytest.mark.parametrize("each", BLOCKED_RANGES, ids=lambda each: each.prefix)
def test_satellites_and_international_premium_are_blocked_by_themselves(each: object) -> None:
    assert RoutingPlan().blocked(f"{each.prefix}61234567") == each  # type: ignore[attr-defined]


def test_no_built_in_range_begins_another_and_each_has_a_source() -> None:
    prefixes = [each.prefix for each in BLOCKED_RANGES]
    assert prefixes == sorted(prefixes)
    assert all(each.source and each.name for each in BLOCKED_RANGES)
    assert not [
        (one, other)
        for one in prefixes
        for other in prefixes
        if one != other and other.startswith(one)
    ]


def test_an_ordinary_number_is_not_blocked_and_a_premium_one_is() -> None:
    assert RoutingPlan().blocked("48221234567") is None
    blocked = RoutingPlan().blocked("48700123456", "48")
    assert blocked is not None
    assert (blocked.prefix, blocked.name) == ("48", "premium rate")


def test_an_operator_allows_a_range_by_its_prefix_and_no_shorter_one() -> None:
    def plan(prefix: str) -> RoutingPlan:
        return given(evolve, PrefixAllowed(prefix, "Iridium", "ann", "ships call home"))

    assert plan("881").blocked("881612345678") is None
    assert plan("8816").blocked("881612345678") is None
    assert plan("88").blocked("881612345678") is not None
    assert plan("8816").blocked("881812345678") is not None
    assert plan("979").blocked("979123456789", "979") is None


def test_a_country_is_not_opened_to_its_premium_numbers_by_its_code_alone() -> None:
    country = given(evolve, PrefixAllowed("48", "Poland", "ann", "why"))
    assert country.blocked("48700123456", "48") is not None
    premium = given(evolve, PrefixAllowed("4870", "chat lines", "ann", "why"))
    assert premium.blocked("48700123456", "48") is None


def test_an_operator_blocks_more_and_the_longest_word_counts() -> None:
    plan = given(
        evolve,
        PrefixBlocked("53", "Cuba", "ann", "fraud"),
        PrefixAllowed("537", "Havana", "ann", "asked for"),
    )
    blocked = plan.blocked("5321234567")
    assert blocked is not None
    assert (blocked.name, blocked.source) == ("Cuba", OPERATOR)
    assert plan.blocked("5371234567") is None
    again = evolve(plan, PrefixRuleRemoved("53", "ann", "over"))
    assert again.blocked("5321234567") is None


def test_a_block_counts_over_an_allowance_that_came_before_it() -> None:
    plan = given(
        evolve,
        PrefixAllowed("881", "Iridium", "ann", "why"),
        PrefixBlocked("881", "Iridium", "bob", "too dear"),
    )
    assert plan.blocked("881612345678") is not None
    assert plan.block("881", "Iridium", "bob", "again") == []


@pytest.mark.parametrize(("name", "why"), [("", "why"), ("name", ""), ("a\nb", "w"), (" ", "w")])
def test_nothing_is_allowed_without_a_name_and_a_reason(name: str, why: str) -> None:
    with pytest.raises(SettingNotAllowed):
        RoutingPlan().allow("881", name, "ann", why)


def test_there_is_a_most_of_everything() -> None:
    rules = {str(n): Rule(str(n), "x", allowed=False) for n in range(10_000, 10_000 + MOST_RULES)}
    with pytest.raises(SettingNotAllowed, match="5001"):
        RoutingPlan(rules=rules).block("99999", "x", "ann", "why")
