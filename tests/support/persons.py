"""Sealed numbers that a test can make by itself."""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime
from uuid import NAMESPACE_URL, uuid5

from attrs import define, field

from adapters.persistence.person_keys import KeyRing, MasterKey
from domain.sealed_numbers import BOX_BYTES, SealedNumber, is_sealed, read


def sealed(number: str, again: int = 0) -> str:
    """What ``MemoryPersons`` seals a number as, for the first time or after it was forgotten."""
    person_id = uuid5(NAMESPACE_URL, f"{number}/{again}")
    return str(SealedNumber(person_id, number.encode().ljust(BOX_BYTES, b"\0")))


@define
class MemoryPersons:
    """The port ``Persons``. Whoever reads a box may open it, until the person is forgotten."""

    forgotten: set[str] = field(factory=set)
    known: dict[str, str] = field(factory=dict)

    def seal(self, number: str) -> str:
        times = sum(read(each).box.startswith(number.encode() + b"\0") for each in self.forgotten)
        return self.known.setdefault(number, sealed(number, times))

    def find(self, number: str) -> str | None:
        return self.known.get(number)

    def opened(self, sealed: Collection[str]) -> dict[str, str]:
        return {each: self._opened(each) for each in sealed}

    def forget(self, sealed: str) -> None:
        self.forgotten.add(sealed)
        self.known = {number: each for number, each in self.known.items() if each != sealed}

    def _opened(self, each: str) -> str:
        if not is_sealed(each):
            return each
        if each in self.forgotten:
            return read(each).pseudonym
        return read(each).box.rstrip(b"\0").decode()


KEYS = KeyRing((MasterKey("0a1b2c3d", datetime(2026, 11, 1, tzinfo=UTC), b"m" * 32),))
"""A ring with one master key, for ledgers of a test."""
