"""A calling-card call from the first word to the last, on a real Asterisk."""

from __future__ import annotations

import pytest

from application.speech import Balance, Prompt, TimeLeft
from domain.call_sessions import Evidence, LoginRefused, PayerIdentified
from domain.login import Proof
from domain.money import parse
from tests.end_to_end.books import account
from tests.end_to_end.callers import OnLine, call
from tests.end_to_end.rig.scenario import await_bye, hangup, keys, wait
from tests.end_to_end.system import (
    A_MOMENT,
    ANNOUNCED,
    ANNOUNCEMENT,
    NUMBER_ONLY,
    PIN_ONLY,
    STAYS,
    WITH_FEES,
    Service,
    entry,
    leaves_after,
)
from domain.login import LoginMode

pytestmark = pytest.mark.asterisk


def test_a_caller_logs_in_hears_what_is_left_talks_and_dials_on(service: Service) -> None:
    card = service.card("2.00", say_time=True)
    first, second = service.number(leaves_after(20)), service.number(STAYS, WITH_FEES)
    stay = call(
        service,
        *card.login(),
        *entry(first + "#"),
        wait(6),
        *entry(second + "#"),
        wait(5),
        hangup(),
    )
    one, two = stay.settled()
    left = card.face_value - one.charge
    stay.heard(
        Prompt.WELCOME,
        Prompt.ENTER_PIN,
        Balance(card.face_value),
        TimeLeft(200),
        Balance(left),
    )
    assert (one.evidence, two.evidence) == (Evidence.LEG_RECORD, Evidence.LEG_RECORD)
    assert account(service, card).balance == left - two.charge
