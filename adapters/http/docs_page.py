"""A page to read the OpenAPI document and to try it, made of this program's own files alone."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import resources

from starlette.requests import Request

from adapters.http.asking import Answer
from adapters.http.resources import Endpoint

PAGES: Mapping[str, str] = {
    "/docs": "docs.html",
    "/docs/try.js": "try.js",
    "/docs/try.css": "try.css",
}
"""The files of the page by their paths."""

_TYPES = {
    "html": "text/html; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "css": "text/css",
}
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


def page(name: str) -> Endpoint:
    """Nothing in it depends on who looks, and no text of the document becomes markup."""
    content = resources.files("adapters.http.pages").joinpath(name).read_bytes()
    headers = {"Content-Security-Policy": _POLICY}

    async def shown(_: Request) -> Answer:
        return Answer(content, 200, headers, _TYPES[name.rpartition(".")[2]])

    return shown
