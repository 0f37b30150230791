"""Passwords, one-time codes and sessions in memory, for tests that are not about storing them."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import pyotp
from attrs import define, field
from attrs import evolve as changed

from application.signing_in import Session


@define
class MemoryCredentials:
    """The port ``Credentials``; passwords as they are, so nothing takes long."""

    passwords: dict[UUID, str] = field(factory=dict)
    secrets: dict[UUID, tuple[UUID, str]] = field(factory=dict)
    used: dict[UUID, int] = field(factory=dict)
    compared: int = 0

    def keep_password(self, credential_id: UUID, person_id: UUID, password: str) -> None:
        self.passwords[credential_id] = password

    def password_matches(self, credential_id: UUID | None, password: str) -> bool:
        self.compared += 1
        return credential_id is not None and self.passwords.get(credential_id) == password

    def new_totp(self, credential_id: UUID, person_id: UUID) -> str:
        secret = pyotp.random_base32()
        self.secrets[credential_id] = (person_id, secret)
        return secret

    def code_matches(self, credential_id: UUID, person_id: UUID, code: str, now: datetime) -> bool:
        owner, secret = self.secrets.get(credential_id, (None, ""))
        step = int(now.timestamp()) // 30
        if owner != person_id or pyotp.TOTP(secret).generate_otp(step) != code:
            return False
        if self.used.get(credential_id, 0) >= step:
            return False
        self.used[credential_id] = step
        return True

    def forget(self, credential_id: UUID) -> None:
        self.passwords.pop(credential_id, None)
        self.secrets.pop(credential_id, None)


@define
class MemorySessions:
    """The port ``Sessions``."""

    sessions: dict[str, Session] = field(factory=dict)

    def add(self, session: Session) -> None:
        self.sessions[session.token_digest] = session

    def find(self, token_digest: str) -> Session | None:
        return self.sessions.get(token_digest)

    def seen(self, token_digest: str, at: datetime) -> None:
        self.sessions[token_digest] = changed(self.sessions[token_digest], seen_at=at)

    def end(self, token_digest: str) -> None:
        self.sessions.pop(token_digest, None)

    def end_all(self, person_id: UUID) -> None:
        for each in [d for d, s in self.sessions.items() if s.person_id == person_id]:
            del self.sessions[each]
