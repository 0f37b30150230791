"""A card and its account are what they were at any past moment."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given as forall
from hypothesis import strategies as st

from application import kinds
from application.as_of import Histories
from application.persons import OpenedLog
from domain.cards import Status
from domain.errors import NotFound
from tests.support.bookkeeping import MemoryLog
from tests.support.examples import examples
from tests.support.history import Stories
from tests.support.story import ALICE, NOON, WARSAW, Story, dollars, usd


def test_a_card_is_told_with_its_terms_its_money_and_its_holds_of_that_moment() -> None:
    story = Story()
    histories = Histories(OpenedLog(MemoryLog(story.units), story.persons))
    card = story.card(story.group(valid_days=30))
    story.clock.pass_by(hours=1)
    call = story.caller(card, ALICE)
    story.bindings.toggle(call, call.payer) if call.payer else None
    story.dialling.dial(call, WARSAW)
    dialled = story.clock.now()
    story.clock.pass_by(hours=1)
    story.settlement.record_leg(story.leg(call, 60, after=0))
    story.change("Gold", valid_days=1)
    story.top_up(card, dollars(5))

    before = histories.card(card.card_id, NOON)
    assert (before.status, before.caller_id, before.expires_at) == ("active", None, None)
    assert before.account is not None
    assert (before.account.balance, before.account.held) == (dollars(10), usd(0))

    during = histories.card(card.card_id, dialled)
    assert (during.status, during.caller_id, during.terms.valid_days) == ("active", ALICE, 30)
    assert during.account is not None
    assert [hold.amount for hold in during.account.holds] == [during.account.held]
    assert during.account.available == dollars(10) - during.account.held

    now = histories.card(card.card_id, story.clock.now())
    assert (now.status, now.first_used_at) == (Status.USED.value, story.clock.now())
    assert now.expires_at == story.clock.now() + timedelta(days=1)
    assert not now.expired
    assert now.account == histories.account(
        kinds.account_id_of_card(card.card_id), story.clock.now()
    )
    assert now.account is not None
    assert now.account.balance == dollars(14, 40)
    assert now.account.changed_at == story.clock.now()


def test_what_was_not_there_yet_is_not_found() -> None:
    story = Story()
    histories = Histories(MemoryLog(story.units))
    story.group()
    story.clock.pass_by(hours=1)
    card = story.new_card()
    with pytest.raises(NotFound):
        histories.card(card.card_id, NOON)
    with pytest.raises(NotFound):
        histories.account(UUID(int=1), story.clock.now())
    assert histories.card(card.card_id, story.clock.now()).account is None


@examples(30)
@forall(st.integers(0, 10**9), st.integers(0, 60))
def test_every_moment_is_told_as_it_was_seen_then(seed: int, steps: int) -> None:
    stories = Stories()
    seen: list[tuple[datetime, UUID, str, int]] = []
    for step in range(steps):
        stories.play_at_random(seed + step, 1)
        stories.shop.clock.pass_by(seconds=1)
        card = stories.cards[0]
        state = stories.shop.card_state(card)
        if state.activated:
            micros = stories.shop.account(card).balance.micros
            now = stories.shop.clock.now() - timedelta(milliseconds=1)
            seen.append((now, card.card_id, state.status.value, micros))
    histories = Histories(MemoryLog(stories.shop.units))
    for at, card_id, status, micros in seen[:: max(1, len(seen) // 10)]:
        told = histories.card(card_id, at)
        assert told.account is not None
        assert (told.status, told.account.balance.micros) == (status, micros)
