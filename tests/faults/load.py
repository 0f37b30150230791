"""Callers and a counter that sells talk time, as real clients are: they try again, and write down
what they were promised.

Each caller is Asterisk's side of a FastAGI call. Its legs ring and talk for a short while in real
time, and whatever becomes of the server meanwhile, their records go to the spool when they end.
"""

from __future__ import annotations

import http.client
import itertools
import json
import random
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import UUID, uuid5

from attrs import define, evolve, field, frozen

from adapters.http import asking
from adapters.phone.asterisk_side import ANSWERS, BUSY, AsteriskSide, HangsUp, Settings, Talk
from adapters.phone.commands import Dialled, read_dial
from application.legs import parse_leg
from application.speech import Prompt
from domain.money import parse
from tests.faults.acknowledged import (
    Acknowledged,
    Command,
    card_issued,
    card_made,
    end,
    hold,
    hold_of,
    settlement,
    top_up,
)
from tests.faults.oracle import Live
from tests.faults.processes import ACCESS_NUMBER, GROUP, KEY_NAME, NODE
from tests.faults.sizes import PATIENCE

_CARD_NUMBER = Prompt.ENTER_CARD_NUMBER.sound
_PIN = Prompt.ENTER_PIN.sound
_DESTINATION = Prompt.ENTER_DESTINATION.sound
_QUESTIONS = ("EXEC Background", "GET DATA")
_SILENT_SECONDS = PATIENCE


@define
class Exchange:
    """What all callers of one Asterisk share: the spool, the record, and who is up."""

    spool: Path
    record: Acknowledged
    _numbers: Iterator[int] = field(factory=lambda: itertools.count(1))
    _lock: threading.Lock = field(factory=threading.Lock)
    _up: set[UUID] = field(factory=set)
    _ending: set[UUID] = field(factory=set)
    _epoch: int = field(factory=lambda: int(time.time()))
    moving: threading.Event = field(factory=threading.Event)
    """While it is not set, nobody does anything: calls that are up stay up."""
    _owed: dict[str, Command] = field(factory=dict)
    """What Asterisk wrote down, by name, until it is known to be in the ledger."""
    silences: int = 0
    """Calls in which a server that was there said nothing for too long."""

    def reference(self) -> str:
        return f"{NODE}-{self._epoch}.{next(self._numbers)}"

    def asked(self, hold_id: UUID) -> None:
        with self._lock:
            self._ending.add(hold_id)

    def began(self, hold_id: UUID) -> None:
        with self._lock:
            self._ending.discard(hold_id)
            self._up.add(hold_id)

    def ends(self, hold_id: UUID) -> None:
        with self._lock:
            self._up.discard(hold_id)
            self._ending.add(hold_id)

    def settled(self, hold_id: UUID) -> None:
        with self._lock:
            self._ending.discard(hold_id)

    def live(self) -> Live:
        with self._lock:
            return Live(frozenset(self._up), frozenset(self._ending))

    def owes(self, *means: Command) -> None:
        """What Asterisk knows has to come to the ledger, sooner or later."""
        self.record.send(*means)
        with self._lock:
            self._owed |= {each.name: each for each in means}

    def write(self, line: str, *means: Command) -> None:
        """As Asterisk does: opened, appended to, closed. ``means``: what has to come of it."""
        self.owes(*means)
        with self._lock, (self.spool / "legs.txt").open("a") as file:
            file.write(line + "\n")

    def drained(self) -> None:
        """Every record was brought to the ledger: what it tells of is there."""
        with self._lock:
            self._ending.clear()
            self.record.acknowledge(*self._owed.values())
            self._owed.clear()


@frozen
class Wish:
    """A destination, what becomes of the leg there, and how long that takes in real time."""

    number: str
    talk: Talk
    seconds: float


