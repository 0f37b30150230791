"""The ledger over HTTP, for an Asterisk on another machine."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import datetime
from typing import Any, assert_never
from urllib.parse import quote
from uuid import UUID

import httpx
import msgspec
from msgspec import Struct

from application.node_reports import (
    MOST_OPEN_ATTEMPTS,
    CallEnded,
    LegEnded,
    LegSeen,
    NodeReport,
    Outcome,
    ReportRefused,
    Verdict,
)
from application.ports import LedgerUnavailable, OpenAttempt
from domain.call_sessions import Evidence

DEADLINE = 10.0
"""Seconds for one request as a whole."""

_MOST_BYTES = 4 * 1024 * 1024
_CANNOT_BE_READ = (400, 413, 415, 422)


class _Problem(Struct, frozen=True):
    status: int = 0
    detail: str = ""


class _Result(Struct, frozen=True):
    status: str
    problem: _Problem | None = None


class _Results(Struct, frozen=True):
    results: list[_Result]


class _Attempt(Struct, frozen=True):
    session_id: UUID
    reference: str
    attempt: int
    placed_at: datetime
    deadline: datetime


class _Attempts(Struct, frozen=True):
    items: list[_Attempt]


class HttpReports:
    """``url`` is the address of the ledger's server; ``key`` an API key with the scope node.

    Whatever is not an answer of the ledger to this very request is LedgerUnavailable: a wrong key
    and a proxy's page too, for an operator can mend both, and until then nothing is lost.
    """

    def __init__(
        self,
        url: str,
        key: str,
        *,
        deadline: float = DEADLINE,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self._deadline = deadline
        self._client = httpx.Client(
            base_url=url,
            headers={"Authorization": f"Bearer {key}", "Accept": "application/json"},
            timeout=deadline,
            limits=httpx.Limits(max_connections=2),
            # The environment of a daemon must not send the ledger's key through some proxy.
            trust_env=False,
            transport=transport,
        )

    def close(self) -> None:
        self._client.close()

    def apply(self, reports: Sequence[NodeReport]) -> Sequence[Verdict]:
        body = msgspec.json.encode({"records": [_sent(report) for report in reports]})
        answer = self._ask("POST", "/v1/legs", body)
        results = _read(answer, _Results).results
        if len(results) != len(reports):
            raise LedgerUnavailable(f"{len(results)} results for {len(reports)} reports")
        return [_verdict(result) for result in results]

    def open_attempts(self, node: str) -> Sequence[OpenAttempt]:
        path = f"/v1/nodes/{quote(node, safe='')}/open-attempts?limit={MOST_OPEN_ATTEMPTS}"
        answer = self._ask("GET", path, None)
        return [
            OpenAttempt(a.session_id, a.reference, a.attempt, a.placed_at, a.deadline)
            for a in _read(answer, _Attempts).items
        ]

    def _ask(self, method: str, path: str, body: bytes | None) -> bytes:
        # The timeouts of httpx are for each piece: a slow trickle needs a deadline for the whole.
        until = time.monotonic() + self._deadline
        headers = {"Content-Type": "application/json"} if body is not None else {}
        answer = bytearray()
        try:
            with self._client.stream(method, path, content=body, headers=headers) as response:
                for piece in response.iter_bytes():
                    answer += piece
                    if len(answer) > _MOST_BYTES or time.monotonic() > until:
                        raise LedgerUnavailable("the ledger's answer is too long or too slow")
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise LedgerUnavailable(f"{method} {path}: {error!r}") from error
        if response.status_code in _CANNOT_BE_READ and method == "POST":
            raise ReportRefused(f"{response.status_code}: {_shown(answer)}")
        if response.status_code != httpx.codes.OK:
            raise LedgerUnavailable(f"{method} {path}: {response.status_code}: {_shown(answer)}")
        return bytes(answer)


def _sent(report: NodeReport) -> dict[str, Any]:
    match report:
        case LegEnded(leg, evidence):
            sent = {
                "type": "leg",
                "reference": leg.reference,
                "attempt": leg.attempt,
                "leg": leg.leg,
                "answered_ms": leg.answered_ms,
                "ended_ms": leg.ended_ms,
                "cause": leg.cause,
                "unique_id": leg.unique_id,
            }
            return sent if evidence is Evidence.LEG_RECORD else {**sent, "evidence": evidence.value}
        case CallEnded(reference):
            return {"type": "call end", "reference": reference}
        case LegSeen(reference, attempt, answered_ms, seconds):
            return {
                "type": "sighting",
                "reference": reference,
                "attempt": attempt,
                "answered_ms": answered_ms,
                "seconds": seconds,
            }
        case _:
            assert_never(report)


def _verdict(result: _Result) -> Verdict:
    if result.problem is None and result.status in ("settled", "unchanged", "ended", "seen"):
        return Verdict(Outcome.DONE)
    problem = result.problem or _Problem(0, f"an answer of another version: {result.status[:80]}")
    if problem.status in (0, 401, 403):
        # The report is right, and whoever set this up has to let us in.
        raise LedgerUnavailable(problem.detail)
    if problem.status == httpx.codes.NOT_FOUND:
        return Verdict(Outcome.UNKNOWN, problem.detail)
    failed = result.status == "failed"
    return Verdict(Outcome.FAILED if failed else Outcome.REFUSED, problem.detail)


def _read(answer: bytes, kind: type[Any]) -> Any:
    try:
        return msgspec.json.decode(answer, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise LedgerUnavailable(f"not the ledger's answer: {error}") from error


def _shown(answer: bytes | bytearray) -> str:
    return bytes(answer[:200]).decode("utf-8", "replace")
