"""One call's conversation with Asterisk, line by line: what is asked, and what is answered.

pyst2 gives the words of AGI. What it leaves open is closed here: quoting, line breaks in values,
the end of the stream, stray HANGUP lines, limits on everything that is read, and threads (its own
constructor installs a signal handler, which Python allows in the main thread only). The forms of
the answers are those of Asterisk's res_agi.c.
"""

from __future__ import annotations

import contextlib
import re
import socket
import struct
import time
from typing import NamedTuple

import structlog
from asterisk.agi import AGI, AGIAppError, AGIError, AGIHangup, AGIInvalidCommand, AGIUsageError
from attrs import frozen

MOST_COMMAND = 2040
"""Bytes in one command. Asterisk reads a command into AGI_BUF_LEN = 2048 bytes (res_agi.c)."""

_HEADER = re.compile(r"agi_[a-z0-9_]{1,40}")
_PLAIN = re.compile(r"[A-Za-z0-9_.:/&#*@+-]+")
_BREAKS = re.compile(r"[\r\n\0]")
_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"')


class Gone(AGIHangup):
    """The connection to Asterisk is closed: nothing can be asked any more."""


class Silent(Gone):
    """Asterisk did not answer in time; the connection has been closed."""


class Dead(AGIHangup):
    """The channel is hung up and this command needs a living one (answer 511)."""


class ProtocolError(AGIError):
    """What came is not FastAGI as Asterisk speaks it; the conversation cannot go on."""


@frozen
class Limits:
    """What one peer may send, and how long it may take. Times are seconds."""

    head_seconds: float = 5.0
    head_lines: int = 100
    head_bytes: int = 16 * 1024
    line_bytes: int = 4 * 1024
    answer_seconds: float = 10.0
    """For a command that waits for nobody, such as setting a variable."""
    send_seconds: float = 5.0


class Answer(NamedTuple):
    """`200 result=<value> (<data>) endpos=<...>`; `data` is empty when there were no brackets."""

    value: str
    data: str = ""
    rest: str = ""


