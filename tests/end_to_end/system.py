"""Talktime itself beside a real Asterisk: its processes, its office, and callers on the line."""

from __future__ import annotations

import itertools
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from uuid import UUID

import attrs

from adapters.asterisk.config import CEL_FILE
from application import kinds
from domain.access_numbers import AccessTerms
from domain.call_sessions import AttemptStarted
from domain.card_groups import GroupTerms
from domain.login import LoginMode
from domain.money import Money, parse
from domain.rate_checks import PricedPrefix
from domain.rating import RateTerms
from talktime.settings import load
from talktime.system import System, build, make_pin_key
from tests.end_to_end.rig.asterisk import CARRIER_HOSTS, Rig, free_port, until
from tests.end_to_end.rig.scenario import Step, keys, wait
from tests.end_to_end.rig.sipp import Caller, FarEnd, Happening

ROOT = Path(__file__).resolve().parents[2]

ACCESS = "18005550100"
PIN_ONLY = "18005550101"
NUMBER_ONLY = "18005550102"
ANNOUNCED = "18005550103"
ANNOUNCEMENT = "hello-world"
OPERATOR = "84970000000"
"""What ``0#`` calls; the far end answers at once and stays."""

CENT_A_SECOND = "849"
WITH_FEES = "848"
"""Prefixes of numbers at the far end: a cent a second, and that with fees and blocks."""

START_SECONDS = 60.0
KEY_GAP = 0.1
AFTER_FIRST_KEY = 0.35
"""Seconds after the first key, which ends what is said; then Asterisk has to be asked on."""
A_MOMENT = 1.0
"""Seconds in which the next question is surely being asked."""

STAYS = "0000"
RINGS = "5000"
BUSY = "2000"
NO_CIRCUIT = "3000"
UNKNOWN_NUMBER = "4000"


def leaves_after(tenths: int) -> str:
    """The end of a number whose owner answers at once and hangs up."""
    return f"90{tenths:02d}"


@attrs.frozen
class Card:
    """A card in a caller's hand."""

    card_id: UUID
    account_id: UUID
    number: str
    pin: str
    face_value: Money

    def login(self) -> tuple[Step, ...]:
        """From the answer to the destination prompt, by number and PIN."""
        return (wait(A_MOMENT), *self.login_again())

    def login_again(self) -> tuple[Step, ...]:
        """The same, when the card number is being asked for."""
        return (*entry(self.number + "#"), *entry(self.pin + "#"))


def entry(digits: str) -> tuple[Step, ...]:
    """Answers one question."""
    return (keys(digits[:1], AFTER_FIRST_KEY), keys(digits[1:], KEY_GAP), wait(A_MOMENT))


