"""Many callers at once, for measuring: plays Asterisk's side with as little work as possible.

One thread, one epoll, answers made beforehand. Talk takes no time; what is measured is the time the
platform takes from an answer to its next command, which is what a caller waits for.
"""

from __future__ import annotations

import re
import select
import socket
import statistics
import time
from array import array
from collections.abc import Callable, Sequence

from attrs import define, field, frozen

from adapters.phone.asterisk_side import Settings
from adapters.phone.commands import seconds_of

_LEG = re.compile(rb"talktime-leg-start\^s\^1\(([^)^]*)\^([^)^]*)\^([^)^]*)\)")
_ZERO = b"200 result=0\n"
_ONE = b"200 result=1\n"
_EMPTY = b"200 result=1 ()\n"
_UP = b"200 result=6\n"
_SILENCE = b"200 result= (timeout)\n"


@frozen
class Plan:
    """What every caller does; `n` is the caller's number, from 0.

    `keys_of(n)` are the keys for one question after the other (each is answered as if ended by #);
    silence follows. Each leg is answered and talks `talk_ms`, at the time `leg_begins_ms`.
    """

    keys_of: Callable[[int], Sequence[str]]
    caller_id_of: Callable[[int], str] = lambda n: str(15550000000 + n)
    script: str = "card"
    access_number: str = "18005550100"
    node: str = "load1"
    talk_ms: int = 60_000
    leg_begins_ms: int = 1_763_765_000_000
    epoch: int = 1_763_765_000
    """The whole part of every unique id; calls of two runs must not have the same."""
    first: int = 0
    """The number of the first caller."""


@define
class Report:
    """What happened. `turns_ms` is one entry for each command the platform sent."""

    started: int = 0
    ended: int = 0
    done: int = 0
    """Calls that came to their end by the platform's own word (TALKTIME_DONE)."""
    failed: int = 0
    """Calls that could not connect, were cut off, or did not end in time."""
    held: int = 0
    """Calls that were open, and stayed so, when the measuring ended."""
    legs: int = 0
    seconds: float = 0.0
    turns_ms: array[float] = field(factory=lambda: array("d"))

    def percentile(self, percent: int) -> float:
        """The turn time, in milliseconds, that this share of turns did not exceed."""
        if len(self.turns_ms) < 2:
            return self.turns_ms[0] if self.turns_ms else 0.0
        return statistics.quantiles(self.turns_ms, n=100)[percent - 1]

    def __str__(self) -> str:
        rate = self.ended / self.seconds if self.seconds else 0.0
        return (
            f"{self.ended} calls in {self.seconds:.2f} s ({rate:.0f}/s), {self.done} done, "
            f"{self.failed} failed, {self.held} held, {self.legs} legs, "
            f"{len(self.turns_ms)} turns: p50 {self.percentile(50):.2f} ms, "
            f"p99 {self.percentile(99):.2f} ms"
        )


def play_calls(
    host: str,
    port: int,
    plan: Plan,
    *,
    calls: int,
    at_once: int = 50,
    rate: float | None = None,
    seconds: float = 120.0,
) -> Report:
    """Make `calls` calls, at most `at_once` at a time, `rate` new ones a second (None: no bound).

    Gives up, counting what is open as failed, after `seconds`.
    """
    with _Player(host, port, plan) as player:
        player.play(calls, at_once, rate, time.monotonic() + seconds)
        return player.report


def play_beside_open_calls(
    host: str,
    port: int,
    plan: Plan,
    *,
    open_calls: int,
    calls: int,
    rate: float,
    at_once: int = 200,
    hold_at: bytes = b"EXEC Dial",
    seconds: float = 300.0,
    opened: Callable[[], None] = lambda: None,
) -> Report:
    """Open calls that stay in the command `hold_at`, then make `calls` more and measure only those.

    `opened` is called when all of `open_calls` are held: the moment to look at the server's memory.
    """
    until = time.monotonic() + seconds
    with _Player(host, port, plan) as player:
        player.hold_at = hold_at
        player.play(open_calls, at_once, None, until, until_held=True)
        held = player.report.held
        opened()
        player.hold_at = None
        player.report = Report(held=held)
        player.play(calls, at_once, rate, until)
        return player.report


class _Call:
    __slots__ = ("buffer", "done", "held", "keys", "leg", "sent", "sock")

    def __init__(self, sock: socket.socket, keys: Sequence[str]) -> None:
        self.sock = sock
        self.keys = [f"200 result={each}\n".encode() for each in reversed(keys)]
        self.buffer = b""
        self.leg = _EMPTY
        self.done = False
        self.held = False
        self.sent = 0.0


