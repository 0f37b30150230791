"""A listener at Asterisk's manager interface, with the rights operators give to Talktime."""

from __future__ import annotations

import itertools
import socket
import threading
from types import TracebackType

from tests.end_to_end.rig.asterisk import SIP_HOST, Rig, until

Message = dict[str, str]


class Ami:
    """Logs in as the generated user; keeps every event."""

    def __init__(self, rig: Rig) -> None:
        self._settings = rig.settings
        self._numbers = itertools.count(1)
        self._answers: dict[str, Message] = {}
        self.events: list[Message] = []

    def __enter__(self) -> Ami:
        self._socket = socket.create_connection((SIP_HOST, self._settings.ami_port), timeout=5)
        self._socket.settimeout(None)
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()
        said = self.action(
            "Login", Username=self._settings.ami_user, Secret=self._settings.ami_secret
        )
        assert said["Response"] == "Success", said
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        # Without the shutdown the reader would wait for ever, and with it the socket stay open.
        self._socket.shutdown(socket.SHUT_RDWR)
        self._thread.join(5)
        self._socket.close()

    def _read(self) -> None:
        message: Message = {}
        with self._socket.makefile("r", encoding="utf-8", errors="replace", newline="\r\n") as file:
            for line in file:
                name, colon, value = line.rstrip("\r\n").partition(":")
                if colon:
                    message[name] = value.strip()
                elif not name and message:
                    self._take(message)
                    message = {}

    def _take(self, message: Message) -> None:
        if "Event" in message:
            self.events.append(message)
        elif "ActionID" in message:
            self._answers[message["ActionID"]] = message

    def action(self, name: str, **headers: str) -> Message:
        """Ask for something, and return the answer; events of the answer come among the events."""
        number = f"rig-{next(self._numbers)}"
        lines = [f"Action: {name}", f"ActionID: {number}"]
        lines += [f"{header}: {value}" for header, value in headers.items()]
        self._socket.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())
        until(f"the manager answers {name}", lambda: number in self._answers)
        return self._answers.pop(number)

    def user_events(self, kind: str) -> list[str]:
        """The records in the dial plan's events of that kind, in their order."""
        return [e["Record"] for e in self.events if e.get("UserEvent") == kind]
