"""Samples of facts that cannot be made up, because their validators are strict.

What is missing in the golden file is appended by ``python -m
tests.adapters.persistence.golden_samples``; read the new lines before committing them.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from adapters.persistence.codec import FactMapper
from adapters.persistence.facts import FACTS, UPCASTS
from domain.access_numbers import AccessNumberAdded, AccessNumberChanged, AccessTerms
from domain.call_sessions import (
    AttemptRefunded,
    AttemptRerated,
    AttemptRouted,
    AttemptStarted,
    PlannedRoute,
    RoutesPlanned,
)
from domain.card_groups import CardGroupCreated, CardGroupTermsChanged, GroupTerms
from domain.corrections import CorrectionBegun, CorrectionEnded, Outcome, Pricing, Selected
from domain.costs import Exchange
from domain.distributors import CardRangeAssigned, CardRangeTakenBack, NumberRange
from domain.login import LoginMode
from domain.lots import LotOrdered, Numbering
from domain.money import Money
from domain.providers import ProviderAdded, ProviderChanged, ProviderTerms
from domain.rating import Band, RateTerms
from domain.routing import Order, RouteSet, RouteTerms
from domain.trunks import Translation, TrunkAdded, TrunkChanged, TrunkTerms
from tests.adapters.persistence.golden import append_missing

GOLDEN = Path(__file__).with_name("golden.jsonl")

_ID = UUID("019aa8e5-2f00-8000-8000-000000000001")
_AT = datetime(2026, 11, 21, 12, 30, 15, 250_000, tzinfo=UTC)
_DOLLAR = Money(1_000_000, "USD")
_ACCESS = AccessTerms(
    service="card",
    login_mode=LoginMode.PIN_ONLY,
    language="es",
    first_announcement="acme/hello",
    surcharge=_DOLLAR,
    surcharge_per_minute=_DOLLAR,
    country="MX",
    open=False,
)
_RATE = RateTerms(
    "USD",
    79_000,
    connect_fee=50_000,
    initial_block=30,
    increment=6,
    disconnect_fee=1,
    minimum_duration=60,
    minimum_charge=2,
    grace_seconds=3,
    bands=(Band((6, 7), 0, 480, 65_000),),
    time_zone="Europe/Warsaw",
    surcharge=4,
    surcharge_per_minute=5,
    setup_fee=6,
)
_GROUP = GroupTerms(
    unit="USD",
    face_value=_DOLLAR,
    tariff="retail",
    login_mode=LoginMode.PIN_ONLY,
    number_length=12,
    pin_length=9,
    setup_fee=_DOLLAR,
    daily_fee=_DOLLAR,
    expires_on=datetime(2027, 1, 1, tzinfo=UTC),
    valid_days=90,
    simultaneous_calls=2,
    most_held=_DOLLAR,
    longest_call=3600,
    pinless_allowed=False,
    store_caller_id_at_login=True,
    deny_double_use=True,
    minimum_balance=_DOLLAR,
    say_balance=False,
    say_time=False,
    ghost_percent=110,
    first_announcement="acme/gold",
    languages=("es", "en"),
    operator_number="+18005550199",
)

_RANGE = NumberRange("4711000000", "4711000999")
_EXCHANGE = Exchange("EUR", 920_000)
_ROUTE = PlannedRoute("acme1", "0048221234567", "acme", _RATE, _EXCHANGE)
_PROVIDER = ProviderTerms("EUR", rated=False, active=False)
_TRUNK = TrunkTerms(
    "acme",
    capacity=60,
    priority=5,
    translations=(Translation("48", 2, "0"),),
    caller_id="+18005550100",
    active=False,
)

SAMPLES: dict[str, Any] = {
    "card-range-assigned": CardRangeAssigned("Kiosk", _RANGE, "ann", "spring"),
    "card-range-taken-back": CardRangeTakenBack("Kiosk", _RANGE, "ann", "returned"),
    "lot-ordered": LotOrdered(
        name="spring",
        group_id=_ID,
        numbering=Numbering(
            "", run="1", batch="02", first_pack=7, pack_size=100, pack_digits=3, sequence_digits=4
        ),
        count=1_000,
        pin_length=9,
        face_value=_DOLLAR,
        recipient="age1printer",
        by="ann",
        why="spring sale",
    ),
    "access-number-added": AccessNumberAdded("18005550100", _ACCESS),
    "access-number-changed": AccessNumberChanged(_ACCESS, "ann"),
    "card-group-created": CardGroupCreated("Gold", _GROUP),
    "card-group-terms-changed": CardGroupTermsChanged(_GROUP, "ann"),
    "attempt-started": AttemptStarted(
        number=1,
        destination="+48600316058",
        destination_name="Poland, mobile",
        hold_id=_ID,
        account_id=_ID,
        card_id=_ID,
        held=_DOLLAR,
        limit_seconds=720,
        terms=_RATE,
        placed_at=_AT,
        deadline=_AT + timedelta(seconds=840),
        first_use=True,
    ),
    "attempt-rerated": AttemptRerated(
        number=1,
        correction_id=_ID,
        hold_id=_ID,
        answered_at=_AT,
        seconds=61,
        setup_due=True,
        terms_before=_RATE,
        terms=_RATE,
        due=_DOLLAR,
        charge_before=_DOLLAR,
        charge=_DOLLAR,
        untaken=_DOLLAR,
        by="ann",
        why="wrong sheet",
    ),
    "attempt-refunded": AttemptRefunded(
        number=1,
        correction_id=_ID,
        hold_id=_ID,
        answered_at=_AT,
        seconds=61,
        setup_due=True,
        terms=_RATE,
        charge_before=_DOLLAR,
        charge=_DOLLAR,
        by="ann",
        why="bad line",
    ),
    "correction-begun": CorrectionBegun(
        name="CORR-2026-11",
        selected=Selected(_AT, _AT, "pbx1-1763765000.42", "Gold", "retail", "48"),
        pricing=Pricing(_ID, "retail version 3", charge_more=True),
        at=_AT,
        by="ann",
        why="wrong sheet",
    ),
    "correction-ended": CorrectionEnded(
        Outcome(3, (_DOLLAR,), (_DOLLAR,), (_DOLLAR,), (_DOLLAR,), 2)
    ),
    "routes-planned": RoutesPlanned(1, (_ROUTE,)),
    "attempt-routed": AttemptRouted(1, 2, "acme1", "acme", _RATE, _DOLLAR, _EXCHANGE),
    "provider-added": ProviderAdded("acme", _PROVIDER, "ann", "cheap"),
    "provider-changed": ProviderChanged(_PROVIDER, "ann", "unpaid"),
    "trunk-added": TrunkAdded("acme1", _TRUNK, "ann", "new line"),
    "trunk-changed": TrunkChanged(_TRUNK, "ann", "full"),
    "route-set": RouteSet("48", RouteTerms(("acme1",), Order.LISTED), "ann", "quality"),
}

if __name__ == "__main__":
    append_missing(GOLDEN, FactMapper(FACTS, UPCASTS), SAMPLES)
