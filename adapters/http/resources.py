"""One path of the API: which methods it has, and how a request becomes a use case and an answer."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import TypeVar, get_args

import anyio
from anyio import to_thread
from attrs import evolve as changed
from attrs import field, frozen
from starlette.requests import ClientDisconnect, Request
from starlette.types import Receive, Scope, Send

from adapters.http import problems
from adapters.http.asking import Answer, Asked, answer_of, read_body, read_parameters
from adapters.http.auth import (
    READING,
    Caller,
    authenticated,
    check_allowed,
    once,
    source_of,
)
from adapters.http.conditional import with_etag
from adapters.http.csv_answers import as_csv, wants_csv
from adapters.http.files import (
    SentFile,
    Slots,
    Stream,
    announced,
    check_media_type,
    received,
)
from adapters.http.observed import notes_of, response_of
from adapters.http.operations import Operation
from adapters.http.problems import RETRY_AFTER, asked_wrongly
from adapters.http.refusals import problem_of
from adapters.http.services import HttpServices
from application.permissions import Actor

T = TypeVar("T")

Endpoint = Callable[[Request], Awaitable[Answer]]

_CLOSE = {"Connection": "close"}
_ANYBODY = Caller(Actor("anybody", "anybody"))


class Pool:
    """Runs what blocks beside the event loop: so many at a time, so many waiting, no more."""

    def __init__(self, workers: int, most_waiting: int) -> None:
        self._limiter = anyio.CapacityLimiter(workers)
        self._most_waiting = most_waiting

    async def run(self, work: Callable[[], T]) -> T:
        """Raises AskedWrongly when too many are waiting already."""
        if self._limiter.statistics().tasks_waiting >= self._most_waiting:
            raise asked_wrongly(
                problems.OVERLOADED, "too many requests are waiting; ask again", RETRY_AFTER
            )
        return await to_thread.run_sync(work, limiter=self._limiter)


@frozen
class Resource:
    """An ASGI application that answers the methods of one path, and problems for all else."""

    path: str
    endpoints: Mapping[str, Endpoint]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        notes = notes_of(scope)
        notes.route = self.path
        try:
            answer = await self._endpoint(scope["method"])(Request(scope, receive, send))
        except Exception as error:
            if (problem := problem_of(error)) is None:
                raise
            answer = answer_of(problem, notes.request_id)
        await response_of(answer)(scope, receive, send)

    def _endpoint(self, method: str) -> Endpoint:
        endpoint = self.endpoints.get("GET" if method == "HEAD" else method)
        if endpoint is None:
            heads = ["HEAD"] if "GET" in self.endpoints else []
            allowed = ", ".join(sorted([*self.endpoints, *heads]))
            raise asked_wrongly(
                problems.BAD_METHOD, f"the methods here are {allowed}", {"Allow": allowed}
            )
        return endpoint


@frozen
class Guarded:
    """An operation behind its permission, with a bounded body, run where it may block."""

    services: HttpServices
    pool: Pool
    password_pool: Pool
    operation: Operation
    uploads: Slots = field(factory=Slots)

    async def __call__(self, request: Request) -> Answer:
        caller = _ANYBODY
        upload = self.operation.upload
        if self.operation.action is not None:
            caller = await self.pool.run(lambda: self._let_in(request))
        content = b""
        if self.operation.body is not None:
            check_media_type(request, ("application/json",))
            content = await self._content(request)
        query = request.query_params.multi_items()
        asked = Asked(
            actor=caller.actor,
            url=request.url.path,
            path=request.path_params,
            idempotency_key=once(request, "idempotency-key"),
            if_match=once(request, "if-match"),
            source=source_of(request),
            signed_in=caller.signed_in,
            token=caller.token or "",
        )
        none_match = once(request, "if-none-match")
        csv = self.operation.csv and wants_csv(request.headers.get("accept", ""))
        reads = request.method in READING

        def work(sent: SentFile | None = None) -> Answer:
            answer = self._answered(changed(asked, sent_file=sent), query, content)
            if csv:
                (item,) = get_args(self.operation.answers)
                answer = as_csv(answer, item)
            if self.operation.csv:
                answer = changed(answer, headers={**answer.headers, "Vary": "Accept"})
            if reads and answer.status == 200 and not isinstance(answer.body, Stream):
                return with_etag(answer, answer.content(), none_match)
            return answer

        if upload is not None:
            async with received(request, upload, self.uploads) as sent:
                return await self.pool.run(lambda: work(sent))
        return await (self.password_pool if self.operation.hashes else self.pool).run(work)

    def _let_in(self, request: Request) -> Caller:
        caller = authenticated(self.services, request)
        notes_of(request.scope).key_name = caller.actor.name
        check_allowed(self.services, request, caller, self.operation)
        return caller

    def _answered(self, asked: Asked, query: list[tuple[str, str]], content: bytes) -> Answer:
        operation = self.operation
        given = read_parameters(query, operation.query)
        sent = read_body(content, operation.body) if operation.body is not None else None
        return operation.handler(self.services, changed(asked, sent=sent, given=given))

    async def _content(self, request: Request) -> bytes:
        most = self.operation.most_body
        too_large = asked_wrongly(
            problems.BODY_TOO_LARGE, f"a body here has {most} bytes at most", _CLOSE, most=most
        )
        if announced(request) > most:
            raise too_large
        body = bytearray()
        try:
            with anyio.fail_after(self.services.body_seconds):
                async for chunk in request.stream():
                    body += chunk
                    if len(body) > most:
                        raise too_large
        except TimeoutError as error:
            seconds = self.services.body_seconds
            raise asked_wrongly(
                problems.BODY_TOO_SLOW, f"a body has {seconds:g} seconds to arrive", _CLOSE
            ) from error
        except ClientDisconnect as error:
            raise asked_wrongly(problems.BAD_REQUEST, "the body was cut off") from error
        return bytes(body)
