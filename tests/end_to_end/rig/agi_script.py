"""A FastAGI server for tests of the dial plan: each call runs a plain function, line by line."""

from __future__ import annotations

import contextlib
import re
import socketserver
import threading
from collections.abc import Callable
from types import TracebackType


class Gone(Exception):
    """Asterisk closed the connection: the caller has left."""


class Script:
    """One call: what Asterisk said at its start, and commands to it."""

    def __init__(self, handler: socketserver.StreamRequestHandler) -> None:
        self._reader, self._writer = handler.rfile, handler.wfile
        self.lines: list[str] = []
        self.environment: dict[str, str] = {}
        while line := self._read():
            name, _, value = line.partition(": ")
            self.environment[name] = value

    def _read(self) -> str:
        try:
            line = self._reader.readline()
        except OSError as error:
            raise Gone from error
        if not line:
            raise Gone
        return line.decode().rstrip("\n")

    def send(self, command: str) -> str:
        """Send a command and return the whole line of the answer."""
        self.post(command)
        while (answer := self._read()).startswith("100"):
            continue  # GOSUB says "100 result=0 Trying..." before its answer
        self.lines.append(f"< {answer}")
        return answer

    def post(self, command: str) -> None:
        """Send a command and do not read what it answers, as a server does that hangs."""
        self.lines.append(f"> {command}")
        try:
            self._writer.write(f"{command}\n".encode())
        except OSError as error:
            raise Gone from error

    def result(self, command: str) -> str:
        """Send a command and return its result."""
        answer = self.send(command)
        found = re.match(r"200 result=(-?[^ ]*)", answer)
        assert found, f"{command}: {answer}"
        return found[1]

    def variable(self, name: str) -> str:
        """A variable or function of the channel, empty when it is not set."""
        answer = self.send(f"GET FULL VARIABLE ${{{name}}}")
        found = re.match(r"200 result=1 \((.*)\)$", answer)
        return found[1] if found else ""

    def set(self, name: str, value: str) -> None:
        """Set a variable of the channel."""
        self.result(f'SET VARIABLE {name} "{value}"')

    def execute(self, application: str, *arguments: str) -> str:
        """Run an application of the dial plan; the result is -1 when the caller has left."""
        return self.result(f'EXEC {application} "{",".join(arguments)}"')

    @property
    def reference(self) -> str:
        """The reference of the call, as the dial plan gave it."""
        return self.environment["agi_arg_1"]

    def handlers(self, attempt: int, leg: int) -> str:
        """Dial's options for the handlers of a leg."""
        name = f"{self.reference}^{attempt}^{leg}"
        return f"b(talktime-leg-start^s^1({name}))U(talktime-leg-answer)"

    def dial(
        self,
        number: str,
        *,
        attempt: int = 1,
        leg: int = 1,
        seconds: int = 20,
        options: str = "gH",
        trunk: str = "carrier",
    ) -> str:
        """Dial one leg with the handlers of the dial plan; returns DIALSTATUS."""
        options += self.handlers(attempt, leg)
        self.execute("Dial", f"PJSIP/{number}@{trunk}", str(seconds), options)
        return self.variable("DIALSTATUS")

    def done(self) -> None:
        """Say good-bye as a server does that has finished."""
        self.set("TALKTIME_DONE", "1")
        self.result("HANGUP")


class _Handler(socketserver.StreamRequestHandler):
    disable_nagle_algorithm = True

    def handle(self) -> None:
        server = self.server
        assert isinstance(server, AgiServer)
        server.connections.append(self)
        try:
            script = Script(self)
            server.scripts.append(script)
            server.conversation(script)
        except Gone:
            return
        except Exception as error:
            server.errors.append(error)


class AgiServer(socketserver.ThreadingTCPServer):
    """Runs the conversation for every call, each in a thread of its own."""

    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], conversation: Callable[[Script], None]) -> None:
        self.conversation = conversation
        self.scripts: list[Script] = []
        self.errors: list[Exception] = []
        self.connections: list[socketserver.StreamRequestHandler] = []
        super().__init__(address, _Handler)

    def die(self) -> None:
        """Close the port and every connection at once, as a killed process does."""
        self.shutdown()
        self.server_close()
        for handler in self.connections:
            with contextlib.suppress(OSError):
                handler.connection.shutdown(2)

    def __enter__(self) -> AgiServer:
        threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        self.shutdown()
        self.server_close()
        if kind is None and self.errors:
            raise self.errors[0]  # what failed in a conversation fails the test
