"""Passwords as argon2id hashes and the secrets of one-time codes, beside the log."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from collections.abc import Callable
from datetime import datetime, timedelta
from threading import BoundedSemaphore
from uuid import UUID

import pyotp
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy import Column, Integer, String, Table, Uuid, delete, insert, select, update
from sqlalchemy.sql.elements import ColumnElement

from adapters.persistence.read_models.tables import Moment
from adapters.persistence.recorder import EventRecorder
from adapters.persistence.tables import metadata
from application.ports import Clock

MOST_HASHES = 2
"""Hashes at a time: each takes 19 MiB and a core for some 25 ms."""

_PASSWORD, _TOTP = "password", "totp"
_PENDING = timedelta(days=1)
_STEP_SECONDS = 30

credentials = Table(
    "credentials",
    metadata,
    Column("credential_id", Uuid, primary_key=True),
    Column("person_id", Uuid, nullable=False),
    Column("kind", String(8), nullable=False),
    Column("kept", String(200), nullable=False),
    Column("last_step", Integer, nullable=False),
    Column("created_at", Moment, nullable=False),
)
"""``kept``: the argon2id hash of a password, or the salt that a secret of codes is derived with."""


def hasher() -> PasswordHasher:
    """Argon2id with 19 MiB and two passes (OWASP Password Storage, RFC 9106)."""
    return PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)


class StoredCredentials:
    """The port ``Credentials`` on the ledger's database.

    The secret of one-time codes is not stored at all: it is the HMAC of a random salt under a key
    that lies outside the database (RFC 5869 in one step), so the database alone gives no codes.
    """

    def __init__(
        self,
        recorder: EventRecorder,
        clock: Clock,
        key: bytes,
        *,
        password_hasher: PasswordHasher | None = None,
        some_bytes: Callable[[int], bytes] = secrets.token_bytes,
    ) -> None:
        if len(key) < 32:
            raise ValueError(f"the key of one-time codes has at least 32 bytes, not {len(key)}")
        self._recorder = recorder
        self._clock = clock
        self._key = hmac.new(key, b"one-time codes", hashlib.sha256).digest()
        self._hasher = password_hasher or hasher()
        self._some_bytes = some_bytes
        self._turns = BoundedSemaphore(MOST_HASHES)
        self._nobody: str | None = None
        """What a password is compared with for a name that nobody has, so that it takes as long."""

    def keep_password(self, credential_id: UUID, person_id: UUID, password: str) -> None:
        self._keep(credential_id, person_id, _PASSWORD, self._hashed(password))

    def password_matches(self, credential_id: UUID | None, password: str) -> bool:
        kept = self._kept(credential_id, _PASSWORD) if credential_id is not None else None
        # Made by whoever signs in first, known or not, so that it does not tell one from the other.
        nobody = self._nobody = self._nobody or self._hashed(secrets.token_urlsafe(32))
        try:
            with self._turns:
                right = self._hasher.verify(kept or nobody, password)
        except (VerificationError, InvalidHashError):
            return False
        return right and kept is not None

    def new_totp(self, credential_id: UUID, person_id: UUID) -> str:
        salt = self._some_bytes(32).hex()
        self._keep(credential_id, person_id, _TOTP, salt)
        return self._secret(credential_id, salt)

    def code_matches(self, credential_id: UUID, person_id: UUID, code: str, now: datetime) -> bool:
        """A code of this half minute or of the one before or after it, each one once."""
        mine = (
            credentials.c.credential_id == credential_id,
            credentials.c.person_id == person_id,
            credentials.c.kind == _TOTP,
        )
        salt = self._one(credentials.c.kept, *mine)
        if salt is None:
            return False
        totp = pyotp.TOTP(self._secret(credential_id, salt), interval=_STEP_SECONDS)
        present = int(now.timestamp()) // _STEP_SECONDS
        found = None
        for step in (present - 1, present, present + 1):
            if hmac.compare_digest(totp.generate_otp(step).encode(), code.encode()):
                found = step
        if found is None:
            return False
        # Of several who show one code at once, the one whose row changes is let in.
        unused = credentials.c.last_step < found
        with self._recorder.writing() as connection:
            taken = connection.execute(
                update(credentials).where(*mine, unused).values(last_step=found)
            )
        return taken.rowcount == 1

    def forget(self, credential_id: UUID) -> None:
        with self._recorder.writing() as connection:
            connection.execute(
                delete(credentials).where(credentials.c.credential_id == credential_id)
            )

    def _hashed(self, password: str) -> str:
        with self._turns:
            return self._hasher.hash(password)

    def _secret(self, credential_id: UUID, salt: str) -> str:
        derived = hmac.new(self._key, credential_id.bytes + bytes.fromhex(salt), hashlib.sha256)
        return base64.b32encode(derived.digest()[:20]).decode()

    def _keep(self, credential_id: UUID, person_id: UUID, kind: str, kept: str) -> None:
        now = self._clock.now()
        # Secrets of codes that were begun and never confirmed.
        stale = (credentials.c.last_step == 0) & (credentials.c.created_at < now - _PENDING)
        with self._recorder.writing() as connection:
            connection.execute(
                delete(credentials).where(
                    credentials.c.person_id == person_id, credentials.c.kind == _TOTP, stale
                )
            )
            connection.execute(
                insert(credentials).values(
                    credential_id=credential_id,
                    person_id=person_id,
                    kind=kind,
                    kept=kept,
                    last_step=0,
                    created_at=now,
                )
            )

    def _kept(self, credential_id: UUID, kind: str) -> str | None:
        return self._one(
            credentials.c.kept,
            credentials.c.credential_id == credential_id,
            credentials.c.kind == kind,
        )

    def _one(self, column: ColumnElement[str], *conditions: ColumnElement[bool]) -> str | None:
        with self._recorder.reading() as connection:
            found: str | None = connection.execute(select(column).where(*conditions)).scalar()
        return found
