"""Lists: a page of rows as a table for people, or as one JSON document."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Annotated, Any, TypeVar
from uuid import UUID

import typer

from adapters.cli.context import office
from adapters.cli.output import show_json, show_rows
from adapters.cli.program import BackOffice
from application.views import MOST_ROWS

Row = TypeVar("Row")

Limit = Annotated[int, typer.Option(min=1, max=MOST_ROWS)]
After = Annotated[UUID | None, typer.Option(help="Id of the last row seen.")]
AfterName = Annotated[str | None, typer.Option(help="Where the last page ended.")]


def show_list(
    context: typer.Context,
    asked: Callable[[BackOffice], Sequence[Row]],
    title: str,
    columns: Sequence[str],
    cells: Callable[[Row], Sequence[Any]],
    *,
    json: bool,
) -> None:
    """What the read models tell, after they have seen the newest fact."""
    with office(context) as back:
        back.catch_up()
        rows = asked(back)
    if json:
        show_json(list(rows))
    else:
        show_rows(title, columns, [cells(row) for row in rows])
