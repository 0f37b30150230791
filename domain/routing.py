"""The routing plan: which trunks lead to a number, and which numbers nobody may dial.

The operator has one plan. The longest prefix of a number decides its trunks; without a route for it
every trunk may carry it. What is blocked is decided apart from that, by the longest prefix as well:
the operator's own word counts over the built-in ranges, and both over nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import TypeVar, assert_never

from attrs import evolve as changed
from attrs import field, frozen

from domain.blocked_ranges import BLOCKED_RANGES, BlockedRange
from domain.decks import LONGEST_PREFIX
from domain.errors import NotFound, SettingNotAllowed

MOST_TRUNKS = 500
MOST_ROUTES = 5_000
MOST_RULES = 5_000
MOST_TRUNKS_OF_A_ROUTE = 50

OPERATOR = "operator"
NUMBERING_PLAN = "national numbering plan, as libphonenumber knows it"

_RANGES = {each.prefix: each for each in BLOCKED_RANGES}

T = TypeVar("T")


class Order(StrEnum):
    """In which order the trunks of a route are tried."""

    CHEAPEST = "cheapest first"
    LISTED = "as listed"


@frozen
class RouteTerms:
    """The trunks to a destination; none named: all of them, cheapest first."""

    trunks: tuple[str, ...] = ()
    order: Order = Order.CHEAPEST

    def __attrs_post_init__(self) -> None:
        if self.order is Order.LISTED and not self.trunks:
            raise ValueError("a route as listed names its trunks")
        if len(self.trunks) > MOST_TRUNKS_OF_A_ROUTE:
            most = MOST_TRUNKS_OF_A_ROUTE
            raise ValueError(f"a route names at most {most} trunks, not {len(self.trunks)}")
        if len(set(self.trunks)) != len(self.trunks):
            raise ValueError(f"a route names each trunk once, not {', '.join(self.trunks)}")


# Facts.


@frozen
class TrunkListed:
    """A trunk exists from now on: it is one of all trunks."""

    name: str


@frozen
class RouteSet:
    """Numbers that begin with ``prefix`` take this route; the empty prefix is all others."""

    prefix: str
    terms: RouteTerms
    by: str
    why: str


@frozen
class RouteRemoved:
    prefix: str
    by: str
    why: str


@frozen
class PrefixBlocked:
    prefix: str
    name: str
    by: str
    why: str


@frozen
class PrefixAllowed:
    """The operator takes the risk of a range that is blocked by itself."""

    prefix: str
    name: str
    by: str
    why: str


@frozen
class PrefixRuleRemoved:
    """What is blocked there is as it is by itself."""

    prefix: str
    by: str
    why: str


RoutingFact = (
    TrunkListed | RouteSet | RouteRemoved | PrefixBlocked | PrefixAllowed | PrefixRuleRemoved
)

# State and decisions.


@frozen
class Rule:
    """The operator's word on a prefix."""

    prefix: str
    name: str
    allowed: bool


