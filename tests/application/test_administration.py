"""What an operator sets up happens once, under one name, and is refused by what is wrong."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any
from uuid import UUID

import pytest
from attrs import evolve as changed

from application import kinds
from application.administration import Chance, NewCard
from application.ports import LedgerUnavailable
from domain.accounts import AccountOpened, FundsAdded
from domain.card_groups import GroupTerms
from domain.cards import Status
from domain.errors import AlreadyExists, NotFound, SettingNotAllowed, StatusChangeNotAllowed
from domain.money import Money
from domain.top_ups import TopUpReceived
from tests.support.story import WARSAW, Story, dollars, usd

TOP_UP, OTHER_TOP_UP = UUID(int=1), UUID(int=2)


@pytest.fixture
def story() -> Story:
    story = Story()
    story.group()
    return story


def nothing_more_is_recorded(story: Story, again: Callable[[], object]) -> None:
    before = len(story.units.log())
    again()
    assert len(story.units.log()) == before


# Groups and access numbers


def test_a_group_is_created_once_by_its_name(story: Story) -> None:
    nothing_more_is_recorded(story, story.group)
    with pytest.raises(AlreadyExists):
        story.group(face_value=dollars(11))


def test_the_terms_of_a_group_change_once(story: Story) -> None:
    story.change(setup_fee=dollars(1))
    assert story.admin.group("Gold").terms.setup_fee == dollars(1)
    nothing_more_is_recorded(story, lambda: story.change(setup_fee=dollars(1)))
    euros = GroupTerms("EUR", Money(1, "EUR"), "retail")
    with pytest.raises(AlreadyExists):
        story.admin.change_group("Gold", euros, "ann")


def test_what_is_not_there_is_not_found(story: Story) -> None:
    terms = story.admin.group("Gold").terms
    for asks in (
        lambda: story.admin.group("Silver"),
        lambda: story.admin.change_group("Silver", terms, "ann"),
        lambda: story.admin.generate_card("Silver"),
        lambda: story.admin.card(TOP_UP),
        lambda: story.admin.card_id("0000000000"),
        lambda: story.admin.issue_card(TOP_UP, "ann", "sold"),
        lambda: story.admin.change_status(TOP_UP, Status.VOID, "ann", "lost"),
        lambda: story.admin.top_up_card(TOP_UP, TOP_UP, usd(1), "cash", "ann"),
    ):
        with pytest.raises(NotFound):
            asks()


# Generating cards


@pytest.mark.parametrize(
    "wrong",
    [
        {"first_announcement": "../../etc/passwd"},
        {"first_announcement": "hello&goodbye"},
        {"first_announcement": ""},
        {"languages": ("en", "English")},
    ],
)
def test_sounds_and_languages_that_no_caller_could_hear_are_refused(
    story: Story, wrong: dict[str, Any]
) -> None:
    before = story.admin.group("Gold")
    with pytest.raises(SettingNotAllowed):
        story.change("Gold", **wrong)
    with pytest.raises(SettingNotAllowed):
        story.group("Tin", **wrong)
    assert story.admin.group("Gold") == before
    with pytest.raises(NotFound):
        story.admin.group("Tin")


def test_a_card_has_a_number_and_a_pin_of_the_lengths_of_its_group() -> None:
    story = Story()
    new = story.new_card(story.group(number_length=12, pin_length=5))
    assert (len(new.number), len(new.pin)) == (12, 5)
    assert new.number.isdigit()
    assert new.pin.isdigit()
    assert story.admin.card_id(new.number) == new.card_id
    card = story.card_state(new)
    assert (card.status, card.activated) == (Status.GENERATED, False)


def test_a_pin_is_stored_as_its_digest_only(story: Story) -> None:
    new = story.new_card(pin="24681357")
    assert new.pin == "24681357"
    assert story.card_state(new).pin_digest == story.pins.digest("24681357")
    assert "24681357" not in repr(story.units.log())
    assert "24681357" not in repr(new)


def test_a_generated_card_has_no_money_before_it_is_active(story: Story) -> None:
    new = story.new_card()
    assert story.units.facts(kinds.account_id_of_card(new.card_id)) == []


def test_a_chosen_number_that_is_in_use_is_refused_and_named(story: Story) -> None:
    story.admin.generate_card("Gold", number="4711000042")
    with pytest.raises(AlreadyExists) as refusal:
        story.admin.generate_card("Gold", number="4711000042")
    assert (refusal.value.kind, refusal.value.key) == (kinds.CARD_NUMBER, "4711000042")


def test_a_chosen_pin_that_is_in_use_is_refused_and_never_named(story: Story) -> None:
    story.admin.generate_card("Gold", pin="24681357")
    silver = story.group("Silver")
    with pytest.raises(AlreadyExists) as refusal:
        story.admin.generate_card(silver, pin="24681357")
    assert refusal.value.kind == kinds.PIN
    assert "24681357" not in repr(refusal.value)


@pytest.mark.parametrize(
    "wrong", ["", "123", "12345678901", "47110000 4", "47110000٤٢", "-711000042"]
)
def test_a_number_of_another_form_is_refused_and_shown(story: Story, wrong: str) -> None:
    with pytest.raises(SettingNotAllowed) as refusal:
        story.admin.generate_card("Gold", number=wrong)
    assert (refusal.value.name, refusal.value.value) == ("number", wrong)
    assert "10 digits" in refusal.value.accepted


@pytest.mark.parametrize("wrong", ["", "1234567", "123456789", "1234567x"])
def test_a_pin_of_another_form_is_refused_and_not_shown(story: Story, wrong: str) -> None:
    with pytest.raises(SettingNotAllowed) as refusal:
        story.admin.generate_card("Gold", pin=wrong)
    assert refusal.value.name == "pin"
    assert not wrong or wrong not in refusal.value.value


def scripted(story: Story, numbers: Iterator[int]) -> None:
    """The next random numbers are these."""
    below = Chance(lambda _: next(numbers), story.random.randbytes)
    story.admin = changed(story.admin, chance=below)


def test_a_random_pin_or_number_that_is_in_use_is_drawn_again(story: Story) -> None:
    # PIN and number of the first; a PIN in use; a number in use; neither.
    scripted(story, iter([1, 1, 1, 2, 2, 1, 3, 3]))
    first = story.new_card()
    second = story.new_card()
    assert (first.number, first.pin) == ("0000000001", "00000001")
    assert (second.number, second.pin) == ("0000000003", "00000003")


def test_a_card_that_is_asked_for_again_by_its_id_is_made_once_and_its_pin_told_once(
    story: Story,
) -> None:
    first = story.admin.generate_card("Gold", card_id=TOP_UP)
    before = len(story.units.log())
    again = story.admin.generate_card("Gold", card_id=TOP_UP)
    assert (again.card_id, again.number, again.pin) == (TOP_UP, first.number, None)
    assert first.pin is not None
    assert len(story.units.log()) == before


def test_when_the_pins_run_out_it_says_so_and_leaves_nothing_behind(story: Story) -> None:
    story.admin.generate_card("Gold", pin="00000007")
    numbers = iter(range(10**6))
    scripted(story, (next(numbers) if draw % 2 else 7 for draw in range(10**6)))
    before = len(story.units.log())
    with pytest.raises(SettingNotAllowed, match="pin length"):
        story.admin.generate_card("Gold")
    assert len(story.units.log()) == before


def test_two_who_choose_the_same_number_at_once_leave_one_card(story: Story) -> None:
    together = threading.Barrier(8)
    made: list[NewCard] = []
    refused: list[AlreadyExists] = []

    def generates() -> None:
        together.wait()
        try:
            made.append(story.admin.generate_card("Gold", number="4711000042"))
        except AlreadyExists as refusal:
            refused.append(refusal)

    threads = [threading.Thread(target=generates) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(made), len(refused)) == (1, 7)
    assert story.admin.card_id("4711000042") == made[0].card_id


# Issuing, and the face value


def test_an_issued_card_has_its_face_value_once(story: Story) -> None:
    card = story.card()
    account_id = kinds.account_id_of_card(card.card_id)
    top_up_id = kinds.face_value_id_of_card(card.card_id)
    assert story.units.facts(account_id) == [
        AccountOpened("USD", "card", card.card_id),
        FundsAdded(top_up_id, dollars(10)),
    ]
    assert story.units.facts(top_up_id) == [
        TopUpReceived(account_id, dollars(10), "face value", "ann")
    ]
    nothing_more_is_recorded(story, lambda: story.admin.issue_card(card.card_id, "ann", "sold"))


def test_a_card_that_is_stopped_and_active_again_has_its_face_value_once(story: Story) -> None:
    card = story.card()
    for status in (Status.ON_HOLD, Status.ACTIVE, Status.ON_HOLD, Status.ACTIVE):
        story.admin.change_status(card.card_id, status, "ann", "checked")
    assert story.account(card).balance == dollars(10)


def test_a_card_that_goes_through_printer_and_shop_has_its_face_value_when_active(
    story: Story,
) -> None:
    card = story.new_card()
    account_id = kinds.account_id_of_card(card.card_id)
    for status in (Status.PRINTED, Status.SHIPPED, Status.ON_HOLD):
        story.admin.change_status(card.card_id, status, "ann", "next")
        assert story.units.facts(account_id) == []
    story.admin.change_status(card.card_id, Status.ACTIVE, "ann", "sold")
    assert story.account(card).balance == dollars(10)


def test_the_face_value_is_what_the_group_said_when_the_card_was_generated(story: Story) -> None:
    card = story.new_card()
    story.change(face_value=dollars(99))
    story.admin.issue_card(card.card_id, "ann", "sold")
    assert story.account(card).balance == dollars(10)


def test_a_card_without_a_face_value_is_active_and_has_an_empty_account() -> None:
    story = Story()
    card = story.card(story.group(face_value=usd(0)))
    assert story.account(card).balance == usd(0)
    assert story.card_state(card).status is Status.ACTIVE
    assert story.top_up(card, usd(5)) == usd(5)


def test_an_issue_that_was_stored_though_nobody_was_told_gives_no_money_again(
    story: Story,
) -> None:
    card = story.new_card()
    story.units.lose_next_answer = True
    with pytest.raises(LedgerUnavailable):
        story.admin.issue_card(card.card_id, "ann", "sold")
    story.admin.issue_card(card.card_id, "ann", "sold")
    assert story.account(card).balance == dollars(10)


def test_two_who_issue_a_card_at_once_give_its_face_value_once(story: Story) -> None:
    for after in range(2):
        card = story.new_card()
        bob = partial(story.admin.issue_card, card.card_id, "bob", "sold")
        story.come_between(bob, after=after)
        story.admin.issue_card(card.card_id, "ann", "sold")
        story.units.before_storing = lambda: None
        assert story.account(card).balance == dollars(10)


def test_a_status_that_is_not_allowed_changes_nothing(story: Story) -> None:
    card = story.new_card()
    before = len(story.units.log())
    with pytest.raises(StatusChangeNotAllowed):
        story.admin.change_status(card.card_id, Status.ACTIVE, "ann", "hurry")
    with pytest.raises(SettingNotAllowed):
        story.admin.change_status(card.card_id, Status.PRINTED, "ann", "")
    assert len(story.units.log()) == before


# Top-ups


def test_a_top_up_counts_once_for_its_id(story: Story) -> None:
    card = story.card()
    for _ in range(3):
        left = story.admin.top_up_card(card.card_id, TOP_UP, dollars(5), "cash", "ann")
        assert left == dollars(15)
    story.admin.top_up_card(card.card_id, OTHER_TOP_UP, dollars(5), "cash", "ann")
    assert story.account(card).balance == dollars(20)


def test_one_id_never_tops_up_two_cards_or_two_amounts(story: Story) -> None:
    card, other = story.card(), story.card()
    story.admin.top_up_card(card.card_id, TOP_UP, dollars(5), "cash", "ann")
    for card_id, amount in ((other.card_id, dollars(5)), (card.card_id, dollars(6))):
        with pytest.raises(AlreadyExists):
            story.admin.top_up_card(card_id, TOP_UP, amount, "cash", "ann")
    assert (story.account(card).balance, story.account(other).balance) == (
        dollars(15),
        dollars(10),
    )


@pytest.mark.parametrize("amount", [usd(0), usd(-1), Money(5, "EUR")])
def test_a_top_up_is_above_zero_and_in_the_unit_of_the_card(story: Story, amount: Money) -> None:
    card = story.card()
    before = len(story.units.log())
    with pytest.raises(SettingNotAllowed):
        story.admin.top_up_card(card.card_id, TOP_UP, amount, "cash", "ann")
    assert len(story.units.log()) == before


@pytest.mark.parametrize("way", [[], [Status.PRINTED], [Status.CANCELLED], [Status.VOID]])
def test_a_card_that_was_never_active_is_not_topped_up(story: Story, way: list[Status]) -> None:
    card = story.new_card()
    for status in way:
        story.admin.change_status(card.card_id, status, "ann", "next")
    with pytest.raises(SettingNotAllowed):
        story.top_up(card, usd(1))


def test_a_void_card_is_not_topped_up_even_if_it_ends_meanwhile(story: Story) -> None:
    for after in (0, 1):
        card = story.card()
        ends = partial(story.admin.change_status, card.card_id, Status.VOID, "ann", "stolen")
        story.come_between(ends, after=after)
        with pytest.raises(SettingNotAllowed):
            story.top_up(card, usd(1))
        assert story.account(card).balance == dollars(10)


def test_a_top_up_that_is_announced_again_after_the_card_ended_is_still_the_same(
    story: Story,
) -> None:
    card = story.card()
    story.admin.top_up_card(card.card_id, TOP_UP, dollars(5), "cash", "ann")
    story.admin.change_status(card.card_id, Status.VOID, "ann", "stolen")
    nothing_more_is_recorded(
        story, lambda: story.admin.top_up_card(card.card_id, TOP_UP, dollars(5), "cash", "ann")
    )


def test_a_top_up_tells_what_can_be_spent_beside_the_calls_in_progress(story: Story) -> None:
    card = story.card()
    story.dialling.dial(story.caller(card), WARSAW)
    assert story.top_up(card, dollars(3)) == dollars(3)
