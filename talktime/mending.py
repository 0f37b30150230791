"""What a person can mend, told as the command line tells it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from eventsourcing.persistence import PersistenceError

from adapters.cli.program import Failure
from application.ports import LedgerUnavailable
from talktime.settings import SettingsError


@contextmanager
def mendable() -> Iterator[None]:
    """What a person can mend ends as a Failure that says how."""
    try:
        yield
    except SettingsError as error:
        told = str(error)
        is_named = told.startswith(("settings ", "the settings"))
        raise Failure(told if is_named else f"setting {told}") from error
    except PersistenceError as error:
        raise LedgerUnavailable(str(error)) from error
    except OSError as error:
        raise Failure(str(error)) from error
