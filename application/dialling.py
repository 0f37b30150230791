"""Dialling a number: what it costs, how long the payer can talk, and the hold that covers it."""

from __future__ import annotations

from datetime import timedelta
from functools import lru_cache

from attrs import evolve, field, frozen

from application import kinds, numbers
from application.calling import Call, session_of
from application.margins import MarginGuard
from application.ports import Clock, Price, Prices, Route, Routes, Unit, UnitsOfWork
from domain.access_numbers import AccessTerms
from domain.call_sessions import AttemptStarted, PlannedRoute
from domain.card_groups import GroupTerms
from domain.errors import DestinationNotSold, InsufficientFunds, NotFound
from domain.money import MINUTES, Money
from domain.rating import (
    RateTerms,
    can_connect,
    least_charge,
    talk_minutes,
    talk_time,
    worst_charge,
)

MARGIN = timedelta(seconds=60)
"""What a leg may outlive its ring time and limit by before it has surely ended."""

OPERATOR_TALK = 1800
"""Seconds. Calls to the operator are free, and no longer than this."""


@frozen
class Grant:
    """Leave to dial: the hold is placed, Asterisk's hard limit is ``limit_seconds``."""

    attempt: int
    number: str
    limit_seconds: int
    announced_seconds: int
    routes: tuple[Route, ...]
    ring_seconds: int


@frozen
class Dialling:
    units: UnitsOfWork
    prices: Prices
    routes: Routes
    clock: Clock
    ring_seconds: int = 60
    """How long each route may ring."""
    margins: MarginGuard = field(factory=MarginGuard)

    def dial(self, call: Call, dialled: str) -> Grant:
        """Reserves the worst cost of the longest call the payer can make to these digits.

        Raises NumberNotDialable, DestinationNotSold, InsufficientFunds, TooManyCalls,
        TooManyAttempts, CardNotUsable.
        """
        assert call.payer is not None, "nobody has logged in"
        number = numbers.destination(dialled)
        price = self.prices.find(call.payer.terms.tariff, number, self.clock.now())
        if price is None:
            raise DestinationNotSold(number)
        routes = self._routes(number)
        terms = priced(price.terms, call.payer.terms, call.access)
        routes = self.margins.check(number, routes, terms, self.clock.now())
        return self._place(call, number, price, call.payer.terms.longest_call, routes)

    def dial_operator(self, call: Call) -> Grant:
        """Free of charge. Raises NotFound if this group has no operator."""
        assert call.payer is not None, "nobody has logged in"
        terms = call.payer.terms
        if terms.operator_number is None:
            raise NotFound("operator", "of this card group")
        price = Price("", "operator", free_of_charge(terms.unit, OPERATOR_TALK))
        routes = self._routes(terms.operator_number)
        return self._place(call, terms.operator_number, price, OPERATOR_TALK, routes)

    def _routes(self, number: str) -> tuple[Route, ...]:
        routes = tuple(self.routes.to(number))
        if not routes:
            raise DestinationNotSold(number)
        return routes

    def _place(
        self, call: Call, number: str, price: Price, longest: int, routes: tuple[Route, ...]
    ) -> Grant:
        payer, now = call.payer, self.clock.now()
        assert payer is not None, "asked for above"
        planned = tuple(self.margins.planned(route, price.terms.unit) for route in routes)
        ringing = timedelta(seconds=self.ring_seconds * len(routes))
        attempt = call.attempts + 1
        hold_id = kinds.hold_id(call.session_id, attempt)

        def granted(seconds: int, terms: GroupTerms, ways: tuple[Route, ...] = routes) -> Grant:
            return Grant(
                attempt, number, seconds, _announced(seconds, terms), ways, self.ring_seconds
            )

        def decide(unit: Unit) -> Grant:
            card = unit.get(kinds.CARDS, payer.card_id)
            group = unit.get(kinds.CARD_GROUPS, payer.group_id)
            account = unit.get(kinds.ACCOUNTS, payer.account_id)
            assert card is not None, "a payer is a card"
            assert group is not None, "a card is generated in a group"
            if account is None:
                raise InsufficientFunds(Money(1, group.terms.unit), Money(0, group.terms.unit))
            session = session_of(unit, call)
            again = session.asked_before(attempt, number, payer.card_id)
            if again is not None:
                # Asked once more, because nobody knew whether it was stored: what was granted then
                # counts, for that is what the hold covers.
                ways = _as_planned(session.attempts[attempt].routes, routes)
                return granted(again.limit_seconds, group.terms, ways)
            card.check_usable(group.terms, now)
            # Before the money: another call that holds all of it does not make this one poor.
            account.check_room(group.terms.simultaneous_calls)
            terms = priced(price.terms, group.terms, call.access)
            setup_due = card.first_used_at is None
            spendable = account.available
            if group.terms.most_held is not None:
                spendable = min(spendable, group.terms.most_held)
            latest = now + ringing
            limit = longest
            if (end := card.expires_at(group.terms)) is not None:
                limit = min(limit, max(1, int((end - now).total_seconds())))
            free = limit <= terms.grace_seconds
            if not free and not can_connect(terms, spendable, now, latest, setup_due=setup_due):
                least = least_charge(terms, now, latest, setup_due=setup_due)
                raise InsufficientFunds(least, spendable)
            seconds = talk_time(terms, spendable, now, latest, setup_due=setup_due, limit=limit)
            held = worst_charge(terms, now, latest, seconds, setup_due=setup_due)
            started = AttemptStarted(
                number=attempt,
                destination=number,
                destination_name=price.destination,
                hold_id=hold_id,
                account_id=payer.account_id,
                card_id=payer.card_id,
                held=held,
                limit_seconds=seconds,
                terms=terms,
                placed_at=now,
                deadline=latest + timedelta(seconds=seconds) + MARGIN,
                first_use=setup_due,
            )
            facts = session.start_attempt(started)
            unit.record(kinds.CALL_SESSIONS, call.session_id, facts)
            facts = session_of(unit, call).plan_routes(attempt, planned)
            unit.record(kinds.CALL_SESSIONS, call.session_id, facts)
            told = _announced(seconds, group.terms) if payer.terms.say_time else None
            if told != seconds:
                facts = session_of(unit, call).announce(attempt, told)
                unit.record(kinds.CALL_SESSIONS, call.session_id, facts)
            most = group.terms.simultaneous_calls
            unit.record(kinds.ACCOUNTS, payer.account_id, account.hold(hold_id, held, most=most))
            return granted(seconds, group.terms)

        grant = self.units.run(
            decide,
            writes=(call.session_id, payer.account_id),
            reads=(payer.card_id, payer.group_id),
        )
        call.attempts, call.last_destination, call.recorded = attempt, number, True
        return grant