class _Player:
    def __init__(self, host: str, port: int, plan: Plan) -> None:
        self._address = (host, port)
        self._plan = plan
        self._poll = select.epoll()
        self._calls: dict[int, _Call] = {}
        self._active = 0
        self._next = plan.first
        self.report = Report()
        self.hold_at: bytes | None = None
        ends = plan.leg_begins_ms + plan.talk_ms
        self._times = f"|{seconds_of(plan.leg_begins_ms)}|{seconds_of(ends)}|16|".encode()
        self._head = (
            Settings(script=plan.script, access_number=plan.access_number)
            .head(host, port)
            .decode()
            .replace("pbx1-1763765000.1", "@REFERENCE@")
            .replace("agi_uniqueid: 1763765000.1", "agi_uniqueid: @UNIQUE@")
            .replace("15551230001", "@CALLER@")
        )

    def __enter__(self) -> _Player:
        return self

    def __exit__(self, *_: object) -> None:
        for call in self._calls.values():
            call.sock.close()
        self._poll.close()

    def play(
        self,
        calls: int,
        at_once: int,
        rate: float | None,
        until: float,
        *,
        until_held: bool = False,
    ) -> None:
        report = self.report
        began = time.monotonic()
        begun = 0
        while begun < calls or self._active:
            now = time.monotonic()
            if now > until:
                report.failed += self._active + calls - begun
                break
            due = calls if rate is None else min(calls, int((now - began) * rate) + 1)
            while begun < due and self._active < at_once:
                self._begin()
                begun += 1
            wait = 0.2 if rate is None or begun >= calls else max(0.0, began + begun / rate - now)
            for number, _ in self._poll.poll(min(wait, 0.2)):
                self._take(self._calls[number])
        report.seconds = time.monotonic() - began
        if until_held:
            report.held = sum(call.held for call in self._calls.values())

    def _begin(self) -> None:
        n = self._next
        self._next += 1
        self.report.started += 1
        unique = f"{self._plan.epoch}.{n}"
        head = (
            self._head.replace("@REFERENCE@", f"{self._plan.node}-{unique}")
            .replace("@UNIQUE@", unique)
            .replace("@CALLER@", self._plan.caller_id_of(n))
        )
        try:
            sock = socket.create_connection(self._address, timeout=10.0)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            sock.sendall(head.encode())
        except OSError:
            self.report.failed += 1
            return
        sock.setblocking(False)
        call = _Call(sock, self._plan.keys_of(n))
        call.sent = time.perf_counter()
        self._calls[sock.fileno()] = call
        self._active += 1
        self._poll.register(sock.fileno(), select.EPOLLIN)

    def _take(self, call: _Call) -> None:
        try:
            data = call.sock.recv(4096)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._end(call, failed=not call.done)
            return
        data = call.buffer + data
        if not data.endswith(b"\n"):
            call.buffer = data
            return
        call.buffer = b""
        if call.sent:
            self.report.turns_ms.append((time.perf_counter() - call.sent) * 1000)
        if self.hold_at is not None and data.startswith(self.hold_at):
            if not call.held:
                call.held = True
                self._active -= 1
            return
        answer = self._answer(call, data)
        try:
            call.sock.sendall(answer)
        except OSError:
            self._end(call, failed=not call.done)
            return
        call.sent = time.perf_counter()

    def _answer(self, call: _Call, line: bytes) -> bytes:
        if line.startswith(b"GET DATA"):
            return call.keys.pop() if call.keys else _SILENCE
        if line.startswith(b"GET FULL"):
            return call.leg
        if line.startswith(b"EXEC Dial"):
            self.report.legs += 1
            if found := _LEG.search(line):
                record = b"|".join(found.groups()) + self._times + b"1763765000.9"
                call.leg = b"200 result=1 (ANSWER|16|" + record + b")\n"
            return _ZERO
        if line.startswith(b"SET VARIABLE"):
            call.done = call.done or b"TALKTIME_DONE" in line
            return _ONE
        if line.startswith(b"HANGUP"):
            return _ONE
        return _UP if line.startswith(b"CHANNEL STATUS") else _ZERO

    def _end(self, call: _Call, *, failed: bool) -> None:
        number = call.sock.fileno()
        self._poll.unregister(number)
        del self._calls[number]
        call.sock.close()
        if call.held:
            return
        self._active -= 1
        self.report.ended += 1
        self.report.done += call.done
        self.report.failed += failed
