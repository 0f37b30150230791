"""Which ledger an address means."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from adapters.persistence.postgres import PostgresRecorder
from adapters.persistence.recorder import EventRecorder
from adapters.persistence.sqlite import SqliteRecorder

_ACCEPTED = "sqlite:///<file> or postgresql://<user>:<password>@<host>/<database>"


def connect(url: str) -> EventRecorder:
    """The recorder of the ledger at an address. Nothing is opened before the first use.

    Raises ValueError for an address that is none; its text never repeats a password.
    """
    address = ledger_address(url)
    if address.get_backend_name() == "sqlite":
        assert address.database, "an address of SQLite names a file"
        return SqliteRecorder(Path(address.database))
    return PostgresRecorder(address)


def ledger_address(url: str) -> URL:
    """The address taken apart. Raises ValueError like ``connect``."""
    try:
        address = make_url(url)
    except ArgumentError:
        raise ValueError(f"the address of a ledger is {_ACCEPTED}") from None
    match address.get_backend_name():
        case "sqlite" if address.database and address.database != ":memory:":
            return address
        case "postgresql" if address.database:
            return address
    shown = address.render_as_string(hide_password=True)
    raise ValueError(f"the address of a ledger is {_ACCEPTED}, not {shown}")
