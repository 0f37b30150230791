"""Asterisk's codes mean one thing in the product."""

from __future__ import annotations

import pytest

from adapters.agi.causes import DialStatus, dial_status, leg_outcome
from application.legs import LegOutcome


@pytest.mark.parametrize(
    ("status", "cause", "outcome", "next_route"),
    [
        ("ANSWER", 16, LegOutcome.ANSWERED, False),
        ("ANSWER", None, LegOutcome.ANSWERED, False),
        ("BUSY", 17, LegOutcome.BUSY, False),
        ("NOANSWER", None, LegOutcome.NO_ANSWER, False),
        ("CANCEL", None, LegOutcome.CANCELLED, False),
        ("CONGESTION", 34, LegOutcome.CONGESTION, True),
        ("CONGESTION", None, LegOutcome.CONGESTION, True),
        ("CHANUNAVAIL", 1, LegOutcome.UNAVAILABLE, True),
        ("CHANUNAVAIL", 3, LegOutcome.UNAVAILABLE, True),
        ("CHANUNAVAIL", 21, LegOutcome.REJECTED, False),
        ("CHANUNAVAIL", 34, LegOutcome.CONGESTION, True),
        ("CONGESTION", 17, LegOutcome.BUSY, False),
        ("DONTCALL", None, LegOutcome.REJECTED, False),
        ("INVALIDARGS", None, LegOutcome.UNAVAILABLE, True),
        ("", None, LegOutcome.UNKNOWN, False),
        ("SOMETHING", 34, LegOutcome.UNKNOWN, False),
    ],
)
def test_each_status_and_cause_has_one_outcome(
    status: str, cause: int | None, outcome: LegOutcome, next_route: bool
) -> None:
    assert leg_outcome(dial_status(status), cause) is outcome
    assert outcome.tries_next_route is next_route


@pytest.mark.parametrize("status", list(DialStatus))
def test_every_status_has_an_outcome(status: DialStatus) -> None:
    assert isinstance(leg_outcome(status, None), LegOutcome)
