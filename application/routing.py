"""What an operator sets up to get calls out: providers, trunks, routes, and what is blocked."""

from __future__ import annotations

from collections.abc import Callable

from attrs import frozen

from application import kinds
from application.administration import Check, accept
from application.looking import look_up
from application.ports import Unit, UnitsOfWork
from domain import providers, trunks
from domain.errors import NotFound, SettingNotAllowed
from domain.providers import Provider, ProviderTerms
from domain.routing import RouteTerms, RoutingFact, RoutingPlan
from domain.trunks import Trunk, TrunkTerms


@frozen
class Routing:
    units: UnitsOfWork

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
        self,
        name: str,
        change: Callable[[ProviderTerms], ProviderTerms],
        by: str,
        why: str,
        *,
        check: Check[Provider] = accept,
    ) -> ProviderTerms:
        """``change`` turns the terms of now into those wanted, so that nobody undoes what somebody
        else changed meanwhile. Raises NotFound, SettingNotAllowed."""
        provider_id = kinds.provider_id(name)
        _check_said(by, why)

        def decide(unit: Unit) -> ProviderTerms:
            provider = unit.get(kinds.PROVIDERS, provider_id)
            if provider is None:
                raise NotFound("provider", name)
            check(provider)
            terms = change(provider.terms)
            unit.record(kinds.PROVIDERS, provider_id, provider.change(terms, by, why))
            return terms

        return self.units.run(decide, writes=(provider_id,))

    def provider(self, name: str) -> Provider:
        return look_up(self.units, kinds.PROVIDERS, kinds.provider_id(name), name)

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
        self,
        name: str,
        change: Callable[[TrunkTerms], TrunkTerms],
        by: str,
        why: str,
        *,
        check: Check[Trunk] = accept,
    ) -> TrunkTerms:
        """Raises NotFound for the trunk or its provider."""
        trunk_id = kinds.trunk_id(name)
        _check_said(by, why)

        def decide(unit: Unit) -> TrunkTerms:
            trunk = unit.get(kinds.TRUNKS, trunk_id)
            if trunk is None:
                raise NotFound("trunk", name)
            check(trunk)
            terms = change(trunk.terms)
            self._check_provider(unit, terms)
            unit.record(kinds.TRUNKS, trunk_id, trunk.change(terms, by, why))
            return terms

        return self.units.run(decide, writes=(trunk_id,))

    def trunk(self, name: str) -> Trunk:
        return look_up(self.units, kinds.TRUNKS, kinds.trunk_id(name), name)

    # ---- routes, and what is blocked

    def set_route(
        self,
        prefix: str,
        terms: RouteTerms,
        by: str,
        why: str,
        *,
        check: Check[RoutingPlan] = accept,
    ) -> None:
        """Raises SettingNotAllowed for a bad prefix, NotFound for a trunk."""
        _check_said(by, why)
        self._change(lambda plan: plan.set_route(prefix, terms, by, why), check)

    def remove_route(
        self, prefix: str, by: str, why: str, *, check: Check[RoutingPlan] = accept
    ) -> None:
        _check_said(by, why)
        self._change(lambda plan: plan.remove_route(prefix, by, why), check)

    def block(
        self,
        prefix: str,
        name: str,
        by: str,
        why: str,
        *,
        check: Check[RoutingPlan] = accept,
    ) -> None:
        _check_said(by, why)
        self._change(lambda plan: plan.block(prefix, name, by, why), check)

    def allow(
        self,
        prefix: str,
        name: str,
        by: str,
        why: str,
        *,
        check: Check[RoutingPlan] = accept,
    ) -> None:
        """Raises SettingNotAllowed without a name and a reason."""
        _check_said(by, why)
        self._change(lambda plan: plan.allow(prefix, name, by, why), check)

    def remove_rule(
        self, prefix: str, by: str, why: str, *, check: Check[RoutingPlan] = accept
    ) -> None:
        _check_said(by, why)
        self._change(lambda plan: plan.remove_rule(prefix, by, why), check)

    def plan(self) -> RoutingPlan:
        return self.units.run(_plan, writes=(), reads=(kinds.ROUTING_ID,))

    def _change(
        self, decision: Callable[[RoutingPlan], list[RoutingFact]], check: Check[RoutingPlan]
    ) -> None:
        def decide(unit: Unit) -> None:
            plan = _plan(unit)
            check(plan)
            unit.record(kinds.ROUTING, kinds.ROUTING_ID, decision(plan))

        self.units.run(decide, writes=(kinds.ROUTING_ID,))

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
