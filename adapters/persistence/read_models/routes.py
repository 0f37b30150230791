"""Providers, trunks, routes, blocked prefixes and access numbers as lists show them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Table

from adapters.persistence.codec import RecordedFact
from adapters.persistence.read_model import Page
from adapters.persistence.read_models import route_tables as tables
from adapters.persistence.read_models.rows import Row, Rows
from adapters.persistence.view_store import ViewStore
from domain.access_numbers import AccessNumberAdded, AccessNumberChanged, AccessTerms
from domain.money import Money
from domain.providers import ProviderAdded, ProviderChanged, ProviderTerms
from domain.routing import (
    PrefixAllowed,
    PrefixBlocked,
    PrefixRuleRemoved,
    RouteRemoved,
    RouteSet,
)
from domain.trunks import TrunkAdded, TrunkChanged, TrunkTerms

_OF_A_PROVIDER = (ProviderAdded, ProviderChanged)
_OF_A_TRUNK = (TrunkAdded, TrunkChanged)
_OF_A_ROUTE = (RouteSet, RouteRemoved)
_OF_A_RULE = (PrefixBlocked, PrefixAllowed, PrefixRuleRemoved)
_OF_AN_ACCESS_NUMBER = (AccessNumberAdded, AccessNumberChanged)


class Routing:
    name = "routing"
    tables: Sequence[Table] = (tables.providers, tables.trunks, tables.routes, tables.prefix_rules)
    facts: Sequence[type] = (*_OF_A_PROVIDER, *_OF_A_TRUNK, *_OF_A_ROUTE, *_OF_A_RULE)

    def apply(self, views: ViewStore, page: Page) -> None:
        facts = [recorded for _, recorded in page]
        _things(views, tables.providers, _of(facts, _OF_A_PROVIDER), _provider)
        _things(views, tables.trunks, _of(facts, _OF_A_TRUNK), _trunk)
        _prefixes(views, tables.routes, _of(facts, _OF_A_ROUTE))
        _prefixes(views, tables.prefix_rules, _of(facts, _OF_A_RULE))


class AccessNumbers:
    name = "access numbers"
    tables: Sequence[Table] = (tables.access_numbers,)
    facts: Sequence[type] = _OF_AN_ACCESS_NUMBER

    def apply(self, views: ViewStore, page: Page) -> None:
        facts = _of([recorded for _, recorded in page], _OF_AN_ACCESS_NUMBER)
        _things(views, tables.access_numbers, facts, _access_number)


def _of(facts: Sequence[RecordedFact], kinds: tuple[type, ...]) -> list[RecordedFact]:
    return [recorded for recorded in facts if isinstance(recorded.fact, kinds)]


def _things(views: ViewStore, table: Table, facts: list[RecordedFact], columns: Any) -> None:
    """Rows of streams that begin with a fact that has a name, and go on with changed terms."""
    if not facts:
        return
    key = table.primary_key.columns[0].name
    rows = Rows(views, table, ((recorded.originator_id,) for recorded in facts))
    for recorded in facts:
        before = rows.get(recorded.originator_id) or {}
        rows.put({**before, key: recorded.originator_id, **columns(recorded.fact)} | _at(recorded))
    rows.write()


def _at(recorded: RecordedFact) -> Row:
    fact = recorded.fact
    if isinstance(fact, _OF_AN_ACCESS_NUMBER):
        by = fact.by if isinstance(fact, AccessNumberChanged) else None
        return {"changed_at": recorded.recorded_at, "changed_by": by}
    return {"changed_at": recorded.recorded_at, "changed_by": fact.by, "why": fact.why}


def _named(fact: Any, column: str = "name") -> Row:
    """The name, which only the first fact of a stream has."""
    return {column: getattr(fact, column)} if hasattr(fact, column) else {}


def _provider(fact: ProviderAdded | ProviderChanged) -> Row:
    terms: ProviderTerms = fact.terms
    told = {"unit": terms.unit, "rated": terms.rated, "active": terms.active}
    return {**_named(fact), **told}


def _trunk(fact: TrunkAdded | TrunkChanged) -> Row:
    terms: TrunkTerms = fact.terms
    translations = (f"{each.match}:{each.strip}:{each.prepend}" for each in terms.translations)
    return {
        **_named(fact),
        "provider": terms.provider,
        "capacity": terms.capacity,
        "priority": terms.priority,
        "translations": " ".join(translations),
        "caller_id": terms.caller_id,
        "active": terms.active,
    }


def _access_number(fact: AccessNumberAdded | AccessNumberChanged) -> Row:
    terms: AccessTerms = fact.terms
    return {
        **_named(fact, "number"),
        "service": terms.service,
        "login_mode": terms.login_mode.value,
        "language": terms.language,
        "first_announcement": terms.first_announcement,
        **_money("surcharge", terms.surcharge),
        **_money("surcharge_per_minute", terms.surcharge_per_minute),
        "country": terms.country,
        "open": terms.open,
    }


def _money(column: str, amount: Money | None) -> Row:
    return {
        column: amount.micros if amount is not None else None,
        f"{column}_unit": amount.unit if amount is not None else None,
    }


def _prefixes(views: ViewStore, table: Table, facts: list[RecordedFact]) -> None:
    if not facts:
        return
    rows = Rows(views, table, ((recorded.fact.prefix,) for recorded in facts))
    for recorded in facts:
        fact = recorded.fact
        row = {"prefix": fact.prefix, **_at(recorded)}
        match fact:
            case RouteSet(_, terms):
                told = {"trunks": " ".join(terms.trunks), "trunk_order": terms.order.value}
                rows.put(row | told)
            case PrefixBlocked(_, name):
                rows.put(row | {"name": name, "allowed": False})
            case PrefixAllowed(_, name):
                rows.put(row | {"name": name, "allowed": True})
            case RouteRemoved(prefix) | PrefixRuleRemoved(prefix):
                rows.remove(prefix)
    rows.write()
