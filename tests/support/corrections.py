"""Corrections in memory: calls found in the log, and prices of sheets that were never imported."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import UUID

from application import kinds
from application.approvals import Approvals
from application.bulk import BulkAppends
from application.calling import Call
from application.corrections import Corrections
from application.ports import Clock, Price, UnitsOfWork
from application.refunds import Refunds
from application.talked_attempts import CallPages
from application.what_if import WhatIfs
from domain.call_sessions import CallSession
from domain.corrections import Pricing, Selected
from domain.money import Money
from domain.rating import RateTerms, talk_minutes
from tests.support.memory import MemoryUnitsOfWork

CHEAP, DEAR, MINUTE = UUID(int=1), UUID(int=2), UUID(int=3)
"""Sheets: half of what a call usually costs, three times as much, and talk minutes."""

EVER = datetime(2000, 1, 1, tzinfo=UTC), datetime(2199, 1, 1, tzinfo=UTC)


class MemoryCalls:
    """The port ``CallPages``, read from the log in memory: exact, and slow."""

    def __init__(self, units: MemoryUnitsOfWork) -> None:
        self._units = units

    def talked(
        self, begins: datetime, ends: datetime, after: UUID | None, limit: int
    ) -> Sequence[UUID]:
        found = []
        for session_id in self._units.streams(kinds.CALL_SESSIONS.name):
            session = self._units.state(kinds.CALL_SESSIONS, session_id)
            assert isinstance(session, CallSession)
            began = datetime.fromtimestamp((session_id.int >> 80) / 1000, UTC)
            talked = any(each.seconds for each in session.settled.values())
            if talked and begins <= began < ends and (after is None or session_id > after):
                found.append(session_id)
        return found[:limit]


class FewSheets:
    """The port ``SheetPrices``: the terms of each sheet by prefix, the longest that fits."""

    def __init__(self) -> None:
        self.sheets: dict[UUID, dict[str, RateTerms]] = {
            CHEAP: {"": RateTerms("USD", 300_000)},
            DEAR: {"": RateTerms("USD", 1_800_000, connect_fee=10_000)},
            MINUTE: {"": talk_minutes(grace_seconds=30)},
        }

    def price(self, sheet_id: UUID, digits: str) -> Price | None:
        for length in range(len(digits), -1, -1):
            terms = self.sheets.get(sheet_id, {}).get(digits[:length])
            if terms is not None:
                return Price(digits[:length], f"to {digits[:length]}", terms)
        return None


class Corrector:
    """Corrects charges as a history asks for it: every number of a step decides something."""

    def __init__(
        self,
        units: UnitsOfWork,
        bulk: BulkAppends,
        calls: CallPages,
        approvals: Approvals,
        clock: Clock,
    ) -> None:
        self.prices = FewSheets()
        self.corrections = Corrections(units, bulk, calls, self.prices, approvals, clock)
        self.refunds = Refunds(units, bulk, calls, approvals, clock)
        self.what_ifs = WhatIfs(units, bulk, calls, self.prices, clock, lambda _: "retail")

    def refunds_a_part(self, call: Call, how: int) -> None:
        talked = self.refunds.attempts(call.reference)
        if not talked:
            return
        attempt = talked[how % len(talked)]
        amount = Money(1 + how % 700_000, attempt.now.charge.unit) if how % 3 else None
        self.refunds.refund(
            call.reference, attempt.talk.number, amount, UUID(int=how % 40), "ann", "bad line"
        )

    def rerates(self, call: Call, how: int) -> None:
        """One call, or all; names come again, with the same prices or with others."""
        selected = Selected(reference=call.reference) if how % 4 else Selected(*EVER)
        sheet_id = (CHEAP, DEAR, MINUTE)[how % 3]
        pricing = Pricing(sheet_id, f"sheet {sheet_id.int}", charge_more=how % 5 > 1)
        name = f"{call.reference} {how % 6}" if how % 4 else f"all {how % 30}"
        self.corrections.run(name, selected, pricing, "ann", "wrong prices")
