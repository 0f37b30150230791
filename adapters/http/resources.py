"""One path of the API: which methods it has, who may use them, and how a request becomes a call."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import TypeVar

import anyio
from anyio import to_thread
from attrs import frozen
from starlette.requests import ClientDisconnect, Request
from starlette.types import Receive, Scope, Send

from adapters.http import problems
from adapters.http.asking import Action, Answer, Asked, answer_of
from adapters.http.keys import ApiKey
from adapters.http.keys import Scope as KeyScope
from adapters.http.observed import notes_of, response_of
from adapters.http.problems import RETRY_AFTER, asked_wrongly, problem_of
from adapters.http.services import HttpServices

T = TypeVar("T")

Endpoint = Callable[[Request], Awaitable[Answer]]

_CLOSE = {"Connection": "close"}


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
    """An action behind an API key, with a bounded body, run where it may block."""

    services: HttpServices
    pool: Pool
    action: Action

    async def __call__(self, request: Request) -> Answer:
        key = authenticated(self.services, request)
        notes_of(request.scope).key_name = key.name
        check_scope(key, self.action.scope)
        body = b""
        if self.action.most_body:
            check_content_type(request)
            body = await self._body(request)
        asked = Asked(
            key=key,
            url=request.url.path,
            path=request.path_params,
            query=request.query_params.multi_items(),
            body=body,
            idempotency_key=_once(request, "idempotency-key"),
        )
        return await self.pool.run(lambda: self.action.handler(self.services, asked))

    async def _body(self, request: Request) -> bytes:
        most = self.action.most_body
        too_large = asked_wrongly(
            problems.BODY_TOO_LARGE, f"a body here has {most} bytes at most", _CLOSE, most=most
        )
        announced = request.headers.get("content-length", "0")
        if announced.isascii() and announced.isdigit() and int(announced[:20]) > most:
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


def authenticated(services: HttpServices, request: Request) -> ApiKey:
    """Raises AskedWrongly, never saying how near a wrong key came."""
    challenge = 'Bearer realm="talktime"'
    scheme, _, secret = (_once(request, "authorization") or "").partition(" ")
    if not secret or scheme.lower() != "bearer":
        raise asked_wrongly(
            problems.NOT_AUTHENTICATED,
            "send the API key as Authorization: Bearer <key>",
            {"WWW-Authenticate": challenge},
        )
    key = services.keys.find(secret.strip(" "))
    if key is None:
        raise asked_wrongly(
            problems.NOT_AUTHENTICATED,
            "this API key is not known",
            {"WWW-Authenticate": f'{challenge}, error="invalid_token"'},
        )
    return key


def check_scope(key: ApiKey, scope: KeyScope) -> None:
    if not key.opens(scope):
        raise asked_wrongly(
            problems.NOT_ALLOWED, f"this needs an API key with the scope {scope}", scope=scope
        )


def check_content_type(request: Request) -> None:
    media, _, parameter = request.headers.get("content-type", "").lower().partition(";")
    charset = parameter.strip().removeprefix("charset=").strip('"')
    coded = request.headers.get("content-encoding", "identity").lower()
    if media.strip() != "application/json" or charset not in ("", "utf-8") or coded != "identity":
        raise asked_wrongly(
            problems.BAD_CONTENT_TYPE,
            "send the body as application/json in UTF-8, not compressed",
            {"Accept": "application/json", **_CLOSE},
        )


def _once(request: Request, name: str) -> str | None:
    values = request.headers.getlist(name)
    if len(values) > 1:
        raise asked_wrongly(problems.BAD_REQUEST, f"the header {name} comes once at most")
    return values[0] if values else None
