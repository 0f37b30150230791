"""Brings what Asterisk wrote about calls to the ledger: nothing is lost, nothing charged twice.

A line of the spool is acknowledged after the ledger has answered, and the place in the file is made
durable after that. Whoever kills this process, at any point, has the last lines reported again,
which the ledger takes for what they are: settled already.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable
from itertools import islice
from pathlib import Path

import structlog
from attrs import define, frozen
from tenacity import RetryError

from adapters.asterisk.cel import ChannelEvents, LegName
from adapters.asterisk.config import SPOOL_FILE
from adapters.asterisk.delivery import Delivery, Parcel
from adapters.asterisk.lines import last_record, read_line
from adapters.asterisk.reconcile import Reconciliation
from adapters.asterisk.spool import ROTATE_ABOVE, Line, Rejected, Tail
from adapters.asterisk.watch import Asterisk
from application.legs import LegRecord
from application.node_reports import (
    MOST_REPORTS,
    CallEnded,
    LedgerReports,
    LegEnded,
    Outcome,
    Verdict,
)
from application.patience import Patience
from application.ports import Clock, LedgerUnavailable
from domain.attempts import DISPUTED_ABOVE, Evidence

OFFSETS_FILE = "legs.offset"
CEL_OFFSETS_FILE = "cel.offset"
ALIVE_FILE = "alive"
REJECTED_FILE = "rejected.txt"
"""Files in the spool folder beside the leg records."""

MOST_WAITING = 20_000
"""Calls that have ended and wait for their last leg records; no more lines are read until then."""

RECONCILE_AGAIN = 5.0
"""Seconds after which a reconciliation is tried again that the ledger did not answer to."""

MOST_RECENT = 20_000
"""Leg records that are remembered, to be compared with the channel events."""


@frozen(kw_only=True)
class ShipperSettings:
    """Times in seconds. ``cel`` is the file of channel events, None if there is none to look at.

    ``call_delay``: legs' records may be written after that of their caller (by milliseconds, as
    seen); so long after reading the latter, none is expected any more. ``cel_patience``: how long
    channel events wait for the leg record they belong to before they are taken instead of it.
    ``call_patience``: after so long, a call of which events say that a leg is up is left to the
    reconciliation.
    """

    node: str
    spool: Path
    cel: Path | None = None
    poll: float = 0.1
    call_delay: float = 2.0
    call_patience: float = 60.0
    cel_patience: float = 10.0
    reconcile_every: float = 60.0
    rotate_above: int = ROTATE_ABOVE


@define
class Counters:
    """What was done since the start, for the operators' graphs."""

    legs_reported: int = 0
    calls_reported: int = 0
    legs_from_events: int = 0
    disagreements: int = 0
    unknown: int = 0
    rejected: int = 0
    ledger_failures: int = 0
    reconciliations: int = 0


@frozen
class _EndedCall:
    reference: str
    read_at: float
    line: Line


