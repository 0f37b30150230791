"""The books after calls: no hold left, each attempt settled once, charged for what was talked."""

from __future__ import annotations

import contextlib
from collections import defaultdict
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest

from application import kinds
from domain.accounts import Account
from domain.call_sessions import (
    AttemptSettled,
    AttemptStarted,
    CallEnded,
    CallStarted,
    SettlementDisputed,
)
from domain.money import Money
from domain.rating import charge
from tests.end_to_end.rig.asterisk import until
from tests.end_to_end.system import Card, Service


@contextlib.contextmanager
def in_order(service: Service) -> Iterator[Service]:
    """What a test does with a service leaves the books in order, and nobody complaining."""
    service.cards.clear()
    service.expected.clear()
    known = set(service.references())
    logged = len(service.rig.log())
    told = [len(program.log()) for program in service.programs]
    try:
        yield service
    finally:
        while service.callers:
            service.callers.pop().stop()
    service.rig.idle()
    check(service, known)
    complaints = service.rig.warnings(logged)
    complaints += [
        str(line)
        for program, known_lines in zip(service.programs, told, strict=True)
        for line in program.log()[known_lines:]
        if line.get("level") in ("warning", "error", "critical")
    ]
    surprises = [c for c in complaints if not any(text in c for text in service.expected)]
    assert surprises == [], "\n".join(surprises)


def check(service: Service, known: set[str]) -> None:
    """Compares the ledger with the far ends, for every call that is not known already."""
    fresh = [each for each in service.references() if each not in known]
    until(
        "every call has ended and every attempt is settled",
        lambda: all(is_over(service.facts(each)) for each in fresh),
    )
    for card in service.cards:
        until(f"no hold is left on {card}", lambda card=card: not account(service, card).holds)  # type: ignore[misc]
    charged: dict[UUID, Money] = {}
    talks: dict[str, list[AttemptSettled]] = defaultdict(list)
    for reference in fresh:
        facts = service.facts(reference)
        assert not [f for f in facts if isinstance(f, SettlementDisputed)], facts
        for started in _of(facts, AttemptStarted):
            (settled,) = [f for f in _of(facts, AttemptSettled) if f.number == started.number]
            before = charged.get(started.account_id, started.held.zero)
            charged[started.account_id] = before + _checked(started, settled)
            if settled.answered_at is not None:
                talks[started.destination.removeprefix("+")].append(settled)
    for number, settled_talks in talks.items():
        until(f"{number} has ended", lambda n=number, s=settled_talks: _all_ended(service, n, s))  # type: ignore[misc]
        truth = service.talks(number)
        seconds = [settled.seconds for settled in settled_talks]
        assert seconds == [pytest.approx(talk, abs=1) for talk in truth], number
    for card in service.cards:
        spent = charged.get(card.account_id, card.face_value.zero)
        assert account(service, card).balance == card.face_value - spent


def _all_ended(service: Service, number: str, settled: list[AttemptSettled]) -> bool:
    return len(service.talks(number)) == len(settled)


def _checked(started: AttemptStarted, settled: AttemptSettled) -> Money:
    """What an attempt cost, which follows from its terms and the seconds talked."""
    assert settled.charge <= started.held
    if settled.answered_at is None:
        assert settled.charge == started.held.zero
        assert settled.seconds == 0
        return settled.charge
    price = charge(started.terms, settled.answered_at, settled.seconds, setup_due=settled.setup_due)
    assert settled.charge == price.total
    assert settled.seconds <= started.limit_seconds
    return settled.charge


def settled(service: Service, reference: str) -> list[AttemptSettled]:
    """The settlements of a call, once each of its attempts has one."""
    wanted = len(service.attempts(reference))

    def found() -> list[AttemptSettled]:
        return [fact for fact in service.facts(reference) if isinstance(fact, AttemptSettled)]

    until(f"the attempts of {reference} settle", lambda: len(found()) == wanted)
    return found()


def settlements(service: Service, number: str) -> list[AttemptSettled]:
    """The settlements of the calls to a number, once these calls are over."""
    calls = service.calls_to(number)
    until(f"{number} is settled", lambda: all(is_over(service.facts(each)) for each in calls))
    return [
        fact for each in calls for fact in service.facts(each) if isinstance(fact, AttemptSettled)
    ]


def account(service: Service, card: Card) -> Account:
    """The account of a card, from the ledger itself."""
    found = service.office.units.run(
        lambda unit: unit.get(kinds.ACCOUNTS, card.account_id),
        writes=(),
        reads=(card.account_id,),
    )
    assert found is not None
    return found


def is_over(facts: list[object]) -> bool:
    """Whether a call has ended, and nothing of it is open."""
    started, settled = _of(facts, AttemptStarted), _of(facts, AttemptSettled)
    began, ended = _of(facts, CallStarted), _of(facts, CallEnded)
    return len(started) == len(settled) and len(began) == len(ended)


def _of(facts: list[object], kind: type[Any]) -> list[Any]:
    return [fact for fact in facts if isinstance(fact, kind)]
