"""The telephone in the terminal: what it shows, and what its scripts mean."""

from __future__ import annotations

import io
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest
from rich.console import Console

from adapters.phone.asterisk_side import AsteriskSide
from adapters.phone.script import ScriptError, parse_script
from adapters.phone.terminal import clock, run_phone

COMMANDS = (
    "ANSWER",
    'EXEC Playback "welcome"',
    'GET DATA "pin" 5000 12',
    'EXEC Background "balance"',
    'GET DATA "number" 5000 20',
    'EXEC Dial "PJSIP/{keys}@carrier,30,gHL(75000:20000)b(talktime-leg-start^s^1(a-1.1^1^1))"',
    'SET VARIABLE "TALKTIME_DONE" "1"',
    "HANGUP",
)
WORDS = {"welcome": "Welcome.", "pin": "Your PIN?", "balance": "[5 dollars]", "number": "Number?"}


@contextmanager
def platform() -> Iterator[tuple[str, int]]:
    """A platform that says the same to everyone."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            connection, _ = listener.accept()
            with connection, connection.makefile("rb") as reader, suppress(ConnectionError):
                while reader.readline().strip():
                    pass
                keys = ""
                for command in COMMANDS:
                    connection.sendall((command.format(keys=keys) + "\n").encode())
                    answer = reader.readline().decode()
                    if not answer:
                        return
                    if command.startswith("GET DATA"):
                        keys = answer.strip().partition("=")[2].split(" ")[0]

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield listener.getsockname()
        thread.join(5)


def phone(*script: str, typed: list[str] | None = None) -> tuple[AsteriskSide, str]:
    out = Console(file=io.StringIO(), width=100, no_color=True)

    def read(prompt: str) -> str:
        assert typed is not None
        if not typed:
            raise EOFError
        return typed.pop(0)

    with platform() as (host, port):
        side = run_phone(
            host,
            port,
            access_number="18005550100",
            caller_id="15551230001",
            text_of=lambda sound: WORDS.get(sound, ""),
            out=out,
            keys_script=script if typed is None else None,
            read=read,
        )
    assert isinstance(out.file, io.StringIO)
    return side, out.file.getvalue()


def test_a_script_makes_a_whole_call() -> None:
    side, shown = phone("; log in", "1234#", "", "849990000000#", "talk 60")
    assert side.done
    for text in (
        "15551230001  calls  18005550100",
        "♪ Welcome.",
        "♪ Your PIN?",
        "› keys 1234#",
        "♪ [5 dollars]",
        "☎ dialling 849990000000 over carrier, at most 1:15",
        "answered, talked 1:00, warned when 0:20 were left",
        "ended by          the platform",
        "time on the line  1:02",
    ):
        assert text in shown


def test_a_script_that_ends_hangs_up() -> None:
    side, shown = phone("1234#")
    assert not side.done
    assert side.dead
    assert "hangs up: the script is at its end" in shown
    assert "ended by          hang-up" in shown


@pytest.mark.parametrize(
    ("far_end", "words"),
    [
        ("talk 600", "answered, talked 1:15, cut off at the limit"),
        ("busy", "busy (cause 17)"),
        ("congestion", "congestion (cause 34)"),
        ("talk 5 *", "answered, talked 0:05"),
    ],
)
def test_a_script_says_what_becomes_of_a_leg(far_end: str, words: str) -> None:
    side, shown = phone("1234#", "849990000000#", far_end)
    assert side.done
    assert words in shown


def test_a_caller_may_hang_up_in_a_talk() -> None:
    side, _ = phone("1234#", "849990000000#", "talk 5 hangup")
    assert not side.done
    assert side.variables["DIALSTATUS"] == "ANSWER"


@pytest.mark.parametrize(
    ("line", "number"),
    [("talk", 1), ("talk x", 1), ("talk 99999", 1), ("12a#", 1), ("1#2", 1), ("bussy", 1)],
)
def test_a_wrong_line_is_named_by_its_number(line: str, number: int) -> None:
    with pytest.raises(ScriptError, match=f"line {number}: '{line}' is none of: keys such as"):
        parse_script([line])
    with pytest.raises(ScriptError, match="line 3: "):
        parse_script(["1#", "", line])


def test_a_line_that_does_not_fit_is_named_by_its_number() -> None:
    with pytest.raises(ScriptError, match="line 1: 'busy' is about a dialled leg, but a question"):
        phone("busy")
    with pytest.raises(ScriptError, match="line 3: '7#' answers a question, but a leg was"):
        phone("1234#", "849990000000#", "7#")


def test_keys_are_typed() -> None:
    side, shown = phone(typed=["x", "12 34#", "849990000000#", "soon", "30"])
    assert side.done
    assert "keys are 0-9, * and #; Enter alone is silence, h hangs up" in shown
    assert "seconds of talk, or busy" in shown
    assert "answered, talked 0:30" in shown


@pytest.mark.parametrize("typed", [["h"], ["1234#", "h"], ["1234#", "84999#", "h"], []])
def test_the_caller_hangs_up_by_h_or_the_end_of_input(typed: list[str]) -> None:
    side, _ = phone(typed=typed)
    assert side.dead
    assert not side.done


def test_enter_alone_is_silence_and_a_minute_of_talk() -> None:
    side, shown = phone(typed=["", "84999#", ""])
    assert side.done
    assert "talked 1:00" in shown


def test_star_ends_a_ringing_leg() -> None:
    side, _ = phone(typed=["1234#", "84999#", "*"])
    assert side.variables["DIALSTATUS"] == "CANCEL"


@pytest.mark.parametrize(
    ("milliseconds", "text"), [(0, "0:00"), (75_300, "1:15.3"), (3_600_000, "60:00")]
)
def test_durations_read_like_a_clock(milliseconds: int, text: str) -> None:
    assert clock(milliseconds) == text
