"""An Asterisk that dies in mid-talk and never comes back: the hold does not stay for ever."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from domain.call_sessions import AttemptSeen
from tests.end_to_end import books
from tests.end_to_end.books import account
from tests.end_to_end.rig.asterisk import Rig, until
from tests.end_to_end.system import Service
from tests.end_to_end.test_kills import kill_asterisk_in_mid_talk

pytestmark = pytest.mark.asterisk

LIMIT_AND_MARGIN = 90.0


def test_the_hold_stays_until_the_limit_has_passed_and_the_last_sign_of_life_is_charged(
    rendered_prompts: Path,
) -> None:
    with Rig(sounds=rendered_prompts) as rig, Service(rig) as service:
        service.expected += ["attempts_given_up", "leg_ended_at_last_sign_of_life"]
        card, number = kill_asterisk_in_mid_talk(service, value="0.05")
        (reference,) = service.calls_to(number)
        (started,) = service.attempts(reference)
        until(
            "what was surely talked is confirmed",
            lambda: any(isinstance(fact, AttemptSeen) for fact in service.facts(reference)),
        )
        assert account(service, card).holds
        until(
            "the limit has surely passed",
            lambda: datetime.now(UTC) > started.deadline,
            LIMIT_AND_MARGIN,
        )
        service.server.stop()
        service.server.start()
        (settled,) = books.settled(service, reference)
        assert settled.seconds == pytest.approx(service.cut[number], abs=1)
        assert not account(service, card).holds
