"""A card lives from the printer to its last minute, and opens only to the proof its group asks."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from attrs import evolve as changed
from hypothesis import given as forall
from hypothesis import strategies as st

from domain.card_groups import GroupTerms
from domain.cards import (
    Card,
    CardCallerIdChanged,
    CardFact,
    CardFirstUsed,
    CardGenerated,
    CardStatusChanged,
    Status,
    evolve,
    generate,
)
from domain.errors import (
    AlreadyExists,
    CardNotUsable,
    LoginFailed,
    SettingNotAllowed,
    StatusChangeNotAllowed,
)
from domain.login import LoginMode, Proof
from tests.support.story import ALICE, BOB, NOON, dollars, given, usd

GROUP, ACCOUNT = UUID(int=1), UUID(int=2)
GENERATED = CardGenerated("4711000042", "right", GROUP, ACCOUNT, dollars(10))
FOR_EVER = datetime(2090, 1, 1, tzinfo=UTC)


def card(*facts: CardFact) -> Card:
    return given(evolve, GENERATED, *facts)


def became(*statuses: Status) -> list[CardFact]:
    return [CardStatusChanged(status, "ann", "because") for status in statuses]


def terms(**told: Any) -> GroupTerms:
    return changed(GroupTerms("USD", dollars(10), "retail"), **told)


def allowed_by_the_product(status: Status, activated: bool) -> set[Status]:
    """The table of the product, told as its sentences are, from a status and a past."""
    ways = {
        Status.GENERATED: {Status.PRINTED},
        Status.PRINTED: {Status.SHIPPED},
        Status.SHIPPED: {Status.ON_HOLD, Status.ACTIVE},
        Status.ON_HOLD: {Status.ACTIVE},
        Status.ACTIVE: {Status.ON_HOLD},
    }.get(status, set())
    ended = status in (Status.VOID, Status.CANCELLED)
    void = set() if status is Status.VOID else {Status.VOID}
    cancelled = set() if ended or activated else {Status.CANCELLED}
    return ways | void | cancelled


PASTS = [
    (status, activated)
    for status in Status
    for activated in (False, True)
    if (activated or status not in (Status.ACTIVE, Status.USED, Status.EMPTY))
    and not (
        activated and status in (Status.GENERATED, Status.PRINTED, Status.SHIPPED, Status.CANCELLED)
    )
]


def with_past(status: Status, activated: bool) -> Card:
    return Card("4711000042", "right", GROUP, ACCOUNT, dollars(10), status, activated)


@pytest.mark.parametrize("wanted", Status)
@pytest.mark.parametrize(("status", "activated"), PASTS)
def test_a_status_changes_only_as_the_product_says(
    status: Status, activated: bool, wanted: Status
) -> None:
    now, may = with_past(status, activated), allowed_by_the_product(status, activated)
    if wanted is status:
        assert now.change_status(wanted, "ann", "because") == []
    elif wanted in may:
        assert now.change_status(wanted, "ann", "because") == became(wanted)
    else:
        with pytest.raises(StatusChangeNotAllowed) as refusal:
            now.change_status(wanted, "ann", "because")
        assert (refusal.value.now, refusal.value.wanted) == (status, wanted)
        assert set(refusal.value.allowed) == may


@forall(st.lists(st.sampled_from(Status), max_size=12))
def test_no_way_leads_back_to_before_activation_and_none_out_of_an_end(
    wishes: list[Status],
) -> None:
    now, was_active, ended = card(), False, None
    for wish in wishes:
        try:
            facts = now.change_status(wish, "ann", "because")
        except StatusChangeNotAllowed:
            continue
        for fact in facts:
            now = evolve(now, fact)
        was_active |= now.status is Status.ACTIVE
        assert now.activated is was_active
        assert ended in (None, now.status) or now.status is Status.VOID
        if was_active:
            assert now.status in (Status.ACTIVE, Status.ON_HOLD, Status.VOID)
        if now.status in (Status.CANCELLED, Status.VOID):
            ended = now.status


@pytest.mark.parametrize(("by", "why"), [("", "because"), ("ann", ""), (" ", "because")])
def test_every_change_names_who_and_why(by: str, why: str) -> None:
    with pytest.raises(SettingNotAllowed):
        card().change_status(Status.PRINTED, by, why)


def test_a_card_is_issued_through_all_that_it_passes() -> None:
    assert card().issue("ann", "because") == became(Status.PRINTED, Status.SHIPPED, Status.ACTIVE)
    assert card(*became(Status.PRINTED)).issue("ann", "because") == became(
        Status.SHIPPED, Status.ACTIVE
    )


ACTIVE = became(Status.PRINTED, Status.SHIPPED, Status.ACTIVE)


def test_a_card_is_issued_once() -> None:
    assert card(*ACTIVE).issue("ann", "because") == []


@pytest.mark.parametrize("end", [Status.CANCELLED, Status.VOID])
def test_an_ended_card_is_not_issued(end: Status) -> None:
    with pytest.raises(StatusChangeNotAllowed):
        card(*became(end)).issue("ann", "because")


def test_the_first_talk_makes_an_active_card_used_once() -> None:
    assert card(*ACTIVE).first_talk(NOON) == [CardFirstUsed(NOON)]
    used = card(*ACTIVE, CardFirstUsed(NOON))
    assert (used.status, used.first_used_at) == (Status.USED, NOON)
    assert used.first_talk(NOON + timedelta(days=1)) == []


def test_a_talk_that_ends_after_the_card_was_stopped_leaves_it_stopped() -> None:
    stopped = card(*ACTIVE, *became(Status.ON_HOLD), CardFirstUsed(NOON))
    assert (stopped.status, stopped.first_used_at) == (Status.ON_HOLD, NOON)


@pytest.mark.parametrize("before", [[], [CardFirstUsed(NOON)]], ids=["active", "used"])
def test_a_card_without_money_is_empty_and_active_again_when_refilled(
    before: list[CardFact],
) -> None:
    now = card(*ACTIVE, *before)
    assert now.balance_changed(usd(1)) == []
    emptied = now.balance_changed(usd(0))
    assert emptied == [CardStatusChanged(Status.EMPTY, "ledger", "the balance is zero")]
    empty = card(*ACTIVE, *before, *emptied)
    assert empty.balance_changed(usd(0)) == []
    assert empty.balance_changed(usd(1)) == [CardStatusChanged(Status.ACTIVE, "ledger", "refilled")]


@pytest.mark.parametrize("status", sorted(set(Status) - {Status.ACTIVE, Status.USED, Status.EMPTY}))
@pytest.mark.parametrize("balance", [0, 1])
def test_money_does_not_move_a_card_that_is_not_in_use(status: Status, balance: int) -> None:
    assert with_past(status, activated=False).balance_changed(usd(balance)) == []


@pytest.mark.parametrize("status", Status)
def test_only_an_active_used_or_empty_card_pays(status: Status) -> None:
    now = with_past(status, activated=True)
    if status in (Status.ACTIVE, Status.USED, Status.EMPTY):
        now.check_usable(terms(), NOON)
    else:
        with pytest.raises(CardNotUsable) as refusal:
            now.check_usable(terms(), NOON)
        assert refusal.value.reason == status


# Expiry

USED = card(*ACTIVE, CardFirstUsed(NOON))
A_MOMENT = timedelta(microseconds=1)


def test_a_card_expires_on_the_moment_of_its_date() -> None:
    dated = terms(expires_on=NOON)
    card(*ACTIVE).check_usable(dated, NOON - A_MOMENT)
    with pytest.raises(CardNotUsable, match="expired"):
        card(*ACTIVE).check_usable(dated, NOON)


def test_a_card_expires_days_after_its_first_use_to_the_moment() -> None:
    month = terms(valid_days=30)
    assert card(*ACTIVE).expires_at(month) is None
    end = NOON + timedelta(days=30)
    USED.check_usable(month, end - A_MOMENT)
    with pytest.raises(CardNotUsable, match="expired"):
        USED.check_usable(month, end)


def test_a_card_expires_at_whichever_comes_first() -> None:
    week = NOON + timedelta(days=7)
    assert USED.expires_at(terms(valid_days=7, expires_on=FOR_EVER)) == week
    assert USED.expires_at(terms(valid_days=30, expires_on=week)) == week
    assert USED.expires_at(terms()) is None


# Login

ENOUGH = {
    LoginMode.NUMBER_ONLY: set(Proof),
    LoginMode.PIN_ONLY: set(Proof) - {Proof.NUMBER_ONLY},
    LoginMode.NUMBER_AND_PIN: {Proof.NUMBER_AND_PIN, Proof.CALLER_ID},
}


@pytest.mark.parametrize("bound", [None, ALICE, BOB], ids=["free", "mine", "other's"])
@pytest.mark.parametrize("deny", [False, True], ids=["moves", "denied"])
@pytest.mark.parametrize("digest", ["right", "wrong", None])
@pytest.mark.parametrize("proof", Proof)
@pytest.mark.parametrize("mode", LoginMode)
def test_a_card_opens_to_enough_proof_and_to_nothing_less(
    mode: LoginMode, proof: Proof, digest: str | None, deny: bool, bound: str | None
) -> None:
    now = card(*ACTIVE, CardCallerIdChanged(bound))
    asked = terms(login_mode=mode, deny_double_use=deny)
    pin_is_right = not proof.has_pin or digest == "right"
    number_may = not deny or bound in (None, ALICE)
    if pin_is_right and proof in ENOUGH[mode] and number_may:
        now.check_login(proof, digest, ALICE, asked)
    else:
        with pytest.raises(LoginFailed):
            now.check_login(proof, digest, ALICE, asked)


def test_a_hidden_number_does_not_pass_for_the_bound_one() -> None:
    now, denied = card(*ACTIVE, CardCallerIdChanged(ALICE)), terms(deny_double_use=True)
    with pytest.raises(LoginFailed, match="bound to another"):
        now.check_login(Proof.NUMBER_AND_PIN, "right", None, denied)


# Generation


def test_a_card_is_generated_once() -> None:
    assert generate(None, "4711000042", "right", GROUP, ACCOUNT, dollars(10)) == [GENERATED]
    assert generate(card(), "4711000042", "right", GROUP, ACCOUNT, dollars(10)) == []


@pytest.mark.parametrize(
    "other",
    [
        ("4711000043", "right", GROUP),
        ("4711000042", "wrong", GROUP),
        ("4711000042", "right", ACCOUNT),
    ],
)
def test_one_id_never_stands_for_two_cards(other: tuple[str, str, UUID]) -> None:
    with pytest.raises(AlreadyExists):
        generate(card(), *other, ACCOUNT, dollars(10))


def test_a_caller_id_is_stored_and_removed_once() -> None:
    stored = card().store_caller_id(ALICE)
    assert stored == [CardCallerIdChanged(ALICE)]
    assert card(*stored).store_caller_id(ALICE) == card().store_caller_id(None) == []
    assert card(*stored).store_caller_id(None) == [CardCallerIdChanged(None)]