class Shipper:
    """``run`` works until told to stop; ``turn`` is one round of it.

    ``asterisk`` is None where it is not to be asked. ``wait`` pauses for some seconds, and may end
    early; without one, pauses end when the shipper is told to stop.
    """

    def __init__(
        self,
        settings: ShipperSettings,
        reports: LedgerReports,
        asterisk: Asterisk | None,
        clock: Clock,
        *,
        wait: Callable[[float], object] | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._settings = settings
        self._reports = reports
        self._asterisk = asterisk
        self._clock = clock
        self._stop = threading.Event()
        self._woken = threading.Event()
        self._pause = wait or self._stop.wait
        self._monotonic = monotonic
        self._patience = Patience(clock, monotonic)
        self._log = structlog.get_logger("talktime.ship").bind(node=settings.node)
        self._rejected = Rejected(settings.spool / REJECTED_FILE)
        self._delivery = Delivery(reports, self._stop, self._pause, self._settled, self._failed)
        self._recent: OrderedDict[LegName, LegRecord] = OrderedDict()
        self._read_at = 0.0
        """When the spool was last looked at, so that what was written until then is known."""
        self._reconciled_at: float | None = None
        self._reconciled_run: str | None = None
        self.counters = Counters()
        self._open()

    def _open(self) -> None:
        """Begins where the places on disk say: all that was not acknowledged is read again."""
        settings = self._settings
        self._calls: OrderedDict[int, _EndedCall] = OrderedDict()
        self._tail = self._follow(settings.spool / SPOOL_FILE, OFFSETS_FILE)
        self._cel: Tail | None = None
        self._events: ChannelEvents | None = None
        if settings.cel is not None:
            self._cel = self._follow(settings.cel, CEL_OFFSETS_FILE)
            self._events = ChannelEvents(self._cel, monotonic=self._monotonic)
        self._reconciliation = Reconciliation(
            settings.node,
            self._reports,
            self._asterisk,
            self._events,
            self._clock,
            self._patience,
            self._pause,
            self._waits,
        )

    def _follow(self, path: Path, offsets: str) -> Tail:
        return Tail(
            path,
            self._settings.spool / offsets,
            rotate_above=self._settings.rotate_above,
            monotonic=self._monotonic,
        )

    def close(self) -> None:
        for tail in (self._tail, self._cel):
            if tail is not None:
                tail.close()

    # ---- life

    def wake(self) -> None:
        """There is something to do, perhaps. From any thread; returns at once."""
        self._woken.set()

    def stop(self) -> None:
        """From any thread; ``run`` ends soon, also while the ledger cannot be reached."""
        self._stop.set()
        self._woken.set()

    def run(self) -> None:
        """Works until ``stop``, whatever goes wrong: it is told in the log, and tried again."""
        failing = False
        while not self._stop.is_set():
            try:
                if failing:
                    # Lines that were read and not reported must not be passed over.
                    self.close()
                    self._open()
                self.turn()
                failing = False
            except RetryError:
                return
            except OSError as error:
                self._log.error("spool_not_usable", error=str(error))
                failing = True
                self._stop.wait(1.0)
            except Exception:
                if not failing:
                    self._log.exception("not_shipped")
                failing = True
                self._stop.wait(1.0)
            self._woken.wait(self._settings.poll)
            self._woken.clear()

    def turn(self) -> int:
        """Reports what is there by now, reconciles if it is time; gives the number of reports.

        Raises OSError, and RetryError if it was told to stop while the ledger cannot be reached.
        """
        reported = self._ship()
        if self._reconciliation_is_due():
            reported += self.reconcile()
        for tail in (self._tail, self._cel):
            if tail is not None:
                tail.tidy()
        return reported

    def reconcile(self) -> int:
        """Asks the ledger what it still waits for, and Asterisk what became of it.

        Whatever waits in the spool goes first. Gives the number of reports.
        """
        self._reconciled_run = self._asterisk.run if self._asterisk is not None else None
        self._reconciled_at = self._monotonic()
        try:
            reports = self._reconciliation.run()
        except LedgerUnavailable as error:
            self._log.warning("not_reconciled", error=str(error))
            self._reconciled_at += RECONCILE_AGAIN - self._settings.reconcile_every
            return 0
        self.counters.reconciliations += 1
        self._delivery.deliver([Parcel(report) for report in reports])
        for report in reports:
            if isinstance(report, LegEnded) and self._events is not None:
                for leg in self._events.answered(report.leg.reference, report.leg.attempt):
                    self._events.forget(leg)
        return len(reports)

    def _reconciliation_is_due(self) -> bool:
        if self._reconciled_at is None:
            return True
        run = self._asterisk.run if self._asterisk is not None else None
        if run != self._reconciled_run:
            # Asterisk was found or lost just now.
            return True
        return self._monotonic() - self._reconciled_at >= self._settings.reconcile_every

    # ---- the spool

    def _ship(self) -> int:
        reported = 0
        while len(self._calls) < MOST_WAITING:
            self._read_at = self._monotonic()
            lines = self._tail.read(MOST_REPORTS)
            parcels = [parcel for line in lines if (parcel := self._parcel(line)) is not None]
            reported += self._delivery.deliver(parcels)
            if len(lines) < MOST_REPORTS:
                break
        if self._events is not None:
            self._events.read()
        reported += self._delivery.deliver(list(self._from_events()))
        # Whatever the events tell of a call's legs was reported by now.
        while parcels := list(islice(self._ended_calls(), MOST_REPORTS)):
            reported += self._delivery.deliver(parcels)
        self._save()
        return reported

    def _save(self) -> None:
        try:
            for tail in (self._tail, self._cel):
                if tail is not None:
                    tail.save()
        except OSError as error:
            # A full disk: what is not saved is reported again after a restart, nothing worse.
            self._log.error("places_not_saved", error=str(error))

    def _parcel(self, line: Line) -> Parcel | None:
        """The report that a line amounts to now; a caller's end waits."""
        if not line.text.strip():
            self._tail.done(line)
            return None
        record = last_record(line.text)
        if record != line.text:
            # What was cut off by a full disk stands in front of the next record, on its line.
            self._reject(line.text)
        if record is None:
            self._tail.done(line)
            return None
        read = read_line(record)
        if isinstance(read, LegRecord):
            return self._leg(read, line)
        self._calls[id(line)] = _EndedCall(read or "", self._monotonic(), line)
        return None

    def _leg(self, leg: LegRecord, line: Line) -> Parcel | None:
        self._recent[leg.reference, leg.attempt, leg.leg] = leg
        if len(self._recent) > MOST_RECENT:
            self._recent.popitem(last=False)
        if leg.answered_ms is None:
            # Another route may be ringing: it settles nothing.
            self._tail.done(line)
            return None
        return Parcel(LegEnded(leg), (line,))

    def _ended_calls(self) -> Iterable[Parcel]:
        """The calls of which no leg record can come any more."""
        for key, call in list(self._calls.items()):
            if not self._is_due(call):
                return
            if self._a_leg_is_up(call.reference):
                if self._read_at - call.read_at >= self._settings.call_patience:
                    self._log.warning("call_left_to_reconciliation", reference=call.reference)
                    del self._calls[key]
                    self._tail.done(call.line)
                continue
            del self._calls[key]
            yield Parcel(CallEnded(call.reference), (call.line,))

    def _a_leg_is_up(self, reference: str) -> bool:
        """Whether by the channel events an answered leg of this call has not ended."""
        if self._events is None:
            return False
        return any(
            not leg.has_ended and leg.name not in self._recent
            for leg in self._events.answered(reference)
        )

    def _waits(self, reference: str) -> bool:
        """Whether records of a call are on their way: those of the spool are read first."""
        self._ship()
        return any(call.reference == reference for call in self._calls.values())

    # ---- the second witness

    def _from_events(self) -> Iterable[Parcel]:
        """Compares leg records with channel events, and puts events in the place of a record that
        did not come."""
        due = (c for c in self._calls.values() if self._is_due(c))
        ending = {call.reference for call in due}
        for leg in self._events.ended() if self._events is not None else ():
            record = self._recent.get(leg.name)
            waited = self._read_at - leg.ended_seen_at
            if record is None:
                if waited < self._settings.cel_patience and leg.reference not in ending:
                    continue
                self.counters.legs_from_events += 1
                self._log.warning("leg_without_record", leg="/".join(map(str, leg.name)))
                yield Parcel(LegEnded(leg.record(), Evidence.CHANNEL_EVENTS), events=leg)
            elif abs(leg.record().talked_ms - record.talked_ms) > DISPUTED_ABOVE * 1000:
                self.counters.disagreements += 1
                self._log.warning(
                    "records_disagree",
                    leg="/".join(map(str, leg.name)),
                    record_ms=record.talked_ms,
                    events_ms=leg.record().talked_ms,
                )
                yield Parcel(LegEnded(leg.record(), Evidence.CHANNEL_EVENTS), events=leg)
            elif self._events is not None:
                self._events.forget(leg)

    def _is_due(self, call: _EndedCall) -> bool:
        # Counted to the last look at the spool, not to now: while the ledger was away, the leg's
        # record may have been written, and it is not read yet.
        return self._read_at - call.read_at >= self._settings.call_delay

    # ---- what the ledger said

    def _settled(self, parcel: Parcel, verdict: Verdict) -> None:
        """The ledger has answered: this is the only place where anything is acknowledged."""
        if verdict.outcome is Outcome.UNKNOWN:
            self.counters.unknown += 1
            self._log.warning("not_known_to_the_ledger", report=str(parcel.report))
        elif verdict.outcome is not Outcome.DONE:
            self._log.error("report_given_up", report=str(parcel.report), reason=verdict.reason)
            for line in parcel.lines:
                self._reject(line.text)
        elif isinstance(parcel.report, LegEnded):
            self.counters.legs_reported += 1
        elif isinstance(parcel.report, CallEnded):
            self.counters.calls_reported += 1
        for line in parcel.lines:
            self._tail.done(line)
        if parcel.events is not None and self._events is not None:
            self._events.forget(parcel.events)

    def _failed(self) -> None:
        self.counters.ledger_failures += 1

    def _reject(self, text: str) -> None:
        self.counters.rejected += 1
        self._log.error("line_rejected", line=text[:200], kept_in=REJECTED_FILE)
        try:
            self._rejected.keep(text)
        except OSError as error:
            self._log.error("line_not_kept", error=str(error))
