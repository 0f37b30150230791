"""PINs: the system knows each by a keyed digest only; the key lies outside the database."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable

from attrs import field, frozen


def _long_enough(_: object, __: object, key: bytes) -> None:
    if len(key) < 32:
        raise ValueError(f"the PIN key has at least 32 bytes, not {len(key)}")


@frozen
class PinDigests:
    """Digests PINs with HMAC-SHA-256 (RFC 2104). Why not a slow hash: ADR 0009."""

    key: bytes = field(validator=_long_enough, repr=False)

    def digest(self, pin: str) -> str:
        return hmac.new(self.key, b"pin:" + pin.encode(), hashlib.sha256).hexdigest()


def random_digits(length: int, below: Callable[[int], int]) -> str:
    """Digits from a source of random numbers such as ``secrets.randbelow``, zeros in front too."""
    return f"{below(10**length):0{length}d}"
