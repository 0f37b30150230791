"""What the databases complain about, in the words of the event store's library."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import sqlalchemy.exc as sa
from eventsourcing.persistence import (
    DatabaseError,
    DataError,
    IntegrityError,
    InterfaceError,
    InternalError,
    NotSupportedError,
    OperationalError,
    PersistenceError,
    ProgrammingError,
)

# Subclasses come before the classes they derive from.
_SAME: tuple[tuple[type[sa.DBAPIError], type[PersistenceError]], ...] = (
    (sa.IntegrityError, IntegrityError),
    (sa.DataError, DataError),
    (sa.OperationalError, OperationalError),
    (sa.InternalError, InternalError),
    (sa.ProgrammingError, ProgrammingError),
    (sa.NotSupportedError, NotSupportedError),
    (sa.InterfaceError, InterfaceError),
    (sa.DatabaseError, DatabaseError),
)


class ClaimConflict(IntegrityError):
    """A claim in the append is already held. Nothing was stored."""


@contextmanager
def library_errors() -> Iterator[None]:
    """Raises the library's PersistenceError of the same kind for an error of the database."""
    try:
        yield
    except sa.DBAPIError as error:
        raise _translated(error) from error
    except sa.TimeoutError as error:
        raise OperationalError(f"no connection to the ledger became free: {error}") from error


def is_refused(error: PersistenceError) -> bool:
    """Whether the database surely stored nothing because of what was asked of it."""
    return isinstance(error, IntegrityError | DataError | ProgrammingError | NotSupportedError)


def _translated(error: sa.DBAPIError) -> PersistenceError:
    original = error.orig
    if isinstance(error, sa.IntegrityError):
        diagnosis = getattr(original, "diag", None)
        table = getattr(diagnosis, "table_name", None)
        if table == "claims" or (diagnosis is None and "claims." in str(original)):
            return ClaimConflict(str(original))
    # Class 40 is a transaction that PostgreSQL rolled back because of another one (a deadlock):
    # nothing was stored and the same may be tried again, as after a conflict of versions.
    if str(getattr(original, "sqlstate", None) or "").startswith("40"):
        return IntegrityError(str(original))
    for theirs, ours in _SAME:
        if isinstance(error, theirs):
            return ours(str(original))
    return PersistenceError(str(original))
