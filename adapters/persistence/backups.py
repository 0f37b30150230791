"""A copy of the whole ledger in one file, and a ledger made from it.

Of SQLite the copy is a database again, made by its online backup interface; of PostgreSQL it is a
dump in the custom format of ``pg_dump``. Both are of one moment, while others record (ADR 0026).
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

from sqlalchemy import text
from sqlalchemy.engine import URL

from adapters.persistence.connecting import connect, ledger_address

_KINDS = ((b"SQLite format 3\0", "sqlite"), (b"PGDMP", "postgresql"))
"""How files of each kind begin."""
_PAGES_AT_A_TIME = -1
"""All pages in one step: the copy is of one moment, and SQLite's writers do not wait for it."""


class BackupFailed(Exception):
    """Says what could not be done, and what to do about it. Nothing half done is left."""


def back_up(url: str, path: Path) -> int:
    """Copies the ledger into a new file, looks whether it can be read, and gives its size in bytes.

    Raises BackupFailed, and ValueError for an address that is none.
    """
    address = ledger_address(url)
    with _new_file(path) as part:
        if address.get_backend_name() == "sqlite":
            _copy_sqlite(_file_of(address), part)
        else:
            _dump(address, part)
    return path.stat().st_size


def restore(path: Path, url: str) -> None:
    """Makes the ledger at an address, where none may be, from a copy.

    Raises BackupFailed, and ValueError for an address that is none.
    """
    kind, address = _kind_of(path), ledger_address(url)
    if address.get_backend_name() != kind:
        raise BackupFailed(
            f"{path} is a backup of {kind}, and ledger.url is of {address.get_backend_name()}"
        )
    if kind == "postgresql":
        _must_be_empty(url)
        _load(path, address)
        return
    target = _file_of(address)
    _must_be_free(target)
    for left in ("-wal", "-journal"):
        # It would be taken for a part of the new database.
        if (other := target.with_name(target.name + left)).exists():
            raise BackupFailed(f"{other} is the rest of another ledger; move it away first")
    with _new_file(target) as part:
        shutil.copyfile(path, part)
        _check_sqlite(part)


@contextmanager
def _new_file(path: Path) -> Iterator[Path]:
    """A file beside the path, which takes its name at the end if all went well."""
    _must_be_free(path)
    part = path.with_name(f"{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # It holds what callers did: for the owner's eyes.
        os.close(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600))
        yield part
        _sync(part)
        # A link never takes the place of a file that came meanwhile, as a rename would.
        os.link(part, path)
        _sync(path.parent)
    except FileExistsError as error:
        raise BackupFailed(f"{path} is there already, and is not written over") from error
    except OSError as error:
        raise BackupFailed(f"{error.filename or path}: {error.strerror}") from error
    finally:
        part.unlink(missing_ok=True)


def _must_be_free(path: Path) -> None:
    if path.exists():
        raise BackupFailed(f"{path} is there already, and is not written over")


def _copy_sqlite(source: Path, part: Path) -> None:
    if not source.exists():
        raise BackupFailed(f"{source} is not there")
    try:
        with (
            closing(sqlite3.connect(f"{source.absolute().as_uri()}?mode=ro", uri=True)) as ledger,
            closing(sqlite3.connect(part)) as copy,
        ):
            ledger.backup(copy, pages=_PAGES_AT_A_TIME)
            # A copy is one file: without a log of its own that could be lost on the way.
            copy.execute("PRAGMA journal_mode = DELETE")
    except sqlite3.Error as error:
        raise BackupFailed(f"{source}: {error}") from error
    _check_sqlite(part)


