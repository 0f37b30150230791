"""A provider sells calls in its own unit; what is left of a charge after its cost is the margin."""

from __future__ import annotations

import pytest
from hypothesis import given as forall
from hypothesis import strategies as st

from domain.costs import Exchange, cost, exchanged, margin
from domain.errors import AlreadyExists, SettingNotAllowed
from domain.money import Money
from domain.providers import ProviderAdded, ProviderChanged, ProviderTerms, add, evolve, tariff_of
from domain.rating import LONGEST_CALL, RateTerms
from tests.support.story import NOON, given, usd

TERMS = ProviderTerms("EUR")


def euro(micros: int) -> Money:
    return Money(micros, "EUR")


def test_a_provider_is_added_once_and_changed_with_who_and_why() -> None:
    assert add(None, "acme", TERMS, "ann", "new") == [ProviderAdded("acme", TERMS, "ann", "new")]
    provider = given(evolve, ProviderAdded("acme", TERMS, "ann", "new"))
    assert provider.tariff == tariff_of("acme") == "provider:acme"
    assert add(provider, "acme", TERMS, "bob", "") == []
    asleep = ProviderTerms("EUR", active=False)
    assert provider.change(asleep, "bob", "down") == [ProviderChanged(asleep, "bob", "down")]
    assert evolve(provider, ProviderChanged(asleep, "bob", "")).change(asleep, "bob", "") == []
    with pytest.raises(AlreadyExists):
        add(provider, "acme", asleep, "bob", "")


def test_a_provider_keeps_its_unit_for_its_rates_are_in_it() -> None:
    provider = given(evolve, ProviderAdded("acme", TERMS, "ann", "new"))
    with pytest.raises(SettingNotAllowed):
        provider.change(ProviderTerms("USD"), "bob", "")
    with pytest.raises(ValueError):
        ProviderTerms("Euro")


def test_a_call_costs_what_the_providers_terms_say() -> None:
    terms = RateTerms("EUR", 60_000, connect_fee=5, initial_block=30, increment=6)
    assert cost(terms, NOON, 0) == euro(0)
    assert cost(terms, NOON, 1) == euro(30_005)
    assert cost(terms, NOON, 31) == euro(36_005)
    assert cost(terms, NOON, LONGEST_CALL + 1) == cost(terms, NOON, LONGEST_CALL)


def test_a_margin_is_what_the_charge_leaves_and_may_be_a_loss() -> None:
    dollar = Exchange("USD", 1_100_000)
    assert margin(usd(100), euro(50), dollar) == usd(45)
    assert margin(usd(100), euro(100), dollar) == usd(-10)
    assert margin(usd(100), usd(60), None) == usd(40)


def test_a_margin_is_unknown_without_a_cost_or_an_exchange() -> None:
    assert margin(usd(100), None, None) is None
    assert margin(usd(100), euro(50), None) is None
    assert margin(Money(2_000_000, "MIN"), euro(50), Exchange("USD", 1_100_000)) is None


@forall(st.integers(0, 10**15), st.integers(1, 10**12))
def test_an_exchange_never_makes_a_cost_look_smaller(micros: int, rate: int) -> None:
    found = exchanged(euro(micros), Exchange("USD", rate)).micros
    assert found * 1_000_000 >= micros * rate
    assert (found - 1) * 1_000_000 < micros * rate


@pytest.mark.parametrize("micros", [0, -1, 10**13])
def test_a_rate_of_exchange_has_bounds(micros: int) -> None:
    with pytest.raises(ValueError):
        Exchange("USD", micros)
