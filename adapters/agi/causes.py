"""What Asterisk says of a dialled leg, in the product's words: one table for the whole product.

Sources: DIALSTATUS as documented for Asterisk's Dial(); causes are those of ITU-T Q.850, the
mapping from SIP is RFC 3398 section 8.2 (486 gives 17, 404 gives 1, 503 gives 34 or 41, 603 gives
21). A cause that speaks against the trunk lets the next route be tried (congestion, unavailable);
the called party's own answer (busy, no answer, rejected) never does.
"""

from __future__ import annotations

from enum import StrEnum

from application.legs import LegOutcome


class DialStatus(StrEnum):
    """The values of DIALSTATUS; UNKNOWN when Asterisk could no longer be asked."""

    ANSWER = "ANSWER"
    BUSY = "BUSY"
    NOANSWER = "NOANSWER"
    CANCEL = "CANCEL"
    CONGESTION = "CONGESTION"
    CHANUNAVAIL = "CHANUNAVAIL"
    DONTCALL = "DONTCALL"
    TORTURE = "TORTURE"
    INVALIDARGS = "INVALIDARGS"
    UNKNOWN = ""

    @property
    def keeps_old_cause(self) -> bool:
        """Asterisk does not set HANGUPCAUSE for these: what is read is of a leg before."""
        return self in (DialStatus.NOANSWER, DialStatus.CANCEL, DialStatus.UNKNOWN)


_BY_STATUS: dict[DialStatus, LegOutcome] = {
    DialStatus.ANSWER: LegOutcome.ANSWERED,
    DialStatus.BUSY: LegOutcome.BUSY,
    DialStatus.NOANSWER: LegOutcome.NO_ANSWER,
    DialStatus.CANCEL: LegOutcome.CANCELLED,
    DialStatus.CONGESTION: LegOutcome.CONGESTION,
    DialStatus.CHANUNAVAIL: LegOutcome.UNAVAILABLE,
    # Dial's privacy mode: the called party has refused this caller.
    DialStatus.DONTCALL: LegOutcome.REJECTED,
    DialStatus.TORTURE: LegOutcome.REJECTED,
    # The route's own channel string is wrong; another route may be right.
    DialStatus.INVALIDARGS: LegOutcome.UNAVAILABLE,
    DialStatus.UNKNOWN: LegOutcome.UNKNOWN,
}

_BY_CAUSE: dict[tuple[DialStatus, int], LegOutcome] = {
    # CONGESTION and CHANUNAVAIL are what Dial says of every failure; these causes are the called
    # party's own answer, which no other route would change.
    (DialStatus.CONGESTION, 17): LegOutcome.BUSY,
    (DialStatus.CHANUNAVAIL, 17): LegOutcome.BUSY,
    (DialStatus.CONGESTION, 18): LegOutcome.NO_ANSWER,
    (DialStatus.CHANUNAVAIL, 18): LegOutcome.NO_ANSWER,
    (DialStatus.CONGESTION, 19): LegOutcome.NO_ANSWER,
    (DialStatus.CHANUNAVAIL, 19): LegOutcome.NO_ANSWER,
    (DialStatus.CONGESTION, 21): LegOutcome.REJECTED,
    (DialStatus.CHANUNAVAIL, 21): LegOutcome.REJECTED,
    # No circuit, network out of order, temporary failure, switch congestion, channel not
    # available: the trunk is full or down, whatever the status says.
    (DialStatus.CHANUNAVAIL, 34): LegOutcome.CONGESTION,
    (DialStatus.CHANUNAVAIL, 38): LegOutcome.CONGESTION,
    (DialStatus.CHANUNAVAIL, 41): LegOutcome.CONGESTION,
    (DialStatus.CHANUNAVAIL, 42): LegOutcome.CONGESTION,
    (DialStatus.CHANUNAVAIL, 44): LegOutcome.CONGESTION,
}


def dial_status(text: str) -> DialStatus:
    """The status of that name; UNKNOWN for anything Asterisk's documentation does not name."""
    try:
        return DialStatus(text)
    except ValueError:
        return DialStatus.UNKNOWN


def leg_outcome(status: DialStatus, cause: int | None) -> LegOutcome:
    """What became of a leg that ended with this DIALSTATUS and Q.850 cause."""
    if cause is not None and (found := _BY_CAUSE.get((status, cause))) is not None:
        return found
    return _BY_STATUS[status]
