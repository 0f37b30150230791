"""What the HTTP door is given: the use cases, the views, the keys, and what is measured."""

from __future__ import annotations

from collections.abc import Callable

from attrs import field, frozen
from prometheus_client import CollectorRegistry

from adapters.http.book_work import BookAnswers
from adapters.http.keys import ApiKeys
from adapters.http.work import Work
from application.access_numbers import AccessNumbers
from application.administration import Administration
from application.as_of import Histories
from application.audit import AuditTrail, Trail
from application.card_business import CardBusiness
from application.correcting import Correcting
from application.erasure import PersonsDesk
from application.explaining import Explanations
from application.own_cards import OwnCards
from application.people import MachineKeys, People
from application.ports import Clock, OpenAttempts
from application.price_explanation import PriceExplanations
from application.reports import Reports
from application.route_preview import RoutePreviews
from application.route_views import RouteViews
from application.routing import Routing
from application.sealing import SignedCheckpoints
from application.settlement import Settlement
from application.signing_in import SigningIn
from application.tariffs import Tariffs
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
    reports: Reports
    access_numbers: AccessNumbers
    tariffs: Tariffs
    price_explanations: PriceExplanations
    routing: Routing
    route_views: RouteViews
    route_previews: RoutePreviews
    clock: Clock
    keys: ApiKeys
    ready: Callable[[], None]
    checkpoints: SignedCheckpoints
    business: CardBusiness
    correcting: Correcting
    explanations: Explanations
    histories: Histories
    persons: PersonsDesk
    books: BookAnswers
    work: Work = field(factory=Work)
    registry: CollectorRegistry = field(factory=CollectorRegistry)
    workers: int = 16
    most_waiting: int = 256
    password_workers: int = 2
    body_seconds: float = 10.0
    ready_seconds: float = 2.0
