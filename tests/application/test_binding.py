"""A number opens one card at most and a card has one number at most, whoever moves them."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from application.calling import Payer
from application.ports import ConcurrencyConflict
from domain.caller_ids import CallerIdBound, CallerIdRebound, CallerIdUnbound
from domain.errors import CallerIdNotUsable, LoginFailed, PinlessNotAllowed
from tests.support.persons import sealed
from tests.support.story import ALICE, BOB, WARSAW, PrintedCard, Story, usd

CAROL = "+390612345678"


@pytest.fixture
def story() -> Story:
    story = Story()
    story.group()
    return story


def opened_by(story: Story, number: str) -> Payer | None:
    return story.calls.login_by_caller_id(story.call(number))


def stores_number(story: Story, card: PrintedCard, number: str) -> None:
    """Logs in and presses ``*32``."""
    call = story.caller(card, number)
    assert call.payer is not None
    assert story.bindings.toggle(call, call.payer)


def assert_consistent(story: Story, cards: list[PrintedCard], numbers: list[str]) -> None:
    """Both sides of every binding say the same."""
    by_number = {sealed(n): owner for n in numbers if (owner := story.owner_of(n))}
    by_card = {c.card_id: n for c in cards if (n := story.card_state(c).caller_id)}
    assert {number: card for card, number in by_card.items()} == by_number
    assert len(set(by_number.values())) == len(by_number)


# The steps of the PINless section, by both ways of storing a number


@pytest.mark.parametrize("at_login", [True, False], ids=["stored at login", "stored with *32"])
def test_a_card_goes_from_caller_to_caller_with_its_pin(at_login: bool) -> None:
    story = Story()
    card = story.card(story.group(store_caller_id_at_login=at_login))

    def enters_pin(number: str) -> None:
        if at_login:
            story.caller(card, number)
        else:
            stores_number(story, card, number)

    assert opened_by(story, ALICE) is None  # 1. Asked for a PIN,
    enters_pin(ALICE)  # 2. enters it, and is remembered.
    assert opened_by(story, ALICE) is not None  # 3. Not asked any more.
    assert opened_by(story, BOB) is None  # 4. Another number is asked,
    story.caller(card, BOB)  # 5. enters the same PIN, and takes the card over.
    assert opened_by(story, BOB) is not None  # 6. It is not asked any more,
    assert opened_by(story, ALICE) is None  # 7. but the first one is.
    story.caller(card, ALICE)  # 8. And so on.
    assert opened_by(story, ALICE) is not None
    assert opened_by(story, BOB) is None
    assert_consistent(story, [card], [ALICE, BOB])


def test_a_right_pin_alone_binds_nothing_that_nobody_asked_to_store(story: Story) -> None:
    story.caller(story.card(), ALICE)
    assert opened_by(story, ALICE) is None


def test_a_wrong_pin_moves_nothing(story: Story) -> None:
    card = story.card()
    stores_number(story, card, ALICE)
    with pytest.raises(LoginFailed):
        story.login(story.call(BOB), card, pin="0" * 8 if card.pin != "0" * 8 else "1" * 8)
    assert story.owner_of(ALICE) == card.card_id
    assert story.owner_of(BOB) is None


def test_a_card_that_denies_double_use_is_refused_to_another_number_with_the_right_pin() -> None:
    story = Story()
    card = story.card(story.group(deny_double_use=True))
    stores_number(story, card, ALICE)
    for other in (BOB, None):
        with pytest.raises(LoginFailed):
            story.login(story.call(other), card)
    assert story.owner_of(ALICE) == card.card_id
    assert story.login(story.call(ALICE), card).card_id == card.card_id


def test_a_denied_card_is_free_again_after_its_owner_removed_the_number() -> None:
    story = Story()
    card = story.card(story.group(deny_double_use=True))
    stores_number(story, card, ALICE)
    call = story.call(ALICE)
    payer = story.calls.login_by_caller_id(call)
    assert payer is not None
    assert not story.bindings.toggle(call, payer)
    assert story.login(story.call(BOB), card).card_id == card.card_id


def test_a_number_opens_one_card_across_all_groups(story: Story) -> None:
    mine, yours = story.card(), story.card(story.group("Silver"))
    stores_number(story, mine, ALICE)
    story.caller(yours, ALICE)
    payer = opened_by(story, ALICE)
    assert payer is not None
    assert payer.card_id == yours.card_id
    assert story.card_state(mine).caller_id is None
    assert_consistent(story, [mine, yours], [ALICE])


def test_an_empty_bound_card_is_asked_for_another_and_the_number_moves(story: Story) -> None:
    empty, full = story.card(), story.card()
    stores_number(story, empty, ALICE)
    call = story.caller(empty, ALICE)
    story.dialling.dial(call, WARSAW)
    story.settlement.record_leg(story.leg(call, 2000))
    assert story.account(empty).balance == usd(0)
    later = story.call(ALICE)
    payer = story.calls.login_by_caller_id(later)
    assert payer is not None
    assert payer.is_empty
    assert not story.login(later, full).is_empty
    assert story.owner_of(ALICE) == full.card_id
    assert_consistent(story, [empty, full], [ALICE])


def test_taking_a_card_over_frees_the_number_and_the_card_that_were_bound(story: Story) -> None:
    mine, yours = story.card(), story.card()
    stores_number(story, mine, ALICE)
    stores_number(story, yours, BOB)
    story.caller(yours, ALICE)  # ALICE leaves mine, BOB loses yours.
    assert story.owner_of(ALICE) == yours.card_id
    assert story.owner_of(BOB) is None
    assert story.card_state(mine).caller_id is None
    assert_consistent(story, [mine, yours], [ALICE, BOB])


def test_a_move_is_one_fact_on_the_number_and_tells_from_where(story: Story) -> None:
    mine, yours = story.card(), story.card()
    story.bindings.bind(sealed(ALICE), mine.card_id)
    story.bindings.bind(sealed(ALICE), yours.card_id)
    story.bindings.unbind(sealed(ALICE), yours.card_id)
    bound = [e.fact for e in story.units.log() if e.kind == "caller ID"]
    assert bound == [
        CallerIdBound(sealed(ALICE), mine.card_id),
        CallerIdRebound(sealed(ALICE), yours.card_id, mine.card_id),
        CallerIdUnbound(sealed(ALICE), yours.card_id),
    ]


def test_binding_and_unbinding_twice_change_nothing(story: Story) -> None:
    card = story.card()
    story.bindings.bind(sealed(ALICE), card.card_id)
    before = len(story.units.log())
    story.bindings.bind(sealed(ALICE), card.card_id)
    story.bindings.unbind(sealed(BOB), card.card_id)
    assert len(story.units.log()) == before


def test_star_32_stores_and_then_removes(story: Story) -> None:
    card = story.card()
    call = story.caller(card, ALICE)
    assert call.payer is not None
    assert story.bindings.toggle(call, call.payer)
    assert not story.bindings.toggle(call, call.payer)
    assert story.bindings.toggle(call, call.payer)
    assert_consistent(story, [card], [ALICE])


@pytest.mark.parametrize("hidden", [None, "anonymous", "12#4"])
def test_a_hidden_or_odd_number_cannot_be_stored(story: Story, hidden: str | None) -> None:
    call = story.caller(story.card(), hidden)
    assert call.payer is not None
    with pytest.raises(CallerIdNotUsable):
        story.bindings.toggle(call, call.payer)


def test_a_group_without_pinless_login_stores_no_number() -> None:
    story = Story()
    card = story.card(story.group(pinless_allowed=False, store_caller_id_at_login=True))
    call = story.caller(card, ALICE)
    assert call.payer is not None
    with pytest.raises(PinlessNotAllowed):
        story.bindings.toggle(call, call.payer)
    assert story.owner_of(ALICE) is None


def test_a_number_with_and_without_its_plus_is_one_number(story: Story) -> None:
    card = story.card()
    stores_number(story, card, "14155550123")
    for same in ("+14155550123", "4155550123", "14155550123"):
        assert opened_by(story, same) is not None


# Two at once


@pytest.mark.parametrize("after", range(3))
@pytest.mark.parametrize("what", ["same number", "same card", "old card", "unbound", "crossed"])
def test_whoever_comes_between_leaves_both_sides_saying_the_same(
    story: Story, what: str, after: int
) -> None:
    mine, yours, third = story.card(), story.card(), story.card()
    stores_number(story, mine, ALICE)
    stores_number(story, yours, BOB)
    rivals: dict[str, Callable[[], None]] = {
        "same number": lambda: story.bindings.bind(sealed(ALICE), third.card_id),
        "same card": lambda: story.bindings.bind(sealed(CAROL), yours.card_id),
        "old card": lambda: story.bindings.bind(sealed(CAROL), mine.card_id),
        "unbound": lambda: story.bindings.unbind(sealed(BOB), yours.card_id),
        "crossed": lambda: story.bindings.bind(sealed(BOB), mine.card_id),
    }
    story.come_between(rivals[what], after=after)
    story.bindings.bind(sealed(ALICE), yours.card_id)
    story.units.before_storing = lambda: None
    assert_consistent(story, [mine, yours, third], [ALICE, BOB, CAROL])
    assert story.owner_of(ALICE) == yours.card_id


def test_many_at_once_leave_one_owner(story: Story) -> None:
    cards, numbers = [story.card() for _ in range(3)], [ALICE, BOB, CAROL]
    together = threading.Barrier(9)
    faults: list[BaseException] = []

    def moves(number: str, card: PrintedCard) -> None:
        together.wait()
        for _ in range(10):
            try:
                story.bindings.bind(sealed(number), card.card_id)
            except ConcurrencyConflict:
                continue
            except BaseException as fault:
                faults.append(fault)
                raise

    threads = [
        threading.Thread(target=moves, args=(number, card)) for number in numbers for card in cards
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert faults == []
    assert_consistent(story, cards, numbers)
