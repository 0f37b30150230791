"""The read models of the product: accounts, cards, call sessions and their attempts."""

from __future__ import annotations

from adapters.persistence.projections import ReadModel
from adapters.persistence.read_models.accounts import Accounts
from adapters.persistence.read_models.calls import CallSessions
from adapters.persistence.read_models.cards import Cards

ALL: tuple[ReadModel, ...] = (Accounts(), Cards(), CallSessions())
