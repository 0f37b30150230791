"""Honest minutes: whether a caller could really talk for the time that was announced."""

from __future__ import annotations

from enum import StrEnum

from domain.call_sessions import AttemptSettled, Evidence

DESTINATION_OUT_OF_ORDER = 27
NETWORK_FAULTS = 32
"""Q.850 causes from here on are faults of a network or of a switch; below, people hang up."""

_NOBODY_SAW = (Evidence.LAST_SIGN_OF_LIFE, Evidence.LIMIT_PASSED)


class Delivery(StrEnum):
    """What became of an announced time."""

    KEPT = "kept"
    """All of it could be talked: it was, or one of the two hung up before."""
    CUT_AT_LIMIT = "cut at the limit"
    """The call ran to its limit, and more had been announced."""
    CUT_BY_FAULT = "cut by a fault"
    """The network ended the call before the announced time was over."""
    UNWITNESSED = "unwitnessed"
    """Nobody saw how the call ended, so nobody can say."""


def delivery(announced: int, limit_seconds: int, settled: AttemptSettled) -> Delivery:
    """What became of the seconds that were announced for an answered attempt (ITU-T Q.850)."""
    if settled.seconds >= announced:
        return Delivery.KEPT
    if settled.seconds >= limit_seconds:
        return Delivery.CUT_AT_LIMIT
    if settled.evidence in _NOBODY_SAW:
        return Delivery.UNWITNESSED
    cause = settled.cause
    if cause is not None and (cause == DESTINATION_OUT_OF_ORDER or cause >= NETWORK_FAULTS):
        return Delivery.CUT_BY_FAULT
    return Delivery.KEPT
