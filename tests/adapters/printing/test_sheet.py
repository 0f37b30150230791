"""A print sheet holds every card, ten to a page, whatever is written on them."""

from __future__ import annotations

import re

import pytest

from adapters.printing.sheet import ACCENTS, AccessNumber, SheetStyle, grouped, print_sheet
from application.printing import PrintedCard

USA = AccessNumber("USA", "+18005550100")


def cards(count: int, **told: str) -> list[PrintedCard]:
    return [PrintedCard(f"{4711000000 + n}", f"{n:08d}", **told) for n in range(count)]


def pages(pdf: bytes) -> int:
    return len(re.findall(rb"/Type /Page\b(?!s)", pdf))


@pytest.mark.parametrize(("count", "expected"), [(1, 1), (10, 1), (11, 2), (95, 10)])
def test_ten_cards_are_on_a_page(count: int, expected: int) -> None:
    pdf, printed = print_sheet(cards(count), SheetStyle([USA]))
    assert pdf.startswith(b"%PDF-")
    assert (printed, pages(pdf)) == (count, expected)


@pytest.mark.parametrize("accent", ACCENTS)
@pytest.mark.parametrize("paper", ["A4", "Letter"])
def test_long_and_foreign_words_fit_or_are_replaced(accent: str, paper: str) -> None:
    style = SheetStyle([USA] * 4, "Ein sehr langer Titel " * 4, "Обслуживание", accent, paper)
    odd = cards(1, lot="весна" * 9, group="金", face_value="1000000000000.000001 USD")
    assert print_sheet([PrintedCard("1" * 20, "2" * 20), *odd], style)[1] == 2


@pytest.mark.parametrize(
    ("digits", "told"),
    [
        ("1234", "1234"),
        ("12345", "12345"),
        ("123456", "123 456"),
        ("1234567", "123 4567"),
        ("12345678", "1234 5678"),
        ("4711000042", "471 100 0042"),
    ],
)
def test_digits_are_grouped_to_be_read_aloud(digits: str, told: str) -> None:
    assert grouped(digits) == told


def test_nothing_to_print_and_too_much_are_refused() -> None:
    with pytest.raises(ValueError, match="no card"):
        print_sheet([], SheetStyle([USA]))
    with pytest.raises(ValueError):
        SheetStyle([])
    with pytest.raises(ValueError):
        AccessNumber("USA", "18005550100")
    with pytest.raises(ValueError):
        SheetStyle([USA], paper="B7")
