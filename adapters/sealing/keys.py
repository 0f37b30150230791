"""The key that seals are signed with: Ed25519, in a file of its own outside the database.

Both halves are written as signed notes have them (https://c2sp.org/signed-note, and the package
golang.org/x/mod/sumdb/note for the secret one), so other tools for such notes can read them.
"""

from __future__ import annotations

import base64
import binascii
import os
from collections.abc import Iterable
from pathlib import Path

from attrs import field, frozen
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
    Ed25519PublicKey,
)

from domain.checkpoints import (
    KEY_BYTES,
    Checkpoint,
    NotACheckpoint,
    Note,
    PublicKey,
    Signature,
    UnknownKey,
    check_name,
    read_checkpoint,
    read_note,
    read_public_key,
)

_SECRET = "PRIVATE+KEY+"  # noqa: S105 - how the line with the secret begins
_ED25519 = b"\x01"


class KeyUnusable(ValueError):
    """Says which file is not the key that it should be."""


@frozen
class SealKey:
    """Signs in its own name; the port ``Signer``."""

    public_key: PublicKey
    _secret: Ed25519PrivateKey = field(repr=False)

    @classmethod
    def new(cls, name: str) -> SealKey:
        """Raises ValueError for a name with a space or a plus."""
        return cls._of(check_name(name), Ed25519PrivateKey.generate())

    @classmethod
    def read(cls, path: Path) -> SealKey:
        """Raises KeyUnusable, which never repeats what is in the file."""
        try:
            line = path.read_text("utf-8").strip()
        except UnicodeDecodeError:
            raise KeyUnusable(f"{path} is no seal key") from None
        except OSError as error:
            raise KeyUnusable(f"{path}: {error.strerror}") from error
        name, _, rest = line.removeprefix(_SECRET).partition("+")
        key_id, _, encoded = rest.partition("+")
        try:
            seed = base64.b64decode(encoded, validate=True)
        except binascii.Error:
            seed = b""
        if not line.startswith(_SECRET) or len(seed) != KEY_BYTES + 1 or seed[:1] != _ED25519:
            raise KeyUnusable(f"{path} is no seal key; `talktime seal keys new` makes one")
        key = cls._of(name, Ed25519PrivateKey.from_private_bytes(seed[1:]))
        if key.public_key.key_id.hex() != key_id:
            raise KeyUnusable(f"{path} was changed: its key is not the one of its id")
        return key

    def write(self, path: Path) -> Path:
        """Keeps the secret half in a new file and the public half beside it; gives that one.

        Raises FileExistsError rather than replace a key.
        """
        path.parent.mkdir(parents=True, exist_ok=True)
        seed = base64.b64encode(_ED25519 + self._secret.private_bytes_raw()).decode()
        name, key_id = self.public_key.name, self.public_key.key_id.hex()
        with open(path, "x", opener=_for_the_owner, encoding="utf-8") as file:
            file.write(f"{_SECRET}{name}+{key_id}+{seed}\n")
            file.flush()
            os.fsync(file.fileno())
        public = path.with_name(path.name + ".pub")
        public.write_text(f"{self.public_key}\n", "utf-8")
        return public

    def sign(self, text: str) -> Note:
        signed = self._secret.sign(text.encode())
        key = self.public_key
        return Note(text, (Signature(key.name, key.key_id, signed),))

    @classmethod
    def _of(cls, name: str, secret: Ed25519PrivateKey) -> SealKey:
        return cls(PublicKey(name, secret.public_key().public_bytes_raw()), secret)


@frozen
class PublicKeys:
    """The keys that somebody trusts."""

    keys: tuple[PublicKey, ...]

    @classmethod
    def read(cls, path: Path) -> PublicKeys:
        """The keys of a file, one a line; lines that begin with # are words. Raises KeyUnusable."""
        try:
            lines = path.read_text("utf-8").splitlines()
        except UnicodeDecodeError:
            raise KeyUnusable(f"{path} holds no public keys") from None
        except OSError as error:
            raise KeyUnusable(f"{path}: {error.strerror}") from error
        return cls.of(str(path), lines)

    @classmethod
    def of(cls, source: str, lines: Iterable[str]) -> PublicKeys:
        wanted = [line for line in lines if line.strip() and not line.startswith("#")]
        if not wanted:
            raise KeyUnusable(f"{source} holds no public key")
        try:
            return cls(tuple(map(read_public_key, wanted)))
        except ValueError as error:
            raise KeyUnusable(f"{source}: {error}") from error

    def know(self, note: Note) -> bool:
        """Whether one of these keys is named as a signer."""
        named = {(key.name, key.key_id) for key in self.keys}
        return any((each.name, each.key_id) in named for each in note.signatures)

    def checkpoint(self, note: str) -> Checkpoint:
        """What the log that signed this note under one of these keys says.

        Raises UnknownKey if no such key signed, NotACheckpoint for another form or a signature
        that is wrong.
        """
        read = read_note(note)
        signed = [
            (key, each)
            for each in read.signatures
            for key in self.keys
            if (each.name, each.key_id) == (key.name, key.key_id)
        ]
        if not signed:
            names = ", ".join(sorted(each.name for each in read.signatures))
            raise UnknownKey(f"the note is signed by {names}, and no public key of it is given")
        for key, signature in signed:
            try:
                public = Ed25519PublicKey.from_public_bytes(key.key)
                public.verify(signature.signature, read.text.encode())
            except InvalidSignature:
                raise NotACheckpoint(f"the signature of {key.name} is wrong") from None
        found = read_checkpoint(read.text)
        if found.origin not in {key.name for key, _ in signed}:
            raise NotACheckpoint(f"the log {found.origin} did not sign it itself")
        return found


def unchecked(note: str) -> Checkpoint:
    """What a note says, whoever signed it. Raises NotACheckpoint for another form."""
    return read_checkpoint(read_note(note).text)


def _for_the_owner(name: str, flags: int) -> int:
    return os.open(name, flags, 0o600)