class Program:
    """A command of ``talktime`` as a process of its own, with its log as JSON."""

    def __init__(self, settings: Path, command: str, ready: str) -> None:
        self._settings, self._command, self._ready = settings, command, ready
        self.stderr = settings.with_suffix(f".{command}.log")
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> Self:
        """Start, and return when it is ready to work."""
        self.stderr.touch()
        known = len(self.log())
        mine = {k: v for k, v in os.environ.items() if not k.startswith("TALKTIME_")}
        with self.stderr.open("ab") as out:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "talktime", "--settings", self._settings, self._command],
                cwd=ROOT,
                env=mine,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
            )
        until(
            f"{self._command} is ready: {self.stderr}",
            lambda: any(each.get("event") == self._ready for each in self.log()[known:]),
            START_SECONDS,
        )
        return self

    def stop(self) -> None:
        """Ask it to end, as a service manager does."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """End it at once, in the middle of whatever it does."""
        self._end(signal.SIGKILL)

    def hang(self) -> None:
        """From now on it does nothing, and its connections stay."""
        self._signal(signal.SIGSTOP)

    def go_on(self) -> None:
        """End a hang."""
        self._signal(signal.SIGCONT)

    def _signal(self, number: signal.Signals) -> None:
        assert self._process is not None, "start it first"
        self._process.send_signal(number)

    def _end(self, number: signal.Signals) -> None:
        if self._process is None or self._process.poll() is not None:
            return
        self._process.send_signal(signal.SIGCONT)
        self._process.send_signal(number)
        try:
            self._process.wait(30)
        finally:
            if self._process.poll() is None:
                self._process.kill()
                self._process.wait()

    def log(self) -> list[dict[str, Any]]:
        """What it logged; a line that is no JSON, such as of a traceback, counts as an error."""
        return [_log_line(line) for line in self.stderr.read_text(errors="replace").splitlines()]


def _log_line(line: str) -> dict[str, Any]:
    try:
        read = json.loads(line)
    except ValueError:
        read = None
    return read if isinstance(read, dict) else {"level": "error", "event": line}


SETTINGS = """
[ledger]
url = "{ledger}"
[secrets]
pin_key_file = "{folder}/pin.key"
[agi]
host = "127.0.0.1"
port = {agi_port}
[http]
port = {http_port}
{keys}
{trunks}
[calls]
ring_seconds = 5
first_key_ms = 2000
next_key_ms = 1500
[log]
level = "debug"
json = true
"""

COMPANION = """
[asterisk]
node = "{node}"
spool = "{spool}"
cel = "{cel}"
{ledger}
[asterisk.ami]
port = {ami_port}
user = "{ami_user}"
secret_file = "{folder}/ami.secret"
"""


class Service:
    """An operator with Talktime beside a rig: a ledger, a server, tariffs, access numbers, cards.

    ``ledger`` is an address, by default a file of SQLite; ``trunks`` are names of far ends, the
    cheapest first. With ``api_keys`` (TOML) the spool is left to a ``talktime ship`` elsewhere.
    """

    def __init__(
        self,
        rig: Rig,
        *,
        ledger: str = "",
        trunks: Sequence[str] = ("carrier",),
        api_keys: str = "",
    ) -> None:
        self.rig = rig
        self.folder = rig.run / "talktime"
        self.folder.mkdir()
        self.http_port = free_port("127.0.0.1")
        self.settings = self.folder / "talktime.toml"
        (self.folder / "ami.secret").write_text(rig.settings.ami_secret)
        text = SETTINGS.format(
            ledger=ledger or f"sqlite:///{self.folder}/talktime.db",
            folder=self.folder,
            agi_port=rig.agi_address[1],
            http_port=self.http_port,
            keys=api_keys,
            trunks="\n".join(f'[[trunks]]\nname = "{trunk}"' for trunk in trunks),
        )
        self.settings.write_text(text + ("" if api_keys else self.companion("")))
        self.server = Program(self.settings, "serve", "agi_listening")
        self.programs = [self.server]
        self.far_ends = [FarEnd(rig, name) for name in CARRIER_HOSTS if name in trunks]
        self.cards: list[Card] = []
        self.expected: list[str] = []
        """Complaints that this test provokes: parts of Asterisk's, names of Talktime's events."""
        self.callers: list[Caller] = []
        self.cut: dict[str, float] = {}
        """Seconds talked to a number whose far end could not see the end."""
        self._ordinals = itertools.count(1)

    def companion(self, ledger: str) -> str:
        """The settings of what runs beside Asterisk; ``ledger`` says where the ledger is."""
        settings = self.rig.settings
        return COMPANION.format(
            node=settings.node,
            spool=settings.spool,
            cel=self.rig.run / "log" / CEL_FILE,
            ledger=ledger,
            ami_port=settings.ami_port,
            ami_user=settings.ami_user,
            folder=self.folder,
        )

    # ---- life

    def __enter__(self) -> Self:
        make_pin_key(self.folder / "pin.key")
        self.office: System = build(load(self.settings, {}))
        try:
            self._set_up()
            for far_end in self.far_ends:
                far_end.start()
            self.start()
        except BaseException:
            self._close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        self._close()

    def start(self) -> None:
        """Start what answers calls."""
        self.server.start()

    def _close(self) -> None:
        for program in self.programs:
            program.stop()
        for far_end in self.far_ends:
            far_end.stop()
        self.office.close()

    def _set_up(self) -> None:
        plain = RateTerms("USD", 600_000)
        fees = RateTerms("USD", 600_000, connect_fee=20_000, initial_block=6, increment=6)
        rows = [
            PricedPrefix(CENT_A_SECOND, "Vietnam, a cent a second", plain),
            PricedPrefix(WITH_FEES, "Vietnam, with fees", fees),
        ]
        since = datetime(2020, 1, 1, tzinfo=UTC)
        self.office.tariffs.publish_rows("retail", "USD", rows, since, "test")
        add = self.office.access_numbers.add
        add(ACCESS, AccessTerms())
        add(PIN_ONLY, AccessTerms(login_mode=LoginMode.PIN_ONLY))
        add(NUMBER_ONLY, AccessTerms(login_mode=LoginMode.NUMBER_ONLY))
        add(ANNOUNCED, AccessTerms(first_announcement=ANNOUNCEMENT))

    # ---- what there is to call with

    def card(self, value: str = "5.00", *, group: str = "", **terms: Any) -> Card:
        """A new active card. The time is said only when the terms say so, to save time."""
        do = self.office.administration
        face_value = parse(value, "USD")
        if not group:
            group = f"group {next(self._ordinals)}"
            lengths = {"number_length": 5, "pin_length": 5, "say_time": False}
            do.create_group(group, GroupTerms("USD", face_value, "retail", **(lengths | terms)))
        made = do.generate_card(group)
        do.issue_card(made.card_id, "test", "for a test")
        account_id = do.card(made.card_id).account_id
        assert made.pin is not None, "it was made just now"
        card = Card(made.card_id, account_id, made.number, made.pin, face_value)
        self.cards.append(card)
        return card

    def number(self, does: str = STAYS, prefix: str = CENT_A_SECOND) -> str:
        """A number nobody has called yet, whose owner behaves so."""
        return f"{prefix}{next(self._ordinals):04d}{does}"

    def caller_id(self) -> str:
        """A number nobody has called from yet."""
        return f"1212555{next(self._ordinals):04d}"

    # ---- what has happened

    def talks(self, number: str) -> list[float]:
        """Seconds of each call that the owner of a number had, by the owner's own clock."""
        talks: list[float] = []
        for far_end in self.far_ends:
            answered: dict[int, float] = {}
            for each in _named(far_end):
                if each.what == f"answered {number}":
                    answered[each.call] = each.at
                elif each.what == f"end {number}" and each.call in answered:
                    talks.append(each.at - answered[each.call])
        return talks + ([self.cut[number]] if number in self.cut else [])

    def calls_by_trunk(self, number: str) -> list[int]:
        """How often a number was called, at each far end."""
        called = f"INVITE {number} "
        return [
            sum(each.what.startswith(called) for each in _named(far_end))
            for far_end in self.far_ends
        ]

    def _saw(self, what: str) -> bool:
        return any(e.what.startswith(what) for far in self.far_ends for e in _named(far))

    def await_ringing(self, number: str) -> None:
        """Until a number is called."""
        until(f"{number} is called", lambda: self._saw(f"INVITE {number} "))

    def await_talk(self, number: str, seconds: float = 0.0) -> None:
        """Until somebody has talked to the owner of a number for so long."""
        until(f"{number} answers", lambda: self._saw(f"answered {number}"))
        begun = time.monotonic()
        until(f"{number} talks", lambda: time.monotonic() - begun >= seconds)

    def answered_at(self, number: str) -> float:
        """When the leg to a number was answered, by the channel events: seconds since 1970."""
        names = {
            f"{reference}/{attempt.number}"
            for reference in self.references()
            for attempt in self.attempts(reference)
            if attempt.destination == f"+{number}"
        }
        return next(
            event.time
            for event in self.rig.channel_events()
            if event.kind == "ANSWER" and event.user_field.rpartition("/")[0] in names
        )

    def references(self) -> list[str]:
        """The references of all calls that Asterisk has taken, in their order."""
        return list(self.played())

    def played(self) -> dict[str, list[str]]:
        """The sounds that each caller was played, by the reference of the call."""
        sounds: dict[str, list[str]] = {}
        on_channel: dict[str, str] = {}
        for line in self.rig.log().splitlines():
            if found := re.search(r'Set\("([^"]+)", "TALKTIME_REF=([^"]+)"\)', line):
                on_channel[found[1]] = found[2]
                sounds[found[2]] = []
            elif (found := re.search(r"<([^>]+)> Playing '([^']+)\.\w+'", line)) and (
                found[1] in on_channel
            ):
                sounds[on_channel[found[1]]].append(found[2])
        return sounds

    def facts(self, reference: str) -> list[object]:
        """The facts of a call, from the ledger itself."""
        events = self.office.views.history(kinds.session_id(reference), 0, 500)
        return [event.fact for event in events]

    def calls_to(self, number: str) -> list[str]:
        """The references of the calls in which a number was dialled."""
        return [
            reference
            for reference in self.references()
            if f"+{number}" in [attempt.destination for attempt in self.attempts(reference)]
        ]

    def attempts(self, reference: str) -> list[AttemptStarted]:
        """The attempts of a call, as they were started."""
        return [fact for fact in self.facts(reference) if isinstance(fact, AttemptStarted)]


def _named(far_end: FarEnd) -> Iterator[Happening]:
    """What happened at a far end, with the numbers as they were called."""
    for each in far_end.outcome().happenings:
        yield attrs.evolve(each, what=re.sub(r"[][]", "", each.what))
