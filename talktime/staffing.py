"""Connects what knows people: their passwords and sessions, machine keys, the audit trail."""

from __future__ import annotations

import secrets

from attrs import frozen

from adapters.persistence.codec import FactMapper
from adapters.persistence.credentials import StoredCredentials
from adapters.persistence.recorder import EventRecorder
from adapters.persistence.sessions import StoredSessions
from adapters.persistence.sign_in_tries import StoredTries
from adapters.persistence.trail import LedgerTrail
from application.audit import REFUSALS, AuditTrail
from application.own_cards import OwnCards
from application.people import MachineKeys, People
from application.ports import Clock, UnitsOfWork
from application.signing_in import RATES, SigningIn
from application.throttle import Throttle


@frozen
class Staffing:
    people: People
    machine_keys: MachineKeys
    signing_in: SigningIn
    audit: AuditTrail
    trail: LedgerTrail
    own_cards: OwnCards


def staffing(
    units: UnitsOfWork, recorder: EventRecorder, mapper: FactMapper, clock: Clock, key: bytes
) -> Staffing:
    """``key`` lies outside the database; secrets of one-time codes are derived with it."""
    credentials = StoredCredentials(recorder, clock, key)
    people = People(units, credentials, clock, secrets.token_bytes)
    audit = AuditTrail(units, clock, secrets.token_bytes, Throttle(REFUSALS))
    return Staffing(
        people,
        MachineKeys(units, lambda: secrets.token_urlsafe(32)),
        SigningIn(
            people,
            credentials,
            StoredSessions(recorder),
            audit,
            clock,
            lambda: secrets.token_urlsafe(32),
            StoredTries(recorder, RATES),
        ),
        audit,
        LedgerTrail(recorder, mapper),
        OwnCards(units),
    )
