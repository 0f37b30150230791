"""Ledgers with very many facts, on both databases: made once, copied as rows."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import psycopg

from adapters.persistence.connecting import connect
from adapters.persistence.migrations import upgrade
from benchmarks.audit_log import make
from tests.support.postgres import private_server


@contextmanager
def ledgers(facts: int, kept: Path | None = None) -> Iterator[dict[str, str]]:
    """Addresses by the kind of database. ``kept``: a folder for the file of SQLite, which is not
    made again when it is there."""
    with TemporaryDirectory(prefix="talktime-") as name, private_server() as server:
        folder = kept or Path(name)
        folder.mkdir(parents=True, exist_ok=True)
        file = folder / f"ledger-{facts}.db"
        if not file.exists():
            make(file, facts)
        postgres = server.url(server.create_database())
        copy_to_postgres(file, postgres)
        yield {"sqlite": f"sqlite:///{file}", "postgres": postgres}


def copy_to_postgres(file: Path, url: str) -> None:
    """The facts and claims of a file, with the positions they have there: below all that
    PostgreSQL gives."""
    with connect(url) as recorder:
        upgrade(recorder)
    source = sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True)
    with psycopg.connect(url) as database, database.cursor() as cursor:
        for table in ("events", "claims"):
            rows = source.execute(f"SELECT * FROM {table}")
            named = ", ".join(column[0] for column in rows.description)
            with cursor.copy(f"COPY {table} ({named}) FROM STDIN".encode()) as copying:
                for row in rows:
                    copying.write_row(row)
    source.close()
    with psycopg.connect(url, autocommit=True) as database:
        database.execute("VACUUM (ANALYZE) events")
    # Raises the epoch of positions above those that were copied.
    with connect(url) as recorder:
        upgrade(recorder)
