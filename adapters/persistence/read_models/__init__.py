"""The read models of the product: accounts, cards, call sessions and their attempts."""

from __future__ import annotations

from adapters.persistence.read_model import ReadModel
from adapters.persistence.read_models.accounts import Accounts
from adapters.persistence.read_models.calls import CallSessions
from adapters.persistence.read_models.cards import Cards
from adapters.persistence.read_models.lots import Approvals, FeeDays, Lots
from adapters.persistence.read_models.reports import Reports
from adapters.persistence.read_models.routes import AccessNumbers, Routing
from adapters.persistence.read_models.tariffs import Tariffs
from adapters.persistence.read_models.trail import AuditEntries, Names

ALL: tuple[ReadModel, ...] = (
    Accounts(),
    Cards(),
    CallSessions(),
    AuditEntries(),
    Names(),
    Routing(),
    AccessNumbers(),
    Tariffs(),
    Lots(),
    Approvals(),
    FeeDays(),
    Reports(),
)
