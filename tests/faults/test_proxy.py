"""The network of the fault tests does what it is told: otherwise its faults would test nothing."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.faults.proxy import Network, network
from tests.faults.waiting import until

pytestmark = [pytest.mark.faults]


@contextmanager
def echo() -> Iterator[tuple[str, int]]:
    """A server that sends everything back in capitals, and ends when its client does."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=answer, args=(connection,), daemon=True).start()

    def answer(connection: socket.socket) -> None:
        with connection:
            try:
                while chunk := connection.recv(1024):
                    connection.sendall(chunk.upper())
            except OSError:
                return

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    yield listener.getsockname()[:2]
    listener.shutdown(socket.SHUT_RDWR)
    thread.join()
    listener.close()


@pytest.fixture
def path() -> Iterator[Network]:
    with echo() as server, network(server) as made:
        yield made


@pytest.fixture
def client(path: Network) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", path.port), 5) as connection:
        yield connection


def asked(client: socket.socket, told: bytes) -> bytes:
    client.sendall(told)
    return client.recv(1024)


def test_it_carries_both_ways(client: socket.socket) -> None:
    assert asked(client, b"hello") == b"HELLO"


@pytest.mark.parametrize("way", ["to_server", "to_client"])
def test_a_drop_is_silent_in_each_direction(path: Network, client: socket.socket, way: str) -> None:
    assert asked(client, b"hello") == b"HELLO"
    getattr(path, way).drops()
    client.settimeout(0.1)
    with pytest.raises(TimeoutError):
        asked(client, b"lost")
    assert getattr(path, way).lost == 4
    passed = 5 if way == "to_server" else 9
    until("it is counted", lambda: path.to_server.carried == passed)


def test_the_answer_to_certain_words_is_lost_and_no_other(path: Network) -> None:
    path.loses_the_answer_to(b"commit")
    one, other = (socket.create_connection(("127.0.0.1", path.port), 5) for _ in "12")
    with one, other:
        assert asked(other, b"begin") == b"BEGIN"
        one.sendall(b"commit")
        assert path.answers_lost.wait(5)
        until("it is counted", lambda: path.to_server.carried == len("begincommit"))
        assert asked(other, b"commit") == b"COMMIT"
        one.settimeout(0.05)
        with pytest.raises(TimeoutError):
            one.recv(10)


def test_a_delay_comes_late(path: Network, client: socket.socket) -> None:
    path.to_client.delays(0.15)
    begun = time.monotonic()
    assert asked(client, b"hello") == b"HELLO"
    assert time.monotonic() - begun >= 0.15


def test_a_throttle_lets_few_bytes_pass(path: Network, client: socket.socket) -> None:
    path.to_server.throttles(1_000)
    begun = time.monotonic()
    client.sendall(b"x" * 200)
    got = b""
    while len(got) < 200:
        got += client.recv(1024)
    assert time.monotonic() - begun >= 0.15


def test_a_reset_is_an_error_and_new_connections_are_taken(
    path: Network, client: socket.socket
) -> None:
    assert asked(client, b"hello") == b"HELLO"
    assert path.resets() == 1
    with pytest.raises(ConnectionError):
        client.recv(10)
    with socket.create_connection(("127.0.0.1", path.port), 5) as again:
        assert asked(again, b"hello") == b"HELLO"


def test_the_end_of_one_direction_leaves_the_other(path: Network, client: socket.socket) -> None:
    assert asked(client, b"hello") == b"HELLO"
    path.to_client.ends()
    client.sendall(b"more")
    assert client.recv(10) == b""
    client.sendall(b"taken")
    assert path.to_client.lost <= 9


def test_it_refuses_and_heals(path: Network) -> None:
    def hello() -> bytes:
        with socket.create_connection(("127.0.0.1", path.port), 5) as client:
            return asked(client, b"hello")

    path.refuses = True
    with pytest.raises(ConnectionError):
        hello()
    path.heals()
    assert hello() == b"HELLO"