def _announced(seconds: int, terms: GroupTerms) -> int:
    """What is said of the time that can be talked: the ghost factor is for speech only."""
    return seconds * terms.ghost_percent // 100


def _as_planned(planned: tuple[PlannedRoute, ...], routes: tuple[Route, ...]) -> tuple[Route, ...]:
    """The recorded plan as routes: legs are named by their places in it, whatever is best now."""
    if not planned:
        return routes
    now = {route.trunk: route for route in routes}
    return tuple(
        evolve(
            now.get(each.trunk, Route(each.trunk, each.number)),
            number=each.number,
            provider=each.provider,
            terms=each.terms,
        )
        for each in planned
    )


def free_of_charge(unit: str, seconds: int) -> RateTerms:
    """Terms under which a call of at most so many seconds costs nothing, fees included."""
    if unit == MINUTES:
        return talk_minutes(grace_seconds=seconds)
    return RateTerms(unit, 0, grace_seconds=seconds)


@lru_cache(maxsize=10_000)
def priced(rate: RateTerms, group: GroupTerms, access: AccessTerms) -> RateTerms:
    """The rate with what the access number and the card group add to it."""
    call, minute = access.surcharge, access.surcharge_per_minute
    setup = group.setup_fee
    return evolve(
        rate,
        surcharge=rate.surcharge + _in(rate.unit, call),
        surcharge_per_minute=rate.surcharge_per_minute + _in(rate.unit, minute),
        setup_fee=rate.setup_fee + _in(rate.unit, setup),
    )


def _in(unit: str, amount: Money | None) -> int:
    """A surcharge in another unit than the card's is not charged: there is no exchange rate."""
    return amount.micros if amount is not None and amount.unit == unit else 0
