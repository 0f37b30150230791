"""Which ledger an address means."""

from __future__ import annotations

import re
from pathlib import Path

from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from adapters.persistence.postgres import PostgresRecorder
from adapters.persistence.recorder import EventRecorder
from adapters.persistence.sqlite import SqliteRecorder

_ACCEPTED = (
    "sqlite:///<file> or postgresql://<user>:<password>@<host>/<database>, where several hosts"
    " may be named: <host>:<port>,<host>:<port>"
)

_SEVERAL_HOSTS = re.compile(
    r"(?P<begin>postgresql(?:\+psycopg)?://(?:[^/?@]*@)?)(?P<hosts>[^/?@]*,[^/?@]*)(?P<rest>/.*)",
    re.DOTALL,
)
"""Of libpq's addresses, which the parser of SQLAlchemy does not know:
https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-MULTIPLE-HOSTS"""

_HOST = re.compile(r"(?P<host>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9.-]+)(?::(?P<port>[0-9]{1,5}))?")


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
        address = _with_several_hosts(url) or make_url(url)
    except (ArgumentError, ValueError):
        raise ValueError(f"the address of a ledger is {_ACCEPTED}") from None
    match address.get_backend_name():
        case "sqlite" if address.database and address.database != ":memory:":
            return address
        case "postgresql" if address.database:
            return address
    shown = address.render_as_string(hide_password=True)
    raise ValueError(f"the address of a ledger is {_ACCEPTED}, not {shown}")


def _with_several_hosts(url: str) -> URL | None:
    """The hosts and their ports as two lists, which is the other form that libpq knows."""
    found = _SEVERAL_HOSTS.fullmatch(url)
    if found is None:
        return None
    hosts = [_HOST.fullmatch(each) for each in found["hosts"].split(",")]
    address = make_url(found["begin"] + found["rest"])
    if "host" in address.query or "port" in address.query:
        raise ValueError("hosts are named once")
    return address.update_query_dict(
        {
            "host": ",".join(_part(each, "host").strip("[]") for each in hosts),
            "port": ",".join(_part(each, "port") or "5432" for each in hosts),
        }
    )


def _part(host: re.Match[str] | None, name: str) -> str:
    if host is None:
        raise ValueError("no host")
    return host[name] or ""
