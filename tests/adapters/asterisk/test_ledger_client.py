"""The ledger over HTTP: an answer to this very request, or the ledger is away."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from uuid import UUID

import httpx
import pytest

from adapters.asterisk.ledger_client import HttpReports
from application.legs import LegRecord
from application.node_reports import (
    CallEnded,
    LegEnded,
    LegSeen,
    NodeReport,
    Outcome,
    ReportRefused,
)
from application.ports import LedgerUnavailable, OpenAttempt
from domain.call_sessions import Evidence
from tests.adapters.asterisk.support import reference

CALL = reference(1)
LEG = LegRecord(CALL, 1, 2, 1000, 6000, 16, "17.2")
END = CallEnded(CALL)


def ledger(answer: Callable[[httpx.Request], httpx.Response]) -> HttpReports:
    return HttpReports("http://ledger", "k" * 32, transport=httpx.MockTransport(answer))


def answering(*results: dict[str, object]) -> HttpReports:
    return ledger(lambda request: httpx.Response(200, json={"results": list(results)}))


def problem(status: int) -> dict[str, object]:
    return {"status": status, "detail": "why", "title": "x", "type": "/problems/x"}


def test_reports_are_sent_in_their_order_with_the_key() -> None:
    asked: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(200, json={"results": [{"status": "unchanged"}] * 4})

    reports: list[NodeReport] = [
        LegEnded(LEG),
        LegEnded(LEG, Evidence.CHANNEL_EVENTS),
        LegSeen(CALL, 1, 1000, 5),
        END,
    ]
    verdicts = ledger(answer).apply(reports)
    assert [verdict.outcome for verdict in verdicts] == [Outcome.DONE] * 4
    (request,) = asked
    assert request.headers["Authorization"] == "Bearer " + "k" * 32
    first, second, third, fourth = json.loads(request.content)["records"]
    assert first == {
        "type": "leg",
        "reference": CALL,
        "attempt": 1,
        "leg": 2,
        "answered_ms": 1000,
        "ended_ms": 6000,
        "cause": 16,
        "unique_id": "17.2",
    }
    assert second == {**first, "evidence": "channel events"}
    assert third == {
        "type": "sighting",
        "reference": CALL,
        "attempt": 1,
        "answered_ms": 1000,
        "seconds": 5,
    }
    assert fourth == {"type": "call end", "reference": CALL}


@pytest.mark.parametrize(
    ("result", "outcome"),
    [
        ({"status": "settled", "charge": {"amount": "1", "unit": "USD"}}, Outcome.DONE),
        ({"status": "ended", "released": 0}, Outcome.DONE),
        ({"status": "seen"}, Outcome.DONE),
        ({"status": "refused", "problem": problem(404)}, Outcome.UNKNOWN),
        ({"status": "refused", "problem": problem(422)}, Outcome.REFUSED),
        ({"status": "failed", "problem": problem(500)}, Outcome.FAILED),
    ],
)
def test_each_result_has_its_verdict(result: dict[str, object], outcome: Outcome) -> None:
    (verdict,) = answering(result).apply([END])
    assert verdict.outcome is outcome


def test_a_key_for_another_node_keeps_the_reports_until_it_is_mended() -> None:
    with pytest.raises(LedgerUnavailable):
        answering({"status": "refused", "problem": problem(403)}).apply([END])


@pytest.mark.parametrize("status", [301, 401, 403, 404, 405, 408, 429, 500, 502, 503])
def test_every_other_status_means_that_the_ledger_is_away(status: int) -> None:
    with pytest.raises(LedgerUnavailable):
        ledger(lambda request: httpx.Response(status)).apply([END])


@pytest.mark.parametrize("status", [400, 413, 415, 422])
def test_a_batch_that_cannot_be_read_is_refused(status: int) -> None:
    with pytest.raises(ReportRefused):
        ledger(lambda request: httpx.Response(status)).apply([END])


@pytest.mark.parametrize(
    "content", [b"", b"<html>", b'{"results": []}', b'{"results": [{}]}', b"[" * 5000]
)
def test_an_answer_of_somebody_else_means_that_the_ledger_is_away(content: bytes) -> None:
    with pytest.raises(LedgerUnavailable):
        ledger(lambda request: httpx.Response(200, content=content)).apply([END])


@pytest.mark.parametrize(
    "error", [httpx.ConnectError("refused"), httpx.ReadTimeout("slow"), httpx.ReadError("cut")]
)
def test_a_failed_request_means_that_the_ledger_is_away(error: httpx.HTTPError) -> None:
    def fail(request: httpx.Request) -> httpx.Response:
        raise error

    with pytest.raises(LedgerUnavailable):
        ledger(fail).apply([END])
    with pytest.raises(LedgerUnavailable):
        ledger(fail).open_attempts("pbx1")


def test_an_answer_without_an_end_is_cut_off() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, content=(b" " * 65536 for _ in range(1000)))

    with pytest.raises(LedgerUnavailable, match="too long"):
        ledger(answer).apply([END])


def test_the_open_attempts_of_a_node_are_read() -> None:
    attempt = {
        "session_id": str(UUID(int=7)),
        "reference": CALL,
        "attempt": 2,
        "placed_at": "2026-11-21T12:00:00Z",
        "deadline": "2026-11-21T13:00:00Z",
    }
    asked: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(str(request.url))
        return httpx.Response(200, json={"items": [attempt], "complete": True})

    (found,) = ledger(answer).open_attempts("pbx1")
    placed = datetime(2026, 11, 21, 12, tzinfo=UTC)
    assert found == OpenAttempt(UUID(int=7), CALL, 2, placed, placed.replace(hour=13))
    assert asked == ["http://ledger/v1/nodes/pbx1/open-attempts?limit=10000"]
