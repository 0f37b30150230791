"""Folds whole streams of a log: one part of an audit, here or in a process of its own."""

from __future__ import annotations

import copyreg
import gc
import json
import sys
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.connection import Connection
from operator import attrgetter
from typing import Any

import attrs

from adapters.persistence.codec import FactMapper
from adapters.persistence.connecting import connect
from adapters.persistence.facts import FACTS, UPCASTS
from adapters.persistence.log_reader import LogReader, Shard
from adapters.persistence.recorder import EventRecorder
from domain.audit_accounts import AccountSeen, HoldSeen, MoneySeen
from domain.audit_calls import AttemptOf, AttemptSettledSeen, SessionSeen
from domain.audit_cards import CardSeen
from domain.audit_corrections import ChargeSeen, CorrectedSeen
from domain.audit_crossing import Seen
from domain.audit_log import LogAudit
from domain.audit_rules import Findings

Part = tuple[Seen, Findings]

_TRAVEL = (
    AccountSeen,
    HoldSeen,
    MoneySeen,
    AttemptOf,
    AttemptSettledSeen,
    SessionSeen,
    CardSeen,
    ChargeSeen,
    CorrectedSeen,
)


def _flat(kind: type) -> Callable[[Any], tuple[type, tuple[Any, ...]]]:
    values = attrgetter(*(each.name for each in attrs.fields(kind)))
    return lambda seen: (kind, values(seen))


for _kind in _TRAVEL:
    # Hundreds of thousands travel between processes; by their values alone they take half as long.
    copyreg.pickle(_kind, _flat(_kind))


def audit_part(
    recorder: EventRecorder,
    mapper: FactMapper,
    until: int,
    shard: Shard | None,
    progress: Callable[[int], object],
) -> Part:
    """Folds the streams of one part. ``progress`` is told how many facts were read since."""
    audit = LogAudit()
    decode, add = mapper.decode, audit.add
    for rows in LogReader(recorder, mapper).pages(until=until, shard=shard):
        for position, stream, version, name, data in rows:
            try:
                at, fact = decode(name, data)
            except (ValueError, TypeError, KeyError) as error:
                audit.unreadable(position, int(stream, 16), version, f"{name}: {error}")
                continue
            add(position, int(stream, 16), version, at, fact)
        progress(len(rows))
    return audit.seen(), audit.findings


def work(told: Connection, url: str, number: int, of: int, until: int) -> None:
    """Sends how many facts were read, again and again, then the part; or a sentence of trouble."""
    gc.disable()  # Nothing here is a cycle, and looking for cycles costs a third of the time.
    with suppress(BrokenPipeError, KeyboardInterrupt):
        try:
            with connect(url) as recorder:
                mapper = FactMapper(FACTS, UPCASTS)
                part = audit_part(recorder, mapper, until, Shard(number, of), told.send)
        except Exception as error:
            told.send(f"{type(error).__name__}: {error}")
            return
        told.send(part)


def main() -> None:
    """``python -m adapters.persistence.audit_part``: the number of a pipe as its argument, what
    to do as JSON on its input, because an address may hold a password."""
    with Connection(int(sys.argv[1]), readable=False) as told:
        work(told, **json.load(sys.stdin))


if __name__ == "__main__":
    main()
