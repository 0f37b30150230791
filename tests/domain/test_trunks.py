"""A trunk carries so many calls at once and gets numbers the way it wants them."""

from __future__ import annotations

import pytest
from hypothesis import given as forall
from hypothesis import strategies as st

from domain.errors import AlreadyExists, SettingNotAllowed
from domain.trunks import (
    Translation,
    TrunkAdded,
    TrunkChanged,
    TrunkTerms,
    add,
    evolve,
    translated,
)
from tests.support.story import given

TERMS = TrunkTerms("acme")


@pytest.mark.parametrize(
    ("translations", "sent"),
    [
        ((), "48221234567"),
        ((Translation("", 0, "00"),), "0048221234567"),
        ((Translation("48", 2, "0"),), "0221234567"),
        ((Translation("48", 0, "9981"),), "998148221234567"),
        ((Translation("", 0, "00"), Translation("48", 2, "0")), "0221234567"),
        ((Translation("48", 2, "0"), Translation("4822", 4, "")), "1234567"),
        ((Translation("39", 2, "0"),), "48221234567"),
    ],
)
def test_a_number_is_sent_as_its_longest_match_says(
    translations: tuple[Translation, ...], sent: str
) -> None:
    assert translated(translations, "48221234567") == sent
    assert translated(translations[::-1], "48221234567") == sent


MATCHES = st.text("0123456789", max_size=4)


@st.composite
def translation(draw: st.DrawFn) -> Translation:
    match = draw(MATCHES)
    strip = draw(st.integers(0, len(match)))
    return Translation(match, strip, draw(st.text("0123456789", max_size=16)))


@forall(
    st.lists(translation(), max_size=6, unique_by=lambda each: each.match),
    st.text("0123456789", min_size=5, max_size=15),
)
def test_only_digits_are_sent_and_no_two_numbers_become_one(
    rules: list[Translation], digits: str
) -> None:
    sent = translated(rules, digits)
    assert sent == "" or (sent.isascii() and sent.isdigit())
    assert len(sent) <= 31
    fitting = [each for each in rules if digits.startswith(each.match)]
    if fitting:
        by = max(fitting, key=lambda each: len(each.match))
        assert sent == by.prepend + digits[by.strip :]
        assert sent.endswith(digits[len(by.match) :])
    else:
        assert sent == digits


@pytest.mark.parametrize(
    "told",
    [
        ("48", 3, ""),
        ("4x", 0, ""),
        ("", 0, "+"),
        ("", 0, "1" * 17),
        ("1" * 16, 0, ""),
        ("", -1, ""),
    ],
)
def test_a_translation_that_could_send_anything_else_is_refused(
    told: tuple[str, int, str],
) -> None:
    with pytest.raises(ValueError):
        Translation(*told)


@pytest.mark.parametrize(
    "told",
    [
        {"capacity": 0},
        {"capacity": 100_001},
        {"priority": -1},
        {"caller_id": "12&34"},
        {"translations": (Translation("48"), Translation("48", 2))},
        {"translations": ["48"]},
    ],
)
def test_terms_have_limits(told: dict[str, object]) -> None:
    with pytest.raises(ValueError):
        TrunkTerms("acme", **told)  # type: ignore[arg-type]


def test_a_trunk_is_added_once_and_changed_with_who_and_why() -> None:
    assert add(None, "acme1", TERMS, "ann", "new line") == [
        TrunkAdded("acme1", TERMS, "ann", "new line")
    ]
    trunk = given(evolve, TrunkAdded("acme1", TERMS, "ann", "new line"))
    assert add(trunk, "acme1", TERMS, "bob", "again") == []
    with pytest.raises(AlreadyExists):
        add(trunk, "acme1", TrunkTerms("acme", 2), "bob", "again")
    wider = TrunkTerms("acme", 60)
    assert trunk.change(wider, "bob", "sold out") == [TrunkChanged(wider, "bob", "sold out")]
    assert evolve(trunk, TrunkChanged(wider, "bob", "")).change(wider, "bob", "") == []


@pytest.mark.parametrize("name", ["", "a b", "a@b", "a&b", "-a", "\u0664", "a" * 81])
def test_a_name_is_plain_enough_for_a_channel_string(name: str) -> None:
    with pytest.raises(SettingNotAllowed):
        add(None, name, TERMS, "ann", "")
