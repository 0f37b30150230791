"""The frame of the pages: starlette-admin with this house's theme, menu, sessions and errors."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import Any, TypeVar
from urllib.parse import quote, urlencode

from markupsafe import Markup, escape
from starlette.applications import Starlette
from starlette.datastructures import FormData
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette_admin.base import BaseAdmin
from starlette_admin.flash import flash, get_flashed_messages
from starlette_admin.routing import route
from starlette_admin.theme import CoreIcons, DefaultTheme, IconSet
from starlette_admin.views import BaseView, CustomView, DropDown

from adapters.http import problems
from adapters.http.auth import Caller, check_permission, shows_token, source_of
from adapters.http.files import MIB, Stream
from adapters.http.observed import notes_of
from adapters.http.operations import Routes
from adapters.http.pages.door import Door, form_of
from adapters.http.pages.entry import entry_routes
from adapters.http.pages.formats import FILTERS
from adapters.http.pages.lists import ListPage, ListView
from adapters.http.pages.menu import MENU, Section
from adapters.http.pages.visits import ROOT, Download, Gone, Handler, Page, Reply, Shown, Visit
from adapters.http.problems import Problem, asked_wrongly
from adapters.http.refusals import problem_of
from adapters.http.resources import Pool
from adapters.http.services import HttpServices
from adapters.http.sessions import cookie_of
from application.signing_in import SignedInAs, SignInRefused, csrf_token_of

T = TypeVar("T")

CSRF_FIELD = "csrf_token"
_MESSAGES = "starlette_admin_flash"
"""The signed cookie in which messages wait for the next page."""


class Theme(DefaultTheme):
    """The templates and static files in this package, over those of starlette-admin."""

    name = "talktime"
    package = "adapters.http.pages"

    def get_icon_set(self) -> IconSet:
        return CoreIcons()

    def html_attrs(self, request: Request) -> dict[str, str]:
        return {"data-bs-theme": "light"}


class PageView(CustomView):
    """A page of this house as a view of starlette-admin."""

    def __init__(self, page: Page, admin: Pages) -> None:
        super().__init__(
            menu_label=page.label,
            icon=page.icon,
            path=page.path or "/",
            add_to_menu=bool(page.label),
        )
        self.page = page
        self.route_name = f"page {page.path}"
        self.pages = admin

    def is_accessible(self, request: Request) -> bool:
        return bool(request.state.caller.actor.may(self.page.action))

    @route("", methods=["GET", "POST"])
    async def index(self, request: Request) -> Response:
        return await self.pages.answer(request, self.page)


class Pages(BaseAdmin):
    """All pages. What people see and do is in ``menu.MENU``; this is how it gets there."""

    def __init__(
        self, services: HttpServices, operations: Routes, pool: Pool, passwords: Pool
    ) -> None:
        self.services = services
        self.operations = operations
        self.pool = pool
        self.passwords = passwords
        super().__init__(
            title="Talktime",
            base_url=ROOT,
            theme=Theme(),
            templates_dir="",
            # It signs messages between two pages; one that is lost with a restart is no harm.
            secret_key=secrets.token_hex(32),
            timezone_config=None,
            index_view=PageView(_front(), self),
        )
        self._build_menu()

    # ---- what starlette-admin does in another way

    def _init_csrf(self) -> None:
        """Each form carries the token of the session (``answer``); no cookie of its own."""

    def _init_auth(self) -> None:
        self.middlewares.append(Middleware(Door, pages=self))
        self.routes.extend(entry_routes(self))

    def _collect_core_routes(self) -> list[Route]:
        """Lists and their CSV: nothing else of what starlette-admin would open."""
        return [
            Route("/{key}.csv", self._csv, methods=["GET"], name="csv"),
            Route("/{key}", self._list, methods=["GET"], name="list"),
        ]

    def _wrap_extra_route(
        self, custom_view: CustomView, handler: Callable[..., Any], templates: Any
    ) -> Callable[..., Any]:
        """Pages check for themselves: who is refused is on the audit trail."""
        custom_view.templates = templates
        return handler

    def _setup_templates(self) -> None:
        super()._setup_templates()
        env = self.templates.env
        env.filters.update(FILTERS)
        env.globals["csrf_input"] = _csrf_input
        env.globals["root"] = ROOT
        env.globals["sort_query"] = _sort_query
        env.globals["page_query"] = _page_query

    def _template_response(
        self,
        request: Request,
        name: str,
        context: dict[str, Any] | None = None,
        status_code: int = 200,
    ) -> Response:
        """Without a message there is no cookie to take back either."""
        told = get_flashed_messages(request) if _MESSAGES in request.cookies else []
        context = {"flashed_messages": told, **(context or {})}
        return self.templates.TemplateResponse(request, name, context, status_code)

    def _build_menu(self) -> None:
        for section in MENU:
            views: list[type[BaseView] | BaseView] = [
                ListView(each, self.run, self.visit)
                if isinstance(each, ListPage)
                else PageView(each, self)
                for each in section.pages
                if each.path
            ]
            if views:
                self.add_view(DropDown(section.label, views))
        # Registered last, matched first: a page of its own goes before one with a part to fill in.
        self.routes.sort(key=lambda each: "{" in getattr(each, "path", ""))

    def section_of(self, path: str) -> Section | None:
        return next((s for s in MENU if any(p.path == path for p in s.pages)), None)

    # ---- answering

    async def run(self, work: Callable[[], T]) -> T:
        return await self.pool.run(work)

    def visit(self, request: Request, **more: Any) -> Visit:
        return Visit(
            self.services,
            self.operations,
            request.state.caller,
            source_of(request),
            request.url.path.removeprefix(ROOT),
            request.path_params,
            request.query_params,
            **more,
        )

    async def _list(self, request: Request) -> Response:
        view = await self._let_into_list(request)
        notes_of(request.scope).route = f"{ROOT}{view.page.path}"
        response: Response = await self._render_list(request)
        return response

    async def _csv(self, request: Request) -> Response:
        view = await self._let_into_list(request)
        notes_of(request.scope).route = f"{ROOT}{view.page.path}.csv"
        return await view.csv(request)

    async def _let_into_list(self, request: Request) -> ListView:
        view = self._find_view_by_key(request.path_params["key"])
        assert isinstance(view, ListView)
        await self.run(lambda: self.visit(request).check(view.page.action))
        return view

    async def answer(self, request: Request, page: Page) -> Response:
        """Raises AskedWrongly for who may not be here, and for a form of another page."""
        notes_of(request.scope).route = f"{ROOT}{page.path}"
        caller: Caller = request.state.caller
        source = source_of(request)
        await self.run(lambda: check_permission(self.services, source, caller.actor, page.action))
        if request.method != "POST":
            if page.show is None:
                raise asked_wrongly(problems.NO_RESOURCE, "there is nothing to look at here")
            show = page.show
            return await self._shown(request, lambda: show(self.visit(request)))
        if page.send is None:
            raise asked_wrongly(problems.BAD_METHOD, "nothing is sent here")
        slow = max(1.0, page.most_body / MIB)
        form = await form_of(request, page.most_body, self.services.body_seconds * slow)
        try:
            return await self._sent(request, page, page.send, form)
        finally:
            await form.close()

    async def _sent(self, request: Request, page: Page, send: Handler, form: FormData) -> Response:
        given = form.get(CSRF_FIELD)
        caller: Caller = request.state.caller
        if not shows_token(caller, given if isinstance(given, str) else None):
            raise asked_wrongly(
                problems.NO_CSRF_TOKEN, "this form was not made by this session; load it again"
            )
        problem: Problem | None
        try:
            await self._confirm(request, form)
            pool = self.passwords if page.hashes else self.pool
            reply = await pool.run(lambda: send(self.visit(request, form=form)))
        except Exception as error:
            if (problem := problem_of(error)) is None:
                raise
        else:
            return await self._shown(request, lambda: reply)
        if page.show is None:
            return await self._sent_back(request, form, problem)
        again = page.show
        return await self._shown(
            request,
            lambda: again(self.visit(request, form=form, problem=problem)),
            problem,
        )

    async def _confirm(self, request: Request, form: FormData) -> None:
        """The password again, where a form asks for it; the session goes on with another cookie."""
        password = form.get("confirm_password")
        if not isinstance(password, str) or not password:
            return
        code = form.get("confirm_code")
        signed_in = request.state.caller.signed_in
        told = code.strip() if isinstance(code, str) else None
        try:
            opened = await self.passwords.run(
                lambda: self.services.signing_in.confirm(signed_in, password, told or None)
            )
        except SignInRefused as refused:
            raise asked_wrongly(
                problems.SIGN_IN_REFUSED,
                "that was not your password, or not the code of this moment",
                field="$.confirm_password",
            ) from refused
        now_in = SignedInAs(opened.person, opened.session)
        request.state.caller = Caller(now_in.actor, now_in, opened.token)
        request.state.new_cookie = cookie_of(opened.token)

    async def _shown(
        self, request: Request, work: Callable[[], Reply], problem: Problem | None = None
    ) -> Response:
        def made() -> Response:
            reply = work()
            match reply:
                case Shown():
                    context = {**reply.context, "title": reply.title, "problem": problem}
                    status = problem.kind.status if problem is not None else 200
                    return self._template_response(request, reply.template, context, status)
                case Gone():
                    if reply.opened is not None:
                        request.state.new_cookie = cookie_of(reply.opened.token)
                    if reply.message:
                        flash(request, reply.message, reply.category)
                    return RedirectResponse(ROOT + quote(reply.to, safe="/?=&%#"), 303)
                case Download():
                    name = quote(reply.name)
                    headers = {"Content-Disposition": f"attachment; filename*=UTF-8''{name}"}
                    if isinstance(reply.content, Stream):
                        parts = reply.content.parts
                        return StreamingResponse(parts, 200, headers, reply.content_type)
                    return Response(reply.content, 200, headers, reply.content_type)

        response = await self.run(made)
        if (cookie := getattr(request.state, "new_cookie", None)) is not None:
            response.headers.append("set-cookie", cookie)
        return response

    async def _sent_back(self, request: Request, form: FormData, problem: Problem) -> Response:
        """A form without a page of its own was refused: told where it came from."""
        back = form.get("back")
        to = back if isinstance(back, str) and _is_ours(back) else "/"
        return await self._shown(request, lambda: Gone(to, _sentence(problem), "error"))

    def told(self, request: Request, problem: Problem) -> Response:
        """The page of a problem."""
        context = {"problem": problem, "title": problem.kind.title}
        response = self._template_response(request, "error.html", context, problem.kind.status)
        response.headers.update(problem.headers)
        return response

    async def _render_error(self, request: Request, exc: Exception = Exception()) -> Response:  # noqa: B008
        kind, told = problems.NO_RESOURCE, "there is nothing at this address"
        match getattr(exc, "status_code", 404):
            case 400:
                kind, told = problems.BAD_PARAMETER, str(getattr(exc, "detail", ""))[:200]
            case 405:
                kind, told = problems.BAD_METHOD, "this cannot be done here"
        return self.told(request, Problem(kind, told))


def _front() -> Page:
    return next(p for s in MENU for p in s.pages if isinstance(p, Page) and not p.path)


def _is_ours(path: str) -> bool:
    return path.startswith("/") and not path.startswith("//") and "\\" not in path


def _sentence(problem: Problem) -> str:
    return problem.detail[:1].upper() + problem.detail[1:]


def _csrf_input(request: Request) -> Markup:
    caller = request.state.caller
    token = csrf_token_of(caller.token) if caller is not None else ""
    return Markup(f'<input type="hidden" name="{CSRF_FIELD}" value="{escape(token)}">')  # noqa: S704


def _sort_query(request: Request, sort: str) -> str:
    """The same list in another order, from its beginning."""
    kept = _without(request, "sort", "after", "from")
    return urlencode([*kept, ("sort", sort)])


def _page_query(request: Request, after: str | None, start: int) -> str:
    """Another page of the same list."""
    kept = _without(request, "after", "from")
    return urlencode([*kept, ("after", after), ("from", start)] if after else kept)


def _without(request: Request, *names: str) -> list[tuple[str, str]]:
    return [(name, v) for name, v in request.query_params.multi_items() if name not in names]


def mount(
    app: Starlette, services: HttpServices, operations: Routes, pool: Pool, passwords: Pool
) -> Pages:
    """The pages under ``/admin`` of the door."""

    async def front(_: Request) -> Response:
        return RedirectResponse(f"{ROOT}/", 303)

    app.router.routes.append(Route(ROOT, front, name=ROOT))
    pages = Pages(services, operations, pool, passwords)
    pages.mount_to(app)
    pages.app.router.redirect_slashes = False
    return pages
