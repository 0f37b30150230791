"""What became of calls of which the ledger still waits to hear: alive, ended, or unknown.

Charging rule 5. Alive: what was talked so far is confirmed. Ended: Asterisk was asked twice and
lists no channel of the call; what its events tell is charged, and of a leg that Asterisk took down
with it, what was talked up to its last sign of life. Unknown: the hold stays until the limit of
the channel has surely passed.

A refused connection is *unknown*, although it looks like death: an operator who moves or switches
off the manager interface closes the port and the connections while all calls go on. Meanwhile
the last sign of life confirms what was talked up to it, so that nothing is given away should the
limit pass before Asterisk is back.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import groupby
from operator import attrgetter
from threading import Event

import structlog
from attrs import field, frozen

from adapters.asterisk.ami import AsteriskUnreachable, Channel
from adapters.asterisk.cel import ChannelEvents, LegEvents, milliseconds
from adapters.asterisk.watch import Asterisk
from application.legs import LegRecord
from application.node_reports import CallEnded, LedgerReports, LegEnded, LegSeen, NodeReport
from application.ports import Clock, OpenAttempt
from domain.call_sessions import Evidence

BETWEEN_QUERIES = 1.0
"""Seconds between the two looks at the channels: a record needs far less to reach the spool."""

LONGEST_LEG_MS = 48 * 3600 * 1000
"""No leg is up for longer, whatever its limit."""

MOST_ASKED = 5_000
"""Legs whose answer is asked for in one round."""


@frozen
class Reconciliation:
    """``waits`` says whether records of a call lie in the spool and were not reported yet;
    ``patience`` when a deadline has surely passed."""

    node: str
    reports: LedgerReports
    asterisk: Asterisk | None
    events: ChannelEvents | None
    clock: Clock
    patience: Clock
    wait: Callable[[float], object]
    waits: Callable[[str], bool]
    _seen: dict[tuple[str, int], LegSeen] = field(factory=dict, init=False)
    """What the last look at the living channels confirmed."""
    _failed: Event = field(factory=Event, init=False)
    """Asterisk could not be asked the last time."""

    def run(self) -> list[NodeReport]:
        """What is to be reported of the calls that the ledger holds money for, in order.

        Raises LedgerUnavailable, and OSError if the channel events cannot be read.
        """
        # Asked before the channels are: a call that begins in between is not taken for a dead one.
        attempts = self.reports.open_attempts(self.node)
        still_open = {(attempt.reference, attempt.attempt) for attempt in attempts}
        for name in self._seen.keys() - still_open:
            del self._seen[name]
        if not attempts:
            return []
        live = self._channels()
        if self.events is not None:
            # After the channels were seen to be gone, all that they wrote is read.
            self.events.read()
            self.events.forget_older_than(self._now_ms() - LONGEST_LEG_MS)
        reports: list[NodeReport] = []
        by_call = attrgetter("reference")
        for reference, group in groupby(sorted(attempts, key=by_call), key=by_call):
            of_call = list(group)
            if live is None:
                reports += self._unknown(reference, of_call)
            elif reference in live:
                reports += self._alive(live[reference])
            elif not self.waits(reference):
                reports += self._ended(reference, of_call)
        return reports

    def _channels(self) -> dict[str, list[Channel]] | None:
        """The living channels by call; None if that is not known for sure."""
        if self.asterisk is None:
            return None
        run = self.asterisk.run
        try:
            first = self.asterisk.channels()
            self.wait(BETWEEN_QUERIES)
            second = self.asterisk.channels()
        except AsteriskUnreachable as error:
            # The first look may come before the connection is made; a second failure is trouble.
            told = _log().warning if self._failed.is_set() else _log().info
            told("asterisk_not_asked", error=str(error))
            self._failed.set()
            return None
        self._failed.clear()
        if run is None or self.asterisk.run != run:
            return None
        live: dict[str, list[Channel]] = {}
        for channel in (*first, *second):
            # A channel that was just made may not have its account code yet: it is linked to its
            # caller's, by whose unique id the call is named.
            for reference in {channel.reference, f"{self.node}-{channel.linked_id}"}:
                live.setdefault(reference, []).append(channel)
        return live

    def _alive(self, channels: Iterable[Channel]) -> list[NodeReport]:
        """What the legs that are up have talked so far."""
        assert self.asterisk is not None, "it was asked"
        seen: dict[tuple[str, int], LegSeen] = {}
        callers = {channel.linked_id for channel in channels}
        legs = {c.unique_id: c for c in channels if c.is_up and c.unique_id not in callers}
        for channel in list(legs.values())[:MOST_ASKED]:
            try:
                name = self.asterisk.variable(channel.name, "CHANNEL(userfield)")
                answered = self.asterisk.variable(channel.name, "TALKTIME_ANSWERED")
                reference, attempt, _ = (name or "").split("/")
                answered_ms = milliseconds(answered or "")
                number = int(attempt)
            except (AsteriskUnreachable, ValueError):
                # Confirmed usage is a mercy for later, not a settlement: the next round sees it.
                continue
            seconds = (self._now_ms() - answered_ms) // 1000
            if seconds > 0:
                seen[reference, number] = LegSeen(reference, number, answered_ms, seconds)
        self._seen.update(seen)
        return list(seen.values())

    def _ended(self, reference: str, attempts: Sequence[OpenAttempt]) -> list[NodeReport]:
        """No channel of the call is left, and no record of it is on its way."""
        reports: list[NodeReport] = []
        for attempt in attempts:
            legs = self._legs(reference, attempt.attempt)
            for leg in legs:
                if leg.has_ended:
                    reports.append(LegEnded(leg.record(), Evidence.CHANNEL_EVENTS))
                else:
                    reports.append(self._taken_down(leg))
            seen = self._seen.get((reference, attempt.attempt))
            if seen is not None and not legs:
                # A full disk leaves neither record nor event: what was seen is all that is known.
                ended_ms = seen.answered_ms + seen.seconds * 1000
                record = LegRecord(
                    reference, attempt.attempt, 1, seen.answered_ms, ended_ms, None, "unknown"
                )
                reports.append(LegEnded(record, Evidence.LAST_SIGN_OF_LIFE))
        if not reports:
            _log().info("call_never_answered", reference=reference)
        return [*reports, CallEnded(reference)]

    def _unknown(self, reference: str, attempts: Sequence[OpenAttempt]) -> list[NodeReport]:
        """Asterisk does not say. What was surely talked is confirmed; only after the limit has
        passed is it all that is ever going to be known."""
        reports: list[NodeReport] = []
        for attempt in attempts:
            for leg in self._legs(reference, attempt.attempt):
                if leg.has_ended:
                    reports.append(LegEnded(leg.record(), Evidence.CHANNEL_EVENTS))
                elif self.patience.now() >= attempt.deadline:
                    reports.append(self._taken_down(leg))
                else:
                    reports += self._confirmed(leg)
        return reports

    def _confirmed(self, leg: LegEvents) -> list[NodeReport]:
        record = self._until_last_sign(leg)
        seconds = record.talked_ms // 1000
        if record.answered_ms is None or seconds <= 0:
            return []
        return [LegSeen(leg.reference, leg.attempt, record.answered_ms, seconds)]

    def _taken_down(self, leg: LegEvents) -> LegEnded:
        record = self._until_last_sign(leg)
        _log().warning("leg_ended_at_last_sign_of_life", leg="/".join(map(str, leg.name)))
        return LegEnded(record, Evidence.LAST_SIGN_OF_LIFE)

    def _until_last_sign(self, leg: LegEvents) -> LegRecord:
        """The leg's record, had it ended at the last sign of life of its Asterisk."""
        assert leg.answered_ms is not None, "only answered legs are asked for"
        sign: int | None = None
        if self.asterisk is not None:
            signs = self.asterisk.signs
            sign = signs.ended_after(leg.answered_ms)
            if sign is None and self.asterisk.run is None:
                sign = signs.last_alive()
        # The same run is still up, and the channel is gone without a trace: its own events count.
        seen = self._seen.get((leg.reference, leg.attempt))
        seen_ms = seen.answered_ms + seen.seconds * 1000 if seen is not None else 0
        return leg.record(max(leg.last_ms, sign or 0, seen_ms))

    def _legs(self, reference: str, attempt: int) -> list[LegEvents]:
        return self.events.answered(reference, attempt) if self.events is not None else []

    def _now_ms(self) -> int:
        return int(self.clock.now().timestamp() * 1000)


def _log() -> structlog.stdlib.BoundLogger:
    return structlog.get_logger("talktime.reconcile")  # type: ignore[no-any-return]
