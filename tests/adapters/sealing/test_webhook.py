"""The newest checkpoint reaches whoever wants it, and a receiver that fails holds nothing up."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from queue import Queue

import pytest
from structlog.testing import capture_logs
from tenacity import wait_none

from adapters.sealing.webhook import CheckpointWebhook


class Receiver:
    """A server on the loopback that answers as it is told to and keeps what it got."""

    def __init__(self) -> None:
        self.got: Queue[tuple[str, bytes]] = Queue()
        self.answers: list[int] = []
        self.hold = threading.Event()
        self.hold.set()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.got.put((self.headers["Content-Type"], body))
                receiver.hold.wait(20)
                self.send_response(receiver.answers.pop(0) if receiver.answers else 204)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self._server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/checkpoints"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def bodies(self, count: int) -> list[bytes]:
        return [self.got.get(timeout=20)[1] for _ in range(count)]

    def close(self) -> None:
        self.hold.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(20)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    receiver = Receiver()
    yield receiver
    receiver.close()


@contextmanager
def webhook(url: str, tries: int = 4) -> Iterator[Callable[[str], None]]:
    sender = CheckpointWebhook(url, tries=tries, wait=wait_none())
    try:
        yield sender.tell
    finally:
        sender.stop()


def test_a_checkpoint_is_sent_as_it_was_signed(receiver: Receiver) -> None:
    with webhook(receiver.url) as tell:
        tell("note \u2014 one\n")
        content_type, body = receiver.got.get(timeout=20)
    assert content_type == "text/plain; charset=utf-8"
    assert body.decode() == "note \u2014 one\n"


def test_a_receiver_that_fails_for_a_while_gets_it_again(receiver: Receiver) -> None:
    receiver.answers = [503, 429, 500]
    with webhook(receiver.url) as tell:
        tell("one")
        assert receiver.bodies(4) == [b"one"] * 4
        tell("two")
        assert receiver.bodies(1) == [b"two"]


def test_a_receiver_that_says_it_is_our_mistake_is_not_asked_again(receiver: Receiver) -> None:
    receiver.answers = [403]
    with capture_logs() as logs, webhook(receiver.url) as tell:
        tell("one")
        assert receiver.bodies(1) == [b"one"]
        tell("two")
        assert receiver.bodies(1) == [b"two"]
    assert [each["event"] for each in logs] == ["checkpoint_not_delivered"]


def test_only_the_newest_waits_for_a_slow_receiver(receiver: Receiver) -> None:
    receiver.hold.clear()
    with webhook(receiver.url) as tell:
        tell("one")
        assert receiver.bodies(1) == [b"one"]
        for note in ("two", "three", "four"):
            tell(note)
        receiver.hold.set()
        assert receiver.bodies(1) == [b"four"]
    assert receiver.got.empty()


def test_nobody_there_is_told_once_for_each_checkpoint_and_nothing_hangs() -> None:
    with HTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as free:
        url = f"http://127.0.0.1:{free.server_port}/"
    told = threading.Event()
    with capture_logs() as logs, webhook(url, tries=2) as tell:
        tell("one")
        while not logs:
            told.wait(0.01)
    assert [each["event"] for each in logs] == ["checkpoint_not_delivered"]
