"""Asking a running Asterisk, over its manager interface, which channels are alive.

pyst2's manager hands answers out in their order of arrival, takes line breaks in values, never
reconnects and has no deadlines. Here answers are matched by ActionID, everything is bounded, and
whatever goes wrong is AsteriskUnreachable: a failed query says nothing about any channel.
"""

from __future__ import annotations

import contextlib
import itertools
import queue
import socket
import threading
import time
from collections.abc import Callable

from attrs import define, field, frozen

MOST_LINE_BYTES = 16_384
MOST_HEADERS = 200
MOST_EVENTS = 20_000
"""Events in the answer to one query."""

DEADLINE = 5.0
"""Seconds for connecting, and for each query as a whole."""

Message = dict[str, str]


class AsteriskUnreachable(Exception):
    """Asterisk did not answer, or not completely: what it would have said is unknown."""


class ActionRefused(AsteriskUnreachable):
    """Asterisk answered that it does not do this, with its message."""


@frozen
class Channel:
    """A channel that is alive. ``reference`` is its account code: the call that it belongs to."""

    name: str
    unique_id: str
    linked_id: str
    reference: str
    is_up: bool


@define(eq=False)
class _Asked:
    wants_list: bool
    answer: queue.SimpleQueue[Message | None] = field(factory=queue.SimpleQueue)
    events: list[Message] = field(factory=list)
    response: Message | None = None


