"""What a thing is now, for whoever only looks and records nothing."""

from __future__ import annotations

from uuid import UUID

from application.ports import UnitsOfWork
from application.streams import Fact, Kind, State
from domain.errors import NotFound


def look_at(units: UnitsOfWork, kind: Kind[State, Fact], stream_id: UUID) -> State | None:
    """The state of one stream, None for one without facts."""
    return units.run(lambda unit: unit.get(kind, stream_id), writes=(), reads=(stream_id,))


def look_up(units: UnitsOfWork, kind: Kind[State, Fact], stream_id: UUID, key: str) -> State:
    """The state of one stream. Raises NotFound by ``key``, the name that somebody asked for."""
    found = look_at(units, kind, stream_id)
    if found is None:
        raise NotFound(kind.name, key)
    return found
