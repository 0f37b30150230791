"""Asterisk's side of a FastAGI call: what an Asterisk 22 sends and answers, without an Asterisk.

`AsteriskSide` connects to a FastAGI server as Asterisk does, sends the head and answers commands
until one side ends the call. Who calls and what happens on the line is a `Line`: a person at a
terminal, a script, or a test. Talk takes no real time: the line says how many milliseconds it took,
and the leg record and variables say the same.
"""

from __future__ import annotations

import contextlib
import itertools
import socket
from collections.abc import Callable, Sequence
from typing import Protocol

from attrs import define, field, frozen

from adapters.phone.commands import Dialled, read_dial, seconds_of, split

_ALIVE_ONLY = (
    "ANSWER",
    "CHANNEL STATUS",
    "CONTROL STREAM FILE",
    "GET DATA",
    "GET OPTION",
    "GOSUB",
    "HANGUP",
    "RECEIVE",
    "RECORD FILE",
    "SAY",
    "SEND",
    "SET CALLERID",
    "STREAM FILE",
    "WAIT FOR DIGIT",
)
"""Commands that a dead channel answers with 511 (res_agi.c: every command whose dead flag is 0)."""

_DEAD = "511 Command Not Permitted on a dead channel or intercept routine"
_numbers = itertools.count(1)


@frozen
class Talk:
    """What the far end did with one dialled leg. Milliseconds; `talk_ms` only when it answered."""

    status: str = "ANSWER"
    cause: int = 16
    ring_ms: int = 2000
    talk_ms: int = 60_000
    caller_hangs_up: bool = False
    writes_record: bool = True


ANSWERS = Talk()
BUSY = Talk("BUSY", 17, talk_ms=0)
NO_ANSWER = Talk("NOANSWER", 0, ring_ms=20_000, talk_ms=0)
CONGESTION = Talk("CONGESTION", 34, ring_ms=100, talk_ms=0)
UNAVAILABLE = Talk("CHANUNAVAIL", 1, ring_ms=100, talk_ms=0)
REJECTED = Talk("CHANUNAVAIL", 21, talk_ms=0)
CANCELLED = Talk("CANCEL", 0, talk_ms=0)
"""The caller keyed the hang-up keys while it was ringing."""


class HangsUp(Exception):
    """Raised by a `Line`: the caller hangs up now."""


class Line(Protocol):
    """The people on the line. Every method may raise HangsUp."""

    def hears(self, sounds: Sequence[str], *, interruptible: bool) -> str | None:
        """Sounds are played: the key that interrupts them, or None. Otherwise a key is lost."""

    def keys(self, sounds: Sequence[str], most: int, milliseconds: int) -> tuple[str, bool]:
        """The sounds and then silence: the keys without '#', and whether they ended with '#'."""

    def dials(self, leg: Dialled) -> Talk:
        """A leg is dialled: what becomes of it."""


@frozen
class Settings:
    """Who calls, and how the dial plan around the AGI script is set up."""

    script: str = "card"
    reference: str = "pbx1-1763765000.1"
    access_number: str = "18005550100"
    caller_id: str = "15551230001"
    calling_presentation: int = 3
    language: str = "en"
    exit_on_hangup: bool = True
    """AGIEXITONHANGUP=yes: the connection is closed when the caller hangs up."""
    hangup_line: bool = False
    """AGISIGHUP unset: the line HANGUP comes by itself."""
    more_arguments: tuple[str, ...] = ()
    missing_sounds: frozenset[str] = frozenset()
    started_ms: int = 1_763_765_000_000
    record_after_looks: int = 0
    """How often the leg record is looked for before it is there: Dial may return before it is."""
    more_headers: tuple[tuple[str, str], ...] = ()

    def head(self, host: str, port: int) -> bytes:
        """The head as Asterisk 22 sends it, agi_network first and an empty line last."""
        unique = self.reference.rpartition("-")[2] or self.reference
        lines = [
            ("agi_network", "yes"),
            ("agi_network_script", self.script),
            ("agi_request", f"agi://{host}:{port}/{self.script}"),
            ("agi_channel", f"PJSIP/access-{next(_numbers):08x}"),
            ("agi_language", self.language),
            ("agi_type", "PJSIP"),
            ("agi_uniqueid", unique),
            ("agi_version", "22.10.1"),
            ("agi_callerid", self.caller_id),
            ("agi_calleridname", "unknown"),
            ("agi_callingpres", str(self.calling_presentation)),
            ("agi_callingani2", "0"),
            ("agi_callington", "0"),
            ("agi_callingtns", "0"),
            ("agi_dnid", self.access_number),
            ("agi_rdnis", "unknown"),
            ("agi_context", "talktime-card"),
            ("agi_extension", self.access_number),
            ("agi_priority", "6"),
            ("agi_enhanced", "0.0"),
            ("agi_accountcode", self.reference),
            ("agi_threadid", "140000000000000"),
            *self.more_headers,
        ]
        arguments = (self.reference, *self.more_arguments)
        lines += [(f"agi_arg_{n}", value) for n, value in enumerate(arguments, 1)]
        return ("".join(f"{key}: {value}\n" for key, value in lines) + "\n").encode()


