"""Beside an Asterisk: the shipper with its watch, from the settings."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from adapters.asterisk.alive import SignsOfLife
from adapters.asterisk.ledger_client import HttpReports
from adapters.asterisk.shipper import ALIVE_FILE, Shipper, ShipperSettings
from adapters.asterisk.watch import AmiSettings, AsteriskWatch
from application.node_reports import LedgerReports
from application.ports import Clock
from talktime.settings import Asterisk, SettingsError


def read_secret(path: str, setting: str) -> str:
    """The secret in a file, without the line break at its end. Raises SettingsError."""
    try:
        secret = Path(path).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{setting}: {path}: {error}") from error
    if not secret:
        raise SettingsError(f"{setting}: {path} is empty")
    return secret


def http_reports(settings: Asterisk) -> HttpReports:
    """The ledger on another host. Raises SettingsError."""
    if not settings.ledger:
        raise SettingsError("asterisk.ledger: the ledger's address, such as http://10.0.0.5:8080")
    return HttpReports(settings.ledger, read_secret(settings.key_file, "asterisk.key_file"))


@contextmanager
def shipper(settings: Asterisk, reports: LedgerReports, clock: Clock) -> Iterator[Shipper]:
    """A shipper that watches its Asterisk; ``run`` it, or let it ``reconcile`` once."""
    if not settings.spool:
        raise SettingsError("asterisk.spool: the folder of the leg records on this host")
    spool = Path(settings.spool)
    spool.mkdir(parents=True, exist_ok=True)
    # The watch is made first and wakes the shipper later, when both are there.
    watch = _watch(settings, spool, clock, lambda: made.wake())
    made = Shipper(
        ShipperSettings(
            node=settings.node, spool=spool, cel=Path(settings.cel) if settings.cel else None
        ),
        reports,
        watch,
        clock,
    )
    if watch is not None:
        watch.start()
    try:
        yield made
    finally:
        made.stop()
        if watch is not None:
            watch.stop()
        made.close()


def _watch(
    settings: Asterisk, spool: Path, clock: Clock, wake: Callable[[], None]
) -> AsteriskWatch | None:
    ami = settings.ami
    if not ami.secret_file:
        return None
    secret = read_secret(ami.secret_file, "asterisk.ami.secret_file")
    return AsteriskWatch(
        AmiSettings(host=ami.host, port=ami.port, user=ami.user, secret=secret),
        SignsOfLife(spool / ALIVE_FILE),
        clock,
        on_record=wake,
        on_change=wake,
    )
