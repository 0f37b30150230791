"""The played Asterisk answers as a real Asterisk 22 does."""

from __future__ import annotations

import pytest

from adapters.phone.asterisk_side import AsteriskSide, Settings
from adapters.phone.commands import Dialled, read_dial, split
from adapters.phone.script import ScriptedLine

DIAL = (
    'EXEC Dial "PJSIP/849990000000@carrier,30,gHL(60000:10000)f(+1555)'
    'b(talktime-leg-start^s^1(pbx1-1.1^2^3))U(talktime-leg-answer^pbx1-1.1^2^3)"'
)
READ = 'GET FULL VARIABLE "${DIALSTATUS}|${HANGUPCAUSE}|${SHARED(TALKTIME_LEG)}"'


def side(*script: str, leaves_at: int | None = None, **settings: object) -> AsteriskSide:
    return AsteriskSide(
        ScriptedLine.of(*script),
        Settings(**settings),  # type: ignore[arg-type]
        leaves_at=leaves_at,
    )


def test_the_head_is_that_of_asterisk() -> None:
    head = Settings(reference="pbx1-1763765000.7").head("127.0.0.1", 4573).decode()
    assert head.startswith("agi_network: yes\nagi_network_script: card\nagi_request: agi://")
    assert head.endswith("agi_threadid: 140000000000000\nagi_arg_1: pbx1-1763765000.7\n\n")
    assert "agi_uniqueid: 1763765000.7\n" in head


@pytest.mark.parametrize(
    ("command", "answer"),
    [
        ("ANSWER", "200 result=0"),
        ("CHANNEL STATUS", "200 result=6"),
        ('EXEC Playback "a&b"', "200 result=0"),
        ('EXEC Background "a&b"', "200 result=0"),
        ('GET DATA "a" 5000 9', "200 result=4711"),
        ('GET DATA "" 5000 9', "200 result=4711"),
        ('GET DATA "a" 5000 2', "200 result=47"),
        ('GET DATA "a&b" 5000 9', "200 result=-1"),
        ('GET DATA "nosuch" 5000 9', "200 result=-1"),
        ('EXEC Playback "nosuch"', "200 result=0"),
        ('STREAM FILE "a" ""', "200 result=0 endpos=8000"),
        ('GET VARIABLE "X"', "200 result=0"),
        ('GET FULL VARIABLE "${X}"', "200 result=1 ()"),
        ('SET VARIABLE "X" "1"', "200 result=1"),
        ('EXEC MSet "X=1,FEATUREMAP(disconnect)=##"', "200 result=0"),
        ('EXEC Nosuch "x"', "200 result=-2"),
        ("NOOP", "200 result=0"),
        ('VERBOSE "x" 1', "200 result=1"),
        ("HANGUP", "200 result=1"),
        ("NONSENSE", "510 Invalid or unknown command"),
    ],
)
def test_each_command_has_its_form_of_answer(command: str, answer: str) -> None:
    assert side("4711#", missing_sounds=frozenset({"nosuch"})).answer(command) == [answer]


def test_silence_after_keys_is_a_timeout() -> None:
    one = side("47", "silence")
    assert one.answer('GET DATA "a" 5000 9') == ["200 result=47 (timeout)"]
    assert one.answer('GET DATA "a" 5000 9') == ["200 result= (timeout)"]
    assert one.now_ms - one.settings.started_ms == 10_000


def test_variables_are_kept() -> None:
    one = side()
    one.answer('SET VARIABLE "X" "say \\"hi\\" \\\\ there"')
    one.answer('EXEC MSet "Y=2,FEATUREMAP(disconnect)=##"')
    assert one.answer('GET FULL VARIABLE "${X}|${Y}|${FEATUREMAP(disconnect)}|${Z}"') == [
        '200 result=1 (say "hi" \\ there|2|##|)'
    ]


def test_a_leg_talks_in_no_time_and_leaves_its_record() -> None:
    one = side("talk 12.5")
    assert one.answer(DIAL) == ["200 result=0"]
    assert one.answer(READ) == [
        "200 result=1 (ANSWER|16|pbx1-1.1|2|3|1763765002.000|1763765014.500|16|1763765002.2)"
    ]


def test_the_limit_cuts_a_leg() -> None:
    one = side("talk 600")
    one.answer(DIAL)
    assert "|1763765002.000|1763765062.000|" in one.answer(READ)[0]


@pytest.mark.parametrize(
    ("far_end", "shown"),
    [
        ("busy", "BUSY|17|pbx1-1.1|2|3||"),
        ("noanswer", "NOANSWER||pbx1-1.1|2|3||"),
        ("congestion", "CONGESTION|34|pbx1-1.1|2|3||"),
        ("unavailable", "CHANUNAVAIL|1|pbx1-1.1|2|3||"),
        ("rejected", "CHANUNAVAIL|21|pbx1-1.1|2|3||"),
        ("cancel", "CANCEL||pbx1-1.1|2|3||"),
    ],
)
def test_a_leg_may_fail_in_every_way(far_end: str, shown: str) -> None:
    one = side(far_end)
    assert one.answer(DIAL) == ["200 result=0"]
    assert one.answer(READ)[0].startswith(f"200 result=1 ({shown}")


def test_a_cause_stays_after_a_leg_that_nobody_answered() -> None:
    one = side("busy", "noanswer")
    one.answer(DIAL)
    one.answer(DIAL)
    assert one.answer(READ)[0].startswith("200 result=1 (NOANSWER|17|")


def test_a_record_may_come_late() -> None:
    one = side("talk 60", record_after_looks=2)
    one.answer(DIAL)
    assert one.answer(READ) == ["200 result=1 (ANSWER|16|)"] == one.answer(READ)
    assert "pbx1-1.1|2|3" in one.answer(READ)[0]


def test_a_caller_who_hangs_up_leaves_a_dead_channel() -> None:
    one = side("hangup", exit_on_hangup=False)
    assert one.answer('GET DATA "a" 5000 9') == ["200 result=-1"]
    assert one.answer("CHANNEL STATUS")[0].startswith("511 ")
    assert one.answer('SET VARIABLE "X" "1"') == ["200 result=1"]


def test_the_line_hangup_comes_once_and_answers_nothing() -> None:
    one = side(exit_on_hangup=False, hangup_line=True, leaves_at=1)
    assert one.answer('EXEC Playback "a"') == ["200 result=-1", "HANGUP"]
    assert one.answer('GET FULL VARIABLE "${X}"') == ["200 result=1 ()"]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ('A "b c" d', ["A", "b c", "d"]),
        ('A "" d', ["A", "", "d"]),
        (r'A "b\"c\\"', ["A", r'b"c' + "\\"]),
        ("", []),
    ],
)
def test_commands_are_split_as_asterisk_does(line: str, words: list[str]) -> None:
    assert split(line) == words


def test_what_dial_was_asked_to_do_is_understood() -> None:
    assert read_dial(split(DIAL)[2]) == Dialled(
        "849990000000", "carrier", 30, 60_000, 10_000, "+1555", "pbx1-1.1", "2", "3"
    )
    assert read_dial("PJSIP/1@t") == Dialled("1", "t", 60, None, None, None, "", "", "")
