"""Signing in and out: the session of the pages is that of the API, in the same cookie."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from adapters.http import problems
from adapters.http.asking import read_fields
from adapters.http.auth import COOKIE, by_session, shows_token, source_of
from adapters.http.observed import notes_of
from adapters.http.pages.door import form_of
from adapters.http.pages.visits import MOST_FORM, ROOT
from adapters.http.problems import AskedWrongly, Problem, asked_wrongly
from adapters.http.refusals import problem_of
from adapters.http.sessions import COOKIE_GONE, SignInSent, cookie_of

if TYPE_CHECKING:
    from adapters.http.pages.frame import Pages


def entry_routes(pages: Pages) -> list[Route]:
    async def sign_in(request: Request) -> Response:
        notes_of(request.scope).route = f"{ROOT}/login"
        if request.method != "POST":
            return _form(request, None, "")
        _check_origin(request)
        form = await form_of(request, MOST_FORM, pages.services.body_seconds)
        sent = {
            name: value
            for name in ("name", "password", "code")
            if isinstance(value := form.get(name), str) and value
        }
        name = sent.get("name", "")[:200]
        if "code" in sent:
            sent["code"] = sent["code"].replace(" ", "")
        try:
            try:
                wanted = read_fields(sent, SignInSent)
            except AskedWrongly as wrong:
                raise asked_wrongly(
                    problems.SIGN_IN_REFUSED, "the name, the password or the code is not right"
                ) from wrong
            opened = await pages.passwords.run(
                lambda: pages.services.signing_in.sign_in(
                    wanted.name, wanted.password, wanted.code, source_of(request)
                )
            )
        except Exception as error:
            if (problem := problem_of(error)) is None:
                raise
            return _form(request, problem, name)
        to = request.query_params.get("next", "")
        response = RedirectResponse(ROOT + (to if _is_local(to) else "/"), 303)
        response.headers.append("set-cookie", cookie_of(opened.token))
        return response

    def _form(request: Request, problem: Problem | None, name: str) -> Response:
        context = {
            "title": "Sign in",
            "problem": problem,
            "name": name,
            "next": request.query_params.get("next", ""),
        }
        status = problem.kind.status if problem is not None else 200
        response = pages._template_response(request, "login.html", context, status)
        if problem is not None:
            response.headers.update(problem.headers)
        return response

    async def sign_out(request: Request) -> Response:
        notes_of(request.scope).route = f"{ROOT}/logout"
        response = RedirectResponse(f"{ROOT}/login", 303)
        token = request.cookies.get(COOKIE)
        if token is not None:
            form = await form_of(request, MOST_FORM, pages.services.body_seconds)
            given = form.get("csrf_token")
            try:
                caller = await pages.run(lambda: by_session(pages.services, token))
            except AskedWrongly:
                caller = None  # over already
            if caller is not None:
                if not shows_token(caller, given if isinstance(given, str) else None):
                    raise asked_wrongly(
                        problems.NO_CSRF_TOKEN, "this form was not made by this session"
                    )
                signed_in = caller.signed_in
                assert signed_in is not None, "pages are for people"
                await pages.run(lambda: pages.services.signing_in.sign_out(signed_in))
        response.headers.append("set-cookie", COOKIE_GONE)
        return response

    return [
        Route("/login", sign_in, methods=["GET", "POST"], name="login"),
        Route("/logout", sign_out, methods=["POST"], name="logout"),
    ]


def _check_origin(request: Request) -> None:
    """Another site may not sign somebody in here as somebody else.

    Browsers say where a request comes from (W3C Fetch Metadata), older ones by its origin
    (RFC 6454), which is "null" for pages that send no referrer, as these.
    """
    site = request.headers.get("sec-fetch-site")
    origin = request.headers.get("origin")
    if site is not None:
        ours = site in ("same-origin", "none")
    else:
        ours = origin is None or urlsplit(origin).netloc == request.headers.get("host", "")
    if not ours:
        raise asked_wrongly(problems.NO_CSRF_TOKEN, "sign in on the page of this server")


def _is_local(path: str) -> bool:
    return path.startswith("/") and not path.startswith("//") and "\\" not in path
