"""Lists of cards in pages: every filter and both orders give what a look at each card gives."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import product as combinations
from uuid import UUID

import pytest

from adapters.persistence.recorder import EventRecorder
from application import kinds
from application.ports import Unit
from application.views import CardRow
from domain.cards import Status
from domain.distributors import NumberRange
from tests.adapters.persistence.product import Product

CARDS = 24
RANGES: tuple[list[NumberRange], ...] = (
    [NumberRange("4711000003", "4711000009"), NumberRange("4711000012", "4711000019")],
    [NumberRange("4711000000", "4711000023")],
    [NumberRange("5555", "5557"), NumberRange("4711000020", "4711000021")],
    [NumberRange(str(n), str(n)) for n in range(4711000000, 4711000024, 2)],
    [],
)


@pytest.fixture
def product(recorder: EventRecorder) -> Product:
    """Cards of all sorts in two groups, and a few with short numbers."""
    made = Product(recorder)
    made.group("gold", number_length=10)
    made.group("silver", number_length=10)
    made.group("short", number_length=4)
    numbers = [f"{4711000000 + n}" for n in (*range(0, CARDS, 2), *range(1, CARDS, 2))]
    for place, number in enumerate([*numbers, "5556", "5555"]):
        group = "short" if len(number) == 4 else "silver" if place % 3 == 0 else "gold"
        card_id = made.admin.generate_card(group, number=number).card_id
        if place % 2:
            made.admin.issue_card(card_id, "ann", "for the season")
        if place % 4 == 1:
            made.admin.change_status(card_id, Status.ON_HOLD, "ann", "lost")
        if place % 5 < 2:
            _sell(made, card_id)
    made.catch_up()
    return made


def _sell(made: Product, card_id: UUID) -> None:
    def decide(unit: Unit) -> None:
        card = unit.get(kinds.CARDS, card_id)
        assert card is not None
        unit.record(kinds.CARDS, card_id, card.sell("ann", "over the counter"))

    made.ledger.run(decide, writes=(card_id,))


def all_pages(product: Product, size: int, **asked: object) -> list[CardRow]:
    found: list[CardRow] = []
    after: UUID | None = None
    while page := product.views.cards(after, size, **asked):  # type: ignore[arg-type]
        assert len(page) <= size
        found += page
        after = page[-1].card_id
    return found


@pytest.mark.parametrize("newest", [False, True])
def test_every_filter_gives_the_cards_it_names_by_id(product: Product, newest: bool) -> None:
    every = sorted(all_pages(product, 100), key=lambda row: row.card_id, reverse=newest)
    assert len(every) == CARDS + 2
    for group, status, sold, size in combinations(
        (None, "silver", "nobody's"), (None, "generated", "on hold"), (None, True, False), (5, 100)
    ):
        asked = {"group": group, "status": status, "sold": sold}
        wanted = [row for row in every if _fits(row, asked)]
        assert all_pages(product, size, newest=newest, **asked) == wanted, asked


@pytest.mark.parametrize("newest", [False, True])
def test_cards_in_ranges_come_by_number(product: Product, newest: bool) -> None:
    def place(row: CardRow) -> tuple[int, str]:
        return len(row.number), row.number

    every = sorted(all_pages(product, 100), key=place, reverse=newest)
    for ranges, group, status, size in combinations(
        RANGES, (None, "silver"), (None, "active"), (3, 100)
    ):
        asked = {"group": group, "status": status}
        wanted = [
            row for row in every if any(row.number in each for each in ranges) and _fits(row, asked)
        ]
        assert all_pages(product, size, newest=newest, ranges=ranges, **asked) == wanted


def test_nothing_lies_behind_a_card_that_is_not_there(product: Product) -> None:
    assert product.views.cards(UUID(int=7), 10, ranges=list(RANGES[1])) == []


def _fits(row: CardRow, asked: Mapping[str, object]) -> bool:
    return all(value is None or getattr(row, name) == value for name, value in asked.items())
