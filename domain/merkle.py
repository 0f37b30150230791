"""Merkle trees: one hash over many entries, and short proofs that an entry is among them.

RFC 6962, section 2.1. Leaves and nodes are hashed under different first bytes, so that neither can
be passed off as the other.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from hashlib import sha256

from attrs import frozen

EMPTY = sha256().digest()
"""The root of a tree without entries."""

HASH_BYTES = 32

_LEAF = b"\x00"
_NODE = b"\x01"


def leaf_hash(entry: bytes) -> bytes:
    return sha256(_LEAF + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    return sha256(_NODE + left + right).digest()


def merkle_root(leaves: Sequence[bytes]) -> bytes:
    """The root over these leaf hashes."""
    level = list(leaves)
    if not level:
        return EMPTY
    while len(level) > 1:
        level = _above(level)
    return level[0]


def inclusion_path(index: int, leaves: Sequence[bytes]) -> list[bytes]:
    """The hashes beside the way from a leaf up to the root, lowest first."""
    if not 0 <= index < len(leaves):
        raise IndexError(f"a tree of {len(leaves)} leaves has no leaf {index}")
    path: list[bytes] = []
    level = list(leaves)
    while len(level) > 1:
        if (beside := index ^ 1) < len(level):
            path.append(level[beside])
        level = _above(level)
        index //= 2
    return path


def root_of_path(index: int, size: int, leaf: bytes, path: Sequence[bytes]) -> bytes:
    """The root that this leaf has in a tree of this size, by its inclusion path.

    Raises ValueError if a leaf at this place cannot have such a path.
    """
    if not 0 <= index < size:
        raise ValueError(f"a tree of {size} leaves has no leaf {index}")
    found, beside = leaf, iter(path)
    last = size - 1
    try:
        while last:
            # A node without one beside it moves up as it is.
            if index & 1:
                found = node_hash(next(beside), found)
            elif index != last:
                found = node_hash(found, next(beside))
            index, last = index // 2, last // 2
    except StopIteration:
        raise ValueError("the path is too short for a tree of this size") from None
    if next(beside, None) is not None:
        raise ValueError("the path is too long for a tree of this size")
    return found


@frozen
class Frontier:
    """A tree that only grows: its size, and the roots of its full subtrees, largest first.

    That is all that is needed to add a leaf and to tell the root: a few dozen hashes, however
    large the tree is.
    """

    size: int = 0
    peaks: tuple[bytes, ...] = ()

    def add(self, leaf: bytes) -> Frontier:
        peaks, filled = list(self.peaks), self.size
        while filled & 1:
            leaf = node_hash(peaks.pop(), leaf)
            filled >>= 1
        return Frontier(self.size + 1, (*peaks, leaf))

    @property
    def root(self) -> bytes:
        if not self.peaks:
            return EMPTY
        *others, root = self.peaks
        for peak in reversed(others):
            root = node_hash(peak, root)
        return root


def frontier_of(leaves: Iterable[bytes]) -> Frontier:
    frontier = Frontier()
    for leaf in leaves:
        frontier = frontier.add(leaf)
    return frontier


def _above(level: Sequence[bytes]) -> list[bytes]:
    above = [sha256(_NODE + left + right).digest() for left, right in _pairs(level)]
    if len(level) % 2:
        above.append(level[-1])
    return above


def _pairs(level: Sequence[bytes]) -> Iterator[tuple[bytes, bytes]]:
    return zip(level[::2], level[1::2], strict=False)
