"""Sealed files: what only the owner of a key can read (age, https://age-encryption.org/v1)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pyrage

from application.printing import PrintedCard, read, sealed_parts

_ACCEPTED = "a public key of age that begins with age1, or of SSH: ssh-ed25519 or ssh-rsa"


class AgeSealer:
    """The port ``Sealer``."""

    def check(self, recipient: str) -> str:
        recipient = recipient.strip()
        _recipient(recipient)
        return recipient

    def seal(self, recipient: str, clear: bytes) -> bytes:
        sealed: bytes = pyrage.encrypt(clear, [_recipient(recipient)], armored=True)
        return sealed.rstrip(b"\n") + b"\n"


class CannotOpen(Exception):
    """A sealed file that cannot be read; the message says why."""


def cards_in(file: Path, identity: Path) -> Iterator[PrintedCard]:
    """The cards of an exported file, opened part by part with the key in another file.

    Raises CannotOpen.
    """
    keys = _identities(identity)
    try:
        with file.open("rb") as exported:
            yield from _opened(sealed_parts(exported), keys)
    except OSError as error:
        raise CannotOpen(f"{file}: {error.strerror}") from error
    except ValueError as error:
        raise CannotOpen(f"{file}: {error}") from error


def _opened(parts: Iterable[bytes], keys: list[Any]) -> Iterator[PrintedCard]:
    for number, part in enumerate(parts, start=1):
        try:
            clear = pyrage.decrypt(part, keys)
        except pyrage.DecryptError as error:
            raise CannotOpen(
                f"part {number} of the file is not sealed to this key, or is damaged: {error}"
            ) from error
        yield from read(clear)


def _recipient(recipient: str) -> Any:
    kind = pyrage.ssh if recipient.startswith("ssh-") else pyrage.x25519
    try:
        return kind.Recipient.from_str(recipient)
    except pyrage.RecipientError as error:
        raise ValueError(_ACCEPTED) from error


def _identities(path: Path) -> list[Any]:
    """The secret keys in a file as ``age-keygen`` writes it, or an OpenSSH key."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise CannotOpen(f"{path}: {error.strerror}") from error
    try:
        if b"PRIVATE KEY-----" in content:
            return [pyrage.ssh.Identity.from_buffer(content)]
        lines = [line.strip() for line in content.decode().splitlines()]
        keys = [line for line in lines if line and not line.startswith("#")]
        if not keys:
            raise CannotOpen(f"{path} holds no key; `age-keygen` makes one")
        return [pyrage.x25519.Identity.from_str(key) for key in keys]
    except (pyrage.IdentityError, UnicodeDecodeError) as error:
        raise CannotOpen(f"{path} holds no secret key of age or SSH") from error
