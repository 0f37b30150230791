"""How many PINs of one length are in use: at most one in five, so that guessing stays hopeless."""

from __future__ import annotations

from typing import assert_never

from attrs import evolve as changed
from attrs import frozen

from domain.errors import PinsUsedUp

ONE_IN = 5
"""At most one PIN in so many of its length may be in use (20 %)."""

# Facts.


@frozen
class PinsReserved:
    """PINs are set aside for a lot, an import or a single card, before they are drawn."""

    length: int
    count: int
    reserved_for: str


@frozen
class PinsReturned:
    """Some of the PINs that were set aside were not needed."""

    length: int
    count: int
    reserved_for: str


PinSpaceFact = PinsReserved | PinsReturned

# State and decisions.


@frozen
class PinSpace:
    length: int
    in_use: int = 0

    @property
    def left(self) -> int:
        space: int = 10**self.length
        return max(0, space // ONE_IN - self.in_use)

    def reserve(self, count: int, reserved_for: str) -> list[PinSpaceFact]:
        """Raises PinsUsedUp, which says how many are left."""
        if count < 1:
            raise ValueError(f"at least one PIN is reserved, not {count}")
        if count > self.left:
            raise PinsUsedUp(self.length, count, self.left)
        return [PinsReserved(self.length, count, reserved_for)]

    def give_back(self, count: int, reserved_for: str) -> list[PinSpaceFact]:
        if not 0 <= count <= self.in_use:
            raise ValueError(f"0 to {self.in_use} PINs can be given back, not {count}")
        return [PinsReturned(self.length, count, reserved_for)] if count else []


def evolve(space: PinSpace | None, fact: PinSpaceFact) -> PinSpace:
    space = space or PinSpace(fact.length)
    match fact:
        case PinsReserved(_, count):
            return changed(space, in_use=space.in_use + count)
        case PinsReturned(_, count):
            return changed(space, in_use=space.in_use - count)
        case _:
            assert_never(fact)