class Session(AGI):
    """A FastAGI conversation over one connected socket.

    `exchange` sends one command and waits for its answer; every method of pyst2's AGI goes the
    same way. Nothing that a caller keys and no value of a command or a variable is ever logged.

    Raises ProtocolError for a head that is not FastAGI's, Gone when the peer leaves before its end.
    """

    def __init__(
        self, connection: socket.socket, limits: Limits | None = None, *, trace: bool = False
    ) -> None:
        # AGI.__init__ is left out on purpose: it installs a signal handler and writes every line,
        # PINs included, to stderr.
        self._connection = connection
        self._limits = limits or Limits()
        self._buffer = b""
        self._within = -1.0
        self._got_sighup = False
        self._trace = trace
        self.hung_up = False
        """Asterisk has said that the caller hung up, or a command found a dead channel."""
        self.env: dict[str, str] = {}
        if connection.gettimeout() is not None:
            connection.settimeout(None)
        connection.setsockopt(
            socket.SOL_SOCKET, socket.SO_SNDTIMEO, _timeval(self._limits.send_seconds)
        )
        self._get_agi_env()
        self.log = structlog.get_logger("talktime.agi").bind(call=self.call)

    # ---- who calls

    @property
    def call(self) -> str:
        """The reference of the call (agi_arg_1), else Asterisk's unique id: for logs."""
        return self.env.get("agi_arg_1") or self.env.get("agi_uniqueid", "")

    @property
    def script(self) -> str:
        """The name of the script that was asked for: the path of the agi:// address."""
        return self.env.get("agi_network_script", "").partition("?")[0].strip("/")

    # ---- the exchange

    def exchange(self, verb: str, *arguments: str | int, within: float | None = None) -> Answer:
        """Send one command and return its answer; `within` is the time it may take, in seconds.

        `verb` is ours, such as "EXEC Dial"; every text is quoted. Raises ValueError for an
        argument with a line break or a command that is too long (nothing has been sent then),
        Gone, Silent, Dead, AGIInvalidCommand, AGIUsageError or ProtocolError.
        """
        words = [str(a) if isinstance(a, int) else _quoted(a) for a in arguments]
        return self._ask(verb, words, within)

    def execute(self, command: str, *args: object) -> dict[str, tuple[str, str]]:
        """What the methods of pyst2 call; the same exchange, in pyst2's form.

        Raises AGIAppError when the result is -1, besides what `exchange` raises.
        """
        words = [str(arg) for arg in args]
        while words and not words[-1]:
            words.pop()
        answer = self._ask(command.strip(), [_argument(word) for word in words], None)
        if answer.value == "-1" or answer.data == "hangup":
            raise AGIAppError(f"{command}: result={answer.value}")
        result = {"result": (answer.value, answer.data)}
        if answer.rest.startswith("endpos="):
            result["endpos"] = (answer.rest[7:], "")
        return result

    def close(self) -> None:
        """End the conversation; Asterisk goes on in its dial plan."""
        with contextlib.suppress(OSError):
            self._connection.close()

    def _ask(self, verb: str, arguments: list[str], within: float | None) -> Answer:
        if _BREAKS.search(verb):
            raise ValueError("an AGI command is one line: no line break, no NUL")
        line = " ".join((verb, *arguments)).encode("utf-8", "surrogateescape") + b"\n"
        if len(line) > MOST_COMMAND:
            raise ValueError(f"an AGI command has at most {MOST_COMMAND} bytes, not {len(line)}")
        seconds = within or self._limits.answer_seconds
        if seconds != self._within:
            self._set_within(seconds)
        try:
            self._connection.sendall(line)
        except OSError as error:
            raise self._gone("the connection was closed while sending") from error
        try:
            answer = self._read_answer()
        except AGIError as error:
            if self._trace:
                self.log.debug("agi_exchange", command=verb, failed=type(error).__name__)
            raise
        if self._trace:
            # Neither arguments nor values: both may hold what the caller keyed.
            self.log.debug("agi_exchange", command=verb, hung_up=self.hung_up)
        return answer

    def _read_answer(self) -> Answer:
        line = self._read_line()
        while not line.startswith(b"200 result="):
            if line == b"HANGUP":
                # It comes by itself, between two answers (AGISIGHUP), and answers nothing.
                self.hung_up = True
            elif line.startswith(b"511"):
                self.hung_up = True
                raise Dead("the channel is hung up (511)")
            elif line.startswith(b"510"):
                raise AGIInvalidCommand("Asterisk does not know this command (510)")
            elif line.startswith(b"520"):
                self._skip_usage(line)
                raise AGIUsageError("Asterisk refuses the arguments of this command (520)")
            elif not line.startswith(b"100 "):
                raise self._broken("an answer is 200, 510, 511 or 520")
            line = self._read_line()
        value, space, tail = line[11:].partition(b" ")
        if not space:
            return Answer(value.decode("utf-8", "replace"))
        if not tail.startswith(b"("):
            return Answer(value.decode("utf-8", "replace"), "", tail.decode("utf-8", "replace"))
        while not (tail.endswith(b")") or b") endpos=" in tail):
            # A value with line breaks of its own.
            tail += b"\n" + self._read_line()
            if len(tail) > self._limits.line_bytes:
                raise self._broken(f"a value has at most {self._limits.line_bytes} bytes")
        data, _, rest = tail[1:].rpartition(b")")
        return Answer(
            value.decode("utf-8", "replace"),
            data.decode("utf-8", "replace"),
            rest.strip().decode("utf-8", "replace"),
        )

    def _skip_usage(self, line: bytes) -> None:
        # "520-Invalid command syntax.", the usage, "520 End of proper usage."
        for _ in range(self._limits.head_lines):
            if not line.startswith(b"520-") and line.startswith(b"520"):
                return
            line = self._read_line()
        raise self._broken(f"a usage has at most {self._limits.head_lines} lines")

    # ---- the head

    def _get_agi_env(self) -> None:
        limits = self._limits
        until = time.monotonic() + limits.head_seconds
        total = 0
        self._set_within(limits.head_seconds)
        for _ in range(limits.head_lines + 1):
            raw = self._read_line(until)
            if not raw:
                break
            total += len(raw) + 1
            if total > limits.head_bytes:
                raise self._broken(f"the head has at most {limits.head_bytes} bytes")
            key, colon, value = raw.decode("utf-8", "replace").partition(":")
            if not colon or not _HEADER.fullmatch(key):
                raise self._broken("a line of the head is `agi_<name>: <value>`")
            if key in self.env:
                raise self._broken("a name comes once in the head")
            self.env[key] = value.strip()
        else:
            raise self._broken(f"the head has at most {limits.head_lines} lines")
        if "agi_network_script" not in self.env:
            raise self._broken("the head names its agi_network_script")

    # ---- reading

    def _read_line(self, until: float | None = None) -> bytes:
        """One line without its end. `until` bounds a line that comes in drops."""
        buffer = self._buffer
        end = buffer.find(b"\n")
        while end < 0:
            if len(buffer) > self._limits.line_bytes:
                raise self._broken(f"a line has at most {self._limits.line_bytes} bytes")
            try:
                more = self._connection.recv(4096)
            except BlockingIOError as error:
                raise self._silent() from error
            except OSError as error:
                raise self._gone("the connection was reset") from error
            if not more:
                raise self._gone("the connection was closed")
            if not buffer and more.endswith(b"\n") and more.count(b"\n") == 1:
                self._buffer = b""
                return self._bounded(more[:-1])
            if until is None:
                # The rest of a begun line follows at once; a peer that drips is cut off.
                until = time.monotonic() + self._limits.head_seconds
            elif time.monotonic() > until:
                raise self._silent()
            end = more.find(b"\n")
            if end >= 0:
                end += len(buffer)
            buffer += more
        self._buffer = buffer[end + 1 :]
        return self._bounded(buffer[:end])

    def _bounded(self, line: bytes) -> bytes:
        if len(line) > self._limits.line_bytes:
            raise self._broken(f"a line has at most {self._limits.line_bytes} bytes")
        return line[:-1] if line.endswith(b"\r") else line

    def _set_within(self, seconds: float) -> None:
        # A receive time-out in the kernel: one system call for each answer instead of two.
        try:
            self._connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, _timeval(seconds))
        except OSError as error:
            raise self._gone("the connection is closed") from error
        self._within = seconds

    # ---- endings

    def _gone(self, why: str) -> Gone:
        self.hung_up = True
        return Gone(why)

    def _silent(self) -> Silent:
        # An answer that comes too late would be taken for the next one, so nothing is read again.
        self.hung_up = True
        self.close()
        return Silent("Asterisk did not answer in time")

    def _broken(self, accepted: str) -> ProtocolError:
        self.hung_up = True
        self.close()
        return ProtocolError(f"this is not FastAGI: {accepted}")

    # ---- what pyst2 asks of a subclass

    def _quote(self, string: object) -> str:
        return _quoted(str(string))

    def send_command(self, command: str, *args: object) -> None:
        """Refused: a command without its answer would put the conversation out of step."""
        raise TypeError("use exchange(): every command is sent together with reading its answer")


def _quoted(text: str) -> str:
    if _BREAKS.search(text):
        raise ValueError("an AGI argument has no line break and no NUL in it")
    if '"' in text or "\\" in text:
        text = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{text}"'


def _argument(text: str) -> str:
    """pyst2 quotes some of its arguments and leaves others bare; both end as one word each."""
    if _QUOTED.fullmatch(text) and not _BREAKS.search(text):
        return text
    return text if _PLAIN.fullmatch(text) else _quoted(text)


def _timeval(seconds: float) -> bytes:
    """A struct timeval; at least a millisecond, because 0 means for ever."""
    micros = max(1000, int(seconds * 1_000_000))
    return struct.pack("ll", micros // 1_000_000, micros % 1_000_000)


__all__ = [
    "Answer",
    "Dead",
    "Gone",
    "Limits",
    "ProtocolError",
    "Session",
    "Silent",
]
