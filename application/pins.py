"""PINs: the system knows each by a keyed digest only; the key lies outside the database."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Iterator

from attrs import field, frozen


def _long_enough(_: object, __: object, key: bytes) -> None:
    if len(key) < 32:
        raise ValueError(f"the PIN key has at least 32 bytes, not {len(key)}")


@frozen
class PinDigests:
    """Digests PINs with HMAC-SHA-256 (RFC 2104). Why not a slow hash: ADR 0009."""

    key: bytes = field(validator=_long_enough, repr=False)
    _begun: hmac.HMAC = field(init=False, repr=False, eq=False)
    """What the digests of all PINs have in common, worked out once for the millions of a lot."""

    @_begun.default
    def _begin(self) -> hmac.HMAC:
        return hmac.new(self.key, b"pin:", hashlib.sha256)

    def digest(self, pin: str) -> str:
        digest = self._begun.copy()
        digest.update(pin.encode())
        return digest.hexdigest()


def random_digits(length: int, below: Callable[[int], int]) -> str:
    """Digits from a source of random numbers such as ``secrets.randbelow``, zeros in front too."""
    return f"{below(10**length):0{length}d}"


def many_random_digits(
    count: int, length: int, some_bytes: Callable[[int], bytes]
) -> Iterator[str]:
    """Digits from random bytes such as ``secrets.token_bytes`` gives, asked for at once.

    Each text of digits is as likely as any other: what would favour the small ones is drawn anew.
    """
    choices = 10**length
    size = (choices.bit_length() + 7) // 8 + 4
    fair = 256**size // choices * choices
    while count:
        drawn = some_bytes(size * count)
        for at in range(0, len(drawn), size):
            number = int.from_bytes(drawn[at : at + size], "big")
            if number < fair:
                yield f"{number % choices:0{length}d}"
                count -= 1
