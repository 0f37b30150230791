"""In front of every page: a session or the sign-in page, safe headers, and errors as pages."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

import anyio
import structlog
from starlette.datastructures import FormData, MutableHeaders
from starlette.formparsers import MultiPartException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from adapters.http import problems
from adapters.http.auth import COOKIE, Caller, by_session
from adapters.http.observed import notes_of
from adapters.http.pages.visits import ROOT
from adapters.http.problems import AskedWrongly, Problem, asked_wrongly
from adapters.http.refusals import problem_of

if TYPE_CHECKING:
    from adapters.http.pages.frame import Pages

_log = structlog.get_logger(__name__)

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:; font-src 'self'; connect-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)
"""No script stands in a page. Styles do: charts write their own into what they draw."""

_MOST_FIELDS = 1_000
_STATIC_SECONDS = 3600


class Door:
    def __init__(self, app: ASGIApp, pages: Pages) -> None:
        self._app = app
        self._pages = pages

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        path = scope["path"].removeprefix(ROOT)
        static = path.startswith("/static/")
        begun = False

        async def sending(message: Message) -> None:
            nonlocal begun
            if message["type"] == "http.response.start":
                begun = True
                headers = MutableHeaders(scope=message)
                headers["Content-Security-Policy"] = POLICY
                if static:
                    headers["Cache-Control"] = f"public, max-age={_STATIC_SECONDS}"
            await send(message)

        request = Request(scope, receive)
        request.state.caller = None
        try:
            if not static and path not in ("/login", "/logout"):
                request.state.caller = await self._caller(request)
            if static:
                notes_of(scope).route = f"{ROOT}/static"
            await self._app(scope, receive, sending)
        except Exception as error:
            if begun:
                raise
            response = self._told(request, error)
            await response(scope, receive, sending)

    async def _caller(self, request: Request) -> Caller:
        """Raises AskedWrongly when nobody is signed in."""
        token = request.cookies.get(COOKIE)
        if token is None:
            raise asked_wrongly(problems.NOT_AUTHENTICATED, "sign in first")
        services = self._pages.services
        caller = await self._pages.run(lambda: by_session(services, token))
        notes_of(request.scope).key_name = caller.actor.name
        return caller

    def _told(self, request: Request, error: Exception) -> Response:
        problem = problem_of(error)
        if problem is None:
            _log.exception("a page failed", route=notes_of(request.scope).route, exc_info=error)
            told = f"the fault is in the log under {notes_of(request.scope).request_id}"
            return self._pages.told(request, Problem(problems.FAULT, told))
        if problem.kind is problems.NOT_AUTHENTICATED:
            path = request.url.path.removeprefix(ROOT) if request.method == "GET" else ""
            if request.url.query and path:
                path += f"?{request.url.query}"
            to = f"?next={quote(path, safe='')}" if path.strip("/") else ""
            return RedirectResponse(f"{ROOT}/login{to}", 303)
        return self._pages.told(request, problem)


async def form_of(request: Request, most: int, seconds: float) -> FormData:
    """The form that was sent. Raises AskedWrongly for one that is too large, late or broken."""
    too_large = asked_wrongly(
        problems.BODY_TOO_LARGE, f"what is sent here has {most:,} bytes at most", most=most
    )
    announced = request.headers.get("content-length", "0")
    if announced.isascii() and announced.isdigit() and int(announced[:20]) > most:
        raise too_large
    media = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media not in ("application/x-www-form-urlencoded", "multipart/form-data"):
        raise asked_wrongly(problems.BAD_CONTENT_TYPE, "send a form as browsers do")
    receive = request.receive
    arrived = 0

    async def counted() -> Message:
        nonlocal arrived
        message = await receive()
        arrived += len(message.get("body", b""))
        if arrived > most:
            raise too_large
        return message

    request._receive = counted
    try:
        with anyio.fail_after(seconds):
            return await request.form(max_files=1, max_fields=_MOST_FIELDS, max_part_size=most)
    except TimeoutError as error:
        raise asked_wrongly(
            problems.BODY_TOO_SLOW, f"a form has {seconds:g} seconds to arrive"
        ) from error
    except ClientDisconnect as error:
        raise asked_wrongly(problems.BAD_REQUEST, "the form was cut off") from error
    except AskedWrongly:
        raise
    except (MultiPartException, UnicodeDecodeError, ValueError) as error:
        raise asked_wrongly(problems.BAD_REQUEST, "this is no form") from error
    except Exception as error:
        if type(error).__name__ != "HTTPException":
            raise
        raise asked_wrongly(problems.BAD_REQUEST, "this is no form") from error
