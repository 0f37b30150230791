"""Attempts, minutes, revenue and cost, announced time and failed logins, added up."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from uuid import UUID

from adapters.persistence.codec import RecordedFact
from adapters.persistence.read_models import report_tables as tables
from adapters.persistence.read_models.from_log import Place, facts_at, firsts
from adapters.persistence.read_models.report_money import NOBODY, slots
from adapters.persistence.read_models.rows import Row, Rows
from adapters.persistence.read_models.sums import Sums
from adapters.persistence.view_store import ViewStore
from application.reports import Dimension
from domain.call_sessions import (
    AttemptRouted,
    AttemptSettled,
    AttemptStarted,
    CallEnded,
    CallStarted,
    LoginRefused,
    RoutesPlanned,
    TimeAnnounced,
)
from domain.costs import margin
from domain.honest_minutes import Delivery, delivery

_OF_ATTEMPTS = (AttemptStarted, RoutesPlanned, TimeAnnounced, AttemptSettled)
_MINE = (*_OF_ATTEMPTS, CallStarted, CallEnded, LoginRefused)
OF_CALLS = (*_MINE, AttemptRouted)

_GROUP, _DESTINATION = Dimension.GROUP.value, Dimension.DESTINATION.value
_ACCESS_NUMBER, _ROUTE = Dimension.ACCESS_NUMBER.value, Dimension.ROUTE.value
_KNOWN_BY_ARRIVAL = (LoginRefused, AttemptStarted)


class CallsOfAPage:
    """The facts of one page about calls."""

    def __init__(self, views: ViewStore, facts: Sequence[RecordedFact]) -> None:
        self._views = views
        self._facts = [r for r in facts if isinstance(r.fact, _MINE)]
        self._routed: dict[Place, AttemptRouted] = {
            (r.originator_id, r.originator_version): r.fact
            for r in facts
            if isinstance(r.fact, AttemptRouted)
        }

    def apply(self) -> None:
        if not self._facts:
            return
        views, facts = self._views, self._facts
        begun = {(r.originator_id,) for r in facts if isinstance(r.fact, CallStarted)}
        calls = ((r.originator_id,) for r in facts)
        self._calls = Rows(views, tables.open_calls, calls, new=begun)
        keys = ((r.originator_id, r.fact.number) for r in facts if isinstance(r.fact, _OF_ATTEMPTS))
        placed = {
            (r.originator_id, r.fact.number) for r in facts if isinstance(r.fact, AttemptStarted)
        }
        self._attempts = Rows(views, tables.open_attempts, keys, new=placed)
        payers = ((r.fact.account_id,) for r in facts if isinstance(r.fact, AttemptStarted))
        self._accounts = Rows(views, tables.accounts, payers)
        self._started = self._arrivals()
        self._routed |= self._routed_beyond_the_page()
        self._usage = Sums(views, tables.usage)
        self._refusals = Sums(views, tables.refusals)
        for recorded in facts:
            self._apply(recorded)
        for written in (self._calls, self._attempts, self._usage, self._refusals):
            written.write()

    def _apply(self, recorded: RecordedFact) -> None:
        session_id = recorded.originator_id
        match recorded.fact:
            case CallStarted() as call:
                self._calls.put(
                    {
                        "session_id": session_id,
                        "access_number": call.access_number,
                        "caller_id": call.caller_id or "",
                        "started_at": recorded.recorded_at,
                    }
                )
            case CallEnded():
                if self._calls.get(session_id) is not None:
                    self._calls.remove(session_id)
            case LoginRefused(reason):
                call = self._started[session_id]
                key = (call.access_number, call.caller_id or "", reason)
                for when in slots(recorded.recorded_at):
                    self._refusals.add((*when, *key), refused=1)
            case AttemptStarted() as attempt:
                account = self._accounts.get(attempt.account_id)
                self._attempts.put(
                    {
                        "session_id": session_id,
                        "number": attempt.number,
                        "group_id": account["group_id"] if account else NOBODY,
                        "destination": attempt.destination_name,
                        "access_number": self._started[session_id].access_number,
                        "unit": attempt.held.unit,
                        "held": attempt.held.micros,
                        "limit_seconds": attempt.limit_seconds,
                        "announced": attempt.limit_seconds,
                        "placed_at": attempt.placed_at,
                        "routes": "[]",
                    }
                )
            case RoutesPlanned(number, routes):
                planned = [(each.provider or "", each.trunk) for each in routes]
                self._attempts.change(session_id, number)["routes"] = json.dumps(planned)
            case TimeAnnounced(number, seconds):
                self._attempts.change(session_id, number)["announced"] = seconds
            case AttemptSettled() as settled:
                row = self._attempts.remove(session_id, settled.number)
                routed = self._routed.get((session_id, recorded.originator_version + 1))
                self._settle(row, settled, routed)

    def _settle(self, row: Row, settled: AttemptSettled, routed: AttemptRouted | None) -> None:
        measured = self._usage.amounts(**_measured(settled, routed), **_promise(row, settled))
        route = ("", "") if routed is None else (routed.provider or "", routed.trunk)
        by = (
            (_GROUP, "", ""),
            (_DESTINATION, row["destination"], ""),
            (_ACCESS_NUMBER, row["access_number"], ""),
            (_ROUTE, *route),
        )
        passed_over = json.loads(row["routes"])[: routed.leg - 1] if routed else []
        placed_at, group_id, unit = row["placed_at"], row["group_id"], row["unit"]
        for grain, slot in slots(placed_at):
            keys = [
                (grain, dimension, slot, group_id, name, detail, unit)
                for dimension, name, detail in by
            ]
            self._usage.add_all(keys, measured)
            for provider, trunk in passed_over:
                key = (grain, _ROUTE, slot, group_id, provider, trunk, unit)
                self._usage.add(key, passed_over=1)

    def _arrivals(self) -> Mapping[UUID, CallStarted]:
        """How the calls began whose failed logins and attempts are in the page."""
        wanted = {r.originator_id for r in self._facts if isinstance(r.fact, _KNOWN_BY_ARRIVAL)}
        begun = {r.originator_id: r.fact for r in self._facts if isinstance(r.fact, CallStarted)}
        return begun | firsts(self._views.connection, wanted - begun.keys())

    def _routed_beyond_the_page(self) -> Mapping[Place, AttemptRouted]:
        """The route of an attempt is stored right behind its settlement, in one transaction with
        it, so it can be read even where the page ends in between."""
        newest = {r.originator_id: r.originator_version for r in self._facts}
        # Where the page has a later fact of the call, it has all that came before.
        behind = {
            (r.originator_id, r.originator_version + 1)
            for r in self._facts
            if isinstance(r.fact, AttemptSettled)
            and newest[r.originator_id] == r.originator_version
        }
        found = facts_at(self._views.connection, behind - self._routed.keys())
        return {place: fact for place, fact in found.items() if isinstance(fact, AttemptRouted)}


def _measured(settled: AttemptSettled, routed: AttemptRouted | None) -> dict[str, int]:
    answered = settled.answered_at is not None
    left = margin(settled.charge, routed.cost, routed.exchange) if routed else None
    charged = settled.charge.micros
    unknown = answered and left is None
    return {
        "attempts": 1,
        "answered": int(answered),
        "seconds": settled.seconds,
        "charged": charged,
        "cost": charged - left.micros if left is not None else 0,
        "uncosted": charged if unknown else 0,
        "unknown_costs": int(unknown),
    }


def _promise(row: Row, settled: AttemptSettled) -> dict[str, int]:
    """What was announced of an answered attempt, and what became of it."""
    told = row["announced"]
    if told is None or settled.answered_at is None:
        return {}
    became = delivery(told, row["limit_seconds"], settled)
    cut = became in (Delivery.CUT_AT_LIMIT, Delivery.CUT_BY_FAULT)
    return {
        "announced": 1,
        "announced_seconds": told,
        "delivered_seconds": settled.seconds,
        "cut_at_limit": int(became is Delivery.CUT_AT_LIMIT),
        "cut_by_fault": int(became is Delivery.CUT_BY_FAULT),
        "unwitnessed": int(became is Delivery.UNWITNESSED),
        "short_seconds": told - settled.seconds if cut else 0,
    }
