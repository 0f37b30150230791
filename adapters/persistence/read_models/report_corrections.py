"""Corrections of charges, added to the usage of the day on which they were recorded."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from attrs import frozen

from adapters.persistence.codec import RecordedFact
from adapters.persistence.read_models import report_tables as tables
from adapters.persistence.read_models.from_log import streams
from adapters.persistence.read_models.report_money import NOBODY, slots
from adapters.persistence.read_models.rows import Rows
from adapters.persistence.read_models.sums import Sums
from adapters.persistence.view_store import ViewStore
from application.reports import Dimension
from domain.call_sessions import (
    AttemptRefunded,
    AttemptRerated,
    AttemptRouted,
    AttemptSettled,
    AttemptStarted,
    CallStarted,
)
from domain.costs import margin

OF_CORRECTIONS = (AttemptRerated, AttemptRefunded)


@frozen
class _Attempt:
    """What usage is summed by, of an attempt that was corrected."""

    access_number: str
    account_id: UUID
    destination: str
    route: tuple[str, str]
    costed: bool


class CorrectionsOfAPage:
    """The facts of one page that correct charges."""

    def __init__(self, views: ViewStore, facts: Sequence[RecordedFact]) -> None:
        self._views = views
        self._facts = [r for r in facts if isinstance(r.fact, OF_CORRECTIONS)]

    def apply(self) -> None:
        if not self._facts:
            return
        known = streams(self._views.connection, {r.originator_id for r in self._facts})
        attempts = [_attempt(r, known[r.originator_id]) for r in self._facts]
        accounts = Rows(self._views, tables.accounts, {(each.account_id,) for each in attempts})
        usage = Sums(self._views, tables.usage)
        for recorded, attempt in zip(self._facts, attempts, strict=True):
            fact = recorded.fact
            more = fact.charge.micros - fact.charge_before.micros
            account = accounts.get(attempt.account_id)
            group_id = account["group_id"] if account else NOBODY
            measured = {"charged": more, "uncosted": 0 if attempt.costed else more}
            by = (
                (Dimension.GROUP, "", ""),
                (Dimension.DESTINATION, attempt.destination, ""),
                (Dimension.ACCESS_NUMBER, attempt.access_number, ""),
                (Dimension.ROUTE, *attempt.route),
            )
            for grain, slot in slots(recorded.recorded_at):
                for dimension, name, detail in by:
                    key = (grain, dimension.value, slot, group_id, name, detail, fact.charge.unit)
                    usage.add(key, **measured)
        usage.write()


def _attempt(corrected: RecordedFact, history: Sequence[RecordedFact]) -> _Attempt:
    """From the facts of its call: what was open at the time is in no table any more."""
    number, version = corrected.fact.number, corrected.originator_version
    call = history[0].fact
    assert isinstance(call, CallStarted), "a session begins with CallStarted"
    own = [
        each.fact
        for each in history
        if each.originator_version < version and getattr(each.fact, "number", None) == number
    ]
    started = next(each for each in own if isinstance(each, AttemptStarted))
    settled = next(each for each in own if isinstance(each, AttemptSettled))
    routed = next((each for each in own if isinstance(each, AttemptRouted)), None)
    route, costed = ("", ""), False
    if routed is not None:
        route = (routed.provider or "", routed.trunk)
        costed = margin(settled.charge, routed.cost, routed.exchange) is not None
    return _Attempt(call.access_number, started.account_id, started.destination_name, route, costed)
