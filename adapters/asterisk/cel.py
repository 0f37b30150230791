"""The second witness of a leg: the channel events that Asterisk writes besides the leg records.

They are the cross-check of every leg record, and the way back when there is none. A dialled
channel is known by its user field ``<reference>/<attempt>/<leg>``; it talked from ANSWER to the
end of its bridge, not to HANGUP.
"""

from __future__ import annotations

import csv
import json
import re
import time
from collections.abc import Callable, Iterable

import structlog
from attrs import define, field

from adapters.asterisk.config import CEL_FIELDS
from adapters.asterisk.spool import Line, Tail
from application.legs import LegRecord

MOST_LEGS = 20_000
"""Legs that are kept in memory; beyond that the oldest ones are given up, with a warning."""

MOST_ROWS = 100_000
"""Rows that are read in one go."""

_USER_FIELD = re.compile(
    r"([A-Za-z0-9][A-Za-z0-9._-]{0,99})/([1-9][0-9]{0,5})/([1-9][0-9]{0,5})", re.ASCII
)
_TIME = re.compile(r"([0-9]{1,11})(?:\.([0-9]{1,9}))?", re.ASCII)
_UNIQUE_ID = re.compile(r"[A-Za-z0-9._:@-]{1,150}", re.ASCII)

LegName = tuple[str, int, int]
"""Reference, attempt, leg."""


@define(eq=False)
class LegEvents:
    """What the channel events tell of one dialled channel. Times are milliseconds since 1970."""

    reference: str
    attempt: int
    leg: int
    unique_id: str
    answered_ms: int | None = None
    left_bridge_ms: int | None = None
    hung_up_ms: int | None = None
    last_ms: int = 0
    """When the last event happened: the leg was surely up until then."""
    cause: int | None = None
    ended_seen_at: float = 0.0
    """When its end was read, by this process's monotonic clock."""
    lines: list[Line] = field(factory=list, repr=False)

    @property
    def name(self) -> LegName:
        return self.reference, self.attempt, self.leg

    @property
    def has_ended(self) -> bool:
        return self.hung_up_ms is not None

    def record(self, ended_ms: int | None = None) -> LegRecord:
        """The leg record that these events amount to, or would if it had ended at a moment."""
        if ended_ms is None:
            ended_ms = self.left_bridge_ms or self.hung_up_ms
        return LegRecord(
            self.reference,
            self.attempt,
            self.leg,
            self.answered_ms,
            ended_ms,
            self.cause,
            self.unique_id,
        )


