"""What goes over the wire to Asterisk, and what may come back."""

from __future__ import annotations

import contextlib
import socket
import threading

import pytest
import structlog
from asterisk.agi import AGIAppError, AGIInvalidCommand, AGIUsageError
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.agi.session import (
    MOST_COMMAND,
    Answer,
    Dead,
    Gone,
    Limits,
    ProtocolError,
    Session,
    Silent,
)
from adapters.phone.commands import split
from tests.adapters.agi.wire import HEAD, QUICK, connected, session_with

OK = b"200 result=1\n"


def test_the_head_says_which_call_this_is() -> None:
    with session_with() as (session, _):
        assert session.call == "pbx1-1763765000.1"
        assert session.script == "card"
        assert session.env["agi_callerid"] == "15551230001"


def test_the_head_may_come_in_drops() -> None:
    near, far = connected()
    with near, far:
        sender = threading.Thread(
            target=lambda: [far.sendall(HEAD[i : i + 7]) for i in range(0, len(HEAD), 7)]
        )
        sender.start()
        assert Session(near).script == "card"
        sender.join()


@pytest.mark.parametrize(
    ("answer", "meaning"),
    [
        (b"200 result=0\n", Answer("0")),
        (b"200 result=-1\n", Answer("-1")),
        (b"200 result=1 ()\n", Answer("1", "")),
        (b"200 result=1 (a (b) c)\n", Answer("1", "a (b) c")),
        (b"200 result=123 (timeout)\n", Answer("123", "timeout")),
        (b"200 result= (timeout)\n", Answer("", "timeout")),
        (b"200 result=\n", Answer("")),
        (b"200 result=12*#\n", Answer("12*#")),
        (b"200 result=0 endpos=8000\n", Answer("0", "", "endpos=8000")),
        (b"200 result=0 (timeout) endpos=8000\n", Answer("0", "timeout", "endpos=8000")),
        (b"200 result=1 (two\nlines)\n", Answer("1", "two\nlines")),
        (b"200 result=1\r\n", Answer("1")),
        (b"HANGUP\n200 result=1\n", Answer("1")),
        (b"100 result=0 Trying...\n200 result=0\n", Answer("0")),
    ],
)
def test_each_form_of_answer_is_understood(answer: bytes, meaning: Answer) -> None:
    with session_with(answer, OK) as (session, _):
        assert session.exchange("NOOP") == meaning
        assert session.exchange("NOOP") == Answer("1"), "still in step"


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (b"510 Invalid or unknown command\n", AGIInvalidCommand),
        (b"511 Command Not Permitted on a dead channel or intercept routine\n", Dead),
        (b"520-Invalid command syntax.  Proper usage follows:\nUsage\n520 End.\n", AGIUsageError),
        (b"520 Invalid command syntax.  Proper usage not available.\n", AGIUsageError),
    ],
)
def test_a_refused_command_leaves_the_conversation_in_step(
    answer: bytes, error: type[Exception]
) -> None:
    with session_with(answer, OK) as (session, _):
        with pytest.raises(error):
            session.exchange("GET DATA")
        assert session.exchange("NOOP") == Answer("1")


@pytest.mark.parametrize(
    "answer",
    [
        b"hello\n",
        b"\n",
        b"200 OK\n",
        b"x" * 5000,
        b"200 result=1 (" + b"x\n" * 3000,
        b"520-usage\n" + b"more\n" * 200,
    ],
)
def test_what_is_no_answer_ends_the_conversation(answer: bytes) -> None:
    with session_with(answer, OK) as (session, _):
        with pytest.raises(ProtocolError, match="not FastAGI"):
            session.exchange("NOOP")
        with pytest.raises(Gone):
            session.exchange("NOOP")


def test_a_closed_connection_is_a_caller_gone() -> None:
    with session_with(OK, close=True) as (session, _):
        session.exchange("NOOP")
        with pytest.raises(Gone):
            session.exchange("NOOP")
        assert session.hung_up


def test_a_silent_peer_is_cut_off() -> None:
    with session_with(limits=QUICK) as (session, _):
        with pytest.raises(Silent):
            session.exchange("NOOP")
        with pytest.raises(Gone):
            session.exchange("NOOP")


def test_a_command_may_take_its_own_time() -> None:
    with session_with(limits=Limits(answer_seconds=60.0)) as (session, _), pytest.raises(Silent):
        session.exchange("EXEC Dial", "x", within=0.05)


def test_a_peer_that_drips_one_answer_is_cut_off() -> None:
    near, far = connected()
    stop = threading.Event()

    def drip() -> None:
        with contextlib.suppress(OSError):
            far.sendall(HEAD)
            while not stop.wait(0.02):
                far.sendall(b"x")

    thread = threading.Thread(target=drip)
    with near, far:
        thread.start()
        session = Session(near, QUICK)
        with pytest.raises(Silent):
            session.exchange("NOOP", within=5.0)
        stop.set()
        thread.join()


# ---- heads that are not Asterisk's


def _lines(count: int, size: int = 1) -> bytes:
    return b"".join(b"agi_x%d: %s\n" % (n, b"y" * size) for n in range(count)) + b"\n"