def _check_sqlite(path: Path) -> None:
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as copy:
            found = [row[0] for row in copy.execute("PRAGMA integrity_check(3)")]
            if found != ["ok"]:
                raise BackupFailed(f"the copy is damaged: {'; '.join(found)}")
            copy.execute("SELECT max(position) FROM events").fetchone()
            ((pages,),) = copy.execute("PRAGMA page_count")
            ((size,),) = copy.execute("PRAGMA page_size")
            # SQLite reads what is missing at the end of its last page as zeros.
            if path.stat().st_size != pages * size:
                raise BackupFailed(f"the copy is cut off: it has {pages} pages of {size} bytes")
    except sqlite3.Error as error:
        raise BackupFailed(f"the copy is no ledger: {error}") from error


def _dump(url: URL, part: Path) -> None:
    _run(url, "pg_dump", "--format=custom", "--no-owner", "--no-privileges", f"--file={part}")
    # Reads the table of contents, which is written last.
    _run(None, "pg_restore", "--list", str(part))


def _load(path: Path, url: URL) -> None:
    """All or nothing. Positions come back as they were; a later start raises the epoch."""
    options = ("--no-owner", "--no-privileges", "--single-transaction", "--exit-on-error")
    _run(url, "pg_restore", *options, str(path))


def _must_be_empty(url: str) -> None:
    tables = text(
        "SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
        " WHERE c.relkind IN ('r', 'p', 'v', 'm') AND n.nspname !~ '^(pg_|information_schema$)'"
    )
    with connect(url) as recorder, recorder.reading() as connection:
        count = connection.execute(tables).scalar_one()
    if count:
        raise BackupFailed(
            f"the database of ledger.url has {count} tables and is not written over; make an empty"
            " one (createdb) and name it in ledger.url"
        )


def _run(url: URL | None, program: str, *options: str) -> None:
    """Runs a program of PostgreSQL; a password is never seen in the list of processes."""
    environment = dict(os.environ)
    command: list[str] = [_program(program), *options]
    if url is not None:
        # ``URL.set`` takes None for "as it is", and would keep the password.
        shown = URL.create(
            "postgresql", url.username, None, url.host, url.port, url.database, url.query
        )
        command += [f"--dbname={shown.render_as_string(hide_password=False)}"]
        if url.password is not None:
            environment["PGPASSWORD"] = str(url.password)
        # Our own connections give up soon; a copy of a large ledger may take hours.
        environment["PGOPTIONS"] = "-c statement_timeout=0 -c lock_timeout=60s"
    try:
        done = subprocess.run(  # noqa: S603 - the program is one of PostgreSQL's, found by us
            command, env=environment, capture_output=True, text=True, check=False
        )
    except OSError as error:
        raise BackupFailed(f"{command[0]}: {error.strerror}") from error
    if done.returncode:
        told = done.stderr.strip().splitlines()
        raise BackupFailed(f"{program} failed: {_short(told)}")


def _program(name: str) -> str:
    """The newest there is: one that is older than the server refuses to work with it."""
    versions = sorted(
        Path("/usr/lib/postgresql").glob(f"*/bin/{name}"),
        key=lambda path: int(path.parts[-3]) if path.parts[-3].isdigit() else 0,
    )
    found = str(versions[-1]) if versions else shutil.which(name)
    if found is None:
        raise BackupFailed(f"{name} is not here; Debian has it in the package postgresql-client")
    return found


def _short(lines: Sequence[str]) -> str:
    return " ".join(lines[:5])[:600] or "it did not say why"


def _file_of(address: URL) -> Path:
    assert address.database, "an address of SQLite names a file"
    return Path(address.database).absolute()


def _kind_of(path: Path) -> str:
    try:
        with path.open("rb") as file:
            begin = file.read(16)
    except OSError as error:
        raise BackupFailed(f"{path}: {error.strerror}") from error
    for magic, kind in _KINDS:
        if begin.startswith(magic):
            return kind
    raise BackupFailed(f"{path} is no backup of a ledger")


def _sync(path: Path) -> None:
    file = os.open(path, os.O_RDONLY)
    try:
        os.fsync(file)
    finally:
        os.close(file)
