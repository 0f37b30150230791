"""What runs beside an Asterisk tells the ledger about its calls: which legs ended, which are up.

The same reports are given to the ledger directly, where both live on one machine, or over HTTP.
Every report may be given again at any time: the ledger settles an attempt once.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from enum import StrEnum
from typing import Protocol, assert_never

from attrs import frozen

from application.legs import LegRecord
from application.ports import ConcurrencyConflict, LedgerUnavailable, OpenAttempt, OpenAttempts
from application.settlement import Settlement
from domain.call_sessions import Evidence
from domain.errors import NotFound, Refused

MOST_REPORTS = 200
"""Reports in one batch."""

MOST_OPEN_ATTEMPTS = 10_000
"""Open attempts of one Asterisk that are looked at in one go, oldest first."""

_LATEST_MS = 99_999_999_999 * 1000
_MOST_SECONDS = 7 * 24 * 3600
_REPORTABLE = (Evidence.LEG_RECORD, Evidence.CHANNEL_EVENTS, Evidence.LAST_SIGN_OF_LIFE)

log = logging.getLogger("talktime.node_reports")


@frozen
class LegEnded:
    """A leg has ended, and what shows it."""

    leg: LegRecord
    evidence: Evidence = Evidence.LEG_RECORD


@frozen
class CallEnded:
    """The caller's channel is gone, and every leg that it left was reported before this."""

    reference: str


@frozen
class LegSeen:
    """The leg was surely up so many whole seconds after its answer (milliseconds since 1970)."""

    reference: str
    attempt: int
    answered_ms: int
    seconds: int


NodeReport = LegEnded | CallEnded | LegSeen


class Outcome(StrEnum):
    """What became of a report."""

    DONE = "done"
    UNKNOWN = "unknown"
    """The ledger has no such call or attempt: it belongs to somebody else."""
    REFUSED = "refused"
    """The report cannot be true, and will not become true by being repeated."""
    FAILED = "failed"
    """The ledger has a fault with this report alone; it is in the ledger's log."""


@frozen
class Verdict:
    outcome: Outcome
    reason: str = ""


class ReportRefused(ValueError):
    """The ledger cannot read this batch, and will not be able to later."""


class LedgerReports(Protocol):
    """The ledger as an Asterisk's companion sees it."""

    def apply(self, reports: Sequence[NodeReport]) -> Sequence[Verdict]:
        """A verdict for each report. Safe to repeat.

        Raises LedgerUnavailable (again later), and ReportRefused for a batch as a whole.
        """
        ...

    def open_attempts(self, node: str) -> Sequence[OpenAttempt]:
        """The attempts of this Asterisk whose holds are open. Raises LedgerUnavailable."""
        ...


@frozen
class DirectReports:
    """The ledger in this very process."""

    settlement: Settlement
    attempts: OpenAttempts

    def apply(self, reports: Sequence[NodeReport]) -> Sequence[Verdict]:
        """Raises LedgerUnavailable, and then any number of the reports may have been applied."""
        return [self._verdict(report) for report in reports]

    def open_attempts(self, node: str) -> Sequence[OpenAttempt]:
        return self.attempts.of_node(node, MOST_OPEN_ATTEMPTS)

    def _verdict(self, report: NodeReport) -> Verdict:
        try:
            check(report)
            self._apply(report)
        except NotFound as unknown:
            return Verdict(Outcome.UNKNOWN, str(unknown))
        except (Refused, ValueError) as refused:
            return Verdict(Outcome.REFUSED, str(refused))
        except ConcurrencyConflict as conflict:
            raise LedgerUnavailable(str(conflict)) from conflict
        except LedgerUnavailable:
            raise
        except Exception:
            # One report that trips over a fault must not keep all others from being settled.
            log.exception("the ledger failed on one report: %r", report)
            return Verdict(Outcome.FAILED, "a fault of the ledger, see its log")
        return Verdict(Outcome.DONE)

    def _apply(self, report: NodeReport) -> None:
        match report:
            case LegEnded(leg, evidence):
                self.settlement.record_leg(leg, evidence)
            case CallEnded(reference):
                self.settlement.call_ended(reference)
            case LegSeen(reference, attempt, answered_ms, seconds):
                self.settlement.seen_alive(reference, attempt, answered_ms, seconds)
            case _:
                assert_never(report)


def check(report: NodeReport) -> None:
    """Raises ValueError for a report that no Asterisk can have made."""
    match report:
        case LegEnded(leg, evidence):
            if evidence not in _REPORTABLE:
                raise ValueError(f"an Asterisk's companion cannot know {evidence.value!r}")
            if leg.answered_ms is not None and leg.ended_ms is None:
                raise ValueError("a leg that was answered and has ended has a time of its end")
            for time in (leg.answered_ms, leg.ended_ms):
                _check_time(time)
        case LegSeen(answered_ms=answered_ms, seconds=seconds):
            _check_time(answered_ms)
            if not 0 <= seconds <= _MOST_SECONDS:
                raise ValueError(f"a leg is up for 0 to {_MOST_SECONDS} seconds, not {seconds}")
        case CallEnded():
            pass
        case _:
            assert_never(report)


def _check_time(milliseconds: int | None) -> None:
    if milliseconds is not None and not 0 <= milliseconds <= _LATEST_MS:
        raise ValueError(f"a time is 0 to {_LATEST_MS} milliseconds since 1970")
