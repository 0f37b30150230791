"""The path between the program and its database, as a network may be: each direction on its own.

with network(server.socket) as path:        # the program connects to path.port
    path.loses_the_answer_to(b"hold-placed")  # the answer to this commit never comes
    path.to_server.delays(0.2)
    path.heals()
"""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from enum import Enum
from pathlib import Path

from attrs import define, field, frozen

_CHUNK = 64 * 1024
_RESET = struct.pack("ii", 1, 0)
_TICK = 0.02


class Mode(Enum):
    PASSES = "bytes pass"
    DROPS = "bytes are taken and thrown away: no answer and no error, as behind a dead router"
    STALLS = "nothing is taken: the sender's own buffers fill"
    ENDS = "the receiver is told that no more comes, and what comes is thrown away"


@frozen
class Behaviour:
    mode: Mode = Mode.PASSES
    seconds: float = 0.0
    """Each piece is this late."""
    bytes_a_second: int = 0
    """0: as many as come."""


@define
class Direction:
    """From one side to the other, on all connections and those to come."""

    behaviour: Behaviour = field(factory=Behaviour)
    carried: int = 0
    """Bytes that arrived on the other side."""
    lost: int = 0

    def passes(self) -> None:
        self.behaviour = Behaviour()

    def drops(self) -> None:
        self.behaviour = Behaviour(Mode.DROPS)

    def stalls(self) -> None:
        self.behaviour = Behaviour(Mode.STALLS)

    def ends(self) -> None:
        self.behaviour = Behaviour(Mode.ENDS)

    def delays(self, seconds: float) -> None:
        self.behaviour = Behaviour(seconds=seconds)

    def throttles(self, bytes_a_second: int) -> None:
        self.behaviour = Behaviour(bytes_a_second=bytes_a_second)


@define(eq=False)
class Link:
    """One connection through the path, and its other half to the server."""

    client: socket.socket
    server: socket.socket
    deaf: bool = False
    """Since the loss of an answer: whatever the server says on this connection is lost."""
    reset: bool = False

    def resets(self) -> None:
        """Both sides get an error, not an end."""
        self.reset = True
        for each in (self.client, self.server):
            with contextlib.suppress(OSError):
                each.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
                # Wakes the thread that reads here; a close alone would not.
                each.shutdown(socket.SHUT_RD)
            each.close()

    def ends(self) -> None:
        for each in (self.client, self.server):
            if not self.reset:
                with contextlib.suppress(OSError):
                    each.shutdown(socket.SHUT_RDWR)
            each.close()


class Network:
    """Listens on loopback and carries what it gets to the server, as it was told to."""

    def __init__(self, server: Path | tuple[str, int]) -> None:
        self._server = server
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port: int = self._listener.getsockname()[1]
        self.to_server = Direction()
        self.to_client = Direction()
        self.refuses = False
        """New connections are reset at once."""
        self._links: set[Link] = set()
        self._lock = threading.Lock()
        self._ending = False
        self._wanted: bytes | None = None
        self.answers_lost = threading.Event()
        """Set when the answer to what was waited for is lost."""
        self._acceptor = threading.Thread(target=self._accept, daemon=True)
        self._acceptor.start()

    # ---- what a test orders

    def loses_the_answer_to(self, words: bytes) -> None:
        """When words such as a fact's name have gone to the server, all of it, nothing that comes
        back on that connection arrives any more. Once; the server does as it was asked."""
        self.answers_lost.clear()
        self._wanted = words

    def cuts(self) -> None:
        """Nothing passes in either direction, and nobody is told."""
        self.to_server.drops()
        self.to_client.drops()

    def resets(self) -> int:
        """Every connection ends with an error; new ones are taken. Gives how many there were."""
        with self._lock:
            links = list(self._links)
        for link in links:
            link.resets()
        return len(links)

    def heals(self) -> None:
        """Bytes pass again. Connections that lost some are of no use any more, and are reset, as a
        network does that knows nothing of them."""
        harmed = any(each.behaviour.mode is not Mode.PASSES for each in self._directions)
        for each in self._directions:
            each.passes()
        self.refuses = False
        self._wanted = None
        if harmed:
            self.resets()

    def close(self) -> None:
        self._ending = True
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._acceptor.join()
        self._listener.close()
        self.resets()

    @property
    def connections(self) -> int:
        with self._lock:
            return len(self._links)

    @property
    def _directions(self) -> tuple[Direction, Direction]:
        return self.to_server, self.to_client

    # ---- what it does

    def _accept(self) -> None:
        while not self._ending:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            if self.refuses:
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
                client.close()
                continue
            try:
                link = Link(client, self._reach())
            except OSError:
                client.close()
                continue
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self._lock:
                self._links.add(link)
            threading.Thread(target=self._carry, args=(link, True), daemon=True).start()
            threading.Thread(target=self._carry, args=(link, False), daemon=True).start()

    def _reach(self) -> socket.socket:
        if isinstance(self._server, Path):
            server = socket.socket(socket.AF_UNIX)
            server.connect(str(self._server))
            return server
        return socket.create_connection(self._server, 5)

    def _carry(self, link: Link, to_server: bool) -> None:
        source, target = (link.client, link.server) if to_server else (link.server, link.client)
        direction = self.to_server if to_server else self.to_client
        try:
            while True:
                while direction.behaviour.mode is Mode.STALLS:
                    time.sleep(_TICK)
                chunk = source.recv(_CHUNK)
                if not chunk:
                    break
                if to_server:
                    self._listen(link, chunk)
                self._pass_on(link, direction, target, chunk)
            # The end of one direction is passed on as such.
            if direction.behaviour.mode is Mode.PASSES and not link.reset:
                target.shutdown(socket.SHUT_WR)
        except OSError:
            pass
        finally:
            with self._lock:
                self._links.discard(link)
            # One direction that has ended ends the other: nobody here goes on with half of them.
            link.ends()

    def _listen(self, link: Link, chunk: bytes) -> None:
        if self._wanted is not None and self._wanted in chunk:
            self._wanted = None
            link.deaf = True

    def _pass_on(self, link: Link, direction: Direction, to: socket.socket, chunk: bytes) -> None:
        how = direction.behaviour
        if how.seconds:
            time.sleep(how.seconds)
        if direction is self.to_client and link.deaf:
            direction.lost += len(chunk)
            self.answers_lost.set()
            return
        if how.mode is Mode.ENDS:
            with contextlib.suppress(OSError):
                to.shutdown(socket.SHUT_WR)
        if how.mode in (Mode.DROPS, Mode.ENDS):
            direction.lost += len(chunk)
            return
        step = max(1, how.bytes_a_second // 50) if how.bytes_a_second else len(chunk)
        for at in range(0, len(chunk), step):
            piece = chunk[at : at + step]
            to.sendall(piece)
            direction.carried += len(piece)
            if how.bytes_a_second:
                time.sleep(len(piece) / how.bytes_a_second)


@contextmanager
def network(server: Path | tuple[str, int]) -> Iterator[Network]:
    made = Network(server)
    try:
        yield made
    finally:
        made.close()
