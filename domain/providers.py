"""A provider: a carrier that calls are bought from, in a unit of its own, by its own rate sheet."""

from __future__ import annotations

import re
from typing import assert_never

from attrs import evolve as changed
from attrs import field, frozen, validators

from domain.errors import AlreadyExists, SettingNotAllowed
from domain.money import check_unit

_OF_PROVIDERS = "provider:"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,79}", re.ASCII)


def check_name(what: str, name: str) -> str:
    """The name, if it is plain enough for a channel string. Raises SettingNotAllowed."""
    if not _NAME.fullmatch(name):
        accepted = "a letter or digit, then at most 79 letters, digits, _, . and -"
        raise SettingNotAllowed(f"name of a {what}", name[:100], accepted)
    return name


@frozen
class ProviderTerms:
    """How calls are bought from a provider."""

    unit: str = field(converter=check_unit)
    """What its calls are paid in."""
    rated: bool = field(default=True, validator=validators.instance_of(bool))
    """It serves what its rate sheet has a rate for, and nothing else. Without rates it serves
    everything at a cost that nobody knows."""
    active: bool = field(default=True, validator=validators.instance_of(bool))


# Facts.


@frozen
class ProviderAdded:
    name: str
    terms: ProviderTerms
    by: str
    why: str


@frozen
class ProviderChanged:
    terms: ProviderTerms
    by: str
    why: str


ProviderFact = ProviderAdded | ProviderChanged

# State and decisions.


@frozen
class Provider:
    name: str
    terms: ProviderTerms

    @property
    def tariff(self) -> str:
        """The name its rate sheets are published under."""
        return tariff_of(self.name)

    def change(self, terms: ProviderTerms, by: str, why: str) -> list[ProviderFact]:
        """Raises SettingNotAllowed for another unit: its rates and past costs are in this one."""
        if terms.unit != self.terms.unit:
            accepted = f"{self.terms.unit}, the unit of provider {self.name}"
            raise SettingNotAllowed("unit", terms.unit, accepted)
        return [] if terms == self.terms else [ProviderChanged(terms, by, why)]


def tariff_of(provider: str) -> str:
    """Tariffs of providers have names of their own kind: no card is ever sold under one."""
    return f"{_OF_PROVIDERS}{provider}"


def provider_of(tariff: str) -> str | None:
    """The provider whose rates a tariff is; None for one that cards are sold under."""
    return tariff.removeprefix(_OF_PROVIDERS) if tariff.startswith(_OF_PROVIDERS) else None


def add(
    provider: Provider | None, name: str, terms: ProviderTerms, by: str, why: str
) -> list[ProviderFact]:
    if provider is None:
        return [ProviderAdded(check_name("provider", name), terms, by, why)]
    if provider.terms != terms:
        raise AlreadyExists("provider", name)
    return []


def evolve(provider: Provider | None, fact: ProviderFact) -> Provider:
    if isinstance(fact, ProviderAdded):
        return Provider(fact.name, fact.terms)
    assert provider is not None, "a provider begins with ProviderAdded"
    match fact:
        case ProviderChanged(terms):
            return changed(provider, terms=terms)
        case _:
            assert_never(fact)
