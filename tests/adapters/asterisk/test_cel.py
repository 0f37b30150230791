"""Channel events: what they tell of a leg, also when they are torn, foreign or too many."""

from __future__ import annotations

from pathlib import Path

import pytest

from adapters.asterisk.cel import ChannelEvents, LegEvents
from adapters.asterisk.spool import Tail
from tests.adapters.asterisk.support import START, cel_rows, reference

CALL = reference(1)


class File:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.follow()

    def follow(self, most_legs: int = 100) -> None:
        self.tail = Tail(self.folder / "talktime.csv", self.folder / "cel.offset")
        self.events = ChannelEvents(self.tail, most_legs=most_legs)

    def happens(self, *rows: str) -> None:
        with (self.folder / "talktime.csv").open("a") as file:
            file.write("".join(row + "\n" for row in rows))
        self.events.read()

    def leg(self) -> LegEvents:
        (leg,) = self.events.answered(CALL)
        return leg


@pytest.fixture
def file(tmp_path: Path) -> File:
    return File(tmp_path)


def test_a_leg_talked_from_its_answer_to_the_end_of_its_bridge(file: File) -> None:
    events = (("ANSWER", 10.0), ("BRIDGE_ENTER", 10.1), ("BRIDGE_EXIT", 15.25), ("HANGUP", 16.0))
    file.happens(*cel_rows(CALL, *events))
    record = file.leg().record()
    assert (record.talked_ms, record.cause) == (5250, 16)
    assert record.answered_ms == (START + 10) * 1000
    assert file.events.ended() == [file.leg()]


def test_a_leg_that_changes_its_bridge_talks_until_it_leaves_the_last(file: File) -> None:
    bridges = (("BRIDGE_ENTER", 10.1), ("BRIDGE_EXIT", 12.0), ("BRIDGE_ENTER", 12.1))
    file.happens(*cel_rows(CALL, ("ANSWER", 10.0), *bridges, ("BRIDGE_EXIT", 20.0)))
    file.happens(*cel_rows(CALL, ("HANGUP", 20.1)))
    assert file.leg().record().talked_ms == 10_000


def test_a_leg_that_was_never_bridged_ends_when_it_is_hung_up(file: File) -> None:
    file.happens(*cel_rows(CALL, ("ANSWER", 10.0), ("HANGUP", 13.0), ("CHAN_END", 13.0)))
    assert file.leg().record().talked_ms == 3000


def test_a_leg_that_is_up_has_not_ended(file: File) -> None:
    file.happens(*cel_rows(CALL, ("ANSWER", 10.0), ("BRIDGE_ENTER", 10.1)))
    assert not file.leg().has_ended
    assert file.events.ended() == []


def test_a_leg_that_nobody_answered_is_nothing_to_remember(file: File) -> None:
    file.happens(*cel_rows(CALL, ("HANGUP", 13.0), ("CHAN_END", 13.0)))
    assert file.events.answered(CALL) == []
    assert file.tail.waiting == 0


def test_the_channels_of_callers_and_of_others_are_passed_over(file: File) -> None:
    file.happens(
        f'"ANSWER","{START}.1","{START}.0","{START}.0","PJSIP/access-0","{CALL}","",""',
        f'"ANSWER","{START}.1","{START}.0","{START}.0","PJSIP/x-0","","somebody\'s own field",""',
    )
    assert (file.tail.waiting, file.events.malformed) == (0, 0)


@pytest.mark.parametrize(
    "row",
    [
        "nonsense",
        '"ANSWER","1","2"',
        '"ANSWER","noon","1.2","1.2","x","y","' + CALL + '/1/1",""',
        '"ANSWER","1.5","a b","1.2","x","y","' + CALL + '/1/1",""',
        '"ANSWER,"1.5"',
        '"' + "x" * 9000,
    ],
)
def test_a_row_nobody_can_read_is_counted_and_passed_over(file: File, row: str) -> None:
    file.happens(row, *cel_rows(CALL, ("ANSWER", 10.0), ("HANGUP", 13.0)))
    assert file.events.malformed >= 1
    assert file.leg().record().talked_ms == 3000


def test_an_event_told_twice_changes_nothing(file: File) -> None:
    rows = cel_rows(CALL, ("ANSWER", 10.0), ("BRIDGE_EXIT", 12.0), ("HANGUP", 13.0))
    file.happens(*rows, *rows)
    assert file.leg().record().talked_ms == 2000
    assert len(file.events.ended()) == 1


def test_a_leg_is_read_again_after_a_restart_until_it_is_forgotten(file: File) -> None:
    file.happens(*cel_rows(CALL, ("ANSWER", 10.0), ("HANGUP", 13.0)))
    file.tail.save()
    file.follow()
    file.events.read()
    file.events.forget(file.leg())
    file.tail.save()
    file.follow()
    file.events.read()
    assert file.events.answered(CALL) == []


def test_there_is_a_bound_to_the_legs_in_memory(file: File) -> None:
    file.follow(most_legs=10)
    for number in range(1, 16):
        file.happens(*cel_rows(reference(number), ("ANSWER", 10.0)))
    kept = [n for n in range(1, 16) if file.events.answered(reference(n))]
    assert kept == list(range(6, 16))
    assert file.events.given_up == 5


def test_a_leg_that_never_ended_is_forgotten_in_the_end(file: File) -> None:
    file.happens(*cel_rows(CALL, ("ANSWER", 10.0)))
    file.happens(*cel_rows(reference(2), ("ANSWER", 20.0)))
    file.events.forget_older_than((START + 15) * 1000)
    assert file.events.answered(CALL) == []
    assert len(file.events.answered(reference(2))) == 1
