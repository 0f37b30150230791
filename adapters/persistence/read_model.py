"""What a read model is: tables that are kept in step with the facts, page after page."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol

from sqlalchemy import Connection, Table, select, text, update

from adapters.persistence.codec import RecordedFact
from adapters.persistence.tables import projection_positions
from adapters.persistence.view_store import ViewStore

Page = Sequence[tuple[int, RecordedFact]]
"""Facts with their positions in the log, in order."""


class ReadModel(Protocol):
    """Tables made of facts. They hold nothing that the facts do not tell, and can be rebuilt."""

    @property
    def name(self) -> str:
        """Under which its position is kept: for ever, or it starts again from the first fact."""
        ...

    @property
    def tables(self) -> Sequence[Table]:
        """Everything it writes, and all that a rebuild makes again."""
        ...

    @property
    def facts(self) -> Sequence[type]:
        """The classes of facts that it is made of. It is given no others."""
        ...

    def apply(self, views: ViewStore, page: Page) -> None:
        """Writes what the facts mean, in the transaction that stores the position as well."""
        ...


def for_each(models: Sequence[ReadModel], page: Page) -> list[list[tuple[int, RecordedFact]]]:
    """Of a page, what each model is made of. The facts are looked at once for all models."""
    parts: list[list[tuple[int, RecordedFact]]] = [[] for _ in models]
    takers: dict[type, list[list[tuple[int, RecordedFact]]]] = {}
    for model, part in zip(models, parts, strict=True):
        for kind in set(model.facts):
            takers.setdefault(kind, []).append(part)
    for each in page:
        for part in takers.get(type(each[1].fact), ()):
            part.append(each)
    return parts


def positions(connection: Connection, models: Iterable[ReadModel]) -> dict[str, int]:
    """By name the position of the last fact that each model has applied, 0 before the first."""
    wanted = [each.name for each in models]
    query = select(projection_positions).where(projection_positions.c.name.in_(wanted))
    return dict.fromkeys(wanted, 0) | {row.name: row.position for row in connection.execute(query)}


def locked_positions(connection: Connection, models: Sequence[ReadModel]) -> dict[str, int]:
    """The same, and nobody else moves these models until the transaction ends."""
    names = sorted(each.name for each in models)
    table = projection_positions
    # In one order everywhere. SQLite has one writer at a time and leaves FOR UPDATE out.
    query = select(table).where(table.c.name.in_(names)).order_by(table.c.name).with_for_update()
    found = {row.name: row.position for row in connection.execute(query)}
    if missing := [name for name in names if name not in found]:
        begin = text(
            "INSERT INTO projection_positions (name, position) VALUES (:name, 0)"
            " ON CONFLICT (name) DO NOTHING"
        )
        connection.execute(begin, [{"name": name} for name in missing])
        found = {row.name: row.position for row in connection.execute(query)}
    return found


def move(connection: Connection, models: Iterable[ReadModel], position: int) -> None:
    names = [each.name for each in models]
    connection.execute(
        update(projection_positions)
        .where(projection_positions.c.name.in_(names))
        .values(position=position)
    )
