"""Providers, trunks, routes, blocked prefixes and access numbers as lists show them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from attrs import frozen

from domain.money import Money


@frozen
class ProviderRow:
    name: str
    unit: str
    rated: bool
    active: bool
    changed_at: datetime
    changed_by: str
    why: str


@frozen
class TrunkRow:
    """``translations`` are match:strip:prepend."""

    name: str
    provider: str
    capacity: int
    priority: int
    translations: tuple[str, ...]
    caller_id: str | None
    active: bool
    changed_at: datetime
    changed_by: str
    why: str


@frozen
class RouteRow:
    """The empty prefix is all numbers without a route of their own; no trunks are all trunks."""

    prefix: str
    trunks: tuple[str, ...]
    order: str
    changed_at: datetime
    changed_by: str
    why: str


@frozen
class PrefixRuleRow:
    """The operator's word on a prefix."""

    prefix: str
    name: str
    allowed: bool
    changed_at: datetime
    changed_by: str
    why: str


@frozen
class AccessNumberRow:
    """``changed_by`` is None as long as it is as it was added."""

    number: str
    service: str
    login_mode: str
    language: str
    first_announcement: str | None
    surcharge: Money | None
    surcharge_per_minute: Money | None
    country: str
    open: bool
    changed_at: datetime
    changed_by: str | None


class RouteViews(Protocol):
    """Lists are ordered by name, number or prefix, and paged by that of the last row seen."""

    def providers(self, after: str | None, limit: int) -> Sequence[ProviderRow]: ...

    def trunks(
        self, after: str | None, limit: int, *, provider: str | None = None
    ) -> Sequence[TrunkRow]: ...

    def routes(self, after: str | None, limit: int) -> Sequence[RouteRow]: ...

    def prefix_rules(self, after: str | None, limit: int) -> Sequence[PrefixRuleRow]: ...

    def access_numbers(self, after: str | None, limit: int) -> Sequence[AccessNumberRow]: ...
