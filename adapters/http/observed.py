"""Around every request: its id, its log line, its measurement, and an answer even to a fault."""

from __future__ import annotations

import re
from time import perf_counter
from urllib.parse import quote
from uuid import uuid4

import structlog
from attrs import define
from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response, StreamingResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from adapters.http import problems
from adapters.http.asking import Answer, answer_of
from adapters.http.files import Stream
from adapters.http.metrics import HttpMetrics
from adapters.http.problems import Problem

SECURITY_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}

_ABORTED = 499
"""The status that is counted when a client left before its answer."""

_NOTES = "talktime.notes"
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}", re.ASCII)
_MOST_PATH = 200
_log = structlog.get_logger(__name__)


@define
class Notes:
    """What is learnt of a request on its way, for its log line."""

    request_id: str
    route: str = "unmatched"
    key_name: str | None = None


def notes_of(scope: Scope) -> Notes:
    notes = scope[_NOTES]
    assert isinstance(notes, Notes), "every request passes Observed first"
    return notes


def response_of(answer: Answer) -> Response:
    if isinstance(answer.body, Stream):
        return StreamingResponse(
            answer.body.parts, answer.status, dict(answer.headers), media_type=answer.content_type
        )
    return Response(
        answer.content(), answer.status, dict(answer.headers), media_type=answer.content_type
    )


class Observed:
    def __init__(self, app: ASGIApp, metrics: HttpMetrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        notes = scope[_NOTES] = Notes(_request_id(scope))
        status = _ABORTED
        begun = perf_counter()

        async def sending(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                headers["X-Request-Id"] = notes.request_id
                for name, value in SECURITY_HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        with (
            structlog.contextvars.bound_contextvars(request_id=notes.request_id),
            self._metrics.in_progress.track_inprogress(),
        ):
            try:
                await self._app(scope, receive, sending)
            except Exception:
                _log.exception("a request failed", route=notes.route)
                if status != _ABORTED:
                    raise
                detail = "the fault is in the log under this request_id"
                answer = answer_of(Problem(problems.FAULT, detail), notes.request_id)
                await response_of(answer)(scope, receive, sending)
            finally:
                seconds = perf_counter() - begun
                self._metrics.answered(scope["method"], notes.route, status, seconds)
                _log.info(
                    "request",
                    method=scope["method"],
                    path=quote(scope["path"])[:_MOST_PATH],
                    route=notes.route,
                    status=status,
                    ms=round(seconds * 1000, 1),
                    key=notes.key_name,
                    peer=(scope.get("client") or ("unknown",))[0],
                )


def _request_id(scope: Scope) -> str:
    given = Headers(scope=scope).get("x-request-id", "")
    return given if _REQUEST_ID.fullmatch(given) else uuid4().hex
