"""The audit trail: every fact that names who recorded it, and the acts that leave no other fact."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Protocol
from uuid import UUID, uuid5

from attrs import frozen

from application import kinds
from application.ids import random_time_ordered
from application.ports import Clock, Unit, UnitsOfWork
from application.throttle import Rate, Throttle
from domain.acts import (
    AccessRefused,
    Acted,
    ActFact,
    SecretRead,
    SignedIn,
    SignedOut,
    SignInRefused,
)

REFUSALS = {"actor": Rate(60, 600)}
"""Refusals of one actor that are recorded: the trail may not be filled by asking."""

_ACTED = UUID("5b8a0c3e-2f9d-4d5b-8f1e-6a1d1f0c7b21")


@frozen
class Entry:
    """One line of the trail: the place of its fact in the log, when, who, what, to which thing."""

    position: int
    recorded_at: datetime
    by: str
    action: str
    target: UUID
    stream_id: UUID
    version: int
    fact: object


@frozen
class EntriesAsked:
    """``after`` is the position of the last entry seen, 0 before the first page; ``since`` is
    included, ``until`` is not."""

    after: int = 0
    limit: int = 100
    by: str | None = None
    action: str | None = None
    target: UUID | None = None
    since: datetime | None = None
    until: datetime | None = None
    newest: bool = False


class Trail(Protocol):
    def entries(self, asked: EntriesAsked) -> Sequence[Entry]:
        """Oldest first unless ``newest``, a moment behind the log, which itself can only grow."""
        ...


def record_act(unit: Unit, by: str, action: str, target: UUID) -> None:
    """Records who did it together with the facts of a thing, once. Declare ``act_id(…)``."""
    act_id = act_id_of(action, target)
    if unit.get(kinds.ACTS, act_id) is None:
        unit.record(kinds.ACTS, act_id, [Acted(by, action, target)])


def act_id_of(action: str, target: UUID) -> UUID:
    return uuid5(_ACTED, f"{action}:{target}")


@frozen
class AuditTrail:
    """Writes down what leaves no other fact. What cannot be written down does not happen."""

    units: UnitsOfWork
    clock: Clock
    some_bytes: Callable[[int], bytes]
    throttle: Throttle

    def signed_in(self, person_id: UUID, name: str, source: str) -> None:
        self._record(SignedIn(person_id, name, source))

    def sign_in_refused(self, name: str, source: str, reason: str) -> None:
        self._record(SignInRefused(name, source, reason))

    def signed_out(self, person_id: UUID, name: str, *, everywhere: bool) -> None:
        self._record(SignedOut(person_id, name, everywhere))

    def secret_read(self, by: str, what: str, target: UUID, source: str) -> None:
        """To be called before the secret is told."""
        self._record(SecretRead(by, what, target, source))

    def refused(self, by: str, action: str, source: str, why: str) -> None:
        if self.throttle.take((("actor", by),)):
            self._record(AccessRefused(by, action, source, why))

    def _record(self, act: ActFact) -> None:
        act_id = random_time_ordered(self.clock.now(), self.some_bytes(10))
        self.units.run(lambda unit: unit.record(kinds.ACTS, act_id, [act]), writes=(act_id,))
