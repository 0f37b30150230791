"""A realistic log of any length: what one card did, stored again and again under fresh ids."""

from __future__ import annotations

import re
import sqlite3
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from hashlib import blake2b
from pathlib import Path
from uuid import UUID

from attrs import evolve as changed

from adapters.persistence.connecting import connect
from adapters.persistence.migrations import upgrade
from adapters.persistence.recorder import EventRecorder
from application.exchange import ExchangeRates
from application.margins import MarginGuard
from domain.login import LoginMode
from tests.adapters.persistence.product import Product
from tests.support.history import PRICE, Routed
from tests.support.story import ROME, WARSAW, dollars

CALLS = 12
_ID = re.compile(rb"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_NUMBER = re.compile(rb'"(number|reference)":"(\+?[0-9a-z.-]{8,})"')
_PERSON = re.compile(rb"~[A-Za-z0-9_-]{22}(?=\.)")
_AT_ONCE = 50_000

Row = tuple[str, int, str, bytes]


def make(file: Path, facts: int) -> None:
    """A ledger in a new file with at least so many facts, whole cards only."""
    with connect(f"sqlite:///{file}") as recorder:
        upgrade(recorder)
        shared, one = _story(recorder)
        with recorder.reading() as connection:
            query = "SELECT kind, key, stream_id FROM claims"
            claims = [tuple(row) for row in connection.exec_driver_sql(query)]
    database = sqlite3.connect(file, isolation_level=None)
    database.execute("PRAGMA journal_mode = WAL")
    database.execute("PRAGMA synchronous = OFF")
    database.execute("DELETE FROM events")
    insert = "INSERT INTO events (stream_id, version, name, data) VALUES (?, ?, ?, ?)"
    database.execute("BEGIN")
    database.executemany(insert, shared)
    waiting: list[Row] = []
    kept = {row[0] for row in shared}
    own_claims = [claim for claim in claims if claim[2] not in kept]
    database.executemany(
        "DELETE FROM claims WHERE stream_id = ?", {(each[2],) for each in own_claims}
    )
    claim = "INSERT INTO claims (kind, key, stream_id) VALUES (?, ?, ?)"
    for copy in range(-(-(facts - len(shared)) // len(one))):
        waiting += _copied(one, copy, kept)
        database.executemany(claim, _claims(own_claims, copy, kept))
        if len(waiting) >= _AT_ONCE:
            database.executemany(insert, waiting)
            waiting = []
    database.executemany(insert, waiting)
    database.execute("COMMIT")
    database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    database.close()


def _story(recorder: EventRecorder) -> tuple[list[Row], list[Row]]:
    """What is set up once, and what one card did: a dozen calls, a top-up, a fee, a refusal."""
    product = Product(recorder)
    product.group("Gold", simultaneous_calls=2, setup_fee=dollars(0, 5))
    product.prices.by_prefix[""] = PRICE
    product.dialling = changed(
        product.dialling,
        routes=Routed(),
        margins=MarginGuard(ExchangeRates({("EUR", "USD"): 1_100_000})),
    )
    begins = recorder.max_notification_id() or 0
    card = product.card("Gold")
    product.top_up(card, dollars(20))
    for number in range(CALLS):
        product.clock.pass_by(hours=3)
        call = product.call()
        if product.calls.login_by_caller_id(call) is None:
            product.login(call, card)
        if number == 1 and call.payer is not None:
            product.bindings.toggle(call, call.payer)
        product.dialling.dial(call, (WARSAW, ROME)[number % 2])
        if number % 6 == 5:
            product.settlement.not_connected(call.reference, 1, 17)
        else:
            product.settlement.record_leg(product.leg(call, 20 + 17 * number))
        product.settlement.call_ended(call.reference)
    # From here on a number is enough to log in: the PIN of a copy is not known.
    product.change("Gold", login_mode=LoginMode.NUMBER_ONLY)
    with recorder.reading() as connection:
        query = "SELECT stream_id, version, name, data, position FROM events ORDER BY position"
        rows = [tuple(row) for row in connection.exec_driver_sql(query)]
    common = {row[0] for row in rows if row[4] <= begins}
    shared = [row[:4] for row in rows if row[0] in common]
    return shared, [row[:4] for row in rows if row[0] not in common]


def _copied(one: list[Row], copy: int, kept: set[str]) -> Iterator[Row]:
    """The facts of one card as those of another: other ids, other numbers, the same money."""
    salt = copy.to_bytes(8, "big")
    known: dict[bytes, bytes] = {}

    def fresh(found: re.Match[bytes]) -> bytes:
        text = found[0]
        if text not in known:
            known[text] = str(_other(UUID(text.decode()), salt, kept)).encode()
        return known[text]

    def renumbered(found: re.Match[bytes]) -> bytes:
        number = found[2]
        return b'"%s":"%s%08d"' % (found[1], number[:-8], copy)

    def somebody(found: re.Match[bytes]) -> bytes:
        return b"~" + urlsafe_b64encode(blake2b(found[0] + salt, digest_size=16).digest())[:22]

    for stream, version, name, data in one:
        copied = _PERSON.sub(somebody, _ID.sub(fresh, data))
        if name not in ("attempt-started", "attempt-settled", "attempt-routed", "routes-planned"):
            copied = _NUMBER.sub(renumbered, copied)
        yield _other(UUID(stream), salt, kept).hex, version, name, copied


def _claims(
    claims: list[tuple[str, str, str]], copy: int, kept: set[str]
) -> Iterator[tuple[str, str, str]]:
    """What the card of a copy claims: a number that ends otherwise, and keys of the same length."""
    salt = copy.to_bytes(8, "big")
    for kind, key, stream in claims:
        yield kind, f"{key[:-8]}{copy:08d}", _other(UUID(stream), salt, kept).hex


def _other(each: UUID, salt: bytes, kept: set[str]) -> UUID:
    if each.hex in kept:
        return each
    digest = blake2b(each.bytes + salt, digest_size=10).digest()
    # The time in front stays, so that ids of one moment lie together as they do in life.
    return UUID(bytes=each.bytes[:6] + digest)
