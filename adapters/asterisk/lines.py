"""One line of the spool: the record of a leg, or of a caller who has left."""

from __future__ import annotations

import re
from itertools import islice

from application.legs import LegRecord, parse_leg

_CALL = re.compile(
    r"call\|(?P<reference>[A-Za-z0-9][A-Za-z0-9._-]{0,99})\|(?:[0-9]{1,11}(?:\.[0-9]{1,3})?)"
    r"\|[A-Z_]{0,20}\|[A-Z_]{0,20}\|[0-9]{0,3}",
    re.ASCII,
)
_A_RECORD = re.compile(r"(?:leg|call)\|", re.ASCII)


def read_line(text: str) -> LegRecord | str | None:
    """A leg's record, or the reference of a call whose caller has left; None for anything else."""
    if (call := _CALL.fullmatch(text)) is not None:
        return call["reference"]
    try:
        leg = parse_leg(text.removeprefix("leg|")) if text.startswith("leg|") else None
    except ValueError:
        return None
    if leg is not None and leg.answered_ms is not None and leg.ended_ms is None:
        # Nobody can tell how long it was: the channel events can.
        return None
    return leg


def last_record(text: str) -> str | None:
    """The record that a line ends with; None if it ends with none."""
    for found in reversed(list(islice(_A_RECORD.finditer(text), 100))):
        if read_line(text[found.start() :]) is not None:
            return text[found.start() :]
    return None
