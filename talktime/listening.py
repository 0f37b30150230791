"""What is said of an address that cannot be listened at."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from talktime.settings import Agi, Http, SettingsError


@contextmanager
def listening(section: str, at: Agi | Http) -> Iterator[None]:
    """Raises SettingsError that names the address which cannot be listened at."""
    try:
        yield
    except OSError as error:
        raise SettingsError(f"{section}: {at.host}:{at.port}: {error.strerror or error}") from error
