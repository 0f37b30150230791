"""Which ledger an address means."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from adapters.persistence.postgres import PostgresRecorder
from adapters.persistence.recorder import EventRecorder
from adapters.persistence.sqlite import SqliteRecorder

_ACCEPTED = "sqlite:///<file> or postgresql://<user>:<password>@<host>/<database>"


def connect(url: str) -> EventRecorder:
    """The recorder of the ledger at an address. Nothing is opened before the first use.

    Raises ValueError for an address that is none; its text never repeats a password.
    """
    try:
        address = make_url(url)
    except ArgumentError:
        raise ValueError(f"the address of a ledger is {_ACCEPTED}") from None
    match address.get_backend_name():
        case "sqlite" if address.database and address.database != ":memory:":
            return SqliteRecorder(Path(address.database))
        case "postgresql" if address.database:
            return PostgresRecorder(address)
    shown = address.render_as_string(hide_password=True)
    raise ValueError(f"the address of a ledger is {_ACCEPTED}, not {shown}")