@pytest.mark.parametrize(
    ("head", "accepted"),
    [
        (b"GET / HTTP/1.1\r\n\r\n", "agi_<name>: <value>"),
        (b"agi_network yes\n\n", "agi_<name>: <value>"),
        (b": x\n\n", "agi_<name>: <value>"),
        (b"agi_network: yes\n\n", "agi_network_script"),
        (b"\n", "agi_network_script"),
        (b"agi_network_script: a\nagi_network_script: b\n\n", "once"),
        (_lines(101), "at most 100 lines"),
        (_lines(20, 1000), "at most 16384 bytes"),
        (b"agi_network: " + b"y" * 5000, "at most 4096 bytes"),
        (b"agi_network: " + b"y" * 4090 + b"\n\n", "at most 4096 bytes"),
    ],
)
def test_a_head_that_is_not_fastagi_is_refused(head: bytes, accepted: str) -> None:
    with pytest.raises(ProtocolError, match=accepted), session_with(head=head):
        pass


def test_the_largest_head_that_is_allowed_is_read() -> None:
    head = b"agi_network_script: card\n" + _lines(99)
    with session_with(head=head) as (session, _):
        assert len(session.env) == 100


def test_a_head_without_end_is_given_up() -> None:
    with pytest.raises(Silent), session_with(head=b"agi_network: yes\n", limits=QUICK):
        pass


def test_a_peer_that_leaves_in_the_head_is_gone() -> None:
    near, far = connected()
    far.sendall(b"agi_network: yes\n")
    far.close()
    with near, pytest.raises(Gone):
        Session(near)


# ---- one intent, one line


@pytest.mark.parametrize("value", ["a\nHANGUP", "a\rb", "a\0b", "\n"])
def test_a_line_break_in_a_value_is_refused_and_nothing_is_sent(value: str) -> None:
    with session_with(OK) as (session, far):
        with pytest.raises(ValueError, match="no line break"):
            session.exchange("SET VARIABLE", "X", value)
        with pytest.raises(ValueError, match="no line break"):
            session.set_variable("X", value)
        with pytest.raises(ValueError, match="line"):
            session.exchange("NOOP\nHANGUP")
        session.close()
        assert far.lines() == []


def test_a_command_that_asterisk_would_cut_is_refused() -> None:
    with session_with(OK) as (session, far):
        with pytest.raises(ValueError, match=f"at most {MOST_COMMAND} bytes"):
            session.exchange("NOOP", "x" * MOST_COMMAND)
        session.close()
        assert far.lines() == []


@settings(max_examples=60, deadline=None)
@given(st.lists(st.text(max_size=40), min_size=1, max_size=3))
def test_every_value_arrives_as_one_argument_of_one_line(values: list[str]) -> None:
    with session_with(OK, OK) as (session, far):
        try:
            session.exchange("SET VARIABLE", *values)
        except ValueError:
            assert any(set(value) & set("\r\n\0") for value in values) or any(
                "\ud800" <= sign <= "\udfff" for value in values for sign in value
            )
            return
        session.close()
        lines = far.lines()
        assert len(lines) == 1
        assert split(lines[0].decode("utf-8", "surrogateescape"))[2:] == values


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=40), st.text(max_size=40))
def test_the_methods_of_pyst2_send_one_line_too(name: str, value: str) -> None:
    with session_with(OK, OK) as (session, far):
        with contextlib.suppress(ValueError):
            session.set_variable(name, value)
        with contextlib.suppress(ValueError):
            session.get_data(name, 1000, 4)
        session.close()
        assert all(line.startswith((b"SET VARIABLE ", b"GET DATA ")) for line in far.lines())
        assert len(far.lines()) <= 2


def test_pyst2_sees_its_results_in_its_own_form() -> None:
    with session_with(b"200 result=1 (x y)\n", b"200 result=-1\n", b"200 result=5\n") as (
        session,
        far,
    ):
        assert session.get_full_variable("${X}") == "x y"
        with pytest.raises(AGIAppError):
            session.stream_file("beep")
        assert session.channel_status() == 5
        session.close()
        assert far.lines() == [
            b'GET FULL VARIABLE "${X}"',
            b'STREAM FILE beep "" 0',
            b"CHANNEL STATUS",
        ]


def test_a_command_is_never_sent_without_reading_its_answer() -> None:
    with session_with() as (session, _), pytest.raises(TypeError):
        session.send_command("NOOP")


def test_nothing_keyed_and_no_value_is_logged() -> None:
    near, far = connected()
    with near, far, structlog.testing.capture_logs() as logs:
        far.sendall(HEAD + b"200 result=98765432 (timeout)\n200 result=1 (13579)\n")
        session = Session(near, trace=True)
        session.exchange("GET DATA", "enter-pin", 5000, 24680)
        session.exchange("GET FULL VARIABLE", "${SECRET24680}")
        far.shutdown(socket.SHUT_RDWR)
        with pytest.raises(Gone):
            session.exchange("SET VARIABLE", "PIN", "24680")
    assert [log["command"] for log in logs] == ["GET DATA", "GET FULL VARIABLE", "SET VARIABLE"]
    assert all(log["call"] == "pbx1-1763765000.1" for log in logs)
    for secret in ("98765432", "13579", "24680", "enter-pin"):
        assert secret not in repr(logs)
