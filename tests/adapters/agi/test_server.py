"""The server takes calls up to a bound, keeps them apart, and ends them cleanly."""

from __future__ import annotations

import socket
import threading

import pytest
import structlog

from adapters.agi.server import FastAgiServer
from adapters.agi.session import Session
from adapters.agi.telephone import CallerGone, Leg, Telephone
from adapters.phone.asterisk_side import AsteriskSide, Settings
from adapters.phone.script import ScriptedLine
from tests.adapters.agi.wire import HEAD, QUICK

ANYWHERE = ("127.0.0.1", 0)
COMMANDS = 10
"""Commands in the conversation below, hang-up included."""


def conversation(session: Session) -> None:
    telephone = Telephone(session, wait=lambda _: None)
    try:
        telephone.answer()
        telephone.play(["welcome"])
        telephone.ask(["card-number"])
        telephone.ask(["you-have", "number"])
        leg = Leg(
            reference=telephone.reference,
            attempt=1,
            leg=1,
            number="849990000000",
            trunk="carrier",
            ring_seconds=30,
            limit_ms=600_000,
        )
        assert not telephone.dial(leg).caller_gone
    except (CallerGone, AssertionError):
        return
    telephone.done()
    telephone.hangup()


def caller(leaves_at: int | None = None, **settings: object) -> AsteriskSide:
    line = ScriptedLine.of("4711#", "849990000000#", "talk 60")
    return AsteriskSide(line, Settings(**settings), leaves_at=leaves_at)  # type: ignore[arg-type]


def eventually_idle(server: FastAgiServer) -> bool:
    """Waits, bounded, until every call has been counted off."""
    with server._changed:
        return server._changed.wait_for(lambda: not server.calls_active, 5)


def test_a_call_runs_through_and_is_counted() -> None:
    with FastAgiServer(ANYWHERE, {"card": conversation}) as server:
        side = caller().run(*server.address)
        assert side.done
        assert side.dead
        server.stop()
    assert (server.calls_total, server.calls_active) == (1, 0)
    assert (server.calls_refused, server.calls_failed) == (0, 0)


def test_many_calls_at_once_are_kept_apart() -> None:
    with FastAgiServer(ANYWHERE, {"card": conversation}) as server:
        sides = [caller(reference=f"pbx1-1763765000.{n}") for n in range(40)]
        threads = [threading.Thread(target=side.run, args=server.address) for side in sides]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(20)
        assert all(side.done for side in sides)
        assert [side.legs[0].reference for side in sides] == [
            f"pbx1-1763765000.{n}" for n in range(40)
        ]
    assert server.calls_total == 40


@pytest.mark.parametrize("exits", [True, False])
def test_a_caller_may_leave_at_any_command(exits: bool) -> None:
    with FastAgiServer(ANYWHERE, {"card": conversation}) as server:
        whole = caller().run(*server.address)
        assert len(whole.commands) == COMMANDS
        for command in range(1, COMMANDS + 1):
            side = caller(command, exit_on_hangup=exits, hangup_line=not exits)
            side.run(*server.address)
            assert len(side.commands) >= command
            if exits:
                assert len(side.commands) == command
        assert caller().run(*server.address).done, "other calls are not disturbed"
        assert eventually_idle(server)
    assert server.calls_failed == 0


@pytest.mark.parametrize("answered", range(COMMANDS))
def test_a_connection_may_be_cut_at_any_command(answered: int) -> None:
    with FastAgiServer(ANYWHERE, {"card": conversation}) as server:
        side = caller()
        with socket.create_connection(server.address) as connection:
            connection.sendall(side.settings.head(*server.address))
            with connection.makefile("rb") as reader:
                for _ in range(answered):
                    line = reader.readline().decode().rstrip("\n")
                    connection.sendall(("\n".join(side.answer(line)) + "\n").encode())
        assert eventually_idle(server)
        assert caller().run(*server.address).done
    assert server.calls_failed == 0


def test_a_hung_asterisk_does_not_keep_the_call() -> None:
    ended = threading.Event()

    def asks(session: Session) -> None:
        try:
            session.exchange("NOOP")
        finally:
            ended.set()

    with FastAgiServer(ANYWHERE, {"card": asks}, limits=QUICK) as server:
        with socket.create_connection(server.address) as connection:
            connection.sendall(HEAD)
            assert ended.wait(5)
        assert eventually_idle(server)
    assert server.calls_failed == 0


def test_more_calls_than_the_bound_are_closed_at_once() -> None:
    inside, leave = threading.Barrier(3), threading.Event()

    def stays(session: Session) -> None:
        inside.wait(5)
        leave.wait(5)

    with FastAgiServer(ANYWHERE, {"card": stays}, most_calls=2) as server:
        open_calls = [socket.create_connection(server.address) for _ in range(2)]
        for connection in open_calls:
            connection.sendall(HEAD)
        inside.wait(5)
        for _ in range(5):
            with socket.create_connection(server.address) as refused:
                refused.settimeout(5)
                assert read_or_reset(refused) == b""
        assert (server.calls_active, server.calls_refused) == (2, 5)
        leave.set()
        for connection in open_calls:
            assert connection.recv(1) == b""
            connection.close()
        assert eventually_idle(server)
    assert server.calls_total == 2


