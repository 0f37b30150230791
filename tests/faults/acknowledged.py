"""What clients asked for and were promised, kept outside the processes that are made to fail.

A command that was sent but never acknowledged may be in the log once or not at all; one that was
acknowledged is there exactly once; one that was refused is not there. Each line of the record is
on the disk before the client goes on, and any number of threads and processes may write to it.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Any, Self
from uuid import UUID

from attrs import define, field, frozen

from adapters.persistence.facts import FACTS
from application import kinds
from domain.accounts import FundsAdded, HoldCaptured, HoldPlaced, HoldReleased
from domain.call_sessions import (
    AttemptSettled,
    AttemptStarted,
    CallEnded,
    CallStarted,
    PayerIdentified,
)
from domain.cards import CardGenerated, CardStatusChanged
from domain.money import Money
from domain.top_ups import TopUpReceived

_NAMES = {kind: name for name, kind in FACTS.items()}


@frozen
class Writes:
    """A fact that a command writes: of one of these names, in this stream if one is told, with
    these fields as they are stored."""

    names: tuple[str, ...]
    stream: UUID | None = None
    fields: tuple[tuple[str, str], ...] = ()
    """By name, each value as JSON."""

    def __str__(self) -> str:
        told = [" or ".join(self.names)]
        told += [f"stream {self.stream}"] if self.stream else []
        return ", ".join(told + [f"{name} {value}" for name, value in self.fields])


def writes(*facts: type, stream: UUID | None = None, **fields: Any) -> Writes:
    """One fact of any of these classes; ids and amounts are compared as they are stored."""
    stored = sorted((name, as_told(_stored(value))) for name, value in fields.items())
    return Writes(tuple(_NAMES[each] for each in facts), stream, tuple(stored))


def as_told(value: Any) -> str:
    """One text for one value, however it was written."""
    return json.dumps(value, sort_keys=True)


def _stored(value: Any) -> Any:
    match value:
        case UUID():
            return str(value)
        case Money():
            return {"micros": value.micros, "unit": value.unit}
        case _:
            return value


@frozen
class Command:
    """Something a client asks for, under a name of its own. Its facts are stored together or not
    at all."""

    name: str
    facts: tuple[Writes, ...]


def command(name: str, *facts: Writes) -> Command:
    return Command(name, facts)


def hold_of(reference: str, attempt: int = 1) -> UUID:
    """The id of the hold of an attempt, by which live ones are told to the oracle."""
    return kinds.hold_id(kinds.session_id(reference), attempt)


def arrival(reference: str) -> Command:
    stream = kinds.session_id(reference)
    return command(f"arrival {reference}", writes(CallStarted, stream=stream))


def login(reference: str) -> Command:
    """One that is right; tries before it that were wrong are no part of it."""
    stream = kinds.session_id(reference)
    return command(f"login {reference}", writes(PayerIdentified, stream=stream))


def hold(reference: str, attempt: int = 1) -> Command:
    """Acknowledged by the command to dial."""
    return command(
        f"hold {reference}^{attempt}",
        writes(AttemptStarted, stream=kinds.session_id(reference), number=attempt),
        writes(HoldPlaced, hold_id=hold_of(reference, attempt)),
    )


def settlement(reference: str, attempt: int = 1, talked_ms: int | None = None) -> Command:
    """Acknowledged by what the caller hears next, or by the spool when the record is done.

    ``talked_ms``: what the leg's record says; None: nobody looks at that.
    """
    told: dict[str, Any] = {} if talked_ms is None else {"talked_ms": talked_ms}
    return command(
        f"settlement {reference}^{attempt}",
        writes(AttemptSettled, stream=kinds.session_id(reference), number=attempt, **told),
        writes(HoldCaptured, HoldReleased, hold_id=hold_of(reference, attempt)),
    )


def end(reference: str) -> Command:
    stream = kinds.session_id(reference)
    return command(f"end {reference}", writes(CallEnded, stream=stream))


def top_up(top_up_id: UUID, amount: Money | None = None) -> Command:
    told: dict[str, Any] = {} if amount is None else {"amount": amount}
    return command(
        f"top-up {top_up_id}",
        writes(TopUpReceived, stream=top_up_id, **told),
        writes(FundsAdded, top_up_id=top_up_id, **told),
    )


def card_made(card_id: UUID) -> Command:
    return command(f"card {card_id}", writes(CardGenerated, stream=card_id))


def card_issued(card_id: UUID) -> Command:
    """Becomes active for the first time, with its face value."""
    return command(
        f"issue {card_id}",
        writes(CardStatusChanged, stream=card_id, status="active"),
        writes(FundsAdded, top_up_id=kinds.face_value_id_of_card(card_id)),
    )


class Stage(StrEnum):
    """How far a command came. What was acknowledged stays so, whatever a retry is told; what was
    refused and is sent once more is on its way again."""

    SENT = "sent"
    REFUSED = "refused"
    ACKNOWLEDGED = "acknowledged"


@define
class Asked:
    """A command on its way; say what became of it, or nothing if nobody knows."""

    _record: Acknowledged
    command: Command
    stage: Stage = Stage.SENT

    def acknowledge(self) -> None:
        self.stage = Stage.ACKNOWLEDGED
        self._record.acknowledge(self.command)

    def refuse(self) -> None:
        self.stage = Stage.REFUSED
        self._record.refuse(self.command)


@define
class Acknowledged:
    """The record, in a file that only grows. Open it as often as you like."""

    path: Path
    _file: int = field(init=False)
    _lock: threading.Lock = field(init=False, factory=threading.Lock)
    _known: set[str] = field(init=False, factory=set)

    def __attrs_post_init__(self) -> None:
        self._file = os.open(
            self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        os.close(self._file)

    # Writing

    def send(self, *commands: Command) -> None:
        """To be called before the first byte of a command leaves the client."""
        self._write(Stage.SENT, commands)

    def acknowledge(self, *commands: Command) -> None:
        """To be called when the answer is here, and not a moment earlier."""
        self._write(Stage.ACKNOWLEDGED, commands)

    def refuse(self, *commands: Command) -> None:
        """The ledger said no to every try: nothing of it may be in the log."""
        self._write(Stage.REFUSED, commands)

    @contextmanager
    def asking(self, wanted: Command) -> Iterator[Asked]:
        """Sent at the beginning; at the end only what was said in between is known."""
        self.send(wanted)
        yield Asked(self, wanted)

    def _write(self, stage: Stage, commands: tuple[Command, ...]) -> None:
        lines = []
        with self._lock:
            for each in commands:
                told: dict[str, Any] = {"stage": stage, "name": each.name}
                if each.name not in self._known:
                    self._known.add(each.name)
                    told["facts"] = [_told(fact) for fact in each.facts]
                lines.append(json.dumps(told) + "\n")
            # In one piece, so that lines of several processes never mix.
            os.write(self._file, "".join(lines).encode())
        os.fdatasync(self._file)

    # Reading

    def stages(self) -> Mapping[Command, Stage]:
        """Every command of now with how far it came, whoever wrote it."""
        commands: dict[str, Command] = {}
        stages: dict[str, Stage] = {}
        for line in self.path.read_text().splitlines():
            told = json.loads(line)
            name, stage = told["name"], Stage(told["stage"])
            if "facts" in told:
                commands.setdefault(name, Command(name, tuple(map(_read, told["facts"]))))
            if stages.get(name) is not Stage.ACKNOWLEDGED:
                stages[name] = stage
        return {commands[name]: stage for name, stage in stages.items()}


def _told(fact: Writes) -> list[Any]:
    return [fact.names, str(fact.stream) if fact.stream else None, fact.fields]


def _read(told: list[Any]) -> Writes:
    names, stream, fields = told
    found = tuple((name, value) for name, value in fields)
    return Writes(tuple(names), UUID(stream) if stream else None, found)
