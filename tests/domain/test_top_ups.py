"""A top-up arrives once, however often it is announced."""

from __future__ import annotations

from uuid import UUID

import pytest

from domain.errors import AlreadyExists
from domain.money import Money
from domain.top_ups import TopUpReceived, evolve, receive
from tests.support.story import dollars, given

ACCOUNT, OTHER = UUID(int=1), UUID(int=2)
RECEIVED = TopUpReceived(ACCOUNT, dollars(5), "cash", "ann")


def test_a_top_up_is_received_with_its_channel_and_who_took_it() -> None:
    assert receive(None, ACCOUNT, dollars(5), "cash", "ann") == [RECEIVED]


def test_the_same_top_up_is_received_once_even_if_another_clerk_announces_it() -> None:
    known = given(evolve, RECEIVED)
    assert receive(known, ACCOUNT, dollars(5), "cash", "ann") == []
    assert receive(known, ACCOUNT, dollars(5), "bank", "bob") == []


@pytest.mark.parametrize(
    ("account", "amount"),
    [(OTHER, dollars(5)), (ACCOUNT, dollars(6)), (ACCOUNT, Money(5_000_000, "EUR"))],
)
def test_one_id_never_stands_for_two_top_ups(account: UUID, amount: Money) -> None:
    with pytest.raises(AlreadyExists) as refusal:
        receive(given(evolve, RECEIVED), account, amount, "cash", "ann")
    assert "5.00 USD" in refusal.value.key