@define
class AsteriskSide:
    """One call from Asterisk's side, blocking.

    `variables` are those of the caller's channel; `commands` is every line the server sent; `legs`
    every leg it dialled. `now_ms` is the call's own clock, moved by the line's answers only.
    """

    line: Line
    settings: Settings = field(factory=Settings)
    leaves_at: int | None = None
    """The caller hangs up during the command of this number, counted from 1."""
    variables: dict[str, str] = field(factory=dict)
    commands: list[str] = field(factory=list)
    legs: list[Dialled] = field(factory=list)
    now_ms: int = 0
    dead: bool = False
    _told: bool = False
    _looks: int = 0

    def __attrs_post_init__(self) -> None:
        self.now_ms = self.settings.started_ms

    @property
    def done(self) -> bool:
        """The server said that the conversation came to its end."""
        return self.variables.get("TALKTIME_DONE") == "1"

    def run(self, host: str, port: int, *, seconds: float = 30.0) -> AsteriskSide:
        """Make the call and stay until it ends. `seconds` bounds every wait for the server.

        Raises OSError when the server cannot be reached, TimeoutError when it is silent.
        """
        with socket.create_connection((host, port), timeout=seconds) as connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with connection.makefile("rb") as reader, contextlib.suppress(ConnectionError):
                connection.sendall(self.settings.head(host, port))
                while line := reader.readline():
                    answers = self.answer(line.decode("utf-8", "replace").rstrip("\n"))
                    if answers:
                        connection.sendall(("\n".join(answers) + "\n").encode())
                    if self.dead and self.settings.exit_on_hangup:
                        break
        return self

    # ---- one command

    def answer(self, line: str) -> list[str]:
        """The lines that answer one command."""
        self.commands.append(line)
        words = split(line)
        name = " ".join(words[:2]).upper()
        out: list[str] = []
        if self.dead:
            if self.settings.hangup_line and not self._told:
                out.append("HANGUP")
                self._told = True
            if line.upper().startswith(_ALIVE_ONLY):
                return [*out, _DEAD]
        try:
            if self.leaves_at is not None and len(self.commands) == self.leaves_at:
                raise HangsUp
            return [*out, self._does(name, words)]
        except HangsUp:
            self.dead = True
            out.append(self._broken_off(name))
            if self.settings.hangup_line:
                out.append("HANGUP")
                self._told = True
            return out

    def _does(self, name: str, words: list[str]) -> str:
        known: dict[str, Callable[[list[str]], str]] = {
            "GET DATA": self._get_data,
            "GET FULL": self._get_full_variable,
            "GET VARIABLE": self._get_variable,
            "SET VARIABLE": self._set_variable,
            "STREAM FILE": self._stream_file,
            "CHANNEL STATUS": lambda _: "200 result=6",
            "EXEC DIAL": self._dial,
            "EXEC PLAYBACK": self._playback,
            "EXEC BACKGROUND": self._background,
            "EXEC MSET": self._mset,
            "EXEC SET": self._mset,
        }
        if name in known:
            return known[name](words)
        if name == "ANSWER":
            return "200 result=0"
        if name == "HANGUP":
            self.dead = True
            return "200 result=1"
        if name.startswith("NOOP"):
            return "200 result=0"
        if name.startswith("VERBOSE"):
            return "200 result=1"
        if name.startswith("EXEC"):
            return "200 result=-2"  # no such application
        return "510 Invalid or unknown command"

    def _broken_off(self, name: str) -> str:
        """The answer to the command during which the caller hung up."""
        if name.startswith(("SET VARIABLE", "HANGUP")):
            return "200 result=1"
        if name == "GET FULL":
            return "200 result=1 ()"
        if name == "GET VARIABLE":
            return "200 result=0"
        if name.startswith(("EXEC MSET", "EXEC SET")):
            return "200 result=0"
        if name == "EXEC DIAL":
            self.variables |= {"DIALSTATUS": "CANCEL"}
        return "200 result=-1" + (" endpos=0" if name == "STREAM FILE" else "")

    # ---- sounds and keys

    def _heard(self, sounds: str) -> list[str]:
        return [s for s in sounds.split("&") if s and s not in self.settings.missing_sounds]

    def _playback(self, words: list[str]) -> str:
        self.line.hears(self._heard(words[2]), interruptible=False)
        return "200 result=0"

    def _background(self, words: list[str]) -> str:
        heard: list[str] = []
        for sound in words[2].split("&"):
            if sound in self.settings.missing_sounds:
                break  # Background gives up at the first file that is not there
            heard.append(sound)
        key = self.line.hears(heard, interruptible=True)
        return f"200 result={ord(key) if key else 0}"

    def _stream_file(self, words: list[str]) -> str:
        if words[2] in self.settings.missing_sounds:
            return "200 result=-1 endpos=0"
        key = self.line.hears([words[2]], interruptible=len(words) > 3 and bool(words[3]))
        return f"200 result={ord(key) if key else 0} endpos=8000"

    def _get_data(self, words: list[str]) -> str:
        if len(words) < 3:
            return "520 Invalid command syntax.  Proper usage not available."
        if "&" in words[2] or words[2] in self.settings.missing_sounds:
            return "200 result=-1"  # one file, whatever its name
        milliseconds = int(words[3]) if len(words) > 3 else 6000
        most = int(words[4]) if len(words) > 4 else 1024
        digits, ended = self.line.keys([words[2]] if words[2] else [], most, milliseconds)
        digits, cut = digits[:most], len(digits) >= most
        self.now_ms += 0 if ended or cut else milliseconds
        return f"200 result={digits}" + ("" if ended or cut else " (timeout)")

    # ---- variables

    def _get_variable(self, words: list[str]) -> str:
        value = self.variables.get(words[2], "")
        return f"200 result=1 ({value})" if value else "200 result=0"

    def _get_full_variable(self, words: list[str]) -> str:
        return f"200 result=1 ({self._expand(words[3] if len(words) > 3 else '')})"

    def _expand(self, text: str) -> str:
        if "TALKTIME_LEG" in text and self._looks:
            self._looks -= 1
            text = text.replace("${SHARED(TALKTIME_LEG)}", "")
        for name, value in self.variables.items():
            text = text.replace("${" + name + "}", value)
        while "${" in text:
            before, _, rest = text.partition("${")
            text = before + rest.partition("}")[2]
        return text

    def _set_variable(self, words: list[str]) -> str:
        self.variables[words[2]] = words[3] if len(words) > 3 else ""
        return "200 result=1"

    def _mset(self, words: list[str]) -> str:
        for pair in words[2].split(","):
            name, _, value = pair.partition("=")
            self.variables[name] = value
        return "200 result=0"

    # ---- legs

    def _dial(self, words: list[str]) -> str:
        leg = read_dial(words[2])
        self.legs.append(leg)
        self.variables["DIALSTATUS"] = ""
        talk = self.line.dials(leg)
        answered = talk.status == "ANSWER"
        self.now_ms += min(talk.ring_ms, leg.ring_seconds * 1000)
        began = self.now_ms
        talked = talk.talk_ms if answered else 0
        if answered and leg.limit_ms is not None:
            talked = min(talked, leg.limit_ms)
        self.now_ms += talked
        self.variables["DIALSTATUS"] = talk.status
        if talk.status not in ("NOANSWER", "CANCEL"):
            self.variables["HANGUPCAUSE"] = str(talk.cause)  # else that of a leg before stays
        if leg.reference and talk.writes_record:
            cause = talk.cause or 0
            self.variables["SHARED(TALKTIME_LEG)"] = (
                f"{leg.reference}|{leg.attempt}|{leg.leg}"
                f"|{seconds_of(began) if answered else ''}|{seconds_of(self.now_ms)}"
                f"|{cause}|{began // 1000}.{len(self.legs) + 1}"
            )
            self._looks = self.settings.record_after_looks
        if talk.caller_hangs_up:
            self.dead = True
            return "200 result=-1"
        return "200 result=0"
