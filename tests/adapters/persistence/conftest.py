"""Fixtures for the tests of the store: purses on an empty ledger of each kind."""

from __future__ import annotations

import pytest

from adapters.persistence.codec import FactMapper
from adapters.persistence.recorder import EventRecorder
from adapters.persistence.units_of_work import LedgerUnitsOfWork
from tests.adapters.persistence.purses import FACTS, UPCASTS
from tests.support.stores import FixedClock


@pytest.fixture
def mapper() -> FactMapper:
    return FactMapper(FACTS, UPCASTS)


@pytest.fixture
def units(recorder: EventRecorder, mapper: FactMapper, clock: FixedClock) -> LedgerUnitsOfWork:
    return LedgerUnitsOfWork(recorder, mapper, clock)


@pytest.fixture
def other_units(
    recorder: EventRecorder, mapper: FactMapper, clock: FixedClock
) -> LedgerUnitsOfWork:
    """Another process as far as caches and locks go: it shares nothing but the store."""
    return LedgerUnitsOfWork(recorder, mapper, clock)