@frozen
class RoutingPlan:
    trunks: tuple[str, ...] = ()
    """All there are, in the order they came."""
    routes: Mapping[str, RouteTerms] = field(factory=dict, hash=False)
    rules: Mapping[str, Rule] = field(factory=dict, hash=False)

    def list_trunk(self, name: str) -> list[RoutingFact]:
        if name in self.trunks:
            return []
        _room("trunks", len(self.trunks), MOST_TRUNKS)
        return [TrunkListed(name)]

    def set_route(self, prefix: str, terms: RouteTerms, by: str, why: str) -> list[RoutingFact]:
        """Raises NotFound for a trunk that does not exist."""
        _check_prefix(prefix, least=0)
        for trunk in terms.trunks:
            if trunk not in self.trunks:
                raise NotFound("trunk", trunk)
        if self.routes.get(prefix) == terms:
            return []
        if prefix not in self.routes:
            _room("routes", len(self.routes), MOST_ROUTES)
        return [RouteSet(prefix, terms, by, why)]

    def remove_route(self, prefix: str, by: str, why: str) -> list[RoutingFact]:
        if prefix not in self.routes:
            raise NotFound("route", prefix or "of all other numbers")
        return [RouteRemoved(prefix, by, why)]

    def block(self, prefix: str, name: str, by: str, why: str) -> list[RoutingFact]:
        if self._is_ruled(prefix, Rule(prefix, name, allowed=False), why):
            return []
        return [PrefixBlocked(prefix, name, by, why)]

    def allow(self, prefix: str, name: str, by: str, why: str) -> list[RoutingFact]:
        """Lets numbers be dialled that are blocked by themselves. A reason is asked for."""
        if self._is_ruled(prefix, Rule(prefix, name, allowed=True), why):
            return []
        return [PrefixAllowed(prefix, name, by, why)]

    def remove_rule(self, prefix: str, by: str, why: str) -> list[RoutingFact]:
        if prefix not in self.rules:
            raise NotFound("blocked or allowed prefix", prefix)
        return [PrefixRuleRemoved(prefix, by, why)]

    def route_of(self, digits: str) -> tuple[str, RouteTerms]:
        """The longest prefix that has a route, and the route; all trunks if there is none."""
        return _longest(self.routes, digits) or ("", RouteTerms())

    def blocked(self, digits: str, premium_in: str | None = None) -> BlockedRange | None:
        """Why these E.164 digits may not be dialled; None if they may.

        ``premium_in`` is the country code if the number is of premium rate there. A premium number
        is allowed by a prefix that says more than its country, so that a whole country is not
        opened to it by accident.
        """
        rule, of_itself = _longest(self.rules, digits), _longest(_RANGES, digits)
        if rule is not None and (of_itself is None or len(rule[0]) >= len(of_itself[0])):
            prefix, word = rule
            if not word.allowed:
                return BlockedRange(prefix, word.name, OPERATOR)
            if premium_in is None or len(prefix) > len(premium_in) or premium_in in _RANGES:
                return None
        elif of_itself is not None:
            return of_itself[1]
        if premium_in is None:
            return None
        return BlockedRange(premium_in, "premium rate", NUMBERING_PLAN)

    def _is_ruled(self, prefix: str, rule: Rule, why: str) -> bool:
        _check_prefix(prefix, least=1)
        for what, text in (("name", rule.name), ("reason", why)):
            if not text.strip() or len(text) > 200 or not text.isprintable():
                raise SettingNotAllowed(what, text[:200], "1 to 200 printable characters")
        if self.rules.get(prefix) == rule:
            return True
        if prefix not in self.rules:
            _room("blocked and allowed prefixes", len(self.rules), MOST_RULES)
        return False


def evolve(plan: RoutingPlan | None, fact: RoutingFact) -> RoutingPlan:
    plan = plan or RoutingPlan()
    match fact:
        case TrunkListed(name):
            return changed(plan, trunks=(*plan.trunks, name))
        case RouteSet(prefix, terms):
            return changed(plan, routes={**plan.routes, prefix: terms})
        case RouteRemoved(prefix):
            return changed(plan, routes=_without(plan.routes, prefix))
        case PrefixBlocked(prefix, name):
            return changed(plan, rules={**plan.rules, prefix: Rule(prefix, name, allowed=False)})
        case PrefixAllowed(prefix, name):
            return changed(plan, rules={**plan.rules, prefix: Rule(prefix, name, allowed=True)})
        case PrefixRuleRemoved(prefix):
            return changed(plan, rules=_without(plan.rules, prefix))
        case _:
            assert_never(fact)


def _check_prefix(prefix: str, *, least: int) -> None:
    digits = not prefix or (prefix.isascii() and prefix.isdigit())
    if not digits or not least <= len(prefix) <= LONGEST_PREFIX or prefix.startswith("0"):
        accepted = f"{least} to {LONGEST_PREFIX} digits of E.164, country code first, without plus"
        raise SettingNotAllowed("prefix", prefix[:40], accepted)


def _room(what: str, count: int, most: int) -> None:
    if count >= most:
        raise SettingNotAllowed(what, str(count + 1), f"at most {most}")


def _longest(by_prefix: Mapping[str, T], digits: str) -> tuple[str, T] | None:
    if not by_prefix:
        return None
    for length in range(min(len(digits), LONGEST_PREFIX), -1, -1):
        if (found := by_prefix.get(digits[:length])) is not None:
            return digits[:length], found
    return None


def _without(by_prefix: Mapping[str, T], prefix: str) -> dict[str, T]:
    return {other: each for other, each in by_prefix.items() if other != prefix}
