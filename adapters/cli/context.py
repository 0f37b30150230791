"""What every command shares: the program, and how a refusal ends a command."""

from __future__ import annotations

import getpass
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Annotated
from uuid import NAMESPACE_URL, UUID, uuid5

import typer
from rich.markup import escape

from adapters.cli.output import error_console
from adapters.cli.program import BackOffice, Failure, Program
from adapters.cli.sentences import sentence
from application.ports import ConcurrencyConflict, LedgerUnavailable
from application.views import MOST_ROWS, RecordedEvent
from domain.errors import Refused

Json = Annotated[bool, typer.Option("--json", help="One JSON document instead of a table.")]
By = Annotated[str, typer.Option("--by", help="Who does this, for the record.")]
Why = Annotated[str, typer.Option("--why", help="The reason, for the record.")]


def whoever() -> str:
    """The person at the keyboard, for the record."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"


def program_of(context: typer.Context) -> Program:
    program: Program = context.obj
    return program


@contextmanager
def plainly() -> Iterator[None]:
    """Ends a command with a sentence and exit code 1 for everything a person can mend."""
    try:
        yield
    except Refused as refusal:
        _fail(sentence(refusal))
    except Failure as failure:
        _fail(str(failure))
    except ValueError as error:
        _fail(str(error))
    except LedgerUnavailable as error:
        _fail(f"The ledger cannot be reached: {error}")
    except ConcurrencyConflict as error:
        _fail(f"Others were faster; try again: {error}")


@contextmanager
def office(context: typer.Context) -> Iterator[BackOffice]:
    with plainly(), program_of(context).back_office() as back_office:
        yield back_office


def top_up_id(key: str | None) -> UUID:
    """The id of a top-up: of a word that a person gave it, or of none that was ever given."""
    return uuid5(NAMESPACE_URL, f"talktime:cli:{key or secrets.token_hex(16)}")


def correction_id(key: str | None) -> UUID:
    """The id of a refund: of a word that a person gave it, or of none that was ever given."""
    return uuid5(NAMESPACE_URL, f"talktime:cli:refund:{key or secrets.token_hex(16)}")


def whole_history(back: BackOffice, stream_id: UUID) -> list[RecordedEvent]:
    """Every fact of a stream, read in pages."""
    events: list[RecordedEvent] = []
    while page := back.views.history(stream_id, len(events), MOST_ROWS):
        events += page
    return events


def moment(text: str | None) -> datetime:
    """A moment as a person writes it, in UTC unless it says otherwise; None is now."""
    if text is None:
        return datetime.now(UTC)
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"a moment is written 2026-01-31T08:00, not {text!r}") from None
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def _fail(message: str) -> None:
    error_console().print(f"[red]error:[/red] {escape(message)}", soft_wrap=True)
    raise typer.Exit(1)
