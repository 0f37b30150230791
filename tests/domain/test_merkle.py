"""Merkle trees are those of RFC 6962, and a path proves one leaf in one place and no other."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.merkle import (
    EMPTY,
    frontier_of,
    inclusion_path,
    leaf_hash,
    merkle_root,
    node_hash,
    root_of_path,
)

# The entries and roots that implementations of RFC 6962 are tested with.
ENTRIES = [
    bytes.fromhex(text)
    for text in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
ROOTS = (
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
)

sizes = st.integers(1, 70)


def leaves(count: int) -> list[bytes]:
    return [leaf_hash(number.to_bytes(4, "big")) for number in range(count)]


@pytest.mark.parametrize("size", range(9))
def test_roots_are_those_of_rfc_6962(size: int) -> None:
    entries = [leaf_hash(each) for each in ENTRIES[:size]]
    assert merkle_root(entries).hex() == ROOTS[size]
    assert frontier_of(entries).root.hex() == ROOTS[size]


def test_a_tree_without_entries_has_a_root_too() -> None:
    assert merkle_root([]) == EMPTY


def test_a_node_cannot_be_passed_off_as_an_entry() -> None:
    left, right = leaves(2)
    assert leaf_hash(left + right) != node_hash(left, right)


@given(sizes)
def test_a_tree_that_grows_has_the_root_of_one_made_at_once(size: int) -> None:
    frontier = frontier_of(leaves(size))
    assert frontier.size == size
    assert frontier.root == merkle_root(leaves(size))
    assert len(frontier.peaks) == size.bit_count()


@given(sizes, st.data())
def test_the_path_of_a_leaf_leads_to_the_root(size: int, data: st.DataObject) -> None:
    index = data.draw(st.integers(0, size - 1))
    path = inclusion_path(index, leaves(size))
    assert root_of_path(index, size, leaves(size)[index], path) == merkle_root(leaves(size))
    assert len(path) <= (size - 1).bit_length()


@given(st.integers(2, 70), st.data())
def test_a_path_proves_no_other_leaf_no_other_place_and_no_longer_or_shorter_one(
    size: int, data: st.DataObject
) -> None:
    index = data.draw(st.integers(0, size - 1))
    other = data.draw(st.integers(0, size - 1).filter(lambda each: each != index))
    of_all, root = leaves(size), merkle_root(leaves(size))
    path = inclusion_path(index, of_all)
    assert root_of_path(index, size, of_all[other], path) != root
    for wrong in ([*path, of_all[0]], path[:-1]):
        with pytest.raises(ValueError, match=r"too (long|short)"):
            root_of_path(index, size, of_all[index], wrong)
    with suppress(ValueError):  # the other place may have a path of another length
        assert root_of_path(other, size, of_all[index], path) != root


@pytest.mark.parametrize("index", [-1, 3])
def test_a_leaf_that_is_not_in_the_tree_has_no_path(index: int) -> None:
    with pytest.raises(IndexError, match="no leaf"):
        inclusion_path(index, leaves(3))
    with pytest.raises(ValueError, match="no leaf"):
        root_of_path(index, 3, leaves(1)[0], [])
