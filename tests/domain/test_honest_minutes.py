"""Whether a caller could talk for as long as was announced."""

from __future__ import annotations

import pytest

from domain.call_sessions import AttemptSettled, Evidence
from domain.honest_minutes import Delivery, delivery
from tests.support.story import NOON, usd


def settled(
    seconds: int, cause: int | None = 16, evidence: Evidence = Evidence.LEG_RECORD
) -> AttemptSettled:
    return AttemptSettled(1, NOON, seconds * 1000, seconds, usd(0), False, evidence, cause)


@pytest.mark.parametrize("seconds", [600, 601])
def test_a_call_that_lasted_the_announced_time_kept_it(seconds: int) -> None:
    assert delivery(600, 700, settled(seconds, 41)) is Delivery.KEPT


@pytest.mark.parametrize("cause", [16, 17, 31, None])
def test_a_call_that_somebody_hung_up_kept_it(cause: int | None) -> None:
    assert delivery(600, 600, settled(30, cause)) is Delivery.KEPT


def test_a_limit_below_the_announced_time_breaks_the_word() -> None:
    assert delivery(780, 600, settled(600)) is Delivery.CUT_AT_LIMIT
    assert delivery(780, 600, settled(599)) is Delivery.KEPT


@pytest.mark.parametrize("cause", [27, 34, 38, 41, 102, 127])
def test_a_fault_of_the_network_breaks_it(cause: int) -> None:
    assert delivery(600, 600, settled(30, cause)) is Delivery.CUT_BY_FAULT


@pytest.mark.parametrize("evidence", [Evidence.LAST_SIGN_OF_LIFE, Evidence.LIMIT_PASSED])
def test_what_nobody_saw_is_not_judged(evidence: Evidence) -> None:
    assert delivery(600, 600, settled(30, None, evidence)) is Delivery.UNWITNESSED