def read_or_reset(connection: socket.socket) -> bytes:
    try:
        return connection.recv(1)
    except ConnectionResetError:
        return b""


def test_only_allowed_networks_may_connect() -> None:
    with (
        structlog.testing.capture_logs() as logs,
        FastAgiServer(ANYWHERE, {"card": conversation}, allow=("192.0.2.0/24",)) as server,
    ):
        with socket.create_connection(server.address) as refused:
            refused.settimeout(5)
            assert read_or_reset(refused) == b""
        server.stop()
    assert (server.calls_total, server.calls_refused) == (0, 1)
    assert any(log.get("why") == "not an allowed network" for log in logs)


@pytest.mark.parametrize(
    ("allow", "host", "allowed"),
    [
        (("127.0.0.0/8",), "127.0.0.1", True),
        (("127.0.0.0/8",), "::ffff:127.0.0.1", True),
        (("127.0.0.0/8", "::1/128"), "::1", True),
        (("127.0.0.0/8",), "10.0.0.1", False),
        (("10.0.0.0/8",), "10.1.2.3", True),
        (("fe80::/10",), "fe80::1%eth0", True),
        ((), "127.0.0.1", False),
    ],
)
def test_networks_are_matched(allow: tuple[str, ...], host: str, allowed: bool) -> None:
    with FastAgiServer(ANYWHERE, {}, allow=allow) as server:
        assert server._is_allowed(host) is allowed


def test_a_network_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match=r"300\.0\.0\.0/8"):
        FastAgiServer(ANYWHERE, {}, allow=("300.0.0.0/8",))
    with pytest.raises(ValueError, match="most_calls is 1 or more"):
        FastAgiServer(ANYWHERE, {}, most_calls=0)


def test_an_unknown_script_is_closed_with_a_log_line() -> None:
    with (
        structlog.testing.capture_logs() as logs,
        FastAgiServer(ANYWHERE, {"card": conversation}) as server,
    ):
        side = caller(script="nosuch").run(*server.address)
        assert eventually_idle(server)
    assert side.commands == []
    assert (server.calls_refused, server.calls_failed) == (1, 0)
    (log,) = [log for log in logs if log["event"] == "agi_unknown_script"]
    assert log["script"] == "nosuch"
    assert log["known"] == ["card"]
    assert log["call"] == "pbx1-1763765000.1"


def test_a_call_that_fails_is_logged_and_disturbs_no_other() -> None:
    def fails(session: Session) -> None:
        raise RuntimeError("broken")

    scripts = {"card": conversation, "broken": fails}
    with structlog.testing.capture_logs() as logs, FastAgiServer(ANYWHERE, scripts) as server:
        caller(script="broken").run(*server.address)
        assert caller().run(*server.address).done
        assert eventually_idle(server)
    assert (server.calls_total, server.calls_failed) == (2, 1)
    (log,) = [log for log in logs if log["event"] == "agi_call_failed"]
    assert log["call"] == "pbx1-1763765000.1"


def test_a_peer_that_is_not_asterisk_is_logged() -> None:
    with structlog.testing.capture_logs() as logs, FastAgiServer(ANYWHERE, {}) as server:
        with socket.create_connection(server.address) as connection:
            connection.sendall(b"GET / HTTP/1.1\r\n\r\n")
            assert read_or_reset(connection) == b""
        assert eventually_idle(server)
    assert server.calls_failed == 1
    assert any(log["event"] == "agi_protocol_error" for log in logs)


def test_stopping_waits_for_calls_and_cuts_off_what_stays() -> None:
    began, ends = threading.Event(), threading.Event()
    gone: list[Exception] = []

    def waits(session: Session) -> None:
        began.set()
        try:
            session.exchange("WAIT FOR DIGIT", 60_000, within=60.0)
        except Exception as error:
            gone.append(error)
        ends.set()

    server = FastAgiServer(ANYWHERE, {"card": waits}).start()
    with socket.create_connection(server.address) as connection:
        connection.sendall(HEAD)
        assert began.wait(5)
        assert server.stop(0.05) == 1
        assert ends.wait(5)
    assert type(gone[0]).__name__ == "Gone"
    with pytest.raises(OSError, match="refused"):
        socket.create_connection(server.address)


def test_stopping_an_idle_server_cuts_nobody_off() -> None:
    server = FastAgiServer(ANYWHERE, {"card": conversation}).start()
    caller().run(*server.address)
    assert server.stop() == 0


def test_an_answer_goes_out_when_it_is_written() -> None:
    seen: list[int] = []

    def looks(session: Session) -> None:
        seen.append(session._connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))

    with FastAgiServer(ANYWHERE, {"card": looks}) as server:
        caller().run(*server.address)
        assert eventually_idle(server)
    assert seen[0] != 0
