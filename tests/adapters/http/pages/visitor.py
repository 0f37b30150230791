"""Somebody with a browser at the pages, who follows forms with their hidden fields."""

from __future__ import annotations

import asyncio
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urlencode

import httpx
from attrs import define, field

from adapters.http.auth import COOKIE
from tests.adapters.http.world import PASSWORD, World


@define
class Form:
    """A form of a page: where it goes, and what it would send as it stands."""

    action: str
    fields: dict[str, list[str]] = field(factory=dict)

    def __getitem__(self, name: str) -> str:
        return self.fields[name][0]


class _Forms(HTMLParser):
    def __init__(self, page: str) -> None:
        super().__init__()
        self.page = page
        self.forms: list[Form] = []
        self._select: str | None = None
        self._area: str | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "form" and given.get("method") == "post":
            self.forms.append(Form(given.get("action") or self.page))
        if tag == "form" and given.get("method") != "post":
            self.forms.append(Form(""))
        if not self.forms:
            return
        fields, name = self.forms[-1].fields, given.get("name")
        if tag == "input" and name:
            ticked = given.get("type") != "checkbox" or "checked" in given
            if ticked:
                fields.setdefault(name, []).append(given.get("value") or "")
        elif tag == "select" and name:
            self._select = name
            fields[name] = [""]
        elif tag == "option" and self._select and "selected" in given:
            fields[self._select] = [given.get("value") or ""]
        elif tag == "textarea" and name:
            self._area = name
            fields[name] = [""]

    def handle_endtag(self, tag: str) -> None:
        self._select = None if tag == "select" else self._select
        self._area = None if tag == "textarea" else self._area

    def handle_data(self, data: str) -> None:
        if self._area and self.forms:
            self.forms[-1].fields[self._area] = [data]


def forms(page: httpx.Response) -> list[Form]:
    parser = _Forms(page.request.url.path)
    parser.feed(page.text)
    return [each for each in parser.forms if each.action]


@define
class Visitor:
    """A browser: it keeps the cookies it is given, and says where its requests come from."""

    world: World
    cookies: dict[str, str] = field(factory=dict)
    headers: dict[str, str] = field(factory=dict)

    def ask(self, method: str, path: str, **options: Any) -> httpx.Response:
        headers = {**self.headers, **options.pop("headers", {})}
        if self.cookies:
            headers["Cookie"] = "; ".join(f"{name}={v}" for name, v in self.cookies.items())

        async def asked() -> httpx.Response:
            transport = httpx.ASGITransport(self.world.app)
            async with httpx.AsyncClient(transport=transport, base_url="http://door") as client:
                return await client.request(method, path, headers=headers, **options)

        answer = asyncio.run(asked())
        for name, value in answer.cookies.items():
            self.cookies[name] = value
        if f"{COOKIE}=;" in answer.headers.get("set-cookie", ""):
            self.cookies.pop(COOKIE, None)
        return answer

    def get(self, path: str, **options: Any) -> httpx.Response:
        return self.ask("GET", f"/admin{path}", **options)

    def post(self, path: str, fields: Any, **options: Any) -> httpx.Response:
        if "files" in options:
            return self.ask("POST", f"/admin{path}", data=fields, **options)
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        content = urlencode(fields, doseq=True)
        return self.ask("POST", f"/admin{path}", content=content, headers=headers, **options)

    def form(self, path: str, to: str = "") -> Form:
        """The form of a page that goes to ``to``, or to the page itself."""
        page = self.get(path)
        assert page.status_code == 200, page.text
        return self.form_in(page, to or path)

    def form_in(self, page: httpx.Response, to: str) -> Form:
        found = [each for each in forms(page) if each.action == f"/admin{to}"]
        assert found, f"no form goes to {to}: {[each.action for each in forms(page)]}"
        return found[0]

    def send(self, form: Form, **filled: Any) -> httpx.Response:
        """The form with these fields filled in; dots in names are written as two underscores."""
        fields: dict[str, Any] = dict(form.fields)
        for name, value in filled.items():
            name = name.replace("__", ".")
            if value is None:
                fields.pop(name, None)
            else:
                fields[name] = value if isinstance(value, list) else [value]
        return self.post(form.action.removeprefix("/admin"), fields)

    def follow(self, answer: httpx.Response) -> httpx.Response:
        assert answer.status_code == 303, (answer.status_code, answer.text)
        return self.ask("GET", answer.headers["location"])

    def signs_in(self, name: str, **more: str) -> httpx.Response:
        return self.send(self.form("/login"), **{"name": name, "password": PASSWORD, **more})
