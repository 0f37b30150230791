"""What a stream is about gives its id, so whoever names it again names the same."""

from __future__ import annotations

from uuid import UUID

import pytest
from hypothesis import given as forall
from hypothesis import strategies as st

from application import kinds
from tests.support.persons import sealed

SESSION = kinds.session_id("pbx1-1763765000.42")


@pytest.mark.parametrize(
    "reference",
    ["pbx1-1763765000.42", "a-176376500.1", "pbx1-host.example-1763765000.42", "x-17637650000.0"],
)
def test_a_call_is_its_node_and_asterisks_id(reference: str) -> None:
    assert kinds.session_id(reference) == kinds.session_id(reference)
    assert kinds.session_id(reference) != kinds.session_id("other" + reference[1:])


@pytest.mark.parametrize(
    "reference",
    [
        "",
        "1763765000.42",
        "-1763765000.42",
        "PBX-1763765000.42",
        "pbx1-1763765000",
        "pbx1-12.42",
        "pbx1-1763765000.42 ",
        "pbx1-1763765000.42\n",
        "pbx1-١٧٦٣٧٦٥٠٠٠.42",
        "pbx1-hôte-1763765000.42",
        "p" * 17 + "-1763765000.42",
        "pbx1-999999999999.1",
    ],
)
def test_anything_else_is_no_reference(reference: str) -> None:
    with pytest.raises(ValueError, match="<node>-<Asterisk's unique id>"):
        kinds.session_id(reference)


@forall(st.integers(10**9, 10**10), st.integers(10**9, 10**10))
def test_sessions_sort_by_the_time_of_the_call(one: int, other: int) -> None:
    first, second = (kinds.session_id(f"pbx1-{when}.1") for when in (one, other))
    assert one == other or (first < second) == (one < other)


def test_the_attempts_of_a_call_have_holds_of_their_own() -> None:
    other = kinds.session_id("pbx1-1763765000.43")
    holds = {kinds.hold_id(call, n) for call in (SESSION, other) for n in range(1, 101)}
    assert len(holds) == 200


def test_what_has_the_same_name_is_not_the_same_thing() -> None:
    ids = [
        kinds.access_number_id("x"),
        kinds.caller_id_id(sealed("x")),
        kinds.card_group_id("x"),
        kinds.tariff_id("x"),
    ]
    assert len(set(ids)) == 4


def test_what_belongs_to_a_card_lies_beside_it() -> None:
    account, face_value = kinds.account_id_of_card(SESSION), kinds.face_value_id_of_card(SESSION)
    assert account.int >> 54 == face_value.int >> 54 == SESSION.int >> 54
    assert account != face_value
    assert account not in (SESSION, kinds.account_id_of_card(UUID(int=SESSION.int + 1)))
