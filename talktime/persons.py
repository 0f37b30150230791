"""Connects what keeps callers' numbers sealed: the master keys and the rows of persons."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta

from adapters.persistence.person_keys import KeyRingFile, KeysUnusable
from adapters.persistence.person_rotation import PersonKeyRotation
from adapters.persistence.persons import MasterKeyMissing, StoredPersons, key_in_use, use_first
from adapters.persistence.recorder import EventRecorder
from adapters.persistence.sqlite import SqliteRecorder
from adapters.persistence.units_of_work import outside_errors
from application.ports import Clock
from talktime.settings import Settings, SettingsError


def stored_persons(
    settings: Settings,
    recorder: EventRecorder,
    clock: Clock,
    monotonic: Callable[[], float],
    *,
    lost_keys: bool = False,
) -> StoredPersons:
    """Raises SettingsError if the file of master keys does not go with the ledger, unless
    ``lost_keys`` says that it need not.

    A ledger that has no caller's number yet gets a new file; with another one nothing would open.
    """
    file = KeyRingFile(settings.person_key_file)
    try:
        if not file.path.exists():
            with outside_errors():
                in_use = key_in_use(recorder)
            if in_use is None or lost_keys:
                # Several processes may start together.
                with suppress(FileExistsError):
                    file.make(clock.now())
        persons = StoredPersons(recorder, file.read, clock, monotonic=monotonic)
        with outside_errors():
            # From the first start on, so that a second machine with a file of its own is told.
            use_first(recorder, file.read().newest.key_id)
        if not lost_keys:
            persons.check()
    except (KeysUnusable, MasterKeyMissing) as error:
        raise SettingsError(f"persons.key_file: {error}") from error
    except OSError as error:
        raise SettingsError(f"persons.key_file: {file.path}: {error.strerror}") from error
    return persons


def rotation(settings: Settings, recorder: EventRecorder, clock: Clock) -> PersonKeyRotation:
    return PersonKeyRotation(
        recorder,
        KeyRingFile(settings.person_key_file),
        clock,
        every=timedelta(days=settings.persons.key_days),
        keep=timedelta(days=settings.persons.keep_days),
        alone=rotates_by_itself(settings, recorder),
    )


def rotates_by_itself(settings: Settings, recorder: EventRecorder) -> bool:
    """SQLite is on one machine, and so is its file of keys. On several machines the file has to be
    copied in between."""
    chosen = settings.persons.rotate
    return isinstance(recorder, SqliteRecorder) if chosen is None else chosen
