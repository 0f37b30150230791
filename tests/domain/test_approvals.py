"""Four eyes: who asks, who approves, who carries out, and what nobody may."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from domain.approvals import (
    VALID,
    ApprovalDeclined,
    ApprovalGiven,
    ApprovalRequested,
    ApprovalUsed,
    evolve,
    request,
)
from domain.errors import ApprovalNotUsable, SettingNotAllowed
from tests.support.story import NOON, given

ASKED = ApprovalRequested("lot export", "spring", "9 cards", "ann", "print", NOON + VALID)
DEED = ("lot export", "spring", "9 cards")
LATER = NOON + VALID

HISTORIES: dict[str, tuple[Any, ...]] = {
    "waiting": (),
    "approved": (ApprovalGiven("bob"),),
    "declined": (ApprovalDeclined("bob", "no"),),
    "used": (ApprovalGiven("bob"), ApprovalUsed("ann")),
}


@pytest.mark.parametrize("name", HISTORIES)
@pytest.mark.parametrize("by", ["ann", "ANN ", "bob", "cleo"])
@pytest.mark.parametrize("late", [False, True])
def test_only_a_second_person_approves_what_waits(name: str, by: str, late: bool) -> None:
    approval = given(evolve, ASKED, *HISTORIES[name])
    now = LATER if late else NOON
    if by == "bob" and name in ("approved", "used"):
        assert approval.approve(by, now) == []
    elif name == "waiting" and by in ("bob", "cleo") and not late:
        assert approval.approve(by, now) == [ApprovalGiven(by)]
    else:
        with pytest.raises(ApprovalNotUsable):
            approval.approve(by, now)


@pytest.mark.parametrize("name", HISTORIES)
@pytest.mark.parametrize("by", ["ann", "bob", "cleo"])
@pytest.mark.parametrize("late", [False, True])
def test_only_who_asked_carries_out_what_was_approved(name: str, by: str, late: bool) -> None:
    approval = given(evolve, ASKED, *HISTORIES[name])
    now = LATER if late else NOON
    if by == "ann" and name == "approved" and not late:
        assert approval.use(*DEED, by, now) == [ApprovalUsed("ann")]
    elif by == "ann" and name == "used" and not late:
        assert approval.use(*DEED, by, now) == []
    else:
        with pytest.raises(ApprovalNotUsable):
            approval.use(*DEED, by, now)


@pytest.mark.parametrize(
    "deed",
    [
        ("lot void", "spring", "9 cards"),
        ("lot export", "autumn", "9 cards"),
        ("lot export", "spring", "10 cards"),
    ],
)
def test_nothing_else_is_carried_out_with_it(deed: tuple[str, str, str]) -> None:
    approval = given(evolve, ASKED, ApprovalGiven("bob"))
    with pytest.raises(ApprovalNotUsable):
        approval.use(*deed, "ann", NOON)


def test_a_request_is_taken_back_by_who_made_it_even_when_approved() -> None:
    approval = given(evolve, ASKED, ApprovalGiven("bob"))
    assert approval.decline("ann", "not needed", NOON) == [ApprovalDeclined("ann", "not needed")]
    with pytest.raises(ApprovalNotUsable):
        given(evolve, ASKED, *HISTORIES["used"]).decline("bob", "no", NOON)


def test_a_request_names_its_reason_and_ends() -> None:
    facts = request(None, *DEED, "ann", "print", NOON)
    assert facts == [ASKED]
    assert given(evolve, *facts).state(NOON + VALID - timedelta(seconds=1)) == "waiting"
    assert given(evolve, *facts).state(NOON + VALID) == "expired"
    with pytest.raises(SettingNotAllowed):
        request(None, *DEED, "ann", " ", NOON)