@define
class Person:
    """The people on one line, who key what they are asked for."""

    number: str
    pin: str
    wishes: list[Wish]
    wants: Callable[[], object]
    """Told before a destination is keyed."""
    waits: Callable[[float], object]
    """Stays in the talk for so many real seconds."""
    leaves: bool = True
    """Hangs up after the last wish; otherwise falls silent until the platform says goodbye."""
    doing: Wish | None = None

    def hears(self, sounds: Sequence[str], *, interruptible: bool) -> str | None:
        return None

    def keys(self, sounds: Sequence[str], most: int, milliseconds: int) -> tuple[str, bool]:
        match sounds[0] if sounds else "":
            case sound if sound == _CARD_NUMBER:
                return self.number, True
            case sound if sound == _PIN:
                return self.pin, True
            case sound if sound == _DESTINATION and self.wishes:
                self.doing = self.wishes.pop(0)
                self.wants()
                return self.doing.number, True
        if self.leaves:
            raise HangsUp
        return "", False

    def dials(self, leg: Dialled) -> Talk:
        assert self.doing is not None, "a leg is dialled for a number that was keyed"
        self.waits(self.doing.seconds)
        return self.doing.talk


@define
class Line(AsteriskSide):
    """One call, which writes its records to the spool and what it was promised to the record."""

    exchange: Exchange = field(kw_only=True)
    holding: Command | None = None
    """A hold that was asked for, until it is known what became of it."""
    settling: Command | None = None
    """The settlement of an attempt that is over, until it is known."""
    attempts: int = 0
    dialled_at: float | None = None
    """When the first leg was dialled, by the clock of this machine."""

    def call(self, ports: Sequence[int]) -> Line:
        """Tries one server after the other, as the dial plan does, and leaves its records."""
        for port in ports:
            try:
                self.run("127.0.0.1", port, seconds=_SILENT_SECONDS)
            except ConnectionError:
                continue
            except TimeoutError:
                self.exchange.silences += 1
            break
        ended = f"{time.time():.3f}"
        status = self.variables.get("DIALSTATUS", "")
        reference = self.settings.reference
        # A call that never came to an attempt may have left no fact to be ended.
        means = (end(reference),) if self.attempts else ()
        self.exchange.write(f"call|{reference}|{ended}|{status}|SUCCESS|16", *means)
        return self

    def wants(self) -> None:
        """A destination is about to be keyed: the next attempt may be held for."""
        reference = self.settings.reference
        self.holding = hold(reference, self.attempts + 1)
        self.exchange.asked(hold_of(reference, self.attempts + 1))
        self.exchange.record.send(self.holding)

    def waits(self, seconds: float) -> None:
        time.sleep(seconds)
        self.exchange.moving.wait()

    def answer(self, line: str) -> list[str]:
        self.exchange.moving.wait()
        if line.startswith(_QUESTIONS):
            self._asked_again()
        return super().answer(line)

    def _asked_again(self) -> None:
        """The next question says that all before it is done."""
        reference, record = self.settings.reference, self.exchange.record
        if self.holding is not None:
            # No leg was dialled for it: it was refused.
            record.refuse(self.holding)
            self.exchange.settled(hold_of(reference, self.attempts + 1))
            self.holding = None
        if self.settling is not None:
            record.acknowledge(self.settling)
            self.exchange.settled(hold_of(reference, self.attempts))
            self.settling = None

    def _dial(self, words: list[str]) -> str:
        leg = read_dial(words[2])
        number, hold_id = int(leg.attempt), hold_of(leg.reference, int(leg.attempt))
        self.dialled_at = self.dialled_at or time.monotonic()
        self.attempts, self.holding = number, None
        self.exchange.record.acknowledge(hold(leg.reference, number))
        self.exchange.began(hold_id)
        answer = super()._dial(words)
        told = parse_leg(self.variables["SHARED(TALKTIME_LEG)"])
        self.settling = settlement(leg.reference, number, told.talked_ms)
        self.exchange.ends(hold_id)
        self.exchange.write("leg|" + self.variables["SHARED(TALKTIME_LEG)"], self.settling)
        return answer


def line(exchange: Exchange, card: tuple[str, str, str], wishes: list[Wish], **how: Any) -> Line:
    """A caller with a card, who will call these numbers one after the other."""
    _, number, pin = card
    person = Person(number, pin, wishes, lambda: None, lambda _: None, **how)
    # No caller ID: every call is opened by its card and PIN.
    told = Settings(
        reference=exchange.reference(),
        access_number=ACCESS_NUMBER,
        caller_id="anonymous",
        started_ms=int(time.time() * 1000),
    )
    made = Line(person, told, exchange=exchange)
    person.wants, person.waits = made.wants, made.waits
    return made


