"""After each attempt the caller is asked again: what leads back there, and what may be keyed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from application.speech import Balance, Prompt
from domain.call_sessions import AttemptStarted
from domain.money import Money
from tests.end_to_end import books
from tests.end_to_end.callers import OnLine, call
from tests.end_to_end.rig.asterisk import Rig
from tests.end_to_end.rig.scenario import await_bye, hangup, keys, wait
from tests.end_to_end.rig.sipp import FAR_END, FarEnd
from tests.end_to_end.system import (
    A_MOMENT,
    BUSY,
    CENT_A_SECOND,
    NO_CIRCUIT,
    OPERATOR,
    RINGS,
    UNKNOWN_NUMBER,
    Service,
    entry,
    leaves_after,
)

pytestmark = pytest.mark.asterisk

NOTHING = Money(0, "USD")


@pytest.fixture(scope="module")
def two_trunks(rendered_prompts: Path) -> Iterator[Service]:
    """An operator with two carriers."""
    with Rig(sounds=rendered_prompts) as rig, Service(rig, trunks=("carrier", "backup")) as made:
        yield made


@pytest.fixture
def service(two_trunks: Service) -> Iterator[Service]:
    """Its service; at the end of a test its books are in order."""
    with books.in_order(two_trunks):
        yield two_trunks


class FullTrunk(FarEnd):
    """A carrier that has no circuit for anybody."""

    def __init__(self, rig: Rig, trunk: str) -> None:
        super().__init__(rig, trunk)
        text = FAR_END.read_text()
        first = '<nop next="silent" test="is8"/>'
        always = text.replace(first, f'{first}<nop next="refuse503"/>')
        assert always != text
        file = self.folder / "full.xml"
        file.write_text(always)
        self.arguments[self.arguments.index("-sf") + 1] = str(file)


def test_a_star_a_busy_number_and_one_that_hangs_up_lead_back(service: Service) -> None:
    card = service.card()
    stays, busy, leaves = (service.number(does) for does in ("0000", BUSY, leaves_after(10)))
    steps = (
        *card.login(),
        *entry(stays + "#"),
        wait(2),
        keys("*"),
        wait(A_MOMENT),
        *entry(busy + "#"),
        wait(A_MOMENT),
        *entry(leaves + "#"),
        wait(3),
        hangup(),
    )
    stay = call(service, *steps)
    first, second, third = stay.settled()
    assert [first.seconds > 1, second.seconds, third.seconds in (1, 2)] == [True, 0, True]
    assert second.charge == NOTHING
    stay.heard(Prompt.BUSY)


def test_nobody_answering_and_no_line_lead_back(service: Service) -> None:
    card, other = service.card(), service.card()
    rings = service.number(RINGS)
    unknown, full = service.number(UNKNOWN_NUMBER), service.number(NO_CIRCUIT)
    waits = OnLine(service, *card.login(), *entry(rings + "#"), wait(7.5), hangup())
    fails = OnLine(
        service,
        *other.login(),
        *entry(full + "#"),
        wait(5),
        *entry(unknown + "#"),
        wait(4),
        hangup(),
    )
    stay = waits.finish()
    stay.heard(Prompt.NO_ANSWER)
    # The called party's own silence is no reason to ring it by another trunk.
    assert service.calls_by_trunk(rings) == [1, 0]
    stay = fails.finish()
    stay.heard(Prompt.CONGESTED, Prompt.UNAVAILABLE)
    assert service.calls_by_trunk(full) == [1, 1]
    assert [attempt.charge for attempt in stay.settled()] == [NOTHING, NOTHING]


def test_the_next_trunk_takes_the_call_when_the_first_is_full(service: Service) -> None:
    carrier = service.far_ends[0]
    carrier.stop()
    card, number = service.card(), service.number(leaves_after(10))
    try:
        with FullTrunk(service.rig, "carrier"):
            stay = call(service, *card.login(), *entry(number + "#"), wait(3), hangup())
    finally:
        service.far_ends.append(FarEnd(service.rig, "carrier").start())
    (settled,) = stay.settled()
    assert settled.seconds in (1, 2)
    legs = [each for each in service.rig.records() if each.reference == stay.reference]
    assert [leg.answered is not None for leg in legs if hasattr(leg, "answered")] == [False, True]


def test_the_codes_at_the_prompt_do_what_they_say(service: Service) -> None:
    card = service.card(operator_number=f"+{OPERATOR}")
    number = service.number(leaves_after(10))
    redials = OnLine(
        service,
        *card.login(),
        *entry("*0#"),
        wait(2),
        *entry(number + "#"),
        wait(2),
        *entry("*0#"),
        wait(2),
        hangup(),
    )
    other = service.card(operator_number=f"+{OPERATOR}")
    asks = OnLine(
        service,
        *other.login(),
        *entry("111#"),
        wait(2.5),
        *entry("0#"),
        wait(2),
        hangup(),
    )
    again = service.number(leaves_after(10))
    third = service.card()
    starts_over = OnLine(service, *third.login(), *entry(f"1234*{again}#"), wait(3), hangup())
    stay = redials.finish()
    stay.heard(Prompt.NOTHING_TO_REDIAL)
    destinations = [attempt.destination for attempt in service.attempts(stay.reference)]
    assert destinations == [f"+{number}"] * 2
    stay = asks.finish()
    stay.heard(Balance(other.face_value))
    (settled,) = stay.settled()
    assert (settled.charge, settled.seconds > 0) == (NOTHING, True)
    stay = starts_over.finish()
    assert [a.destination for a in service.attempts(stay.reference)] == [f"+{again}"]


def test_what_means_nothing_is_told_and_silence_ends_the_call(service: Service) -> None:
    card, silent = service.card(), service.card()
    invalid = OnLine(
        service,
        *card.login(),
        *entry("*99#"),
        wait(2),
        *entry("0123#"),
        wait(2),
        *entry("12#"),
        wait(2),
        *entry("4420#"),
        wait(2),
        *entry("442079460000#"),
        wait(2),
        *entry(CENT_A_SECOND),
        wait(3.5),
        hangup(),
    )
    quiet = OnLine(service, *silent.login(), await_bye())
    invalid.finish().heard(
        Prompt.INVALID_ENTRY,
        Prompt.INVALID_ENTRY,
        Prompt.INVALID_NUMBER,
        Prompt.INVALID_NUMBER,
        Prompt.NUMBER_NOT_ALLOWED,
        Prompt.FINISH_WITH_POUND,
    )
    stay = quiet.finish()
    assert stay.outcome.saw("BYE in")
    stay.heard(Prompt.ENTER_DESTINATION, Prompt.ENTER_DESTINATION, Prompt.GOODBYE)
    assert not [fact for fact in stay.facts if isinstance(fact, AttemptStarted)]
