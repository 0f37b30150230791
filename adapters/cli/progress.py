"""A bar that tells how far long work has come."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from adapters.cli.output import error_console


@contextmanager
def facts_bar(doing: str, *, shown: bool) -> Iterator[Callable[[int, int], object]]:
    """Told how many facts are done, and of how many. On standard error, and only to people."""
    columns = (TextColumn(doing), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    console = error_console()
    hidden = not (shown and console.is_terminal)
    with Progress(*columns, console=console, transient=True, disable=hidden) as bar:
        task = bar.add_task(doing, total=None)

        def progress(done: int, facts: int) -> None:
            bar.update(task, completed=done, total=facts)

        yield progress
