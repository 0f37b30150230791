"""What an operator sets up to get calls out: providers, trunks, routes, and what is blocked."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from uuid import UUID

from attrs import frozen

from application import kinds
from application.administration import Administration
from application.ports import SheetRow, Unit, UnitsOfWork
from application.streams import Fact, Kind, State
from domain import providers, trunks
from domain.errors import NotFound, SettingNotAllowed
from domain.providers import Provider, ProviderTerms
from domain.routing import RouteTerms, RoutingFact, RoutingPlan
from domain.trunks import Trunk, TrunkTerms


@frozen
class Routing:
    units: UnitsOfWork
    administration: Administration

    # ---- providers

    def add_provider(self, name: str, terms: ProviderTerms, by: str, why: str) -> None:
        """Raises AlreadyExists for a provider of this name with other terms."""
        provider_id = kinds.provider_id(name)
        _check_said(by, why)

        def decide(unit: Unit) -> None:
            provider = unit.get(kinds.PROVIDERS, provider_id)
            facts = providers.add(provider, name, terms, by, why)
            unit.record(kinds.PROVIDERS, provider_id, facts)

        self.units.run(decide, writes=(provider_id,))

    def change_provider(
        self, name: str, change: Callable[[ProviderTerms], ProviderTerms], by: str, why: str
    ) -> ProviderTerms:
        """``change`` turns the terms of now into those wanted, so that nobody undoes what somebody
        else changed meanwhile. Raises NotFound, SettingNotAllowed."""
        provider_id = kinds.provider_id(name)
        _check_said(by, why)

        def decide(unit: Unit) -> ProviderTerms:
            provider = unit.get(kinds.PROVIDERS, provider_id)
            if provider is None:
                raise NotFound("provider", name)
            terms = change(provider.terms)
            unit.record(kinds.PROVIDERS, provider_id, provider.change(terms, by, why))
            return terms

        return self.units.run(decide, writes=(provider_id,))

    def provider(self, name: str) -> Provider:
        return self._get(kinds.PROVIDERS, kinds.provider_id(name), "provider", name)

    def publish_rates(self, name: str, rows: Iterable[SheetRow], since: datetime, by: str) -> int:
        """The provider's next rate sheet, in force from a moment on; gives its version.

        It is a tariff like any other, under a name that only providers have. Raises NotFound,
        ValueError for a bad row.
        """
        provider = self.provider(name)
        return self.administration.publish_tariff(
            provider.tariff, provider.terms.unit, rows, since, by
        )

    # ---- trunks

    def add_trunk(self, name: str, terms: TrunkTerms, by: str, why: str) -> None:
        """Raises NotFound for its provider, AlreadyExists for the name with other terms."""
        trunk_id, provider_id = kinds.trunk_id(name), kinds.provider_id(terms.provider)
        _check_said(by, why)

        def decide(unit: Unit) -> None:
            trunk = unit.get(kinds.TRUNKS, trunk_id)
            self._check_provider(unit, terms)
            unit.record(kinds.TRUNKS, trunk_id, trunks.add(trunk, name, terms, by, why))
            unit.record(kinds.ROUTING, kinds.ROUTING_ID, _plan(unit).list_trunk(name))

        self.units.run(decide, writes=(trunk_id, kinds.ROUTING_ID), reads=(provider_id,))

    def change_trunk(
        self, name: str, change: Callable[[TrunkTerms], TrunkTerms], by: str, why: str
    ) -> TrunkTerms:
        """Raises NotFound for the trunk or its provider."""
        trunk_id = kinds.trunk_id(name)
        _check_said(by, why)

        def decide(unit: Unit) -> TrunkTerms:
            trunk = unit.get(kinds.TRUNKS, trunk_id)
            if trunk is None:
                raise NotFound("trunk", name)
            terms = change(trunk.terms)
            self._check_provider(unit, terms)
            unit.record(kinds.TRUNKS, trunk_id, trunk.change(terms, by, why))
            return terms

        return self.units.run(decide, writes=(trunk_id,))

    def trunk(self, name: str) -> Trunk:
        return self._get(kinds.TRUNKS, kinds.trunk_id(name), "trunk", name)

    # ---- routes, and what is blocked

    def set_route(self, prefix: str, terms: RouteTerms, by: str, why: str) -> None:
        """Raises SettingNotAllowed for a bad prefix, NotFound for a trunk."""
        _check_said(by, why)
        self._change(lambda plan: plan.set_route(prefix, terms, by, why))

    def remove_route(self, prefix: str, by: str, why: str) -> None:
        _check_said(by, why)
        self._change(lambda plan: plan.remove_route(prefix, by, why))

    def block(self, prefix: str, name: str, by: str, why: str) -> None:
        _check_said(by, why)
        self._change(lambda plan: plan.block(prefix, name, by, why))

    def allow(self, prefix: str, name: str, by: str, why: str) -> None:
        """Raises SettingNotAllowed without a name and a reason."""
        _check_said(by, why)
        self._change(lambda plan: plan.allow(prefix, name, by, why))

    def remove_rule(self, prefix: str, by: str, why: str) -> None:
        _check_said(by, why)
        self._change(lambda plan: plan.remove_rule(prefix, by, why))

    def plan(self) -> RoutingPlan:
        return self.units.run(_plan, writes=(), reads=(kinds.ROUTING_ID,))

    def _change(self, decision: Callable[[RoutingPlan], list[RoutingFact]]) -> None:
        def decide(unit: Unit) -> None:
            unit.record(kinds.ROUTING, kinds.ROUTING_ID, decision(_plan(unit)))

        self.units.run(decide, writes=(kinds.ROUTING_ID,))

    def _get(self, kind: Kind[State, Fact], stream_id: UUID, what: str, name: str) -> State:
        found = self.units.run(
            lambda unit: unit.get(kind, stream_id), writes=(), reads=(stream_id,)
        )
        if found is None:
            raise NotFound(what, name)
        return found

    @staticmethod
    def _check_provider(unit: Unit, terms: TrunkTerms) -> None:
        if unit.get(kinds.PROVIDERS, kinds.provider_id(terms.provider)) is None:
            raise NotFound("provider", terms.provider)


def _plan(unit: Unit) -> RoutingPlan:
    return unit.get(kinds.ROUTING, kinds.ROUTING_ID) or RoutingPlan()


def _check_said(by: str, why: str) -> None:
    """Who and why are kept for ever, so they are short and on one line."""
    for what, text, most in (("by", by, 100), ("why", why, 200)):
        if len(text) > most or not text.isprintable():
            raise SettingNotAllowed(what, text[:most], f"at most {most} printable characters")