class Ami:
    """One connection to a manager interface, logged in; any number of threads may ask.

    ``on_event`` gets every event that is no part of an answer, in the thread that reads. Raises
    AsteriskUnreachable.
    """

    def __init__(
        self,
        address: tuple[str, int],
        user: str,
        secret: str,
        *,
        on_event: Callable[[Message], None] = lambda event: None,
        deadline: float = DEADLINE,
    ) -> None:
        self._deadline = deadline
        self._on_event = on_event
        self._numbers = itertools.count(1)
        self._sending = threading.Lock()
        self._state = threading.Lock()
        self._asked: dict[str, _Asked] = {}
        self._why_closed: str | None = None
        self.closed = threading.Event()
        self.closed_by_asterisk = False
        """Whether the other side ended the connection: it was there until then."""
        try:
            self._socket = socket.create_connection(address, timeout=deadline)
        except OSError as error:
            raise AsteriskUnreachable(f"no connection to {address[0]}:{address[1]}: {error}") from (
                error
            )
        # A peer that takes nothing must not hold whoever asks; reading waits as long as it likes,
        # the queries have the deadlines.
        self._socket.settimeout(deadline)
        self._reader = threading.Thread(target=self._read, name="ami", daemon=True)
        self._reader.start()
        try:
            self.ask("Login", Username=user, Secret=secret, Events="off")
            self.ask("Events", EventMask="user")
        except AsteriskUnreachable:
            self.close()
            raise

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        if threading.current_thread() is not self._reader:
            self._reader.join(self._deadline)
        self._socket.close()

    # ---- questions

    def channels(self) -> list[Channel]:
        """All channels that are alive: complete, or AsteriskUnreachable."""
        _, events = self._exchange("CoreShowChannels", {}, wants_list=True)
        complete = events.pop()
        if complete.get("ListItems") != str(len(events)):
            raise AsteriskUnreachable(
                f"a list of {complete.get('ListItems')} channels came with {len(events)}"
            )
        return [_channel(event) for event in events]

    def started(self) -> str:
        """The date and time at which Asterisk was started, as it tells them: local time."""
        answer = self.ask("CoreStatus")
        started = f"{answer.get('CoreStartupDate', '')} {answer.get('CoreStartupTime', '')}".strip()
        if not started:
            raise AsteriskUnreachable("Asterisk did not tell when it was started")
        return started

    def ping(self) -> None:
        self.ask("Ping")

    def variable(self, channel: str, name: str) -> str | None:
        """A variable or function of a channel; None if there is no such channel any more."""
        try:
            return self.ask("Getvar", Channel=channel, Variable=name).get("Value", "")
        except ActionRefused as refused:
            if "No such channel" in str(refused):
                return None
            raise

    def ask(self, action: str, **headers: str) -> Message:
        """Raises ActionRefused for an answer that is an error, ValueError for a header with a
        line break or NUL in it."""
        return self._exchange(action, headers, wants_list=False)[0]

    def _exchange(
        self, action: str, headers: dict[str, str], *, wants_list: bool
    ) -> tuple[Message, list[Message]]:
        until = time.monotonic() + self._deadline
        action_id = f"talktime-{next(self._numbers)}"
        packet = _packet({"Action": action, "ActionID": action_id, **headers})
        asked = _Asked(wants_list)
        with self._state:
            if self._why_closed is not None:
                raise AsteriskUnreachable(self._why_closed)
            self._asked[action_id] = asked
        try:
            with self._sending:
                self._socket.sendall(packet)
            response = asked.answer.get(timeout=max(0.0, until - time.monotonic()))
        except queue.Empty:
            raise AsteriskUnreachable(
                f"{action}: no answer within {self._deadline:g} seconds"
            ) from None
        except OSError as error:
            raise AsteriskUnreachable(f"{action}: {error}") from error
        finally:
            with self._state:
                self._asked.pop(action_id, None)
        if response is None:
            raise AsteriskUnreachable(f"{action}: {self._why_closed}")
        if response.get("Response") != "Success":
            raise ActionRefused(f"{action}: {response.get('Message', 'no reason given')}")
        return response, asked.events

    # ---- what comes in

    def _read(self) -> None:
        why = "Asterisk closed the connection"
        by_asterisk = True
        try:
            self._receive()
        except (ConnectionError, EOFError):
            pass
        except (OSError, ValueError) as error:
            why, by_asterisk = f"the connection failed: {error}", False
        with self._state:
            self._why_closed = why
            self.closed_by_asterisk = by_asterisk
            for asked in self._asked.values():
                asked.answer.put(None)
        self.closed.set()

    def _receive(self) -> None:
        """Raises EOFError, OSError, and ValueError for what no manager interface sends."""
        buffer = b""
        message: Message = {}
        self._line_of_title = True
        while True:
            line, mark, rest = buffer.partition(b"\n")
            if not mark:
                if len(buffer) > MOST_LINE_BYTES:
                    raise ValueError(f"a line of more than {MOST_LINE_BYTES} bytes")
                buffer += self._more()
                continue
            buffer = rest
            text = line.decode("utf-8", "replace").rstrip("\r")
            if self._line_of_title:
                self._line_of_title = False
                if not text.startswith("Asterisk Call Manager"):
                    raise ValueError(f"not a manager interface: {text[:80]!r}")
            elif text:
                name, _, value = text.partition(":")
                message[name] = value.strip()
                if len(message) > MOST_HEADERS:
                    raise ValueError(f"a message of more than {MOST_HEADERS} headers")
            elif message:
                self._take(message)
                message = {}

    def _more(self) -> bytes:
        while True:
            try:
                data = self._socket.recv(65536)
            except TimeoutError:
                continue
            if not data:
                raise EOFError
            return data

    def _take(self, message: Message) -> None:
        with self._state:
            asked = self._asked.get(message.get("ActionID", ""))
        if asked is None:
            if "Event" in message:
                self._on_event(message)
            return
        if "Event" not in message:
            asked.response = message
            # An error has no list behind it.
            if not asked.wants_list or message.get("Response") != "Success":
                asked.answer.put(message)
            return
        asked.events.append(message)
        if len(asked.events) > MOST_EVENTS:
            raise ValueError(f"an answer of more than {MOST_EVENTS} events")
        if (state := message.get("EventList")) and asked.response is not None:
            if state == "Complete":
                asked.answer.put(asked.response)
            else:
                asked.answer.put({"Response": "Error", "Message": f"the list was {state}"})


def _packet(headers: dict[str, str]) -> bytes:
    for name, value in headers.items():
        if any(sign in value for sign in "\r\n\0"):
            raise ValueError(f"the header {name} may hold no line break and no NUL")
    lines = [f"{name}: {value}" for name, value in headers.items()]
    packet = "\r\n".join([*lines, "", ""]).encode()
    if len(packet) > MOST_LINE_BYTES:
        raise ValueError(f"a query of more than {MOST_LINE_BYTES} bytes")
    return packet


def _channel(event: Message) -> Channel:
    try:
        return Channel(
            event["Channel"],
            event["Uniqueid"],
            event["Linkedid"],
            event["AccountCode"],
            event["ChannelState"] == "6",
        )
    except KeyError as missing:
        raise AsteriskUnreachable(f"a channel came without its {missing}") from None
