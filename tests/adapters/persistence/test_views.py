"""Lists are paged by id, filtered, and tell times in UTC, on every kind of store."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from adapters.persistence.read_models import tables
from adapters.persistence.recorder import EventRecorder
from application.views import MOST_ROWS
from domain.call_sessions import AttemptStarted
from domain.cards import Status
from tests.adapters.persistence.product import Product
from tests.support.story import ALICE, BOB, ROME, WARSAW, dollars, usd

Listed = Callable[[UUID | None, int], Sequence[Any]]


@pytest.fixture
def product(recorder: EventRecorder) -> Product:
    made = Product(recorder)
    made.group("Gold")
    made.group("Tin", simultaneous_calls=9)
    return made


def all_pages(listed: Listed, key: str, size: int) -> list[Any]:
    found: list[Any] = []
    after = None
    while page := listed(after, size):
        assert len(page) <= size
        found += page
        after = getattr(page[-1], key)
    return found


@pytest.mark.parametrize("size", [1, 2, 5, 100])
def test_every_row_is_on_one_page_whatever_the_size(product: Product, size: int) -> None:
    cards = [product.card() for _ in range(7)]
    callers = [product.call() for _ in range(5)]
    for call in callers:
        product.login(call, cards[0])
    product.catch_up()
    views = product.views
    told = all_pages(views.cards, "card_id", size)
    assert [row.card_id for row in told] == sorted(card.card_id for card in cards)
    accounts = all_pages(views.accounts, "account_id", size)
    assert {row.holder for row in accounts} == {card.card_id for card in cards}
    calls = all_pages(views.calls, "session_id", size)
    assert [row.reference for row in calls] == [call.reference for call in callers]


def test_a_page_has_a_bound_whatever_is_asked_for(product: Product) -> None:
    row = {"unit": "USD", "holder_kind": "card", "balance": 0, "held": 0}
    rows = [
        row | {"account_id": uuid4(), "holder": uuid4(), "opened_at": product.clock.now()}
        for _ in range(MOST_ROWS + 1)
    ]
    with product.recorder.writing() as connection:
        connection.execute(tables.accounts.insert(), rows)
    assert len(product.views.accounts(None, 10**9)) == MOST_ROWS


def test_cards_are_filtered_by_group_and_status(product: Product) -> None:
    gold, tin = product.card("Gold"), product.card("Tin")
    asleep = product.new_card("Gold")
    product.catch_up()

    def ids(**wanted: str) -> set[UUID]:
        return {row.card_id for row in product.views.cards(None, 100, **wanted)}

    assert ids() == {gold.card_id, tin.card_id, asleep.card_id}
    assert ids(group="Gold") == {gold.card_id, asleep.card_id}
    assert ids(status="active") == {gold.card_id, tin.card_id}
    assert ids(group="Gold", status="generated") == {asleep.card_id}
    assert ids(group="Silver") == set()


def test_a_card_shows_its_terms_and_what_became_of_it(product: Product) -> None:
    card = product.card("Gold")
    call = product.caller(card, ALICE)
    assert call.payer is not None
    product.bindings.toggle(call, call.payer)
    product.dialling.dial(call, WARSAW)
    leg = product.leg(call, 60)
    product.settlement.record_leg(leg)
    product.catch_up()
    row = product.views.card(card.card_id)
    assert row is not None
    assert (row.number, row.group, row.status) == (card.number, "Gold", Status.USED.value)
    assert (row.face_value, row.caller_id) == (dollars(10), ALICE)
    assert leg.answered_ms is not None
    assert row.first_used_at is not None
    assert row.first_used_at.timestamp() * 1000 == leg.answered_ms
    account = product.views.account(row.account_id)
    assert account is not None
    assert (account.balance, account.held) == (dollars(9, 40), dollars(0))
    assert (account.holder_kind, account.holder) == ("card", card.card_id)


def test_calls_are_filtered_by_card_by_dispute_and_by_being_up(product: Product) -> None:
    first, second = product.card(), product.card()
    ended, up, disputed = product.caller(first), product.caller(second, BOB), product.call(None)
    product.login(disputed, first)
    product.calls.end(ended, "goodbye")
    product.dialling.dial(disputed, WARSAW)
    product.settlement.record_leg(product.leg(disputed, 60))
    product.settlement.record_leg(product.leg(disputed, 90))
    product.catch_up()

    def references(**wanted: Any) -> list[str]:
        return [row.reference for row in product.views.calls(None, 100, **wanted)]

    assert references() == [ended.reference, up.reference, disputed.reference]
    assert references(card_id=first.card_id) == [ended.reference, disputed.reference]
    assert references(disputed=True) == [disputed.reference]
    assert references(disputed=False) == [ended.reference, up.reference]
    assert references(open_only=True) == [up.reference, disputed.reference]
    assert references(card_id=first.card_id, open_only=True) == [disputed.reference]


def test_a_call_adds_up_its_attempts(product: Product) -> None:
    call = product.caller(product.card("Tin"))
    for number, (to, seconds) in enumerate(((WARSAW, 60), (ROME, 30), (WARSAW, None)), 1):
        product.dialling.dial(call, to)
        if seconds is None:
            product.settlement.not_connected(call.reference, number, 17)
        else:
            product.settlement.record_leg(product.leg(call, seconds, number))
    product.dialling.dial(call, ROME)
    product.catch_up()
    row = product.views.call(call.session_id)
    assert row is not None
    assert (row.attempts, row.open_attempts, row.seconds) == (4, 1, 90)
    assert row.charged == dollars(0, 90)
    assert (row.node, row.access_number, row.caller_id) == ("pbx1", "18005550100", ALICE)
    attempts = product.views.attempts(call.session_id)
    assert [each.number for each in attempts] == [1, 2, 3, 4]
    assert [each.state for each in attempts] == ["settled", "settled", "settled", "open"]
    assert [each.charge for each in attempts] == [dollars(0, 60), dollars(0, 30), usd(0), None]
    assert [each.evidence for each in attempts][2:] == ["dial status", None]
    assert [each.cause for each in attempts] == [16, 16, 17, None]
    assert attempts[3].destination == f"+{ROME}"


def test_a_call_that_was_charged_nothing_yet_has_no_charge(product: Product) -> None:
    call = product.caller(product.card())
    product.catch_up()
    row = product.views.call(call.session_id)
    assert row is not None
    assert row.charged is None


def test_times_are_in_utc_to_the_microsecond(product: Product) -> None:
    product.clock.time += timedelta(microseconds=123_456)
    call = product.caller(product.card())
    product.dialling.dial(call, WARSAW)
    product.catch_up()
    row = product.views.call(call.session_id)
    attempt = product.views.attempts(call.session_id)[0]
    assert row is not None
    for moment in (row.started_at, attempt.placed_at):
        assert moment == product.clock.now()
        assert moment.tzinfo is UTC
    started = [each.fact for each in product.log() if isinstance(each.fact, AttemptStarted)]
    assert attempt.deadline == started[0].deadline
    assert product.views.history(call.session_id, 0, 1)[0].recorded_at == product.clock.now()


def test_open_attempts_of_a_node_come_oldest_first_and_bounded(product: Product) -> None:
    card = product.card("Tin")
    product.change("Tin", most_held=dollars(1))
    for node in ("pbx1", "pbx2", "pbx1", "pbx1"):
        arrival = product.arrival(ALICE)
        reference = arrival.reference.replace("pbx1", node)
        call = product.call(ALICE, reference=reference, node=node)
        product.login(call, card)
        product.clock.pass_by(seconds=1)
        product.dialling.dial(call, WARSAW)
    product.catch_up()
    found = product.views.of_node("pbx1", 100)
    assert len(found) == 3
    assert [each.placed_at for each in found] == sorted(each.placed_at for each in found)
    assert {each.reference.partition("-")[0] for each in found} == {"pbx1"}
    assert list(product.views.of_node("pbx1", 2)) == list(found[:2])
    assert product.views.of_node("pbx3", 100) == []


def test_an_attempt_is_overdue_from_its_deadline_on_until_it_is_settled(product: Product) -> None:
    call = product.caller(product.card())
    product.dialling.dial(call, WARSAW)
    product.catch_up()
    deadline = product.views.attempts(call.session_id)[0].deadline
    views = product.views
    assert views.overdue(deadline - timedelta(microseconds=1), 10) == []
    assert views.overdue(deadline, 10) == [call.session_id]
    assert views.overdue(deadline, 0) == []
    product.clock.time = deadline
    assert product.settlement.give_up_waiting(call.session_id) == 1
    product.catch_up()
    assert views.overdue(deadline, 10) == []


def test_a_history_is_exact_and_paged_by_version(product: Product) -> None:
    card = product.card()
    # Nothing has caught up: the log itself is read.
    told = product.views.history(card.card_id, 0, 100)
    assert [each.name for each in told] == ["card-generated", *["card-status-changed"] * 3]
    assert [each.version for each in told] == [1, 2, 3, 4]
    assert list(product.views.history(card.card_id, 2, 1)) == [told[2]]
    assert product.views.history(card.card_id, 4, 100) == []


def test_what_nobody_knows_is_none_and_an_empty_list(product: Product) -> None:
    product.catch_up()
    nobody = uuid4()
    assert product.views.account(nobody) is None
    assert product.views.card(nobody) is None
    assert product.views.call(nobody) is None
    assert product.views.attempts(nobody) == []
    assert product.views.history(nobody, 0, 10) == []
