"""Names have one owner, the business keeps one, and asking twice changes nothing."""

from __future__ import annotations

from functools import reduce
from uuid import UUID

import pytest
from hypothesis import given as for_all
from hypothesis import strategies as st

from domain.errors import AlreadyExists, NotFound, SettingNotAllowed
from domain.people import (
    MOST_PEOPLE,
    PasswordChanged,
    PersonCreated,
    PersonDisabled,
    Role,
    RoleGiven,
    Staff,
    TotpDisabled,
    TotpEnabled,
    evolve,
)
from tests.support.story import given

ANN, BOB, KEY = UUID(int=1), UUID(int=2), UUID(int=9)
ANN_IN = PersonCreated(ANN, "Ann", Role.OWNER, None, "root")
BOB_IN = PersonCreated(BOB, "Bob", Role.OWNER, None, "Ann")


def test_a_person_is_created_once() -> None:
    assert Staff().create(ANN, "Ann", Role.OWNER, None, "root") == [ANN_IN]
    assert given(evolve, ANN_IN).create(ANN, "Ann", Role.OWNER, None, "root") == []


@pytest.mark.parametrize("name", ["Ann", "ann", "ANN", "Ａnn"])
def test_a_name_has_one_owner_however_it_is_written(name: str) -> None:
    with pytest.raises(AlreadyExists):
        given(evolve, ANN_IN).create(BOB, name, Role.SUPPORT, None, "Ann")


@pytest.mark.parametrize("name", ["", " ", "x" * 65, "a\nb", " ann"])
def test_a_name_is_short_and_printable(name: str) -> None:
    with pytest.raises(SettingNotAllowed):
        Staff().create(ANN, name, Role.OWNER, None, "root")


@pytest.mark.parametrize(("role", "distributor"), [(Role.OWNER, "East"), (Role.DISTRIBUTOR, None)])
def test_a_distributor_is_named_for_its_role_alone(role: Role, distributor: str | None) -> None:
    with pytest.raises(SettingNotAllowed):
        Staff().create(ANN, "Ann", role, distributor, "root")
    with pytest.raises(SettingNotAllowed):
        given(evolve, ANN_IN, BOB_IN).give_role(BOB, role, distributor, "Ann")


def test_the_last_owner_stays_one() -> None:
    alone = given(evolve, ANN_IN)
    with pytest.raises(SettingNotAllowed, match="last owner"):
        alone.give_role(ANN, Role.AUDITOR, None, "Ann")
    with pytest.raises(SettingNotAllowed, match="last owner"):
        alone.disable(ANN, "Ann", "leaves")
    two = given(evolve, ANN_IN, BOB_IN)
    assert two.disable(ANN, "Bob", "leaves") == [PersonDisabled(ANN, "Bob", "leaves")]
    left = given(evolve, ANN_IN, BOB_IN, PersonDisabled(ANN, "Bob", "leaves"))
    with pytest.raises(SettingNotAllowed, match="last owner"):
        left.give_role(BOB, Role.SUPPORT, None, "Bob")


def test_secrets_count_by_the_fact_that_names_them() -> None:
    staff = given(evolve, ANN_IN, PasswordChanged(ANN, KEY, "Ann"), TotpEnabled(ANN, KEY, "Ann"))
    assert (staff.person(ANN).password, staff.person(ANN).totp) == (KEY, KEY)
    assert staff.change_password(ANN, KEY, "Ann") == []
    assert staff.disable_totp(ANN, "Ann") == [TotpDisabled(ANN, "Ann")]
    assert evolve(staff, TotpDisabled(ANN, "Ann")).disable_totp(ANN, "Ann") == []


def test_nobody_unknown_is_changed() -> None:
    with pytest.raises(NotFound):
        Staff().give_role(ANN, Role.OWNER, None, "root")


def test_there_is_a_most_of_people() -> None:
    people = [
        PersonCreated(UUID(int=n), f"p{n}", Role.OWNER, None, "root") for n in range(MOST_PEOPLE)
    ]
    with pytest.raises(SettingNotAllowed, match="at most"):
        given(evolve, *people).create(UUID(int=MOST_PEOPLE), "one more", Role.OWNER, None, "x")


CHANGES = st.lists(
    st.tuples(
        st.sampled_from(["role", "disable", "enable"]),
        st.sampled_from([ANN, BOB]),
        st.sampled_from([Role.OWNER, Role.AUDITOR, Role.SUPPORT]),
    ),
    max_size=30,
)


def tried(staff: Staff, change: str, person_id: UUID, role: Role) -> Staff:
    """The staff after a change, or as it was if the change is refused."""
    try:
        match change:
            case "role":
                facts = staff.give_role(person_id, role, None, "x")
            case "disable":
                facts = staff.disable(person_id, "x", "why")
            case _:
                facts = staff.enable(person_id, "x", "why")
    except SettingNotAllowed:
        return staff
    return reduce(evolve, facts, staff)


@for_all(CHANGES)
def test_whatever_is_tried_somebody_can_let_people_in(
    changes: list[tuple[str, UUID, Role]],
) -> None:
    staff = given(evolve, ANN_IN, BOB_IN)
    for change in changes:
        staff = tried(staff, *change)
        assert any(each.role is Role.OWNER and each.enabled for each in staff.people.values())


def test_giving_the_role_that_one_has_changes_nothing() -> None:
    staff = given(evolve, ANN_IN, BOB_IN)
    assert staff.give_role(BOB, Role.OWNER, None, "Ann") == []
    assert staff.give_role(BOB, Role.AUDITOR, None, "Ann") == [
        RoleGiven(BOB, Role.AUDITOR, None, "Ann")
    ]
