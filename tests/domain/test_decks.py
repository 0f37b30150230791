"""The longest prefix decides the price, in a deck of any size."""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from typing import Any

import pytest
from attrs import evolve
from hypothesis import example, given
from hypothesis import strategies as st

from domain import decks
from domain.decks import Deck, Match, Rate
from domain.rating import RateTerms
from tests.support.examples import examples

POLAND = Rate("Poland", RateTerms("USD", 20_000))
MOBILE = Rate("Poland mobile", RateTerms("USD", 90_000))
WORLD = Rate("Rest of the world", RateTerms("USD", 500_000))

# Few digits, so that prefixes nest deeply and numbers often match.
few_digits = st.text("0129", max_size=15)
prices = st.integers(0, 5).map(lambda cents: Rate(f"at {cents}", RateTerms("USD", cents)))
lists = st.dictionaries(few_digits, prices, max_size=60)


def naive(rows: dict[str, Rate], digits: str) -> Match | None:
    for length in range(len(digits), -1, -1):
        if digits[:length] in rows:
            return Match(digits[:length], rows[digits[:length]])
    return None


@examples(300)
@given(lists, st.lists(st.text("0129", max_size=20), max_size=30), st.randoms())
@example({"0": WORLD, "00": POLAND, "000": MOBILE}, ["", "0", "000000000000000", "1"], None)
def test_a_deck_finds_what_trying_every_prefix_finds(
    rows: dict[str, Rate], dialled: list[str], order: Any
) -> None:
    shuffled = list(rows.items())
    if order is not None:
        order.shuffle(shuffled)
    deck = Deck.build(shuffled)
    for digits in [*dialled, *rows, *(prefix[:-1] for prefix in rows)]:
        assert deck.find(digits) == naive(rows, digits)
    assert {match.prefix: match.rate for match in deck} == rows
    assert [match.prefix for match in deck] == sorted(rows)
    assert len(deck) == len(rows)


@examples(100)
@given(st.dictionaries(few_digits, prices, min_size=1, max_size=40), st.randoms(), st.data())
def test_rows_in_any_order_and_number_make_the_same_deck(
    rows: dict[str, Rate], order: Any, data: st.DataObject
) -> None:
    shuffled = list(rows.items())
    order.shuffle(shuffled)
    with pytest.MonkeyPatch.context() as patch:
        # A small chunk makes many sorted runs of few rows, as a long list makes of many.
        patch.setattr(decks, "_CHUNK", data.draw(st.integers(1, 7)))
        deck = Deck.build(shuffled)
    assert list(deck) == [Match(prefix, rows[prefix]) for prefix in sorted(rows)]
    for prefix in rows:
        assert deck.find(prefix + "9") == naive(rows, prefix + "9")


def test_the_longest_prefix_decides_the_price() -> None:
    deck = Deck.build([("485", MOBILE), ("48", POLAND)])
    assert deck.find("48512345678") == Match("485", MOBILE)
    assert deck.find("48221234567") == Match("48", POLAND)


def test_a_number_after_the_last_prefix_of_a_country_still_belongs_to_the_country() -> None:
    deck = Deck.build([("48", POLAND), ("48501", MOBILE), ("485012", MOBILE), ("4851", MOBILE)])
    assert deck.find("48599") == Match("48", POLAND)
    assert deck.find("48509") == Match("48", POLAND)


def test_a_lookup_looks_at_few_prefixes_however_many_there_are() -> None:
    looked_at = 0

    class Counted(array):  # type: ignore[type-arg]
        def __getitem__(self, place: Any) -> Any:
            nonlocal looked_at
            looked_at += 1
            return super().__getitem__(place)

    pairs = (f"48{number:04d}" for number in range(10_000))
    rows = [(prefix + last, MOBILE) for prefix in pairs for last in ("", "1")]
    deck = Deck.build([("4", POLAND), *rows])
    counted = evolve(deck, keys=Counted("q", deck._keys))
    assert counted.find("49") == Match("4", POLAND)
    halvings, longest_way_up = 15, 16
    assert 0 < looked_at <= halvings + longest_way_up + 1


def test_a_number_without_a_price_is_not_found() -> None:
    deck = Deck.build([("48", POLAND)])
    assert deck.find("49") is None
    assert deck.find("47") is None
    assert deck.find("4") is None
    assert deck.find("") is None


def test_an_empty_deck_finds_nothing() -> None:
    assert Deck.build([]).find("48") is None


def test_the_empty_prefix_is_the_price_of_everything_else() -> None:
    deck = Deck.build([("48", POLAND), ("", WORLD)])
    assert deck.find("4922") == Match("", WORLD)
    assert deck.find("") == Match("", WORLD)
    assert deck.find("4822") == Match("48", POLAND)


def test_zeros_make_prefixes_of_their_own() -> None:
    deck = Deck.build([("1", POLAND), ("10", MOBILE), ("0", WORLD)])
    assert deck.find("1") == Match("1", POLAND)
    assert deck.find("100") == Match("10", MOBILE)
    assert deck.find("00") == Match("0", WORLD)


def test_digits_beyond_the_fifteenth_make_no_difference() -> None:
    deck = Deck.build([("480123456789012", MOBILE), ("48", POLAND)])
    assert deck.find("480123456789012345678") == Match("480123456789012", MOBILE)


@pytest.mark.parametrize("chunk", [1, 2, 100])
def test_a_prefix_that_comes_twice_is_refused_by_name(
    chunk: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decks, "_CHUNK", chunk)
    rows = [("485", MOBILE), ("48", POLAND), ("4", WORLD), ("485", MOBILE)]
    with pytest.raises(ValueError, match="the prefix '485' comes twice"):
        Deck.build(rows)


@pytest.mark.parametrize("prefix", ["+48", "48 ", "4x", "٤٨", "-1", "4_8", "48\n"])
def test_a_prefix_is_digits_alone(prefix: str) -> None:
    with pytest.raises(ValueError, match="a prefix is the digits 0 to 9 alone"):
        Deck.build([(prefix, POLAND)])
    with pytest.raises(ValueError, match="a dialled number is the digits 0 to 9 alone"):
        Deck.build([("48", POLAND)]).find(prefix)


def test_a_prefix_is_no_longer_than_a_number() -> None:
    with pytest.raises(ValueError, match="a prefix is at most 15 digits, not '1234567890123456'"):
        Deck.build([("1234567890123456", POLAND)])


def test_a_deck_has_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decks, "MOST_PREFIXES", 3)

    def endless() -> Iterator[tuple[str, Rate]]:
        number = 1
        while True:
            yield str(number), POLAND
            number += 1

    assert len(Deck.build([("1", POLAND), ("2", POLAND), ("3", POLAND)])) == 3
    with pytest.raises(ValueError, match="a deck holds at most 3 prefixes"):
        Deck.build(endless())


def test_equal_rates_are_kept_once() -> None:
    deck = Deck.build(
        (str(number), Rate("Poland", RateTerms("USD", 20_000))) for number in range(48_000, 48_500)
    )
    assert len({id(match.rate) for match in deck}) == 1
    assert repr(deck) == "Deck(500 prefixes, 1 rates)"


@pytest.mark.parametrize("destination", ["", "x" * 201])
def test_a_destination_has_a_name(destination: str) -> None:
    with pytest.raises(ValueError, match="a destination is a name of 1 to 200 characters"):
        Rate(destination, POLAND.terms)
