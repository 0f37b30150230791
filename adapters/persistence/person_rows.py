"""The two statements about persons that a call waits for, as each store's driver wants them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from functools import cache
from typing import Any, Protocol
from uuid import UUID

from attrs import frozen

from adapters.persistence.postgres import PostgresRecorder
from adapters.persistence.recorder import EventRecorder
from adapters.persistence.sqlite import SqliteRecorder
from domain.sealed_numbers import SealedNumber

_FIND = "SELECT person_id, box FROM persons WHERE lookup IN ({})"
_ADD = """
INSERT INTO persons (person_id, lookup, wrapped, box, key_id, created_at)
SELECT {0}, {0}, {0}, {0}, key_id, {0} FROM person_keys WHERE one = 1 AND key_id = {0}{1}
ON CONFLICT DO NOTHING
"""
ADD_TO_SQLITE = _ADD.format("?", "")
# The lock keeps the key in use until the row is committed, so whoever changes to another key finds
# every row that was made with the one before. SQLite has one writer at a time anyway.
ADD_TO_POSTGRES = _ADD.format("%s", " FOR SHARE")


class PersonRows(Protocol):
    def find(self, lookups: Sequence[bytes]) -> SealedNumber | None:
        """Whoever is found under one of these."""
        ...

    def add(
        self,
        person_id: UUID,
        lookup: bytes,
        wrapped: bytes,
        box: bytes,
        key_id: str,
        created_at: datetime,
    ) -> bool:
        """Adds a row while this master key is in use; False if another one is, or the row is
        there."""
        ...


@frozen
class _SqliteRows:
    _recorder: SqliteRecorder

    def find(self, lookups: Sequence[bytes]) -> SealedNumber | None:
        rows = self._recorder.ask(_find("?", len(lookups)), lookups)
        return SealedNumber(UUID(rows[0][0]), rows[0][1]) if rows else None

    def add(
        self,
        person_id: UUID,
        lookup: bytes,
        wrapped: bytes,
        box: bytes,
        key_id: str,
        created_at: datetime,
    ) -> bool:
        at = created_at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")
        values = (person_id.hex, lookup, wrapped, box, at, key_id)
        return self._recorder.change(ADD_TO_SQLITE, values) == 1


@frozen
class _PostgresRows:
    _recorder: PostgresRecorder

    def find(self, lookups: Sequence[bytes]) -> SealedNumber | None:
        rows: Sequence[Any] = self._recorder.ask(_find("%s", len(lookups)), lookups)
        return SealedNumber(rows[0][0], bytes(rows[0][1])) if rows else None

    def add(
        self,
        person_id: UUID,
        lookup: bytes,
        wrapped: bytes,
        box: bytes,
        key_id: str,
        created_at: datetime,
    ) -> bool:
        values = (person_id, lookup, wrapped, box, created_at, key_id)
        return self._recorder.change(ADD_TO_POSTGRES, values) == 1


def rows_of(recorder: EventRecorder) -> PersonRows:
    if isinstance(recorder, SqliteRecorder):
        return _SqliteRows(recorder)
    assert isinstance(recorder, PostgresRecorder), "there are two stores"
    return _PostgresRows(recorder)


@cache
def _find(mark: str, number: int) -> str:
    return _FIND.format(", ".join([mark] * number))
