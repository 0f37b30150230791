"""Folds whole streams of a log: one part of an audit, here or in a process of its own."""

from __future__ import annotations

import copyreg
from collections.abc import Callable
from operator import attrgetter
from typing import Any

import attrs

from adapters.persistence.codec import FactMapper
from adapters.persistence.connecting import connect
from adapters.persistence.facts import FACTS, UPCASTS
from adapters.persistence.log_reader import LogReader, Shard
from adapters.persistence.recorder import EventRecorder
from adapters.persistence.side_process import Asker, serve
from domain.audit_accounts import AccountSeen, HoldSeen, MoneySeen
from domain.audit_calls import AttemptOf, AttemptSettledSeen, SessionSeen
from domain.audit_cards import CardSeen
from domain.audit_corrections import ChargeSeen, CorrectedSeen
from domain.audit_crossing import Seen
from domain.audit_log import LogAudit
from domain.audit_rules import Findings

Part = tuple[Seen, Findings]

Asked = tuple[str, Shard, int]
"""The address of the ledger, the streams of this part, and the last position."""

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


def work(asked: Asked, asker: Asker) -> Part:
    """Tells how many facts were read, again and again, and gives the part."""
    url, shard, until = asked
    with connect(url) as recorder:
        return audit_part(recorder, FactMapper(FACTS, UPCASTS), until, shard, asker.tell)


if __name__ == "__main__":
    serve(work)
