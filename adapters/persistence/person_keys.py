"""The master keys that the keys of persons are wrapped with: a ring of them, in a file of its own.

The file lies outside the database and outside its backups. Once a master key is gone from it, what
was wrapped with that key opens nowhere, in no backup either (ADR 0027).
"""

from __future__ import annotations

import errno
import hmac
import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated
from uuid import UUID

import msgspec
from attrs import evolve, field, frozen
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from msgspec import Meta, Struct

from adapters.persistence.file_lock import FileLock

KEY_BYTES = 32
_KIND = "master keys of persons"

_NO_LINKS = frozenset({errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS})
"""What a file system says that has no links."""


class KeysUnusable(ValueError):
    """Says what is wrong with a file of master keys, and never repeats what is in it."""


class CannotUnwrap(ValueError):
    """The key of a person was wrapped with another master key, or it was changed."""


@frozen
class MasterKey:
    """``replaced_at``: since when another one is used; None for the one in use."""

    key_id: str
    made_at: datetime
    secret: bytes = field(repr=False)
    replaced_at: datetime | None = None
    _wraps: AESSIV = field(init=False, repr=False, eq=False)
    _index: bytes = field(init=False, repr=False, eq=False)

    @_wraps.default
    def _wrapping(self) -> AESSIV:
        return AESSIV(_derived(self.secret, b"talktime persons: wrap", 64))

    @_index.default
    def _indexing(self) -> bytes:
        return _derived(self.secret, b"talktime persons: index", 32)

    @classmethod
    def new(
        cls, now: datetime, some_bytes: Callable[[int], bytes] = secrets.token_bytes
    ) -> MasterKey:
        return cls(some_bytes(4).hex(), now, some_bytes(KEY_BYTES))

    def lookup(self, number: str) -> bytes:
        """By what a number is found: its HMAC-SHA-256, which says nothing without this key."""
        return hmac.digest(self._index, number.encode(), "sha256")

    def wrap(self, person_id: UUID, data_key: bytes) -> bytes:
        return self._wraps.encrypt(data_key, [person_id.bytes])

    def unwrap(self, person_id: UUID, wrapped: bytes) -> bytes:
        """Raises CannotUnwrap."""
        try:
            return self._wraps.decrypt(wrapped, [person_id.bytes])
        except InvalidTag:
            raise CannotUnwrap("another master key wrapped it, or it was changed") from None


@frozen
class KeyRing:
    """All master keys that something may still be wrapped with, oldest first."""

    keys: tuple[MasterKey, ...]

    @property
    def newest(self) -> MasterKey:
        return self.keys[-1]

    def find(self, key_id: str) -> MasterKey | None:
        return next((each for each in self.keys if each.key_id == key_id), None)

    def __contains__(self, key_id: str) -> bool:
        return self.find(key_id) is not None

    def with_new(self, key: MasterKey) -> KeyRing:
        return KeyRing((*self.keys, key))

    def replaced(self, now: datetime) -> KeyRing:
        """All but the newest are out of use from now on, if they were not before."""
        *older, newest = self.keys
        return KeyRing(
            (*(evolve(each, replaced_at=each.replaced_at or now) for each in older), newest)
        )

    def without(self, gone: Callable[[MasterKey], bool]) -> KeyRing:
        *older, newest = self.keys
        return KeyRing((*(each for each in older if not gone(each)), newest))


class _StoredKey(Struct, forbid_unknown_fields=True):
    id: Annotated[str, Meta(pattern="^[0-9a-f]{8}$")]
    made_at: datetime
    key: bytes
    replaced_at: datetime | None = None


class _StoredRing(Struct, forbid_unknown_fields=True):
    talktime: str
    keys: Annotated[list[_StoredKey], Meta(min_length=1, max_length=1_000)]


class KeyRingFile:
    """A key ring in a file that only its owner reads."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def read(self) -> KeyRing:
        """Raises KeysUnusable."""
        try:
            stored = msgspec.json.decode(self.path.read_bytes(), type=_StoredRing)
        except OSError as error:
            raise KeysUnusable(f"{self.path}: {error.strerror}") from error
        except (msgspec.MsgspecError, UnicodeDecodeError):
            raise KeysUnusable(f"{self.path} holds no master keys of persons") from None
        if stored.talktime != _KIND:
            raise KeysUnusable(f"{self.path} holds {stored.talktime[:40]!r}, not {_KIND}")
        if any(len(each.key) != KEY_BYTES for each in stored.keys):
            raise KeysUnusable(f"{self.path}: a master key has {KEY_BYTES} bytes")
        return KeyRing(
            tuple(
                MasterKey(
                    each.id,
                    _utc(each.made_at),
                    each.key,
                    each.replaced_at and _utc(each.replaced_at),
                )
                for each in stored.keys
            )
        )

    def make(self, now: datetime) -> None:
        """A ring with one new key. Raises FileExistsError rather than replace one.

        Killed in the middle it leaves no file, and another process that starts at the same moment
        never finds half of one.
        """
        self.path.parent.mkdir(parents=True, exist_ok=True)
        new = self.path.with_name(f"{self.path.name}.{secrets.token_hex(4)}.new")
        try:
            _write(new, KeyRing((MasterKey.new(now),)))
            self._put_there(new)
        finally:
            new.unlink(missing_ok=True)
        _sync_folder(self.path.parent)

    def _put_there(self, new: Path) -> None:
        """A link, because a rename would replace what somebody else has made meanwhile."""
        try:
            os.link(new, self.path)
        except OSError as error:
            if error.errno not in _NO_LINKS:
                raise
            if self.path.exists():
                raise FileExistsError(errno.EEXIST, "File exists", str(self.path)) from None
            new.replace(self.path)

    def replace(self, ring: KeyRing) -> None:
        """The whole file at once and synced: whoever reads it finds the old ring or the new one."""
        new = self.path.with_name(self.path.name + ".new")
        new.unlink(missing_ok=True)
        _write(new, ring)
        new.replace(self.path)
        _sync_folder(self.path.parent)

    @contextmanager
    def held(self) -> Iterator[None]:
        """Nobody else changes the ring meanwhile. Raises the library's OperationalError."""
        lock = FileLock(self.path.with_name(self.path.name + ".lock"))
        try:
            with lock.held():
                yield
        finally:
            lock.close()


def _write(path: Path, ring: KeyRing) -> None:
    with open(path, "xb", opener=_for_the_owner) as file:
        file.write(_encoded(ring))
        file.flush()
        os.fsync(file.fileno())


def _encoded(ring: KeyRing) -> bytes:
    keys = [
        _StoredKey(each.key_id, each.made_at, each.secret, each.replaced_at) for each in ring.keys
    ]
    return msgspec.json.format(msgspec.json.encode(_StoredRing(_KIND, keys))) + b"\n"


def _derived(secret: bytes, info: bytes, length: int) -> bytes:
    return HKDF(SHA256(), length, salt=None, info=info).derive(secret)


def _utc(moment: datetime) -> datetime:
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _for_the_owner(name: str, flags: int) -> int:
    return os.open(name, flags, 0o600)


def _sync_folder(folder: Path) -> None:
    opened = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
