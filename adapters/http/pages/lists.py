"""Lists: rows of the read models with search, filters, sorting and CSV, page after page."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from functools import partial
from typing import Any, get_args
from urllib.parse import parse_qs, urlsplit

from attrs import frozen
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette_admin.fields import StringField
from starlette_admin.types import RequestAction
from starlette_admin.views import BaseModelView

from adapters.http.asking import Answer
from adapters.http.csv_answers import as_csv
from adapters.http.pages.forms import Choices, Field
from adapters.http.pages.visits import Visit
from application.permissions import Action
from application.views import MOST_ROWS

MOST_EXPORTED = 100_000
"""Rows in one CSV file; filters make smaller ones."""


@frozen
class Column:
    """One column. ``kind``: text, code, money, status, moment, day, number, duration or plain.

    ``link``: where a click leads, with names of the row in braces. ``value`` makes of the row what
    is shown, instead of the attribute of this name. ``sort``: the list can be ordered by it.
    """

    name: str
    label: str
    kind: str = "text"
    link: str = ""
    value: Callable[[Any], object] | None = None
    sort: bool = False

    @property
    def right(self) -> bool:
        return self.kind in ("money", "number", "duration")

    def of(self, row: Any) -> object:
        return self.value(row) if self.value is not None else getattr(row, self.name)

    def link_of(self, row: Any) -> str:
        if not self.link:
            return ""
        names = {name: getattr(row, name) for name in row.__struct_fields__}
        return "" if self._leads_nowhere(names) else self.link.format_map(names)

    def _leads_nowhere(self, names: Mapping[str, object]) -> bool:
        return any(value is None and f"{{{name}}}" in self.link for name, value in names.items())


@frozen
class Filter:
    """A parameter of the operation. Without choices it is a field to type in.

    ``day``: it is a moment, and people choose a day, which begins at midnight UTC.
    """

    name: str
    label: str
    choices: Choices | Callable[[Visit], Choices] = ()
    hint: str = ""
    day: bool = False

    def given(self, text: str | None) -> str | None:
        return f"{text}T00:00:00Z" if self.day and text and "T" not in text else text


@frozen
class Button:
    label: str
    to: str
    action: Action
    icon: str = "fa-solid fa-plus"


@frozen
class Batch:
    """A form under the list for the rows that are ticked; their ids arrive as ``row``."""

    to: str
    label: str
    action: Action
    fields: Sequence[Field]


@frozen
class ListPage:
    """A list at ``/admin/<key>``, of what a GET operation of the API answers.

    ``search`` is the parameter that the search field stands for. ``sorts``: parameters of the
    operation for each order, such as ``{"started_at__desc": {"order": "newest"}}``; the first is
    the usual one. ``empty``: what to do when there is nothing yet.
    """

    key: str
    label: str
    operation: str
    action: Action
    id: str
    columns: Sequence[Column]
    icon: str = "fa-solid fa-list"
    filters: Sequence[Filter] = ()
    search: str = ""
    search_label: str = ""
    buttons: Sequence[Button] = ()
    batch: Batch | None = None
    sorts: Mapping[str, Mapping[str, object]] | None = None
    intro: str = ""
    empty: str = ""
    in_menu: bool = True
    csv: bool = True

    @property
    def path(self) -> str:
        return f"/{self.key}"


class ListView(BaseModelView):
    """A list of starlette-admin whose rows are answers of the API: same rights, same limits."""

    actions: Sequence[str] | None = ()
    row_actions: Sequence[str] | None = ()
    exporters = ()
    importers = ()
    list_template = "list.html"
    page_size = 50
    page_size_options = (25, 50, 100, 250)

    def __init__(self, page: ListPage, run: Callable[..., Any], visit: Callable[..., Visit]):
        self.page = page
        self.key = page.key
        self.menu_label = self.display_name = page.label
        self.icon = page.icon
        self.pk_attr = page.id
        self.fields = [StringField(each.name, label=each.label) for each in page.columns]
        self.sortable_fields = [each.name for each in page.columns if each.sort]
        if page.sorts:
            name, _, direction = next(iter(page.sorts)).rpartition("__")
            self.fields_default_sort = [(name, direction == "desc")]
        self._run = run
        self._visit = visit
        super().__init__()

    def is_accessible(self, request: Request) -> bool:
        return bool(request.state.caller.actor.may(self.page.action))

    async def find_all(
        self,
        request: Request,
        skip: int = 0,
        limit: int = 100,
        q: str | None = None,
        sorts: Any = None,
        filters: Any = None,
    ) -> Sequence[Any]:
        """``skip`` is never used: a page begins behind the last row of the one before."""
        visit = self._visit(request)
        given = self._given(visit, limit, q, sorts)
        answer = await self._run(lambda: visit.ask("GET", self.page.operation, given=given))
        request.state.items = answer.items
        request.state.next = _cursor(answer.next) if "after" in given else None
        request.state.choices = await self._run(lambda: self._choices(visit))
        return list(answer.items)

    async def count(self, request: Request, q: str | None = None, filters: Any = None) -> int:
        """What this page shows: nobody counts millions of rows to show fifty."""
        return len(request.state.items)

    async def get_pk_value(self, request: Request, obj: Any) -> Any:
        return str(getattr(obj, self.page.id))

    async def serialize(self, obj: Any, request: Request, *_: Any, **__: Any) -> dict[str, Any]:
        return {
            self.page.id: str(getattr(obj, self.page.id)),
            "cells": [(each, each.of(obj), each.link_of(obj)) for each in self.page.columns],
        }

    async def get_row_actions_for_obj(self, request: Request, obj: Any) -> list[dict[str, Any]]:
        return []

    async def find_by_pk(self, request: Request, pk: Any) -> Any:
        return None

    async def find_by_pks(self, request: Request, pks: list[Any]) -> Sequence[Any]:
        return ()

    async def create(self, request: Request, data: dict[str, Any]) -> Any:
        raise AssertionError("changes are operations of the API")

    async def edit(self, request: Request, pk: Any, data: dict[str, Any]) -> Any:
        raise AssertionError("changes are operations of the API")

    async def delete(self, request: Request, pks: list[Any]) -> int | None:
        raise AssertionError("changes are operations of the API")

    def can_create(self, request: Request) -> bool:
        return False

    def can_edit(self, request: Request) -> bool:
        return False

    def can_delete(self, request: Request) -> bool:
        return False

    async def csv(self, request: Request) -> Response:
        """Page after page as one file that no spreadsheet takes for formulas."""
        request.state.action = RequestAction.EXPORT
        visit = self._visit(request)
        params = self._parse_list_params(request)
        item = get_args(visit.operation("GET", self.page.operation).answers)[0]
        given = self._given(visit, MOST_ROWS, params.q, params.sorts) | {"after": None}

        def part(after: str | None) -> tuple[bytes, int, str | None]:
            """Its lines, how many rows they are, and behind what the next part begins."""
            page = visit.ask("GET", self.page.operation, given={**given, "after": after})
            lines = as_csv(Answer(page), item).content()
            if after is not None:
                lines = lines.partition(b"\r\n")[2]
            return lines, len(page.items), _cursor(page.next)

        # The first before the answer begins, so that what is refused is told as an error.
        first = await self._run(lambda: part(None))

        async def parts() -> AsyncIterator[bytes]:
            lines, rows, after = first
            yield lines
            while after is not None and rows < MOST_EXPORTED:
                lines, more, after = await self._run(partial(part, after))
                rows += more
                yield lines

        headers = {"Content-Disposition": f'attachment; filename="{self.key}.csv"'}
        return StreamingResponse(parts(), media_type="text/csv; charset=utf-8", headers=headers)

    def _given(self, visit: Visit, limit: int, q: str | None, sorts: Any) -> dict[str, object]:
        known = visit.operation("GET", self.page.operation).query.__struct_fields__
        query = visit.query
        given: dict[str, object] = {
            each.name: each.given(query.get(each.name)) for each in self.page.filters
        }
        if self.page.search and q:
            given[self.page.search] = q.strip()
        if "limit" in known:
            given |= {"limit": limit, "after": query.get("after")}
        for name, direction in sorts or ():
            given |= (self.page.sorts or {}).get(f"{name}__{direction}", {})
        return given

    def _choices(self, visit: Visit) -> dict[str, Choices]:
        return {
            each.name: each.choices(visit) if callable(each.choices) else each.choices
            for each in self.page.filters
        }


def _cursor(url: str | None) -> str | None:
    return parse_qs(urlsplit(url).query)["after"][0] if url else None
