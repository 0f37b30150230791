"""What is known of one dialled leg once it has ended: its record, and what became of it.

The record is one line, written by the hangup handler of the dialled channel. It is read twice: by
the conversation that dialled, from the caller's channel, and by the shipper of the spool.
"""

from __future__ import annotations

import re
from enum import StrEnum

from attrs import frozen

MOST_LINE = 512
"""A leg record is never longer than this many characters."""

FORMAT = "<reference>|<attempt>|<leg>|<answered>|<ended>|<cause>|<unique id>"

_LINE = re.compile(
    r"(?P<reference>[A-Za-z0-9][A-Za-z0-9._-]{0,99})"
    r"\|(?P<attempt>[1-9][0-9]{0,5})"
    r"\|(?P<leg>[1-9][0-9]{0,5})"
    r"\|(?P<answered>(?:[0-9]{1,11}(?:\.[0-9]{1,3})?)?)"
    r"\|(?P<ended>(?:[0-9]{1,11}(?:\.[0-9]{1,3})?)?)"
    r"\|(?P<cause>[0-9]{0,3})"
    r"\|(?P<unique_id>[A-Za-z0-9._:@-]{1,150})",
    re.ASCII,
)


class LegOutcome(StrEnum):
    """What became of a leg, in the product's words."""

    ANSWERED = "answered"
    BUSY = "busy"
    NO_ANSWER = "no answer"
    CONGESTION = "congestion"
    UNAVAILABLE = "unavailable"
    REJECTED = "rejected"
    CANCELLED = "cancelled by caller"
    UNKNOWN = "unknown"

    @property
    def tries_next_route(self) -> bool:
        """Whether another route may reach the number: the trunk failed, not the called party."""
        return self in (LegOutcome.CONGESTION, LegOutcome.UNAVAILABLE)


@frozen
class LegRecord:
    """When one leg was answered and when it ended, by the clock of the Asterisk that dialled it.

    Times are milliseconds since 1970. `answered_ms` is None when nobody answered; `cause` is the
    Q.850 cause of the dialled channel, None when Asterisk gave none.
    """

    reference: str
    attempt: int
    leg: int
    answered_ms: int | None
    ended_ms: int | None
    cause: int | None
    unique_id: str

    @property
    def talked_ms(self) -> int:
        """Milliseconds from the answer to the end; 0 when nobody answered, never negative."""
        if self.answered_ms is None or self.ended_ms is None:
            return 0
        return max(0, self.ended_ms - self.answered_ms)

    def is_of(self, reference: str, attempt: int, leg: int) -> bool:
        """Whether this is the record of that leg and not of one dialled before it."""
        return (self.reference, self.attempt, self.leg) == (reference, attempt, leg)


def parse_leg(line: str) -> LegRecord:
    """Read one leg record, with or without its line break.

    Raises ValueError, naming the form that is accepted, for anything else. Seconds of the line
    become whole milliseconds without passing through a float.
    """
    found = _LINE.fullmatch(line.rstrip("\r\n")) if len(line) <= MOST_LINE else None
    if found is None:
        raise ValueError(
            f"not a leg record of at most {MOST_LINE} characters in the form {FORMAT}, "
            f"with times in seconds and milliseconds: {line[:80]!r}"
        )
    return LegRecord(
        found["reference"],
        int(found["attempt"]),
        int(found["leg"]),
        _milliseconds(found["answered"]),
        _milliseconds(found["ended"]),
        int(found["cause"]) if found["cause"] else None,
        found["unique_id"],
    )


def _milliseconds(seconds: str) -> int | None:
    if not seconds:
        return None
    whole, _, fraction = seconds.partition(".")
    return int(whole) * 1000 + int(fraction.ljust(3, "0") or 0)
