"""A caller on the line: whole calls through the FastAGI server, on a ledger in memory."""

from __future__ import annotations

import itertools
import queue
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from attrs import define, field

from adapters.agi.card_call import CardCallServices, CardCallSettings
from adapters.agi.server import FastAgiServer
from adapters.agi.session import Session
from adapters.agi.telephone import Telephone
from adapters.phone.asterisk_side import AsteriskSide, HangsUp, Line, Settings, Talk
from adapters.phone.commands import Dialled
from adapters.phone.script import ScriptedLine
from adapters.voice import voice as voices
from application import kinds
from application.legs import parse_leg
from application.speech import Prompt, Sentence
from domain.call_sessions import CallSession
from tests.support.story import ACCESS, ALICE, NOON, Story

VOICE = voices.load()

ENTER_CARD = (Prompt.ENTER_CARD_NUMBER, Prompt.ENTER_PIN)
STARTED = int(NOON.timestamp())


def sounds(*sentences: Sentence, language: str = "en") -> list[str]:
    """What the caller hears for these sentences."""
    return list(VOICE.say(*sentences, language=language))


@define
class Watched(AsteriskSide):
    """Asterisk's side, with something that happens before the command of a number."""

    before: Callable[[int], None] = field(default=lambda number: None)

    def answer(self, line: str) -> list[str]:
        self.before(len(self.commands) + 1)
        return AsteriskSide.answer(self, line)


@define
class WhimsicalLine:
    """A caller who keys and a far end that does anything, until both have had enough."""

    entries: Iterator[str]
    talks: Iterator[Talk]
    heard: list[str] = field(factory=list)

    def hears(self, sounds: Sequence[str], *, interruptible: bool) -> str | None:
        self.heard += sounds
        return None

    def keys(self, sounds: Sequence[str], most: int, milliseconds: int) -> tuple[str, bool]:
        self.heard += sounds
        keys = next(self.entries, None)
        if keys is None:
            raise HangsUp
        digits, ended, _ = keys.partition("#")
        return digits, bool(ended)

    def dials(self, leg: Dialled) -> Talk:
        talk = next(self.talks, None)
        if talk is None:
            raise HangsUp
        return talk


class Exchange(Story):
    """The use cases on a ledger in memory, behind a FastAGI server on the loopback."""

    def __init__(self, **told: Any) -> None:
        super().__init__(**told)
        self.card_call = CardCallSettings()
        self.faults: list[Exception] = []
        self.server = FastAgiServer(("127.0.0.1", 0), {"card": self._answer}, trace=True)
        self._answered: queue.SimpleQueue[None] = queue.SimpleQueue()
        self._uniques = itertools.count(1)

    def _answer(self, session: Session) -> None:
        services = CardCallServices(
            self.calls, self.bindings, self.dialling, self.settlement, VOICE, self.card_call
        )
        try:
            # No real time passes between two looks for a leg record.
            services.answer(Telephone(session, wait=lambda seconds: None))
        except Exception as fault:
            self.faults.append(fault)
            raise
        finally:
            self._answered.put(None)

    def ring(
        self,
        *script: str,
        line: Line | None = None,
        caller_id: str = ALICE,
        leaves_at: int | None = None,
        before: Callable[[int], None] | None = None,
        **asterisk: Any,
    ) -> Heard:
        """One call from its first ring until nobody has anything to do with it any more."""
        reference = f"pbx1-{STARTED}.{next(self._uniques)}"
        settings = Settings(
            **{
                "reference": reference,
                "caller_id": caller_id,
                "access_number": ACCESS,
                "started_ms": int(self.clock.now().timestamp() * 1000),
                **asterisk,
            }
        )
        at = line or ScriptedLine.of(*script)
        side = Watched(at, settings, leaves_at, before=before or (lambda number: None))
        side.run(*self.server.address, seconds=20.0)
        self._answered.get(timeout=20.0)
        return Heard(self, side)

    def deliver_records(self, heard: Heard) -> None:
        """What the shipper of the spool does when the caller's channel has ended."""
        line = heard.side.variables.get("SHARED(TALKTIME_LEG)")
        if line:
            self.settlement.record_leg(parse_leg(line))
        self.settlement.call_ended(heard.reference)


@define
class Heard:
    """A call that is over: what was said in it and what it left in the ledger."""

    exchange: Exchange
    side: Watched

    @property
    def reference(self) -> str:
        return self.side.settings.reference

    @property
    def said(self) -> list[str]:
        """Every sound in the order in which it was played."""
        heard: list[str] = self.side.line.heard  # type: ignore[attr-defined]
        return heard

    @property
    def session(self) -> CallSession | None:
        session_id = kinds.session_id(self.reference)
        return self.exchange.units.state(kinds.CALL_SESSIONS, session_id)

    @property
    def dialled(self) -> list[tuple[str, str]]:
        return [(leg.number, leg.trunk) for leg in self.side.legs]

    def says(self, *sentences: Sentence) -> bool:
        """Whether these sentences were said, one right after the other."""
        wanted = sounds(*sentences)
        starts = range(len(self.said) - len(wanted) + 1)
        return any(self.said[at : at + len(wanted)] == wanted for at in starts)

    def times(self, prompt: Prompt) -> int:
        return self.said.count(prompt.sound)

    def facts(self, kind: type[Any]) -> list[Any]:
        facts = self.exchange.units.facts(kinds.session_id(self.reference))
        return [fact for fact in facts if isinstance(fact, kind)]


@contextmanager
def exchange(**told: Any) -> Iterator[Exchange]:
    """An exchange that takes calls; no call may have ended by a fault of ours."""
    opened = Exchange(**told)
    with opened.server:
        yield opened
    assert opened.faults == []


def lines(*parts: str | Iterable[str]) -> list[str]:
    """Script lines, flat."""
    return [line for part in parts for line in ([part] if isinstance(part, str) else part)]
