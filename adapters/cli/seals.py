"""talktime seal: the log sealed and signed, checked against its seals, and one call proved."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from threading import Thread
from typing import Annotated

import typer
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from adapters.cli.context import Json, plainly, program_of
from adapters.cli.output import console, error_console, show_fields, show_json, show_rows
from adapters.cli.program import Failure, ProofTold
from domain.seal_checks import Break, Checked

app = typer.Typer(help="Seals of the log: made, checked, and proofs.", no_args_is_help=True)
keys = typer.Typer(help="The key that seals are signed with.", no_args_is_help=True)
app.add_typer(keys, name="keys")

PublicKeys = Annotated[
    Path,
    typer.Option("--public-key", exists=True, dir_okay=False, help="The log's public key."),
]
Checkpoints = Annotated[
    Path | None,
    typer.Option(
        "--checkpoint",
        exists=True,
        dir_okay=False,
        help="Checkpoints that were published: the file, or one that was kept.",
    ),
]


@keys.command("new")
def new_key(
    context: typer.Context,
    name: Annotated[
        str, typer.Argument(help="The log's name for ever, such as example.com/ledger.")
    ],
    json: Json = False,
) -> None:
    """Make the key of `seals.key_file`. Give its public half to everybody."""
    with plainly():
        secret, public, shown = program_of(context).seals.new_key(name)
    if json:
        show_json({"key_file": str(secret), "public_key_file": str(public), "public_key": shown})
        return
    show_fields("Seal key", {"secret": secret, "public": public})
    console().print(shown, markup=False, soft_wrap=True)


@app.command()
def run(context: typer.Context, json: Json = False) -> None:
    """Seal and publish what is due, once. A server with a seal key does it all the time."""
    with plainly():
        blocks = program_of(context).seals.run()
    if json:
        show_json({"blocks": blocks})
    else:
        show_fields("Sealed", {"blocks made": blocks})


@app.command()
def verify(
    context: typer.Context,
    public_key: PublicKeys,
    checkpoint: Checkpoints = None,
    json: Json = False,
) -> None:
    """Check the whole log against its seals; name the first block and fact that is wrong.

    Without published checkpoints, a log that was cut off together with its seals looks whole.
    """
    found = look_at_seals(context, public_key, checkpoint)
    if json:
        show_json(seal_fields(found))
        raise typer.Exit(0 if isinstance(found, Checked) else 1)
    show_seals(found)


def look_at_seals(
    context: typer.Context, public_key: Path, checkpoint: Path | None
) -> Break | Checked:
    """The log against its seals, with a bar of progress."""
    columns = (SpinnerColumn(), TextColumn("{task.completed:,} facts"), TimeElapsedColumn())
    errors = error_console()
    bar = Progress(*columns, console=errors, transient=True, disable=not errors.is_terminal)
    with plainly(), bar as progress:
        task = progress.add_task("facts")
        return program_of(context).seals.verify(
            public_key, checkpoint, lambda facts: progress.update(task, completed=facts)
        )


def seals_beside(
    context: typer.Context, public_key: Path, checkpoint: Path | None
) -> Callable[[], Break | Checked]:
    """Begins to look at the log and its seals, in a thread that ends with the program.

    What is given back waits for the answer.
    """
    desk = program_of(context).seals
    answer: Future[Break | Checked] = Future()

    def look() -> None:
        try:
            answer.set_result(desk.verify(public_key, checkpoint, lambda facts: None))
        except BaseException as error:
            answer.set_exception(error)

    Thread(target=look, name="seals", daemon=True).start()
    return answer.result


def show_seals(found: Break | Checked) -> None:
    """For people; ends the command for a log that is not as it was sealed."""
    with plainly():
        if isinstance(found, Break):
            raise Failure(f"the log is not as it was sealed ({found.kind}): {found.told}")
    show_fields("The log is as it was sealed", _fields(found))


def seal_fields(found: Break | Checked) -> dict[str, object]:
    """For programs."""
    return {"as_sealed": isinstance(found, Checked), **_fields(found)}


@app.command()
def prove(
    context: typer.Context,
    call: Annotated[str, typer.Argument(help="The call's reference.")],
) -> None:
    """Print a proof that a call and its money are in the signed log, for whoever paid it."""
    with plainly():
        proof = program_of(context).seals.prove(call)
    print(proof, end="")  # noqa: T201 - the document itself


@app.command()
def check(
    context: typer.Context,
    proof: Annotated[Path, typer.Argument(exists=True, dir_okay=False)],
    public_key: PublicKeys,
    checkpoint: Checkpoints = None,
    json: Json = False,
) -> None:
    """Check a proof. Needs no ledger and no settings: the proof and the public key do."""
    with plainly():
        told = program_of(context).seals.check(proof, public_key, checkpoint)
    if json:
        show_json(_proof_fields(told))
        return
    rows = [
        (fact.position, fact.name, sealed_at, content["at"], _words(content["fact"]))
        for fact, sealed_at, content in told.facts
    ]
    title = f"Proved by {told.checkpoint.origin}: call {told.call}"
    show_rows(title, ("position", "fact", "sealed (UTC)", "recorded", "fields"), rows)


def _fields(found: Break | Checked) -> dict[str, object]:
    if isinstance(found, Checked):
        return {
            "blocks": found.blocks,
            "facts": found.facts,
            "unsealed": found.unsealed,
            "checkpoints": found.checkpoints,
        }
    return {
        "kind": found.kind,
        "block": found.block,
        "told": found.told,
        "position": found.position,
        "stream_id": found.stream_id,
        "version": found.version,
        "name": found.name,
    }


def _proof_fields(told: ProofTold) -> dict[str, object]:
    return {
        "call": told.call,
        "log": told.checkpoint.origin,
        "blocks": told.checkpoint.size,
        "facts": [
            {
                "position": fact.position,
                "stream_id": fact.stream_id,
                "version": fact.version,
                "name": fact.name,
                "sealed_at": sealed_at,
                "recorded": content,
            }
            for fact, sealed_at, content in told.facts
        ],
    }


def _words(fields: dict[str, object]) -> str:
    return ", ".join(f"{name} {value}" for name, value in fields.items())
