"""talktime export: the books for accountants' programs, and everything as tables."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from adapters.cli.context import Json, moment, plainly, program_of
from adapters.cli.output import show_fields, show_json

app = typer.Typer(help="The books and the facts for other programs.", no_args_is_help=True)

File = Annotated[Path, typer.Argument(help="A new file.")]
Folder = Annotated[Path, typer.Argument(help="Where facts, postings and calls go, as new files.")]
At = Annotated[str | None, typer.Option("--at", help="As of a moment, 2026-01-31T08:00; else now.")]


@app.command()
def hledger(context: typer.Context, file: File, at: At = None, json: Json = False) -> None:
    """The books as a journal for hledger."""
    _journal(context, "hledger", file, at, json)


@app.command()
def beancount(context: typer.Context, file: File, at: At = None, json: Json = False) -> None:
    """The books as a file for Beancount."""
    _journal(context, "beancount", file, at, json)


@app.command()
def csv(context: typer.Context, folder: Folder, json: Json = False) -> None:
    """Facts, postings and calls as CSV files. Spreadsheets take no cell for a formula."""
    _tables(context, "csv", folder, json)


@app.command()
def parquet(context: typer.Context, folder: Folder, json: Json = False) -> None:
    """Facts, postings and calls as Parquet files (needs the extra `parquet`)."""
    _tables(context, "parquet", folder, json)


def _journal(context: typer.Context, form: str, file: Path, at: str | None, json: bool) -> None:
    with plainly():
        count = program_of(context).exports.journal(form, file, moment(at) if at else None)
    if json:
        show_json({"file": str(file), "transactions": count})
    else:
        show_fields("Exported", {"file": file, "transactions": f"{count:,}"})


def _tables(context: typer.Context, form: str, folder: Path, json: bool) -> None:
    with plainly():
        counts = program_of(context).exports.tables(form, folder)
    if json:
        show_json({"folder": str(folder), **counts})
    else:
        show_fields("Exported", {"folder": folder, **counts})
