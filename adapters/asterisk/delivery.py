"""Telling the ledger, again and again until it has answered, and one report never for another."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

import structlog
from attrs import define, frozen
from tenacity import (
    RetryCallState,
    Retrying,
    retry_if_exception_type,
    stop_when_event_set,
    wait_random_exponential,
)

from adapters.asterisk.cel import LegEvents
from adapters.asterisk.spool import Line
from application.node_reports import (
    MOST_REPORTS,
    LedgerReports,
    NodeReport,
    Outcome,
    ReportRefused,
    Verdict,
)
from application.ports import LedgerUnavailable

TRIES_ON_FAULT = 5
"""How often a report that the ledger has a fault with is tried, before a person has to look."""

LONGEST_PAUSE = 5.0
"""Seconds between two tries while the ledger is away."""


@define(eq=False)
class Parcel:
    """A report, and what is acknowledged by its delivery."""

    report: NodeReport
    lines: tuple[Line, ...] = ()
    events: LegEvents | None = None
    tries: int = 0


@frozen
class Delivery:
    """``settled`` hears the verdict on each parcel, ``failed`` of each time that the ledger was
    away."""

    reports: LedgerReports
    stop: threading.Event
    wait: Callable[[float], object]
    settled: Callable[[Parcel, Verdict], None]
    failed: Callable[[], None]

    def deliver(self, parcels: Sequence[Parcel]) -> int:
        """Every parcel is delivered when this returns, however long the ledger is away.

        Gives their number. Raises RetryError once ``stop`` is set while the ledger is away.
        """
        for at in range(0, len(parcels), MOST_REPORTS):
            left = list(parcels[at : at + MOST_REPORTS])
            while left:
                left = self._send(left)
        return len(parcels)

    def _send(self, parcels: list[Parcel]) -> list[Parcel]:
        """Sends them, and gives those that have to be sent again."""
        try:
            verdicts = self._apply([parcel.report for parcel in parcels])
        except ReportRefused as refused:
            if len(parcels) == 1:
                self.settled(parcels[0], Verdict(Outcome.REFUSED, str(refused)))
                return []
            # One of them is guilty; alone, each answers for itself only.
            return [again for parcel in parcels for again in self._send([parcel])]
        again = []
        for parcel, verdict in zip(parcels, verdicts, strict=True):
            parcel.tries += 1
            if verdict.outcome is Outcome.FAILED and parcel.tries < TRIES_ON_FAULT:
                again.append(parcel)
            else:
                self.settled(parcel, verdict)
        if again:
            self.wait(1.0)
        return again

    def _apply(self, reports: Sequence[NodeReport]) -> Sequence[Verdict]:
        retrying = Retrying(
            retry=retry_if_exception_type(LedgerUnavailable),
            wait=wait_random_exponential(multiplier=0.2, max=LONGEST_PAUSE),
            stop=stop_when_event_set(self.stop),
            sleep=self._pause,
            before_sleep=self._note_failure,
        )
        return retrying(self.reports.apply, reports)

    def _pause(self, seconds: float) -> None:
        self.wait(seconds)

    def _note_failure(self, state: RetryCallState) -> None:
        self.failed()
        error = state.outcome.exception() if state.outcome is not None else None
        structlog.get_logger("talktime.ship").warning(
            "ledger_unavailable", tries=state.attempt_number, error=str(error)
        )
