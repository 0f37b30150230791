"""The door for calls: takes FastAGI connections, each in a thread of its own, up to a bound.

Idle workers wait in accept() themselves, so a call is taken without handing it to another thread.
One worker more than there may be calls is always waiting: a call beyond the bound is reset at
once. A reset, as a rule, reaches Asterisk while it connects and gives AGISTATUS=FAILURE, so that
the dial plan tries its second host; when it comes too late, or for a plain close, Asterisk 22 says
SUCCESS. So the dial plan has to ask as well whether the channel was ever answered.
"""

from __future__ import annotations

import contextlib
import ipaddress
import socket
import struct
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from types import TracebackType

import structlog

from adapters.agi.session import Gone, Limits, ProtocolError, Session

LOOPBACK = ("127.0.0.0/8", "::1/128")
"""Who may connect unless told otherwise: the Asterisk of this machine only."""

_STACK_BYTES = 512 * 1024
_IDLE_WORKERS = 32
_BACKLOG = 1024
_ACCEPT_PAUSE = 0.05
_RESET = struct.pack("ii", 1, 0)

Script = Callable[[Session], None]


class FastAgiServer:
    """A FastAGI server: `scripts` by the path of the agi:// address, one thread for each call.

    `most_calls` bounds the calls that are open at once; `allow` lists the networks that may
    connect. `calls_total`, `calls_active`, `calls_refused` (over the bound, not allowed, unknown
    script) and `calls_failed` (an exception, or a peer that is not Asterisk) are plain counters.
    A session that ends because its caller is gone has not failed.

    Raises OSError when the address cannot be bound, ValueError for a network or bound that is none.
    """

    def __init__(
        self,
        address: tuple[str, int],
        scripts: Mapping[str, Script],
        *,
        most_calls: int = 2000,
        allow: Sequence[str] = LOOPBACK,
        limits: Limits | None = None,
        trace: bool = False,
    ) -> None:
        if most_calls < 1:
            raise ValueError(f"most_calls is 1 or more, not {most_calls}")
        self._scripts = dict(scripts)
        self._most_calls = most_calls
        self._networks = [ipaddress.ip_network(network) for network in allow]
        self._allowed = lru_cache(maxsize=1024)(self._is_allowed)
        self._limits = limits or Limits()
        self._trace = trace
        self._log = structlog.get_logger("talktime.agi")

        self._changed = threading.Condition()
        self._stopping = False
        self._workers = 0
        self._idle = 0
        self._open: set[socket.socket] = set()
        self.calls_total = 0
        self.calls_active = 0
        self.calls_refused = 0
        self.calls_failed = 0

        self._listener = _listen(address)
        name = self._listener.getsockname()
        self.address: tuple[str, int] = (name[0], name[1])

    # ---- life

    def start(self) -> FastAgiServer:
        """Take calls from now on; returns at once."""
        with self._changed:
            self._add_worker()
        self._log.info("agi_listening", host=self.address[0], port=self.address[1])
        return self

    def stop(self, seconds: float = 5.0) -> int:
        """Take no more calls, wait at most `seconds` for those that are open, cut off the rest.

        Returns how many were cut off. A call that is talking then goes on in Asterisk to the end
        of its limit, and is settled from its leg record.
        """
        with self._changed:
            self._stopping = True
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)  # wakes every worker that waits in accept()
        with self._changed:
            self._changed.wait_for(lambda: not self._open, seconds)
            left = list(self._open)
            for connection in left:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
            self._changed.wait_for(lambda: self._workers == 0, max(1.0, seconds))
        self._listener.close()
        if left:
            self._log.warning("agi_calls_cut_off", calls=len(left))
        return len(left)

    def __enter__(self) -> FastAgiServer:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    # ---- workers

    def _add_worker(self) -> None:
        """Called with the lock held, so that the stack size reaches this thread and no other."""
        before = threading.stack_size(_STACK_BYTES)
        try:
            threading.Thread(target=self._work, name="agi-call", daemon=True).start()
        finally:
            threading.stack_size(before)
        self._workers += 1
        self._idle += 1

    def _work(self) -> None:
        while (taken := self._accept()) is not None:
            connection, host = taken
            if not self._admit(connection, host):
                continue
            try:
                self._serve(connection, host)
            finally:
                stays = self._release(connection)
            if not stays:
                return
        with self._changed:
            self._workers -= 1
            self._idle -= 1
            self._changed.notify_all()

    def _accept(self) -> tuple[socket.socket, str] | None:
        while not self._stopping:
            try:
                connection, peer = self._listener.accept()
            except OSError as error:
                if self._stopping:
                    return None
                # Out of file descriptors, or a caller that left in the queue.
                self._log.warning("agi_accept_failed", error=str(error))
                time.sleep(_ACCEPT_PAUSE)
                continue
            return connection, peer[0]
        return None

    def _admit(self, connection: socket.socket, host: str) -> bool:
        why = "" if self._allowed(host) else "not an allowed network"
        with self._changed:
            if not why and self._stopping:
                why = "stopping"
            if not why and self.calls_active >= self._most_calls:
                why = "too many calls"
            if not why:
                self.calls_total += 1
                self.calls_active += 1
                self._open.add(connection)
                self._idle -= 1
                if not self._idle:
                    try:
                        self._add_worker()
                    except RuntimeError:
                        # No thread to be had: callers wait in the queue until a call ends.
                        self._log.exception("agi_no_more_threads", calls=self.calls_active)
                return True
            self.calls_refused += 1
        with contextlib.suppress(OSError):
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        connection.close()
        self._log.warning("agi_call_refused", host=host, why=why, active=self.calls_active)
        return False

    def _release(self, connection: socket.socket) -> bool:
        """Count the call off. Returns whether this worker waits for another call."""
        connection.close()
        with self._changed:
            self._open.discard(connection)
            self.calls_active -= 1
            self._changed.notify_all()
            if self._stopping or self._idle >= _IDLE_WORKERS:
                self._workers -= 1
                return False
            self._idle += 1
            return True

    def _is_allowed(self, host: str) -> bool:
        address = ipaddress.ip_address(host.partition("%")[0])
        if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
            address = address.ipv4_mapped
        return any(address in network for network in self._networks)

    # ---- one call

    def _serve(self, connection: socket.socket, host: str) -> None:
        session: Session | None = None
        try:
            session = Session(connection, self._limits, trace=self._trace)
            script = self._scripts.get(session.script)
            if script is None:
                self._count_refused()
                session.log.error(
                    "agi_unknown_script", script=session.script[:80], known=sorted(self._scripts)
                )
                return
            script(session)
        except Gone as gone:
            self._log.info("agi_peer_gone", call=_call(session), host=host, why=str(gone))
        except ProtocolError as error:
            self._count_failed()
            self._log.error("agi_protocol_error", call=_call(session), host=host, error=str(error))
        except Exception:
            # Whatever went wrong is this call's alone.
            self._count_failed()
            self._log.exception("agi_call_failed", call=_call(session), host=host)

    def _count_refused(self) -> None:
        with self._changed:
            self.calls_refused += 1

    def _count_failed(self) -> None:
        with self._changed:
            self.calls_failed += 1


def _call(session: Session | None) -> str:
    return session.call if session else ""


def _listen(address: tuple[str, int]) -> socket.socket:
    family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
    listener = socket.create_server(address, family=family, backlog=_BACKLOG)
    # Accepted connections inherit it: an answer goes out when it is written.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener
