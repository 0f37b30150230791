"""Asking Asterisk: a complete answer in time, or it counts as no answer at all."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from adapters.asterisk.alive import SignsOfLife
from adapters.asterisk.ami import ActionRefused, Ami, AsteriskUnreachable, Channel, Message
from adapters.asterisk.watch import AmiSettings, AsteriskWatch
from tests.adapters.asterisk.support import Time

TITLE = "Asterisk Call Manager/11.0.0\r\n"
WAIT = 10.0


class Manager:
    """Asterisk's side: answers each action as `answers` says; what it says is sent as it is."""

    def __init__(self) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.address: tuple[str, int] = self.listener.getsockname()
        self.title = TITLE
        self.said: list[Message] = []
        self.answers: dict[str, Callable[[str], str]] = {}
        self.started = "2026-11-21\r\nCoreStartupTime: 10:00:00"
        self.connections: list[socket.socket] = []
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self.listener.accept()
                self.connections.append(connection)
                threading.Thread(target=self.talk, args=(connection,), daemon=True).start()

    def talk(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError):
            connection.sendall(self.title.encode())
            with connection.makefile("r", newline="\r\n") as lines:
                message: Message = {}
                for line in lines:
                    name, colon, value = line.rstrip("\r\n").partition(": ")
                    if colon:
                        message[name] = value
                    elif message:
                        self.said.append(message)
                        connection.sendall(self.answer(message).encode())
                        message = {}

    def answer(self, message: Message) -> str:
        action_id = message["ActionID"]
        if message["Action"] in self.answers:
            return self.answers[message["Action"]](action_id)
        more = ""
        if message["Action"] == "CoreStatus":
            more = f"CoreStartupDate: {self.started}\r\n"
        return f"Response: Success\r\nActionID: {action_id}\r\n{more}\r\n"

    def say(self, text: str) -> None:
        self.connections[-1].sendall(text.encode())

    def cut(self) -> None:
        for connection in self.connections:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            connection.close()

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.cut()
        self.thread.join(WAIT)


@pytest.fixture
def manager() -> Iterator[Manager]:
    manager = Manager()
    yield manager
    manager.close()


@contextlib.contextmanager
def connected(manager: Manager, **more: object) -> Iterator[Ami]:
    ami = Ami(manager.address, "talktime", "secret", **more)  # type: ignore[arg-type]
    try:
        yield ami
    finally:
        ami.close()


def channel(action_id: str, number: int) -> str:
    return (
        f"Event: CoreShowChannel\r\nActionID: {action_id}\r\nChannel: PJSIP/c-{number}\r\n"
        f"ChannelState: {6 if number else 5}\r\nUniqueid: 17.{number}\r\nLinkedid: 17.0\r\n"
        f"AccountCode: pbx1-17.0\r\n\r\n"
    )


def listing(sent: int, told: int | None = None, state: str = "Complete") -> Callable[[str], str]:
    def answer(action_id: str) -> str:
        start = f"Response: Success\r\nActionID: {action_id}\r\nEventList: start\r\n\r\n"
        end = (
            f"Event: CoreShowChannelsComplete\r\nActionID: {action_id}\r\nEventList: {state}\r\n"
            f"ListItems: {sent if told is None else told}\r\n\r\n"
        )
        return start + "".join(channel(action_id, n) for n in range(sent)) + end

    return answer


def test_it_logs_in_and_asks_for_no_events_but_the_dial_plans(manager: Manager) -> None:
    with connected(manager):
        login, events = manager.said
    assert (login["Action"], login["Events"]) == ("Login", "off")
    assert events["EventMask"] == "user"


def test_the_channels_are_listed(manager: Manager) -> None:
    manager.answers["CoreShowChannels"] = listing(2)
    with connected(manager) as ami:
        first, second = ami.channels()
    assert first == Channel("PJSIP/c-0", "17.0", "17.0", "pbx1-17.0", False)
    assert second.is_up


def test_no_channels_is_a_complete_answer(manager: Manager) -> None:
    manager.answers["CoreShowChannels"] = listing(0)
    with connected(manager) as ami:
        assert ami.channels() == []


@pytest.mark.parametrize(
    "answer",
    [
        listing(2, told=3),
        listing(2, told=1),
        listing(2, state="cancelled"),
        lambda i: f"Response: Error\r\nActionID: {i}\r\nMessage: Permission denied\r\n\r\n",
        lambda i: listing(2)(i).replace("Linkedid", "Else"),
        lambda i: listing(2)(i).partition("Event: CoreShowChannelsComplete")[0],
        lambda i: "",
        lambda i: "x" * 20_000,
        lambda i: "\r\n".join(f"h{n}: v" for n in range(300)),
    ],
)
def test_an_incomplete_list_is_no_answer(manager: Manager, answer: Callable[[str], str]) -> None:
    manager.answers["CoreShowChannels"] = answer
    with connected(manager, deadline=0.3) as ami, pytest.raises(AsteriskUnreachable):
        ami.channels()


def test_a_connection_that_is_cut_in_the_middle_of_a_list_is_no_answer(manager: Manager) -> None:
    def answer(action_id: str) -> str:
        manager.say(listing(2)(action_id).partition("Event: CoreShowChannelsComplete")[0])
        manager.cut()
        return ""

    manager.answers["CoreShowChannels"] = answer
    with connected(manager) as ami:
        with pytest.raises(AsteriskUnreachable):
            ami.channels()
        assert ami.closed.wait(WAIT)
        assert ami.closed_by_asterisk


def test_a_refused_login_is_an_error_that_does_not_name_the_secret(manager: Manager) -> None:
    manager.answers["Login"] = lambda i: (
        f"Response: Error\r\nActionID: {i}\r\nMessage: Authentication failed\r\n\r\n"
    )
    with pytest.raises(ActionRefused, match="Authentication failed") as refused:
        Ami(manager.address, "talktime", "a-long-secret")
    assert "a-long-secret" not in str(refused.value)


