"""The keys that machines knock with: each has a name, what it opens, and an end."""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import StrEnum
from typing import assert_never
from uuid import UUID

from attrs import evolve as changed
from attrs import field, frozen

from domain.errors import AlreadyExists, NotFound, SettingNotAllowed

MOST_KEYS = 500
"""Keys ever made, those revoked too."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}", re.ASCII)
_DIGEST = re.compile(r"[0-9a-f]{64}", re.ASCII)
_NODE = re.compile(r"[a-z0-9]{1,16}", re.ASCII)


class Scope(StrEnum):
    """What a key opens: everything an operator does, looking only, or the door of one machine."""

    ADMIN = "admin"
    READ = "read"
    NODE = "node"


# Facts.


@frozen
class MachineKeyMade:
    """The key is known by its SHA-256 only. ``nodes``: the Asterisks it speaks for; empty: all."""

    key_id: UUID
    name: str
    key_digest: str
    scopes: tuple[Scope, ...]
    nodes: tuple[str, ...]
    by: str


@frozen
class MachineKeyRevoked:
    key_id: UUID
    by: str


MachineKeyFact = MachineKeyMade | MachineKeyRevoked

# State and decisions.


@frozen
class MachineKey:
    key_id: UUID
    name: str
    key_digest: str = field(repr=False)
    scopes: tuple[Scope, ...]
    nodes: tuple[str, ...]
    revoked: bool = False


@frozen
class KeyRing:
    """All keys at once, so that a name and a secret belong to one key."""

    keys: Mapping[UUID, MachineKey] = field(factory=dict)
    by_digest: Mapping[str, UUID] = field(factory=dict, repr=False)

    def key(self, key_id: UUID) -> MachineKey:
        """Raises NotFound."""
        if (key := self.keys.get(key_id)) is None:
            raise NotFound("machine key", str(key_id))
        return key

    def find(self, key_digest: str) -> MachineKey | None:
        """The key of this digest, unless it was revoked."""
        key_id = self.by_digest.get(key_digest)
        key = self.keys[key_id] if key_id is not None else None
        return None if key is None or key.revoked else key

    def make(
        self,
        key_id: UUID,
        name: str,
        key_digest: str,
        scopes: tuple[Scope, ...],
        nodes: tuple[str, ...],
        by: str,
    ) -> list[MachineKeyFact]:
        """Raises AlreadyExists for a name in use: a name in the records means one key for ever."""
        if not _NAME.fullmatch(name):
            accepted = "1 to 64 letters, digits, dots, dashes and underscores"
            raise SettingNotAllowed("name", name[:64], accepted)
        if not _DIGEST.fullmatch(key_digest):
            raise SettingNotAllowed("key", "what was given", "known by its SHA-256")
        if not scopes:
            raise SettingNotAllowed("scopes", "nothing", f"at least one of {', '.join(Scope)}")
        if wrong := [each for each in nodes if not _NODE.fullmatch(each)]:
            raise SettingNotAllowed("nodes", wrong[0][:50], "1 to 16 small letters and digits each")
        if key_id in self.keys or any(each.name == name for each in self.keys.values()):
            raise AlreadyExists("machine key", name)
        if key_digest in self.by_digest:
            raise AlreadyExists("machine key", "with this secret")
        if len(self.keys) >= MOST_KEYS:
            raise SettingNotAllowed("machine keys", str(len(self.keys)), f"{MOST_KEYS} at most")
        distinct = tuple(sorted(set(scopes))), tuple(sorted(set(nodes)))
        return [MachineKeyMade(key_id, name, key_digest, *distinct, by)]

    def revoke(self, key_id: UUID, by: str) -> list[MachineKeyFact]:
        return [] if self.key(key_id).revoked else [MachineKeyRevoked(key_id, by)]


def evolve(ring: KeyRing | None, fact: MachineKeyFact) -> KeyRing:
    ring = ring or KeyRing()
    match fact:
        case MachineKeyMade():
            key = MachineKey(fact.key_id, fact.name, fact.key_digest, fact.scopes, fact.nodes)
            return KeyRing(
                {**ring.keys, fact.key_id: key}, {**ring.by_digest, fact.key_digest: fact.key_id}
            )
        case MachineKeyRevoked(key_id):
            revoked = changed(ring.keys[key_id], revoked=True)
            return KeyRing({**ring.keys, key_id: revoked}, ring.by_digest)
        case _:
            assert_never(fact)
