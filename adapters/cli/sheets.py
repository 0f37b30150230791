"""What the commands that read rate sheets share: how a file is read, and a bar while it is."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Annotated
from uuid import UUID

import typer
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from adapters.cli.output import error_console
from application.rate_files import Progress as Told
from application.rate_files import Reading
from application.tariffs import Tariffs
from domain.rate_checks import Rules

Override = Annotated[
    list[str] | None, typer.Option(help="A kind of error to publish in spite of; needs --why.")
]

_DELIMITERS = {"comma": ",", "semicolon": ";", "tab": "\t"}


@contextmanager
def _bar() -> Iterator[Told]:
    """A bar on the terminal; nothing where the errors go to a file."""
    columns = (TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn())
    with Progress(*columns, console=error_console(), transient=True) as progress:
        tasks: dict[str, TaskID] = {}

        def told(what: str, done: int, total: int) -> None:
            if what not in tasks:
                tasks[what] = progress.add_task(what)
            progress.update(tasks[what], completed=done, total=max(total, 1))

        yield told


def _silent(what: str, done: int, total: int) -> None:
    """For a terminal that is none."""


@contextmanager
def progress() -> Iterator[Told]:
    if error_console().is_terminal:
        with _bar() as told:
            yield told
    else:
        yield _silent


def reading_of(
    unit: str,
    encoding: str | None,
    delimiter: str | None,
    decimal_comma: bool,
    worksheet: str | None,
    ignore: list[str] | None,
) -> Reading:
    if delimiter is not None and delimiter not in _DELIMITERS:
        raise ValueError(f"a delimiter is {', '.join(_DELIMITERS)}, not {delimiter!r}")
    divided = _DELIMITERS[delimiter] if delimiter else None
    return Reading(unit, encoding, divided, decimal_comma, worksheet, frozenset(ignore or []))


def publish_or_forget(
    tariffs: Tariffs,
    sheet_id: UUID,
    since: datetime | None,
    by: str,
    why: str,
    overridden: tuple[str, ...],
    rules: Rules | None,
    told: Told,
) -> int:
    """Publishes what was just imported. If that is refused the file is still there, and a draft of
    it would only be in the way."""
    try:
        return tariffs.publish(sheet_id, since, by, why, overridden, rules, told)[0]
    except Exception:
        tariffs.discard(sheet_id, by, "not published")
        raise