def test_nobody_at_the_port_is_an_error() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = taken.getsockname()
    with pytest.raises(AsteriskUnreachable):
        Ami(address, "talktime", "secret")


def test_something_else_at_the_port_is_an_error(manager: Manager) -> None:
    manager.title = "SSH-2.0-OpenSSH_9.2\r\n"
    with pytest.raises(AsteriskUnreachable, match="not a manager"):
        Ami(manager.address, "talktime", "secret")


@pytest.mark.parametrize("bad", ["a\r\nAction: Originate", "a\nb", "a\rb", "a\0b"])
def test_a_header_cannot_hold_another_header(manager: Manager, bad: str) -> None:
    with connected(manager) as ami:
        with pytest.raises(ValueError, match="line break"):
            ami.variable(bad, "X")
        ami.ping()
    assert [message["Action"] for message in manager.said] == ["Login", "Events", "Ping"]


def test_answers_find_their_questions_whoever_asks_when(manager: Manager) -> None:
    manager.answers["Getvar"] = lambda i: (
        f"Response: Success\r\nActionID: {i}\r\nVariable: X\r\nValue: {i}\r\n\r\n"
    )
    wrong: list[str] = []

    def ask(ami: Ami) -> None:
        for _ in range(50):
            message = ami.ask("Getvar", Channel="c", Variable="X")
            if message["Value"] != message["ActionID"]:
                wrong.append(message["Value"])

    with connected(manager) as ami:
        threads = [threading.Thread(target=ask, args=(ami,)) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(WAIT)
    assert wrong == []


def test_a_channel_that_is_gone_has_no_variables(manager: Manager) -> None:
    manager.answers["Getvar"] = lambda i: (
        f"Response: Error\r\nActionID: {i}\r\nMessage: No such channel\r\n\r\n"
    )
    with connected(manager) as ami:
        assert ami.variable("PJSIP/x", "Y") is None


def test_late_answers_of_a_question_given_up_are_dropped(manager: Manager) -> None:
    late: list[str] = []
    manager.answers["Getvar"] = lambda i: late.append(i) or ""  # type: ignore[func-returns-value]
    with connected(manager, deadline=0.3) as ami:
        with pytest.raises(AsteriskUnreachable, match="no answer within"):
            ami.variable("c", "X")
        manager.say(f"Response: Success\r\nActionID: {late[0]}\r\nValue: late\r\n\r\n")
        ami.ping()


def test_events_of_the_dial_plan_are_heard_among_answers(manager: Manager) -> None:
    heard: list[Message] = []
    with connected(manager, on_event=heard.append) as ami:
        manager.say("Event: UserEvent\r\nUserEvent: TalktimeLeg\r\nRecord: a|1\r\n\r\n")
        ami.ping()
    assert [event["UserEvent"] for event in heard] == ["TalktimeLeg"]


# ---- staying in touch


class Watched:
    def __init__(self, manager: Manager, folder: Path) -> None:
        self.time = Time()
        self.changes = threading.Semaphore(0)
        self.records = threading.Event()
        host, port = manager.address
        self.signs = SignsOfLife(folder / "alive")
        self.watch = AsteriskWatch(
            AmiSettings(host=host, port=port, secret="secret", deadline=2.0),
            self.signs,
            self.time,
            on_record=self.records.set,
            on_change=self.changes.release,
            ping_seconds=0.05,
        )
        self.watch.start()

    def changed(self) -> str | None:
        assert self.changes.acquire(timeout=WAIT)
        return self.watch.run


@pytest.fixture
def watched(manager: Manager, tmp_path: Path) -> Iterator[Watched]:
    watched = Watched(manager, tmp_path)
    yield watched
    watched.watch.stop()


def test_it_connects_again_and_knows_the_same_run(manager: Manager, watched: Watched) -> None:
    first = watched.changed()
    manager.cut()
    assert watched.changed() is None or watched.watch.run == first
    assert watched.changed() == first
    assert len(watched.signs.instances) == 1


def test_another_start_is_another_run(manager: Manager, watched: Watched) -> None:
    first = watched.changed()
    manager.started = "2026-11-21\r\nCoreStartupTime: 11:00:00"
    manager.cut()
    watched.changed()
    assert watched.changed() != first
    assert len(watched.signs.instances) == 2


def test_the_end_of_the_connection_is_the_last_sign_of_life(
    manager: Manager, watched: Watched, tmp_path: Path
) -> None:
    watched.changed()
    manager.listener.close()
    watched.time.passes(100)
    manager.cut()
    assert watched.changed() is None
    now_ms = int(watched.time.now().timestamp() * 1000)
    assert SignsOfLife(tmp_path / "alive").last_alive() == now_ms


def test_while_asterisk_is_lost_it_cannot_be_asked(manager: Manager, watched: Watched) -> None:
    watched.changed()
    manager.close()
    assert watched.changed() is None
    with pytest.raises(AsteriskUnreachable):
        watched.watch.channels()


def test_an_asterisk_that_hangs_is_lost(manager: Manager, watched: Watched) -> None:
    watched.changed()
    manager.answers["Ping"] = lambda i: ""
    assert watched.changed() is None or watched.watch.connected_total > 1


def test_a_record_in_the_spool_is_told_at_once(manager: Manager, watched: Watched) -> None:
    watched.changed()
    manager.say("Event: UserEvent\r\nUserEvent: TalktimeLeg\r\nRecord: x\r\n\r\n")
    assert watched.records.wait(WAIT)


def test_the_secret_is_not_shown() -> None:
    assert "hidden" not in repr(AmiSettings(secret="hidden"))
