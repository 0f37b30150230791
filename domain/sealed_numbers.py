"""A caller's number as the ledger keeps it: sealed under a key of that person's own (ADR 0027)."""

from __future__ import annotations

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from uuid import UUID

from attrs import frozen

BOX_BYTES = 32
"""A tag of 16 bytes, and 16 for a number: a plus sign and fifteen digits at most (E.164)."""

_FORM = re.compile(r"~([A-Za-z0-9_-]{22})\.([A-Za-z0-9_-]{43})", re.ASCII)


@frozen
class SealedNumber:
    """Whose number it is, and the number itself in a box that only the person's key opens.

    Equal numbers are sealed alike, so sealed numbers are compared and grouped as clear ones are.
    """

    person_id: UUID
    box: bytes

    def __str__(self) -> str:
        return f"~{_told(self.person_id.bytes)}.{_told(self.box)}"

    @property
    def pseudonym(self) -> str:
        """What is shown when nobody can open the box any more; the same for the same person."""
        return f"erased-{self.person_id.hex[:12]}"


def is_sealed(text: str) -> bool:
    return text.startswith("~")


def read(text: str) -> SealedNumber:
    """Raises ValueError for anything but a sealed number, without repeating it."""
    found = _FORM.fullmatch(text)
    if found is None:
        raise ValueError("a caller's number is kept sealed, and this one is not")
    person_id, box = (urlsafe_b64decode(part + "=" * (-len(part) % 4)) for part in found.groups())
    return SealedNumber(UUID(bytes=person_id), box)


def _told(value: bytes) -> str:
    return urlsafe_b64encode(value).rstrip(b"=").decode()
