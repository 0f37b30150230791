"""Verifies call sessions: each charge is made again from the terms that were recorded with it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from attrs import define, field

from domain.audit_corrections import Corrected, CorrectedSeen, CorrectionsAudit
from domain.audit_rules import Findings, Place, Rule
from domain.call_sessions import (
    MOST_ATTEMPTS,
    AttemptRefunded,
    AttemptRerated,
    AttemptRouted,
    AttemptSeen,
    AttemptSettled,
    AttemptStarted,
    CallEnded,
    CallStarted,
    LegUnanswered,
    LoginRefused,
    PayerIdentified,
    PlannedRoute,
    RoutesPlanned,
    SettlementDisputed,
    TimeAnnounced,
)
from domain.costs import cost
from domain.money import Money
from domain.rating import charge, whole_seconds


@define
class AttemptSettledSeen:
    position: int
    charge: int
    seconds: int
    setup: bool
    """A setup fee is part of the charge."""


@define
class AttemptOf:
    """The session's side of a hold."""

    session: int
    number: int
    account: int
    card: int
    started: int
    """Its position."""
    held: int
    unit: str
    deadline: datetime
    settled: AttemptSettledSeen | None = None
    corrected: CorrectedSeen | None = None

    @property
    def charge(self) -> int | None:
        """What is charged now; None: it is not settled."""
        if self.corrected is not None:
            return self.corrected.charge
        return self.settled.charge if self.settled is not None else None


@define
class SessionSeen:
    attempts: int = 0
    open: dict[int, tuple[AttemptStarted, AttemptOf]] = field(factory=dict)
    routes: dict[int, tuple[PlannedRoute, ...]] = field(factory=dict)
    last: AttemptSettled | None = None
    """The newest settlement: what its route cost is recorded right behind it."""
    seconds: int = 0
    charged: int = 0
    ended: bool = False
    position: int = 0


