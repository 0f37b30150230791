"""Two ends of a loopback connection, and a far end that answers from a list."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from adapters.agi.session import Limits, Session

HEAD = (
    b"agi_network: yes\nagi_network_script: card\nagi_uniqueid: 1763765000.1\n"
    b"agi_extension: 18005550100\nagi_callerid: 15551230001\nagi_callingpres: 3\n"
    b"agi_language: en\nagi_arg_1: pbx1-1763765000.1\n\n"
)

QUICK = Limits(head_seconds=0.2, answer_seconds=0.2, send_seconds=0.2)
"""Limits for peers that are meant to be silent."""


def connected() -> tuple[socket.socket, socket.socket]:
    """The server's end and Asterisk's end of one TCP connection."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        far = socket.create_connection(listener.getsockname())
        near, _ = listener.accept()
    return near, far


@contextmanager
def session_with(
    *answers: bytes, head: bytes = HEAD, limits: Limits | None = None, close: bool = False
) -> Iterator[tuple[Session, FarEnd]]:
    """A session whose far end gives these answers, one for each line it gets."""
    near, far = connected()
    far.sendall(head)
    end = FarEnd(far, answers, close)
    end.start()
    try:
        yield Session(near, limits), end
    finally:
        near.close()
        end.join(5)
        far.close()


class FarEnd(threading.Thread):
    """Answers from a list, and keeps what it was sent."""

    def __init__(self, far: socket.socket, answers: Iterable[bytes], close: bool) -> None:
        super().__init__(daemon=True)
        self._far, self._answers, self._close = far, list(answers), close
        self.received = b""

    def run(self) -> None:
        waiting = list(self._answers)
        while True:
            if not waiting and self._close:
                self._far.close()
                return
            try:
                data = self._far.recv(65536)
            except OSError:
                return
            if not data:
                return
            self.received += data
            for _ in range(data.count(b"\n")):
                if waiting:
                    self._far.sendall(waiting.pop(0))

    def lines(self) -> list[bytes]:
        """Every line received so far; call it when the session has ended."""
        self.join(5)
        return self.received.split(b"\n")[:-1]
