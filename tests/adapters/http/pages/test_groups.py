"""Card groups on the pages: every term, its limits, and two people who change one group."""

from __future__ import annotations

import attrs
import pytest

from adapters.http.pages.groups import CHANGE, NEW
from application import kinds
from domain.card_groups import GroupTerms
from domain.people import Role
from tests.adapters.http.pages.conftest import Visits
from tests.adapters.http.pages.visitor import Visitor
from tests.adapters.http.world import World, usd

WORLD = kinds.card_group_id("world")
FILLED = {
    "terms__unit": "USD",
    "terms__face_value": "10.00",
    "terms__tariff": "retail",
    "terms__login_mode": "PIN only",
    "terms__number_length": "12",
    "terms__pin_length": "14",
    "terms__setup_fee": "0.50",
    "terms__daily_fee": "0.05",
    "terms__expires_on": "2027-12-31T23:00",
    "terms__valid_days": "90",
    "terms__simultaneous_calls": "2",
    "terms__most_held": "4",
    "terms__longest_call": "3600",
    "terms__pinless_allowed": None,
    "terms__store_caller_id_at_login": "true",
    "terms__deny_double_use": "true",
    "terms__minimum_balance": "0.10",
    "terms__say_balance": None,
    "terms__say_time": None,
    "terms__ghost_percent": "95",
    "terms__first_announcement": "custom/welcome",
    "terms__languages": "en, es",
    "terms__operator_number": "+18005550199",
}


@pytest.mark.parametrize("page", [NEW, CHANGE], ids=["new", "change"])
def test_a_form_has_every_term(owner: Visitor, page: object) -> None:
    path = "/groups/new" if page is NEW else f"/groups/{WORLD}/change"
    text = owner.get(path).text
    for each in attrs.fields(GroupTerms):
        assert f'name="terms.{each.name}"' in text, each.name


def test_what_is_filled_in_are_the_terms(world: World, owner: Visitor) -> None:
    answer = owner.send(owner.form("/groups/new"), name="Gold", **FILLED)
    assert answer.status_code == 303, answer.text
    terms = world.administration.group("Gold").terms
    default = GroupTerms("USD", usd("10.00"), "retail")
    for each in attrs.fields(GroupTerms):
        same = getattr(terms, each.name) == getattr(default, each.name)
        assert same == (each.name in ("unit", "face_value", "tariff")), each.name
    assert terms.daily_fee == usd("0.05")
    assert terms.languages == ("en", "es")
    page = owner.follow(answer)
    assert "The card group is there." in page.text
    assert "0.05 USD" in page.text


def test_the_form_of_a_change_sent_as_it_is_changes_nothing(world: World, owner: Visitor) -> None:
    owner.send(owner.form("/groups/new"), name="Gold", **FILLED)
    group_id = kinds.card_group_id("Gold")
    before = world.administration.group("Gold").terms
    assert owner.send(owner.form(f"/groups/{group_id}/change")).status_code == 303
    assert world.administration.group("Gold").terms == before
    assert len(world.units.history(group_id)) == 1


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("terms__face_value", "", "Fill this in."),
        ("terms__face_value", "-5", "face_value is zero or more"),
        ("terms__number_length", "3", "At least 4."),
        ("terms__pin_length", "21", "At most 20."),
        ("terms__pin_length", "eight", "A whole number"),
        ("terms__languages", "English", "This is not written as it has to be."),
        ("terms__operator_number", "911", "This is not written as it has to be."),
        ("terms__longest_call", "86401", "At most 86400."),
        ("terms__expires_on", "tomorrow", "A day and a time"),
        ("terms__login_mode", "none", "is not one of the choices"),
        ("terms__unit", "dollars", "This is not written"),
        ("name", "", "Fill this in."),
    ],
)
def test_what_is_wrong_is_told_at_its_field_and_nothing_is_lost(
    world: World, owner: Visitor, name: str, value: str, told: str
) -> None:
    filled = {**FILLED, "name": "Gold", name: value}
    answer = owner.send(owner.form("/groups/new"), **filled)
    assert answer.status_code == 422
    assert told.lower() in answer.text.lower()
    assert 'value="custom/welcome"' in answer.text
    assert not [g for g in world.units.streams("card group") if g == kinds.card_group_id("Gold")]


def test_the_second_of_two_is_told_who_changed_what(world: World, visits: Visits) -> None:
    owner, operator = visits(Role.OWNER), visits(Role.OPERATOR)
    path = f"/groups/{WORLD}/change"
    mine, theirs = owner.form(path), operator.form(path)
    assert operator.send(theirs, terms__daily_fee="0.20").status_code == 303
    answer = owner.send(mine, terms__valid_days="30")
    assert answer.status_code == 412
    assert "Changed meanwhile by operator" in answer.text
    assert "in force now: <strong>0.20 USD</strong>" in answer.text
    assert world.administration.group("world").terms.valid_days == 0
    again = owner.form_in(answer, path)
    assert again["terms.valid_days"] == "30"
    assert owner.send(again, terms__daily_fee="0.20").status_code == 303
    terms = world.administration.group("world").terms
    assert (terms.valid_days, terms.daily_fee) == (30, usd("0.20"))


def test_a_name_is_taken_once(owner: Visitor) -> None:
    form = owner.form("/groups/new")
    answer = owner.send(form, **FILLED | {"name": "world"})
    assert answer.status_code == 409
    assert "exists already" in answer.text
