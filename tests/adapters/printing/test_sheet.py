"""A print sheet holds every card, ten to a page, whatever is written on them."""

from __future__ import annotations

import re
import unicodedata
from pathlib import Path

import pytest
from fpdf import FPDF

from adapters.printing.fonts import BUILT_IN, font_for
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
def test_long_words_fit(accent: str, paper: str) -> None:
    style = SheetStyle([USA] * 4, "Ein sehr langer Titel " * 4, "Señor " * 40, accent, paper)
    odd = cards(1, lot="spring" * 9, group="Gold" * 9, face_value="1000000000000.000001 USD")
    assert print_sheet([PrintedCard("1" * 20, "2" * 20), *odd], style)[1] == 2


@pytest.mark.parametrize(
    "name", ["Żółć", "Zażółć gęślą jaźń", "Обслуживание", "Χρυσή κάρτα", "Thẻ vàng", "10 €", "–"]
)
def test_words_of_europe_and_vietnam_are_on_the_card_as_they_are(name: str) -> None:
    style = SheetStyle([AccessNumber(name, "+48221234567")], note=name)
    told = cards(1, lot=name, group=unicodedata.normalize("NFD", name))
    pdf, _ = print_sheet(told, style)
    assert b"DejaVuSans" in pdf
    assert b"DejaVuSans" not in print_sheet(cards(1, group="Señor Müller"), SheetStyle([USA]))[0]


@pytest.mark.parametrize("name", ["金", "בוקר", "مرحبا", "Gold \U0001f9c0", "a\x07b"])
def test_what_cannot_be_printed_is_refused_by_letter(name: str) -> None:
    with pytest.raises(ValueError, match="cannot be printed: Latin, Greek and Cyrillic"):
        print_sheet(cards(1, group=name), SheetStyle([USA]))


def test_without_the_font_the_refusal_says_which_it_is(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="fonts-dejavu-core"):
        font_for(FPDF(), "Żółć", [tmp_path])
    assert font_for(FPDF(), "Señor", [tmp_path]) == BUILT_IN


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
