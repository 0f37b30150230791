"""A telephone number is told in one way, E.164, however it arrives."""

from __future__ import annotations

import re

import pytest
from hypothesis import given as forall
from hypothesis import strategies as st

from application.numbers import caller_id, destination
from domain.errors import NumberNotDialable

E164 = re.compile(r"\+[1-9][0-9]{4,14}", re.ASCII)


@pytest.mark.parametrize("dialled", ["48600316058", "14155550123", "390612345678"])
def test_a_destination_is_a_country_code_and_a_number(dialled: str) -> None:
    assert destination(dialled) == "+" + dialled


@pytest.mark.parametrize(
    "dialled",
    [
        "",
        "0048600316058",
        "011486003160",
        "+48600316058",
        "4860",
        "9999999999999999",
        "4860031605٨",
        "48 600316058",
        "15551234",
        "99912345678",
    ],
)
def test_what_is_no_possible_number_is_not_dialled(dialled: str) -> None:
    with pytest.raises(NumberNotDialable) as refusal:
        destination(dialled)
    assert len(refusal.value.dialled) <= 20


@pytest.mark.parametrize(
    ("received", "country", "told"),
    [
        ("+48600316058", "US", "+48600316058"),
        ("48600316058", "US", "+48600316058"),
        ("4155550123", "US", "+14155550123"),
        ("14155550123", "US", "+14155550123"),
        ("600316058", "PL", "+48600316058"),
        ("0033123456789", "PL", "+33123456789"),
    ],
)
def test_a_caller_id_is_told_in_one_way(received: str, country: str, told: str) -> None:
    assert caller_id(received, country) == told


@pytest.mark.parametrize(
    "received",
    [
        None,
        "",
        "+",
        "anonymous",
        "Restricted",
        "+48 600",
        "100",
        "+0600316058",
        "+1234567890123456",
        "0" * 33,
        "٤٨٦٠٠٣١٦٠٥٨",
        "sip:100",
    ],
)
def test_what_cannot_stand_in_for_a_pin_is_no_caller_id(received: str | None) -> None:
    assert caller_id(received, "US") is None


@pytest.mark.parametrize("local", ["5551234", "1000000"])
def test_a_number_without_its_area_code_names_nobody(local: str) -> None:
    assert caller_id(local, "US") != "+1" + local


@forall(st.text(alphabet="+0123456789", max_size=20), st.sampled_from(["US", "PL", "VN", "CN"]))
def test_a_usable_caller_id_is_e164_and_stays_itself(received: str, country: str) -> None:
    told = caller_id(received, country)
    if told is not None:
        assert E164.fullmatch(told)
        assert caller_id(told, country) == told


@forall(st.text(alphabet="0123456789*#+ ", max_size=20))
def test_a_destination_is_e164_or_refused(dialled: str) -> None:
    try:
        number = destination(dialled)
    except NumberNotDialable:
        return
    assert number == "+" + dialled
    assert E164.fullmatch(number)