class ChannelEvents:
    """The answered legs of late, from the file of channel events.

    A leg stays until ``forget``: its rows are read again after a restart, so that a leg that was
    up when this process died is known again. ``malformed`` counts rows that nobody can read.
    """

    def __init__(
        self,
        tail: Tail,
        *,
        most_legs: int = MOST_LEGS,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._tail = tail
        self._most_legs = most_legs
        self._monotonic = monotonic
        self._legs: dict[str, LegEvents] = {}
        self._by_reference: dict[str, dict[str, LegEvents]] = {}
        self._ended: dict[str, LegEvents] = {}
        self._log = structlog.get_logger("talktime.cel")
        self.malformed = 0
        self.given_up = 0

    def read(self) -> int:
        """Takes in what was written since; gives the number of rows. Raises OSError."""
        lines = self._tail.read(MOST_ROWS)
        for line in lines:
            self._take(line)
        while len(self._legs) > self._most_legs:
            oldest = next(iter(self._legs.values()))
            self.given_up += 1
            self._log.warning("leg_given_up", leg="/".join(map(str, oldest.name)))
            self.forget(oldest)
        return len(lines)

    def answered(self, reference: str, attempt: int | None = None) -> list[LegEvents]:
        """The legs of a call that were answered, whether they have ended or not."""
        return [
            leg
            for leg in self._by_reference.get(reference, {}).values()
            if leg.answered_ms is not None and attempt in (None, leg.attempt)
        ]

    def ended(self) -> list[LegEvents]:
        """The answered legs that have ended, in the order of their ends."""
        return list(self._ended.values())

    def forget(self, leg: LegEvents) -> None:
        """The leg was dealt with; its rows need not be read again."""
        self._legs.pop(leg.unique_id, None)
        self._ended.pop(leg.unique_id, None)
        of_call = self._by_reference.get(leg.reference, {})
        of_call.pop(leg.unique_id, None)
        if not of_call:
            self._by_reference.pop(leg.reference, None)
        self._acknowledge(leg.lines)
        leg.lines = []

    def forget_older_than(self, moment_ms: int) -> None:
        """What cannot be up any more, and of which no end was ever written, is forgotten."""
        for leg in list(self._legs.values()):
            if leg.last_ms < moment_ms and not leg.has_ended:
                self.forget(leg)

    def _acknowledge(self, lines: Iterable[Line]) -> None:
        for line in lines:
            self._tail.done(line)

    def _take(self, line: Line) -> None:
        if not line.text:
            self._tail.done(line)
            return
        try:
            row = _row(line.text)
            found = _USER_FIELD.fullmatch(row["userfield"])
            if found is None:
                self._tail.done(line)
                return
            when = milliseconds(row["eventtime"])
            if not _UNIQUE_ID.fullmatch(row["uniqueid"]):
                raise ValueError(f"no unique id: {row['uniqueid'][:80]!r}")
        except (ValueError, csv.Error) as error:
            self.malformed += 1
            self._log.warning("channel_event_malformed", error=str(error)[:200])
            self._tail.done(line)
            return
        self._happened(found, row, when, line)

    def _happened(self, name: re.Match[str], row: dict[str, str], when: int, line: Line) -> None:
        unique_id = row["uniqueid"]
        leg = self._legs.get(unique_id)
        if leg is None:
            if row["eventtype"] != "ANSWER":
                # Nobody answered it yet, or all about it was dealt with.
                self._tail.done(line)
                return
            leg = LegEvents(name[1], int(name[2]), int(name[3]), unique_id)
            self._legs[unique_id] = leg
            self._by_reference.setdefault(leg.reference, {})[unique_id] = leg
        leg.lines.append(line)
        leg.last_ms = max(leg.last_ms, when)
        match row["eventtype"]:
            case "ANSWER":
                leg.answered_ms = when if leg.answered_ms is None else leg.answered_ms
            case "BRIDGE_ENTER":
                leg.left_bridge_ms = None
            case "BRIDGE_EXIT":
                leg.left_bridge_ms = when
            case "HANGUP" | "CHAN_END" if leg.hung_up_ms is None:
                leg.hung_up_ms = when
                leg.cause = _cause(row["extra"])
                leg.ended_seen_at = self._monotonic()
                self._ended[unique_id] = leg
        if len(leg.lines) > _MOST_ROWS_OF_A_LEG:
            # A leg that is put on hold for ever: its first row, the answer, is the one that counts.
            self._acknowledge(leg.lines[1:])
            del leg.lines[1:]


_MOST_ROWS_OF_A_LEG = 100


def _row(text: str) -> dict[str, str]:
    rows = list(csv.reader([text], strict=True))
    if len(rows) != 1 or len(rows[0]) != len(CEL_FIELDS):
        raise ValueError(f"not a row of {', '.join(CEL_FIELDS)}: {text[:80]!r}")
    return dict(zip(CEL_FIELDS, rows[0], strict=True))


def milliseconds(seconds: str) -> int:
    """Whole milliseconds of seconds since 1970 with a fraction. Raises ValueError."""
    found = _TIME.fullmatch(seconds)
    if found is None:
        raise ValueError(f"a time is seconds since 1970 with a fraction, not {seconds[:40]!r}")
    return int(found[1]) * 1000 + int((found[2] or "").ljust(3, "0")[:3])


def _cause(extra: str) -> int | None:
    try:
        cause = json.loads(extra)["hangupcause"]
    except (ValueError, KeyError, TypeError):
        return None
    return cause if isinstance(cause, int) and 0 <= cause <= 999 else None
