"""Connects what makes, sells and charges cards in lots."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from datetime import timedelta

from adapters.persistence.breakage_views import LedgerBreakageViews
from adapters.persistence.bulk import LedgerBulkAppends
from adapters.persistence.codec import FactMapper
from adapters.persistence.lot_pins import StoredLotPins
from adapters.persistence.lot_views import LedgerLotViews
from adapters.persistence.recorder import EventRecorder
from adapters.printing.seals import AgeSealer
from application.administration import Chance
from application.approvals import Approvals
from application.breakage import Breakage
from application.card_business import CardBusiness
from application.card_changes import CardChanges
from application.card_import import CardImports
from application.distribution import Distributors
from application.fees import DailyFees
from application.lots import Lots
from application.pins import PinDigests
from application.ports import Clock, UnitsOfWork
from talktime.settings import Cards


def card_business(
    settings: Cards,
    units: UnitsOfWork,
    recorder: EventRecorder,
    mapper: FactMapper,
    pins: PinDigests,
    clock: Clock,
    appended: Callable[[], None],
) -> CardBusiness:
    chance = Chance(secrets.randbelow, secrets.token_bytes)
    bulk = LedgerBulkAppends(recorder, mapper, clock, appended=appended)
    views = LedgerLotViews(recorder)
    approvals = Approvals(units, clock, chance, frozenset(settings.approvals))
    lots = Lots(units, bulk, pins, AgeSealer(), StoredLotPins(recorder), clock, chance, approvals)
    return CardBusiness(
        lots,
        CardChanges(units, bulk, lots, views, approvals),
        CardImports(bulk, pins, clock, chance),
        DailyFees(bulk, views, clock, settings.time_zone, settings.time_zones),
        approvals,
        Distributors(units, views),
        views,
        Breakage(
            bulk,
            LedgerBreakageViews(recorder),
            clock,
            grace=timedelta(days=settings.forfeit_after_days),
        ),
    )
