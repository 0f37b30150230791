"""A lot numbers its cards, is made place by place, and gives its PINs out once."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest
from attrs import evolve as changed
from hypothesis import given as for_all
from hypothesis import strategies as st

from domain.errors import AlreadyDone, AlreadyExists, SettingNotAllowed
from domain.lots import (
    Lot,
    LotChunkStored,
    LotCompleted,
    LotExported,
    LotExportStarted,
    LotOrdered,
    Numbering,
    evolve,
    next_chunk,
    order,
)
from tests.support.story import dollars, given

SEAL = UUID(int=7)


def ordered(**told: Any) -> LotOrdered:
    lot = LotOrdered(
        "spring", UUID(int=1), Numbering("4711"), 3, 8, dollars(10), "age1…", "ann", "sale"
    )
    return changed(lot, **told)


@st.composite
def numberings(draw: st.DrawFn) -> tuple[Numbering, int]:
    if draw(st.booleans()):
        length = draw(st.integers(4, 12))
        first = draw(st.integers(0, 10**length - 50))
        size = draw(st.integers(0, 7))
        numbering = Numbering(
            f"{first:0{length}d}", first_pack=draw(st.integers(0, 3)), pack_size=size
        )
    else:
        digits = draw(st.integers(1, 3))
        numbering = Numbering(
            "",
            run=draw(st.from_regex(r"[0-9]{1,4}", fullmatch=True)),
            batch=draw(st.from_regex(r"[0-9]{1,5}", fullmatch=True)),
            first_pack=draw(st.integers(0, 40)),
            pack_size=draw(st.integers(1, 10**digits - 1)),
            pack_digits=2,
            sequence_digits=digits,
        )
    return numbering, draw(st.integers(1, 50))


@for_all(numberings())
def test_every_place_has_a_number_of_its_own_that_leads_back_to_it(
    numbered: tuple[Numbering, int],
) -> None:
    numbering, count = numbered
    numbers = [numbering.number(place) for place in range(count)]
    assert len(set(numbers)) == count
    assert {len(number) for number in numbers} == {numbering.length}
    assert [numbering.place(number) for number in numbers] == list(range(count))
    assert numbers == sorted(numbers)


@for_all(numberings())
def test_the_numbers_of_places_are_those_of_each(numbered: tuple[Numbering, int]) -> None:
    numbering, count = numbered
    places = range(count // 3, count)
    assert numbering.numbers(places) == [numbering.number(place) for place in places]


@for_all(numberings())
def test_the_packs_of_a_lot_are_all_of_its_places_once(numbered: tuple[Numbering, int]) -> None:
    numbering, count = numbered
    if not numbering.pack_size:
        with pytest.raises(SettingNotAllowed):
            numbering.places_of_pack(numbering.first_pack, count)
        return
    packs = range(numbering.first_pack, numbering.pack_of(count - 1) + 1)
    places = [place for pack in packs for place in numbering.places_of_pack(pack, count)]
    assert places == list(range(count))
    with pytest.raises(SettingNotAllowed):
        numbering.places_of_pack(packs.stop, count)


def test_run_batch_pack_and_sequence_stand_behind_one_another() -> None:
    numbering = Numbering(
        "", run="1", batch="02", first_pack=7, pack_size=100, pack_digits=3, sequence_digits=4
    )
    assert numbering.number(0) == "1020070001"
    assert numbering.number(99) == "1020070100"
    assert numbering.number(100) == "1020080001"
    assert numbering.place("1020070101") is None
    assert numbering.place("1030070001") is None


@pytest.mark.parametrize(
    "told",
    [
        {"first": "47a1"},
        {"first": "4711", "run": "1", "batch": "1"},
        {"first": ""},
        {"first": "", "run": "1", "batch": "2"},
        {"first": "", "run": "12345", "batch": "2", "pack_size": 5, "pack_digits": 1},
        {
            "first": "",
            "run": "1",
            "batch": "2",
            "pack_size": 10,
            "pack_digits": 1,
            "sequence_digits": 1,
        },
    ],
)
def test_a_numbering_that_makes_no_numbers_is_refused(told: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        Numbering(**told)


def test_numbers_that_need_more_digits_are_refused() -> None:
    with pytest.raises(SettingNotAllowed):
        order(None, ordered(numbering=Numbering("9998"), count=3))
    assert order(None, ordered(numbering=Numbering("9998"), count=2))


def test_the_same_order_again_changes_nothing_whoever_gives_it() -> None:
    lot = given(evolve, ordered())
    assert order(lot, ordered(by="bob", why="to finish it")) == []
    with pytest.raises(AlreadyExists):
        order(lot, ordered(count=4))


def test_a_lot_goes_on_behind_what_is_stored() -> None:
    lot = given(evolve, ordered(), LotChunkStored(0, 2, SEAL, (1,)))
    planned = next_chunk(lot, 100)
    assert planned is not None
    assert (planned.first, planned.count) == (2, 1)
    assert (lot.made, lot.kept, lot.left, lot.seals) == (1, 1, 1, (SEAL,))
    with pytest.raises(ValueError, match="1 cards"):
        lot.complete()


def finished(*facts: Any) -> Lot:
    return given(evolve, ordered(), LotChunkStored(0, 3, SEAL, ()), LotCompleted(3, 0), *facts)


def test_the_pins_leave_once() -> None:
    assert finished().start_export("ann", "print") == [LotExportStarted("ann", "print")]
    started = finished(LotExportStarted("ann", "print"))
    assert started.start_export("ann", "again") == []
    with pytest.raises(AlreadyDone):
        started.start_export("bob", "print")
    done = finished(LotExportStarted("ann", "print"), LotExported("ann", 3, "00"))
    with pytest.raises(AlreadyDone):
        done.start_export("ann", "print")
    assert done.finish_export("ann", "00") == []


def test_an_unfinished_lot_is_not_exported() -> None:
    lot = given(evolve, ordered(), LotChunkStored(0, 2, SEAL, ()))
    with pytest.raises(SettingNotAllowed):
        lot.start_export("ann", "print")
