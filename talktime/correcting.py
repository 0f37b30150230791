"""Connects what corrects charges and prices calls again."""

from __future__ import annotations

from collections.abc import Callable

from adapters.persistence.correction_views import LedgerCallPages, SheetDecks
from adapters.persistence.rate_sheets import StoredRateSheets
from adapters.persistence.recorder import EventRecorder
from application.approvals import Approvals
from application.bulk import BulkAppends
from application.correcting import Correcting
from application.corrections import Corrections
from application.ports import Clock, UnitsOfWork
from application.refunds import Refunds
from application.tariffs import Tariffs
from application.what_if import WhatIfs


def correcting(
    units: UnitsOfWork,
    bulk: BulkAppends,
    recorder: EventRecorder,
    tariffs: Tariffs,
    approvals: Approvals,
    clock: Clock,
    catch_up: Callable[[], object],
) -> Correcting:
    calls = LedgerCallPages(recorder, catch_up)
    prices = SheetDecks(StoredRateSheets(recorder))
    return Correcting(
        Corrections(units, bulk, calls, prices, approvals, clock),
        Refunds(units, bulk, calls, approvals, clock),
        WhatIfs(units, bulk, calls, prices, clock, lambda each: tariffs.tariff_of(each).name),
    )
