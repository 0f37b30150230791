"""What the HTTP door is given: the use cases, the views, the keys, and what is measured."""

from __future__ import annotations

from collections.abc import Callable

from attrs import field, frozen
from prometheus_client import CollectorRegistry

from adapters.http.keys import ApiKeys
from application.administration import Administration
from application.audit import AuditTrail, Trail
from application.own_cards import OwnCards
from application.people import MachineKeys, People
from application.ports import Clock, OpenAttempts
from application.settlement import Settlement
from application.signing_in import SigningIn
from application.views import Directory, Views


@frozen
class HttpServices:
    """``ready`` returns when the ledger answers and raises LedgerUnavailable when it does not.

    At most ``workers`` use cases run at a time and ``most_waiting`` requests wait for their turn;
    of those that hash passwords, ``password_workers`` run beside them. A body has
    ``body_seconds`` to arrive, and readiness ``ready_seconds`` to be found out.
    """

    administration: Administration
    settlement: Settlement
    views: Views
    directory: Directory
    open_attempts: OpenAttempts
    people: People
    machine_keys: MachineKeys
    signing_in: SigningIn
    audit: AuditTrail
    trail: Trail
    own_cards: OwnCards
    clock: Clock
    keys: ApiKeys
    ready: Callable[[], None]
    registry: CollectorRegistry = field(factory=CollectorRegistry)
    workers: int = 16
    most_waiting: int = 256
    password_workers: int = 2
    body_seconds: float = 10.0
    ready_seconds: float = 2.0
