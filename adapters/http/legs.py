"""The door of an Asterisk: what became of its calls, and which of them are still waited for."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Annotated, Any, Literal, assert_never
from uuid import UUID

import structlog
from msgspec import UNSET, Meta, Struct, UnsetType

from adapters.http import problems
from adapters.http.asking import USUAL_ROWS, Answer, Asked
from adapters.http.operations import Operation, Routes
from adapters.http.problems import Problem, asked_wrongly
from adapters.http.refusals import problem_of
from adapters.http.services import HttpServices
from adapters.http.wire import (
    BatchSent,
    CallEndSent,
    LegSent,
    MoneyTold,
    RecordSent,
    SightingSent,
    tell,
    told,
)
from application import kinds
from application.legs import LegRecord
from application.node_reports import MOST_OPEN_ATTEMPTS, LegEnded, check
from application.permissions import Action
from application.ports import ConcurrencyConflict, LedgerUnavailable
from application.settlement import Settlement

MOST_BATCH = 1024 * 1024
"""Bytes in one batch of records."""

_NODE = re.compile(r"[a-z0-9]{1,16}", re.ASCII)
_log = structlog.get_logger(__name__)


class Result(Struct, frozen=True, kw_only=True):
    """What came of one record; the fields that its ``status`` has something to say in."""

    status: Literal["settled", "unchanged", "ended", "seen", "refused", "failed"]
    charge: MoneyTold | UnsetType = UNSET
    seconds: int | UnsetType = UNSET
    released: int | UnsetType = UNSET
    problem: dict[str, Any] | UnsetType = UNSET


class Results(Struct, frozen=True):
    """In the order of the records."""

    results: list[Result]


class OpenAttemptShown(Struct, frozen=True):
    session_id: UUID
    reference: str
    attempt: int
    placed_at: datetime
    deadline: datetime


class OpenAttemptsShown(Struct, frozen=True):
    """``complete``: there are no others."""

    items: list[OpenAttemptShown]
    complete: bool


class OpenAttemptsAsked(Struct, frozen=True, forbid_unknown_fields=True):
    limit: Annotated[int, Meta(ge=1, le=MOST_OPEN_ATTEMPTS)] = USUAL_ROWS


def record(services: HttpServices, asked: Asked) -> Answer:
    """Records a batch in its order, and says of each record what came of it.

    A record that cannot be used does not hold up those behind it. When the ledger is away, the
    whole batch is to be sent again: what was recorded of it already is then found done.
    """
    batch = asked.body(BatchSent)
    results = [
        _result(services.settlement, asked, place, sent) for place, sent in enumerate(batch.records)
    ]
    return Answer(Results(results))


def open_attempts(services: HttpServices, asked: Asked) -> Answer:
    """The attempts of a node whose holds are open, oldest first; ``complete`` if that is all."""
    limit = asked.parameters(OpenAttemptsAsked).limit
    node = asked.path["node"]
    if not _NODE.fullmatch(node):
        raise asked_wrongly(
            problems.NO_RESOURCE, f"a node is 1 to 16 small letters and digits, not {node[:80]!r}"
        )
    if not asked.actor.speaks_for(node):
        raise asked_wrongly(problems.NOT_ALLOWED, f"this API key does not speak for node {node}")
    found = services.open_attempts.of_node(node, limit)
    shown = [tell(OpenAttemptShown, each) for each in found]
    return Answer(OpenAttemptsShown(shown, len(found) < limit))


def _result(settlement: Settlement, asked: Asked, place: int, sent: RecordSent) -> Result:
    try:
        kinds.session_id(sent.reference)
    except ValueError as error:
        return _refused(Problem(problems.BAD_FIELD, str(error), {"field": "reference"}))
    node = sent.reference.partition("-")[0]
    if not asked.actor.speaks_for(node):
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


def _recorded(settlement: Settlement, sent: RecordSent) -> Result:
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
                return Result(status="unchanged")
            charge = told(receipt.charge)
            return Result(status="settled", charge=charge, seconds=receipt.seconds)
        case CallEndSent():
            released = settlement.call_ended(sent.reference, sent.reason)
            return Result(status="ended", released=released)
        case SightingSent():
            settlement.seen_alive(sent.reference, sent.attempt, sent.answered_ms, sent.seconds)
            return Result(status="seen")
        case _:
            assert_never(sent)


def _refused(problem: Problem) -> Result:
    failed = problem.kind is problems.FAULT
    return Result(status="failed" if failed else "refused", problem=problem.document())


ROUTES: Routes = {
    "/v1/legs": {
        "POST": Operation(
            record,
            Action.REPORT_CALLS,
            "Record what became of calls, and say of each record what came of it.",
            Results,
            body=BatchSent,
            most_body=MOST_BATCH,
        )
    },
    "/v1/nodes/{node}/open-attempts": {
        "GET": Operation(
            open_attempts,
            Action.SEE_OPEN_ATTEMPTS,
            "The attempts of one Asterisk whose holds are open, oldest first.",
            OpenAttemptsShown,
            query=OpenAttemptsAsked,
        )
    },
}
