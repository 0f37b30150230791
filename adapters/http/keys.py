"""The API keys of the settings, known by their digests, and what each of them opens."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable

from attrs import field, frozen

from application.permissions import Actor
from domain.machine_keys import Scope

__all__ = ["ApiKey", "ApiKeys", "Scope", "digest_of"]

LEAST_KEY = 32
"""Characters. A digest without salt or stretching is enough only for a key nobody can guess."""

MOST_KEY = 256
MOST_KEYS = 100
_DIGEST_CHARACTERS = 64


def digest_of(secret: str) -> str:
    """The SHA-256 by which a key is known, in hexadecimal.

    Raises ValueError, which never shows the key, unless it is LEAST_KEY to MOST_KEY visible ASCII
    characters.
    """
    if not (
        LEAST_KEY <= len(secret) <= MOST_KEY and secret.isascii() and secret.isprintable()
    ) or any(character.isspace() for character in secret):
        raise ValueError(
            f"an API key is {LEAST_KEY} to {MOST_KEY} visible ASCII characters without spaces; "
            f"this one has {len(secret)} characters"
        )
    return hashlib.sha256(secret.encode()).hexdigest()


def _is_digest(_: object, __: object, digest: str) -> None:
    if len(digest) != _DIGEST_CHARACTERS or set(digest) - set("0123456789abcdef"):
        raise ValueError("the digest of an API key is its SHA-256 in lower-case hexadecimal")


def _is_name(_: object, __: object, name: str) -> None:
    if not (1 <= len(name) <= 64 and name.isascii() and name.isprintable()):
        raise ValueError(f"the name of an API key is 1 to 64 ASCII characters, not {name!r}")


def _scopes(scopes: Iterable[Scope]) -> frozenset[Scope]:
    return frozenset(scopes)


@frozen
class ApiKey:
    """``name`` says in records who asked; ``nodes`` narrows a machine's key to its own calls.

    ``nodes`` None: the key speaks for every Asterisk.
    """

    name: str = field(validator=_is_name)
    digest: str = field(validator=_is_digest, repr=False)
    scopes: frozenset[Scope] = field(converter=_scopes)
    nodes: frozenset[str] | None = None

    @property
    def actor(self) -> Actor:
        return Actor(self.name, self.name, scopes=self.scopes, nodes=self.nodes)


class ApiKeys:
    """The keys that are let in. Raises ValueError if two share a name or a secret."""

    def __init__(self, keys: Iterable[ApiKey]) -> None:
        self._keys = tuple(keys)
        if len(self._keys) > MOST_KEYS:
            raise ValueError(f"there are {MOST_KEYS} API keys at most, not {len(self._keys)}")
        for what in ("name", "digest"):
            if len({getattr(each, what) for each in self._keys}) < len(self._keys):
                raise ValueError(f"two API keys have the same {what}")

    def find(self, secret: str) -> ApiKey | None:
        """The key, or None. Takes as long for a near miss as for a far one."""
        try:
            digest = digest_of(secret)
        except ValueError:
            return None
        found = None
        for key in self._keys:
            if hmac.compare_digest(key.digest, digest):
                found = key
        return found
