"""The door of an Asterisk: what became of its calls, and which of them are still waited for."""

from __future__ import annotations

import re
from typing import Any, assert_never

import structlog

from adapters.http import problems
from adapters.http.asking import Answer, Asked, read_limit
from adapters.http.problems import Problem, asked_wrongly, problem_of
from adapters.http.services import HttpServices
from adapters.http.wire import BatchSent, CallEndSent, LegSent, RecordSent, SightingSent, to_wire
from application import kinds
from application.legs import LegRecord
from application.node_reports import MOST_OPEN_ATTEMPTS, LegEnded, check
from application.ports import ConcurrencyConflict, LedgerUnavailable
from application.settlement import Settlement

MOST_BATCH = 1024 * 1024
"""Bytes in one batch of records."""

_NODE = re.compile(r"[a-z0-9]{1,16}", re.ASCII)
_log = structlog.get_logger(__name__)


def record(services: HttpServices, asked: Asked) -> Answer:
    """Records a batch in its order, and says of each record what came of it.

    A record that cannot be used does not hold up those behind it. When the ledger is away, the
    whole batch is to be sent again: what was recorded of it already is then found done.
    """
    asked.parameters()
    batch = asked.read(BatchSent)
    results = [
        _result(services.settlement, asked, place, sent) for place, sent in enumerate(batch.records)
    ]
    return Answer({"results": results})


def open_attempts(services: HttpServices, asked: Asked) -> Answer:
    """The attempts of a node whose holds are open, oldest first; ``complete`` if that is all."""
    limit = read_limit(asked.parameters("limit"), most=MOST_OPEN_ATTEMPTS)
    node = asked.path["node"]
    if not _NODE.fullmatch(node):
        raise asked_wrongly(
            problems.NO_RESOURCE, f"a node is 1 to 16 small letters and digits, not {node[:80]!r}"
        )
    if not asked.key.speaks_for(node):
        raise asked_wrongly(problems.NOT_ALLOWED, f"this API key does not speak for node {node}")
    found = services.open_attempts.of_node(node, limit)
    return Answer({"items": [to_wire(each) for each in found], "complete": len(found) < limit})


def _result(settlement: Settlement, asked: Asked, place: int, sent: RecordSent) -> dict[str, Any]:
    try:
        kinds.session_id(sent.reference)
    except ValueError as error:
        return _refused(Problem(problems.BAD_FIELD, str(error), {"field": "reference"}))
    node = sent.reference.partition("-")[0]
    if not asked.key.speaks_for(node):
        detail = f"this API key does not speak for node {node}"
        return _refused(Problem(problems.NOT_ALLOWED, detail))
    try:
        return _recorded(settlement, sent)
    except (LedgerUnavailable, ConcurrencyConflict):
        raise
    except Exception as error:
        # A record that trips over a fault would otherwise hold up its node for ever.
        if (problem := problem_of(error)) is None:
            _log.exception("a record failed", place=place, reference=sent.reference)
            problem = Problem(problems.FAULT, "the record could not be used; the log says why")
        return _refused(problem)


def _recorded(settlement: Settlement, sent: RecordSent) -> dict[str, Any]:
    match sent:
        case LegSent():
            leg = LegRecord(
                sent.reference,
                sent.attempt,
                sent.leg,
                sent.answered_ms,
                sent.ended_ms,
                sent.cause,
                sent.unique_id,
            )
            try:
                check(LegEnded(leg, sent.evidence))
            except ValueError as error:
                return _refused(Problem(problems.BAD_FIELD, str(error)))
            receipt = settlement.record_leg(leg, sent.evidence)
            if receipt is None:
                return {"status": "unchanged"}
            charge = to_wire(receipt.charge)
            return {"status": "settled", "charge": charge, "seconds": receipt.seconds}
        case CallEndSent():
            return {
                "status": "ended",
                "released": settlement.call_ended(sent.reference, sent.reason),
            }
        case SightingSent():
            settlement.seen_alive(sent.reference, sent.attempt, sent.answered_ms, sent.seconds)
            return {"status": "seen"}
        case _:
            assert_never(sent)


def _refused(problem: Problem) -> dict[str, Any]:
    failed = problem.kind is problems.FAULT
    return {"status": "failed" if failed else "refused", "problem": problem.document()}