class CallsAudit:
    """Feed it the facts of call sessions, each stream in order."""

    def __init__(self, findings: Findings) -> None:
        self._findings = findings
        self.sessions: dict[int, SessionSeen] = {}
        self.attempts: dict[int, list[AttemptOf]] = {}
        """By the number of the hold; more than one is one too many."""
        self.corrections = CorrectionsAudit(findings)
        self.tells: dict[type, Callable[[Place, Any], object]] = {
            CallStarted: self._started,
            LoginRefused: self._session,
            PayerIdentified: self._session,
            TimeAnnounced: self._session,
            LegUnanswered: self._session,
            SettlementDisputed: self._session,
            AttemptStarted: self._attempt_started,
            RoutesPlanned: self._routes_planned,
            AttemptSeen: self._attempt_seen,
            AttemptSettled: self._attempt_settled,
            AttemptRouted: self._attempt_routed,
            AttemptRerated: self._corrected,
            AttemptRefunded: self._corrected,
            CallEnded: self._ended,
        }

    def _started(self, place: Place, _: CallStarted) -> None:
        if place.stream in self.sessions:
            self._find(place, Rule.ONE_THING, "the call was started before")
            return
        self.sessions[place.stream] = SessionSeen(position=place.position)

    def _session(self, place: Place, _: object) -> SessionSeen:
        session = self.sessions.get(place.stream)
        if session is None:
            self._find(place, Rule.ONE_THING, "the call was never started")
            session = self.sessions[place.stream] = SessionSeen()
        session.position = place.position
        return session

    def _attempt_started(self, place: Place, fact: AttemptStarted) -> None:
        session = self._session(place, fact)
        if fact.number != session.attempts + 1 or fact.number > MOST_ATTEMPTS:
            why = f"attempt {fact.number} was started after {session.attempts} others"
            self._find(place, Rule.SETTLED_ONCE, why)
        session.attempts += 1
        told = AttemptOf(
            place.stream,
            fact.number,
            fact.account_id.int,
            fact.card_id.int,
            place.position,
            fact.held.micros,
            fact.held.unit,
            fact.deadline,
        )
        session.open[fact.number] = (fact, told)
        self.attempts.setdefault(fact.hold_id.int, []).append(told)
        self._check_hold(place, fact)

    def _check_hold(self, place: Place, fact: AttemptStarted) -> None:
        """At least the whole grant, answered at once. How long a phone may ring is a setting, so
        what an answer in a dearer band would cost is not known here."""
        try:
            price = charge(
                fact.terms, fact.placed_at, fact.limit_seconds, setup_due=fact.first_use
            ).total
            covered = price <= fact.held
        except ValueError as error:
            self._find(place, Rule.HOLD_COVERS, str(error))
            return
        if not covered:
            why = f"{fact.limit_seconds} seconds cost {price}, and {fact.held} was held"
            self._find(place, Rule.HOLD_COVERS, why)

    def _routes_planned(self, place: Place, fact: RoutesPlanned) -> None:
        self._session(place, fact).routes[fact.number] = fact.routes

    def _attempt_seen(self, place: Place, fact: AttemptSeen) -> None:
        session = self._session(place, fact)
        if fact.number not in session.open:
            self._find(place, Rule.SETTLED_ONCE, f"attempt {fact.number} is not open")

    def _attempt_settled(self, place: Place, fact: AttemptSettled) -> None:
        session = self._session(place, fact)
        known = session.open.pop(fact.number, None)
        if known is None:
            before = fact.number <= session.attempts
            why = "was settled before" if before else "was never started"
            self._find(place, Rule.SETTLED_ONCE, f"attempt {fact.number} {why}")
            return
        started, told = known
        if fact.charge > started.held:
            why = f"{fact.charge} was charged, and {started.held} was held"
            self._find(place, Rule.CHARGE_IN_HOLD, why)
        setup = self._check_charge(place, started, fact)
        told.settled = AttemptSettledSeen(place.position, fact.charge.micros, fact.seconds, setup)
        session.last = fact
        session.seconds += fact.seconds
        session.charged += fact.charge.micros

    def _check_charge(self, place: Place, started: AttemptStarted, fact: AttemptSettled) -> bool:
        """Makes the charge again; gives whether a setup fee is part of it."""
        if fact.answered_at is None:
            if fact.seconds or fact.charge.micros:
                why = f"nobody answered, and {fact.seconds} seconds were charged {fact.charge}"
                self._find(place, Rule.PRICE, why)
            return False
        seconds = min(whole_seconds(fact.talked_ms), started.limit_seconds)
        if fact.seconds != seconds:
            why = f"{fact.seconds} seconds were charged, and {seconds} were talked within the limit"
            self._find(place, Rule.PRICE, why)
        if fact.setup_due and not started.first_use:
            self._find(place, Rule.SETUP_ONCE, "a setup fee that was not held for")
        price = charge(started.terms, fact.answered_at, fact.seconds, setup_due=fact.setup_due)
        due = min(price.total.micros, started.held.micros)
        if fact.charge != Money(due, started.held.unit):
            made = Money(due, started.held.unit)
            why = f"{fact.charge} was charged, and the recorded terms make it {made}"
            self._find(place, Rule.PRICE, why)
        return any(line.what == "setup fee" for line in price.lines)

    def _attempt_routed(self, place: Place, fact: AttemptRouted) -> None:
        session = self._session(place, fact)
        routes = session.routes.pop(fact.number, ())
        settled, session.last = session.last, None
        if settled is None or settled.number != fact.number:
            why = f"a route is told of attempt {fact.number}, which was not settled just before"
            self._find(place, Rule.COST, why)
            return
        if not 1 <= fact.leg <= len(routes):
            self._find(place, Rule.COST, f"leg {fact.leg} was never planned")
            return
        route = routes[fact.leg - 1]
        planned = (route.trunk, route.provider, route.terms, route.exchange)
        if planned != (fact.trunk, fact.provider, fact.terms, fact.exchange):
            self._find(place, Rule.COST, f"leg {fact.leg} was planned otherwise")
            return
        due = None
        if fact.terms is not None:
            due = Money(0, fact.terms.unit)
            if settled.answered_at is not None:
                due = cost(fact.terms, settled.answered_at, whole_seconds(settled.talked_ms))
        if fact.cost != due:
            why = f"the cost is {fact.cost}, and the recorded terms make it {due}"
            self._find(place, Rule.COST, why)

    def _corrected(self, place: Place, fact: Corrected) -> None:
        session = self._session(place, fact)
        own = (place.stream, fact.number)
        several = self.attempts.get(fact.hold_id.int, ())
        told = next((each for each in several if (each.session, each.number) == own), None)
        if told is None or told.settled is None:
            why = f"attempt {fact.number} with this hold was not settled"
            self._find(place, Rule.CORRECTION, why)
            return
        if {fact.charge.unit, fact.charge_before.unit} != {told.unit}:
            why = f"{fact.charge} is charged of an account in {told.unit}"
            self._find(place, Rule.AMOUNTS, why)
            return
        if told.corrected is None:
            told.corrected = CorrectedSeen(told.settled.charge)
        session.charged += fact.charge.micros - told.corrected.charge
        self.corrections.add(
            place.position,
            fact,
            told.corrected,
            account=told.account,
            held=told.held,
            seconds=told.settled.seconds,
            setup=told.settled.setup,
        )

    def _ended(self, place: Place, fact: CallEnded) -> None:
        session = self._session(place, fact)
        if session.ended:
            self._find(place, Rule.ONE_THING, "the call was ended before")
        session.ended = True
        if not session.open:
            session.routes.clear()
            session.last = None

    def _find(self, place: Place, rule: Rule, why: str) -> None:
        self._findings.add(place.position, rule, why)
