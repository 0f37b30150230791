"""talktime backup, talktime restore: the whole ledger in one file, and back."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from adapters.cli.context import Json, plainly, program_of
from adapters.cli.output import console, error_console, show_fields, show_json


def backup(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="A new file.")],
    json: Json = False,
) -> None:
    """Copy the whole ledger into one file, of one moment, while it is used."""
    with plainly():
        told = program_of(context).backups.back_up(file)
    if json:
        show_json({"file": str(told.path), "bytes": told.size, "keep_apart": told.apart})
        return
    show_fields("Backup", {"file": told.path, "bytes": f"{told.size:,}"})
    _remind(told.apart)


def restore(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="A backup.")],
    public_key: Annotated[
        Path | None,
        typer.Option(
            exists=True, dir_okay=False, help="The log's public key; else beside seals.key_file."
        ),
    ] = None,
    checkpoint: Annotated[
        Path | None,
        typer.Option(
            exists=True, dir_okay=False, help="Published checkpoints; else seals.checkpoint_file."
        ),
    ] = None,
    json: Json = False,
) -> None:
    """Make the ledger of `ledger.url`, where none may be, and test it against its seals."""
    columns = (SpinnerColumn(), TextColumn("{task.completed:,} facts"), TimeElapsedColumn())
    errors = error_console()
    bar = Progress(*columns, console=errors, transient=True, disable=not errors.is_terminal)
    with plainly(), bar as progress:
        task = progress.add_task("facts")
        told = program_of(context).backups.restore(
            file, public_key, checkpoint, lambda facts: progress.update(task, completed=facts)
        )
    checked = told.checked
    if json:
        show_json(
            {
                "restored": str(file),
                "as_sealed": None if checked is None and told.older is None else True,
                "older": told.older,
                "facts": checked.facts + checked.unsealed if checked else None,
                "checkpoints": checked.checkpoints if checked else None,
                "keep_apart": told.apart,
            }
        )
        return
    if checked is not None:
        found = {
            "facts": checked.facts + checked.unsealed,
            "sealed": checked.facts,
            "published checkpoints that agree": checked.checkpoints,
        }
        show_fields("Restored, and as it was sealed", found)
    elif told.older is not None:
        show_fields("Restored, and as it was sealed", {"file": file})
        console().print(
            f"It is older than what was published: {told.older}. What came later is lost. Sealing"
            " goes on under a new name only: talktime seal keys new NAME",
            style="yellow",
            markup=False,
            soft_wrap=True,
        )
    else:
        show_fields("Restored", {"file": file})
        console().print(
            "Not tested: it has no seals, or their public key was not given (--public-key).",
            soft_wrap=True,
        )
    _remind(told.apart)


def _remind(apart: dict[str, str]) -> None:
    for name, file in apart.items():
        console().print(
            f"Not in a backup, and needed with it: the {name}, {file}. Keep a copy elsewhere.",
            markup=False,
            soft_wrap=True,
        )
