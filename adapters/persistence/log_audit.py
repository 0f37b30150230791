"""Verifies a stored log, in as many processes as pay: each folds whole streams of its own."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import ExitStack
from datetime import datetime
from uuid import UUID

from attrs import frozen

from adapters.persistence.audit_models import compare
from adapters.persistence.audit_part import Asked, Part, audit_part
from adapters.persistence.codec import FactMapper
from adapters.persistence.garbage import without_collection
from adapters.persistence.log_reader import MOST_SHARDS, LogReader, Row, Shard
from adapters.persistence.recorder import EventRecorder
from adapters.persistence.side_process import Far, Made, SideProcess, beside, those_that_told
from application.auditing import Found, Progress, Verification
from application.ports import Clock
from domain.audit_crossing import Crossing, joined
from domain.audit_rules import Finding, Findings

PAYS_ABOVE = 40_000
"""Facts beyond which another process is worth its start."""

_PART = "adapters.persistence.audit_part"
_NAMED = "a process that verifies a part of the log"


@frozen
class LedgerAuditor:
    """The port ``Auditor`` on the ledger at an address."""

    url: str
    recorder: EventRecorder
    mapper: FactMapper
    clock: Clock

    def verify(self, *, processes: int | None = None, progress: Progress) -> Verification:
        reader = LogReader(self.recorder, self.mapper)
        until = reader.end()
        facts = reader.count(until=until)
        if processes is None:
            processes = len(os.sched_getaffinity(0)) if facts > PAYS_ABOVE else 1
        findings = Findings()
        with without_collection():
            parts = self._parts(until, min(processes, MOST_SHARDS), _of(facts, progress))
            for _, own in parts:
                findings.merge(own)
            seen = joined((part for part, _ in parts), findings)
            Crossing(seen, findings, self.clock.now()).check()
            models = compare(seen, self.recorder, self.mapper, findings)
        found = [self._told(reader, each) for each in findings.first]
        return Verification(facts, until, found, findings.counts, models)

    def _parts(self, until: int, processes: int, progress: Callable[[int], object]) -> list[Part]:
        if processes > 1:
            return _in_processes(self.url, until, processes, progress)
        return [audit_part(self.recorder, self.mapper, until, None, progress)]

    def _told(self, reader: LogReader, finding: Finding) -> Found:
        rows = next(reader.pages(after=finding.position - 1, until=finding.position), [])
        if not rows:
            return Found(finding.position, None, None, None, None, finding.rule, finding.why)
        (row,) = rows
        return Found(
            finding.position,
            UUID(row[1]),
            row[2],
            row[3],
            _recorded_at(self.mapper, row),
            finding.rule,
            finding.why,
        )


def _in_processes(
    url: str, until: int, processes: int, progress: Callable[[int], object]
) -> list[Part]:
    parts: list[Part] = []
    with ExitStack() as stack:
        waiting: list[SideProcess] = []
        for number in range(processes):
            asked: Asked = (url, Shard(number, processes), until)
            waiting.append(stack.enter_context(beside(_PART, asked, _NAMED)))
        while waiting:
            for ready in those_that_told(waiting):
                match ready.hear():
                    case Far(read):
                        progress(read)
                    case Made(part):
                        waiting.remove(ready)
                        parts.append(part)
    return parts


def _of(facts: int, progress: Progress) -> Callable[[int], object]:
    done = 0

    def step(read: int) -> None:
        nonlocal done
        done += read
        progress(min(done, facts), facts)

    return step


def _recorded_at(mapper: FactMapper, row: Row) -> datetime | None:
    try:
        return mapper.decode(row[3], row[4])[0]
    except (ValueError, TypeError, KeyError):
        return None
