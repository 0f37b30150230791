"""Call sessions and their attempts as lists show them."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Table

from adapters.persistence.codec import RecordedFact
from adapters.persistence.read_model import Page
from adapters.persistence.read_models import tables
from adapters.persistence.read_models.rows import Rows
from adapters.persistence.view_store import ViewStore
from domain.call_sessions import (
    AttemptRefunded,
    AttemptRerated,
    AttemptSeen,
    AttemptSettled,
    AttemptStarted,
    CallEnded,
    CallStarted,
    LoginRefused,
    PayerIdentified,
    SettlementDisputed,
)

_OF_AN_ATTEMPT = (
    AttemptStarted,
    AttemptSeen,
    AttemptSettled,
    SettlementDisputed,
    AttemptRerated,
    AttemptRefunded,
)
_MINE = (*_OF_AN_ATTEMPT, CallStarted, LoginRefused, PayerIdentified, CallEnded)


class CallSessions:
    name = "call sessions"
    tables: Sequence[Table] = (tables.attempts, tables.calls)
    facts: Sequence[type] = _MINE

    def apply(self, views: ViewStore, page: Page) -> None:
        mine = [recorded for _, recorded in page if isinstance(recorded.fact, _MINE)]
        if not mine:
            return
        begun = {(r.originator_id,) for r in mine if isinstance(r.fact, CallStarted)}
        calls = Rows(views, tables.calls, ((r.originator_id,) for r in mine), new=begun)
        keys = (
            (r.originator_id, r.fact.number) for r in mine if isinstance(r.fact, _OF_AN_ATTEMPT)
        )
        placed = {
            (r.originator_id, r.fact.number) for r in mine if isinstance(r.fact, AttemptStarted)
        }
        attempts = Rows(views, tables.attempts, keys, new=placed)
        for recorded in mine:
            _apply(recorded, calls, attempts)
        calls.write()
        attempts.write()


def _apply(recorded: RecordedFact, calls: Rows, attempts: Rows) -> None:
    session_id = recorded.originator_id
    match recorded.fact:
        case CallStarted() as call:
            calls.put(
                {
                    "session_id": session_id,
                    "reference": call.reference,
                    "node": call.node,
                    "access_number": call.access_number,
                    "caller_id": call.caller_id,
                    "card_id": None,
                    "started_at": recorded.recorded_at,
                    "ended_at": None,
                    "attempts": 0,
                    "open_attempts": 0,
                    "disputed": False,
                    "seconds": 0,
                    "charged": 0,
                    "unit": None,
                }
            )
        case PayerIdentified(card_id):
            calls.change(session_id)["card_id"] = card_id
        case AttemptStarted() as attempt:
            call_row = calls.change(session_id)
            call_row["attempts"] += 1
            call_row["open_attempts"] += 1
            attempts.put(
                {
                    "session_id": session_id,
                    "number": attempt.number,
                    "node": call_row["node"],
                    "reference": call_row["reference"],
                    "destination": attempt.destination,
                    "destination_name": attempt.destination_name,
                    "state": "open",
                    "held": attempt.held.micros,
                    "unit": attempt.held.unit,
                    "limit_seconds": attempt.limit_seconds,
                    "placed_at": attempt.placed_at,
                    "deadline": attempt.deadline,
                    "answered_at": None,
                    "seconds": None,
                    "charge": None,
                    "evidence": None,
                    "cause": None,
                }
            )
        case AttemptSeen(number, answered_at, seconds):
            row = attempts.change(session_id, number)
            row["answered_at"], row["seconds"] = answered_at, seconds
        case AttemptSettled() as settled:
            call_row = calls.change(session_id)
            call_row["open_attempts"] -= 1
            call_row["seconds"] += settled.seconds
            call_row["charged"] += settled.charge.micros
            call_row["unit"] = settled.charge.unit
            row = attempts.change(session_id, settled.number)
            row["state"] = "settled"
            row["answered_at"] = settled.answered_at
            row["seconds"] = settled.seconds
            row["charge"] = settled.charge.micros
            row["evidence"] = settled.evidence.value
            row["cause"] = settled.cause
        case AttemptRerated(number, charge_before=before, charge=charge) | AttemptRefunded(
            number, charge_before=before, charge=charge
        ):
            calls.change(session_id)["charged"] += charge.micros - before.micros
            attempts.change(session_id, number)["charge"] = charge.micros
        case SettlementDisputed():
            calls.change(session_id)["disputed"] = True
        case CallEnded():
            calls.change(session_id)["ended_at"] = recorded.recorded_at
