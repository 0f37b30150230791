"""Compares the read models with what the facts say, in one snapshot of the database.

A ledger goes on working while it is verified, so a row may be older or newer than what was folded.
What differs is looked at again: the facts of its stream, as far as the read model had applied them
when its row was read.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from attrs import frozen
from sqlalchemy import Connection

from adapters.persistence.codec import FactMapper
from adapters.persistence.log_reader import ask, driver_of, hexadecimal
from adapters.persistence.new_tables import hold_tables
from adapters.persistence.recorder import EventRecorder
from domain.audit_crossing import Seen
from domain.audit_log import LogAudit
from domain.audit_rules import Findings, Rule

Key = tuple[int, ...]
"""The number of the stream, and of the attempt where there is one."""

_AT_ONCE = 300
_SNAPSHOT_SECONDS = 600
_ROWS = 10_000


@frozen
class _Model:
    """One table: under which name its position is kept, and its columns."""

    name: str
    table: str
    keys: tuple[str, ...]
    columns: tuple[str, ...]
    words: tuple[str, ...]

    def facts(self, seen: Seen) -> dict[Key, tuple[Any, ...]]:
        match self.table:
            case "view_accounts":
                return {(n,): (a.unit, a.balance, a.held) for n, a in seen.accounts.items()}
            case "view_cards":
                return {
                    (n,): (
                        c.card.number,
                        c.card.status.value,
                        c.card.caller_id,
                        c.card.first_used_at is not None,
                        c.card.sold,
                    )
                    for n, c in seen.cards.items()
                }
            case "view_calls":
                return {
                    (n,): (s.attempts, len(s.open), s.seconds, s.charged, s.ended)
                    for n, s in seen.sessions.items()
                }
            case _:
                return {
                    (a.session, a.number): (
                        "settled" if a.settled else "open",
                        a.held,
                        a.charge,
                        a.settled.seconds if a.settled else None,
                    )
                    for several in seen.attempts.values()
                    for a in several
                }


_MODELS = (
    _Model(
        "accounts",
        "view_accounts",
        ("account_id",),
        ("unit", "balance", "held"),
        ("unit", "balance", "held"),
    ),
    _Model(
        "cards",
        "view_cards",
        ("card_id",),
        ("number", "status", "caller_id", "first_used_at IS NOT NULL", "sold"),
        ("number", "status", "caller ID", "used", "sold"),
    ),
    _Model(
        "call sessions",
        "view_calls",
        ("session_id",),
        ("attempts", "open_attempts", "seconds", "charged", "ended_at IS NOT NULL"),
        ("attempts", "open attempts", "seconds", "charged", "ended"),
    ),
    _Model(
        "call sessions",
        "view_attempts",
        ("session_id", "number"),
        ("state", "held", "charge", "CASE WHEN state = 'settled' THEN seconds END"),
        ("state", "held", "charge", "seconds"),
    ),
)


def compare(
    seen: Seen, recorder: EventRecorder, mapper: FactMapper, findings: Findings
) -> Mapping[str, int]:
    """Adds what differs to the findings; gives the position of each read model compared."""
    with recorder.reading() as connection, _snapshot(connection):
        positions = dict(ask(connection, "SELECT name, position FROM projection_positions", ()))
        for model in _MODELS:
            position = positions.get(model.name, 0)
            # A read model that has applied nothing yet has no row, and nothing to compare with.
            facts = model.facts(seen) if position else {}
            suspects = dict(_differing(facts, _rows(connection, model)))
            _look_again(connection, mapper, model, suspects, position, findings)
    return {model.name: int(positions.get(model.name, 0)) for model in _MODELS}


def _differing(
    facts: dict[Key, tuple[Any, ...]], rows: Iterable[tuple[Key, tuple[Any, ...]]]
) -> Iterator[tuple[Key, tuple[Any, ...] | None]]:
    """The rows that do not say what was folded; None for one that is missing."""
    for key, row in rows:
        if facts.pop(key, None) != row:
            yield key, row
    yield from ((key, None) for key in facts)


def _look_again(
    connection: Connection,
    mapper: FactMapper,
    model: _Model,
    suspects: Mapping[Key, tuple[Any, ...] | None],
    position: int,
    findings: Findings,
) -> None:
    keys = sorted(suspects)
    for start in range(0, len(keys), _AT_ONCE):
        part = keys[start : start + _AT_ONCE]
        audit, last = LogAudit(), dict[int, int]()
        for place, stream, version, name, data in _streams(connection, part, position):
            number = int(stream, 16)
            last[number] = place
            try:
                at, fact = mapper.decode(name, data)
            except (ValueError, TypeError, KeyError):
                continue  # Found by the audit of the log itself.
            audit.add(place, number, version, at, fact)
        facts = model.facts(audit.seen())
        for key in part:
            row, told = suspects[key], facts.get(key)
            if row != told:
                why = _why(model, row, told)
                findings.add(last.get(key[0], 0), Rule.READ_MODEL, f"{model.table}: {why}")


def _why(model: _Model, row: tuple[Any, ...] | None, told: tuple[Any, ...] | None) -> str:
    if row is None:
        return "a row is missing"
    if told is None:
        return "a row is of no fact"
    differ = [
        f"{word} is {mine}, and the facts make it {theirs}"
        for word, mine, theirs in zip(model.words, row, told, strict=True)
        if mine != theirs
    ]
    return "; ".join(differ)


def _rows(connection: Connection, model: _Model) -> Iterator[tuple[Key, tuple[Any, ...]]]:
    stream, *others = model.keys
    named = ", ".join([hexadecimal(connection, stream), *others, *model.columns])
    width = len(model.keys)
    for row in _streamed(connection, f"SELECT {named} FROM {model.table}"):  # noqa: S608 - constants
        yield (int(row[0], 16), *row[1:width]), tuple(row[width:])


def _streamed(connection: Connection, query: str) -> Iterator[Any]:
    """The rows one after another: a whole table would not be kept twice."""
    driver = driver_of(connection)
    if connection.dialect.name != "postgresql":
        yield from driver.execute(query)
        return
    with driver.cursor(name="audit") as cursor:
        cursor.itersize = _ROWS
        cursor.execute(query)
        yield from cursor


def _streams(connection: Connection, keys: Sequence[Key], position: int) -> list[Any]:
    ids = sorted({key[0] for key in keys})
    listed = ", ".join(["{}"] * len(ids))
    query = (
        f"SELECT position, {hexadecimal(connection, 'stream_id')}, version, name, data FROM events"  # noqa: S608 - constants
        f" WHERE position <= {{}} AND stream_id IN ({listed}) ORDER BY position"
    )
    postgres = connection.dialect.name == "postgresql"
    if postgres:
        query = query.replace(f"IN ({listed})", f"IN ({', '.join(['{}::uuid'] * len(ids))})")
    return ask(connection, query, (position, *(f"{number:032x}" for number in ids)))


@contextmanager
def _snapshot(connection: Connection) -> Iterator[None]:
    """Everything that is read inside is of one moment."""
    driver = driver_of(connection)
    if connection.dialect.name == "postgresql":
        driver.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        for limit in ("statement_timeout", "idle_in_transaction_session_timeout"):
            driver.execute(f"SET LOCAL {limit} = '{_SNAPSHOT_SECONDS}s'")
        # A table that a rebuild puts in place later would look empty.
        hold_tables(connection, sorted({model.table for model in _MODELS}))
    else:
        driver.execute("BEGIN")
    try:
        yield
    finally:
        driver.execute("ROLLBACK")