@define
class Load:
    """Callers and counters that go on until they are told to stop."""

    exchange: Exchange
    cards: Sequence[tuple[str, str, str]]
    agi_ports: Sequence[int]
    http_ports: Sequence[int]
    secret: str = field(repr=False)
    seed: int
    pause: float = 0.25
    """Seconds on the average between two calls of one caller."""
    calls: int = 0
    done: int = 0
    """Calls that came to their end by the platform's own word."""
    sold: int = 0
    """Requests that were answered."""
    faults: list[BaseException] = field(factory=list)
    _stop: threading.Event = field(factory=threading.Event)
    _threads: list[threading.Thread] = field(factory=list)

    @contextmanager
    def running(self, callers: int = 8, counters: int = 2) -> Iterator[Load]:
        self.exchange.moving.set()
        does = [self._caller] * callers + [self._counter] * counters
        for number, each in enumerate(does):
            chance = random.Random(f"{self.seed} {number}")
            thread = threading.Thread(target=self._watched, args=(each, chance), daemon=True)
            self._threads.append(thread)
            thread.start()
        try:
            yield self
        finally:
            self._stop.set()
            self.exchange.moving.set()
            for thread in self._threads:
                thread.join(PATIENCE)
            assert not any(each.is_alive() for each in self._threads), "a client hangs"
        if self.faults:
            raise self.faults[0]

    def _watched(self, does: Callable[[random.Random], None], chance: random.Random) -> None:
        try:
            while not self._stop.is_set():
                does(chance)
                self._stop.wait(chance.uniform(0, 2 * self.pause))
                self.exchange.moving.wait()
        except BaseException as fault:
            self.faults.append(fault)

    def _caller(self, chance: random.Random) -> None:
        wishes = [wish(chance) for _ in range(chance.choice((1, 1, 2, 3)))]
        who = line(self.exchange, chance.choice(self.cards), wishes, leaves=chance.random() < 0.7)
        who.call(chance.sample(self.agi_ports, len(self.agi_ports)))
        self.calls += 1
        self.done += who.done

    def _counter(self, chance: random.Random) -> None:
        key = str(UUID(int=chance.getrandbits(128), version=4))
        if chance.random() < 0.15:
            card_id = id_of_request("card", key)
            wanted = [card_made(card_id), card_issued(card_id)]
            body: dict[str, Any] = {"group": GROUP, "activate": True}
            path = "/v1/cards"
        else:
            card_id, amount = UUID(chance.choice(self.cards)[0]), f"0.{chance.randrange(10, 99)}"
            wanted = [top_up(id_of_request("top-up", key), parse(amount, "USD"))]
            body = {"amount": {"amount": amount, "unit": "USD"}, "channel": "cash"}
            path = f"/v1/cards/{card_id}/top-ups"
        record = self.exchange.record
        record.send(*wanted)
        while not self._stop.is_set():
            self.exchange.moving.wait()
            status = ask(chance.choice(self.http_ports), self.secret, path, key, body)
            if status in (200, 201):
                record.acknowledge(*wanted)
                self.sold += 1
                return
            assert status in (None, 503), f"POST {path} was answered with {status}"
            self._stop.wait(0.02)


def wish(chance: random.Random) -> Wish:
    """Mostly short talks, some that are up for a while, some that nobody answers."""
    number = f"48{chance.randrange(10**8, 10**9)}"
    if chance.random() < 0.1:
        return Wish(number, BUSY, 0.0)
    talk = evolve(ANSWERS, talk_ms=chance.randrange(500, 200_000))
    return Wish(number, talk, chance.choice((0.0, 0.05, 0.2, 0.5, 1.5)))


def id_of_request(purpose: str, key: str) -> UUID:
    """The id that the product gives to what is asked for under an Idempotency-Key."""
    told = f"{len(KEY_NAME)}:{KEY_NAME}:{purpose}:{key}"
    return uuid5(asking._ASKED_BY_KEY, told)


def ask(port: int, secret: str, path: str, key: str, body: object) -> int | None:
    """The status of the answer; None if there was none."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        connection.request(
            "POST",
            path,
            json.dumps(body),
            {
                "Authorization": f"Bearer {secret}",
                "Content-Type": "application/json",
                "Idempotency-Key": key,
            },
        )
        answer = connection.getresponse()
        answer.read()
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()
    return answer.status
