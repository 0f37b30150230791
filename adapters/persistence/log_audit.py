"""Verifies a stored log, in as many processes as pay: each folds whole streams of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from contextlib import ExitStack
from datetime import datetime
from multiprocessing import Pipe
from multiprocessing.connection import Connection, wait
from uuid import UUID

from attrs import frozen

from adapters.persistence.audit_models import compare
from adapters.persistence.audit_part import Part, audit_part
from adapters.persistence.codec import FactMapper
from adapters.persistence.garbage import without_collection
from adapters.persistence.log_reader import MOST_SHARDS, LogReader, Row
from adapters.persistence.recorder import EventRecorder
from application.auditing import Found, Progress, Verification
from application.ports import Clock, LedgerUnavailable
from domain.audit_crossing import Crossing, joined
from domain.audit_rules import Finding, Findings

PAYS_ABOVE = 40_000
"""Facts beyond which another process is worth its start."""

_ENDS_SECONDS = 10.0


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
    """Fresh interpreters that import nothing of the program but the ledger: a fork would share
    the connections of this one."""
    parts: list[Part] = []
    with ExitStack() as stack:
        waiting: list[Connection] = []
        for number in range(processes):
            ours, theirs = Pipe(duplex=False)
            waiting.append(stack.enter_context(ours))
            with theirs:
                asked: dict[str, str | int] = {
                    "url": url,
                    "number": number,
                    "of": processes,
                    "until": until,
                }
                stack.callback(_end, _begun(theirs, asked))
        while waiting:
            for ready in wait(waiting):
                assert isinstance(ready, Connection)
                told = _received(ready)
                if isinstance(told, int):
                    progress(told)
                    continue
                waiting.remove(ready)
                parts.append(told)
    return parts


def _begun(theirs: Connection, asked: dict[str, str | int]) -> subprocess.Popen[bytes]:
    end = theirs.fileno()
    worker = subprocess.Popen(  # noqa: S603 - this program itself
        [sys.executable, "-m", "adapters.persistence.audit_part", str(end)],
        stdin=subprocess.PIPE,
        pass_fds=(end,),
        env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    )
    assert worker.stdin is not None, "it was asked for"
    with worker.stdin as told:
        told.write(json.dumps(asked).encode())
    return worker


def _received(ready: Connection) -> int | Part:
    try:
        told: int | str | Part = ready.recv()
    except EOFError:
        told = "a process that verified a part of the log ended too early"
    if isinstance(told, str):
        raise LedgerUnavailable(told)
    return told


def _end(worker: subprocess.Popen[bytes]) -> None:
    worker.terminate()
    worker.wait(_ENDS_SECONDS)


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
