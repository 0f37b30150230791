"""A print sheet: ten cards on a page with crop marks, ready for a printer and a cutter."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import phonenumbers
import segno
from attrs import field, frozen, validators
from fpdf import FPDF

from adapters.printing.fonts import BUILT_IN, close_fonts, font_for, letters
from application.printing import PrintedCard

MOST_CARDS = 10_000
"""Cards in one file: a thousand pages."""

# Millimetres. A card has the size of a bank card (ISO/IEC 7810, ID-1).
_WIDTH, _HEIGHT = 85.6, 53.98
_COLUMNS, _ROWS = 2, 5
_PAGE = {"A4": (210.0, 297.0), "Letter": (215.9, 279.4)}
_MARK, _GAP = 4.0, 1.0

_INK = (22, 28, 45)
_SOFT = (108, 117, 135)
_LINE = (214, 219, 228)
_PANEL = (244, 246, 250)

ACCENTS = {
    "blue": (28, 78, 196),
    "green": (14, 124, 88),
    "red": (190, 38, 52),
    "violet": (104, 58, 183),
    "black": (30, 34, 44),
}


@frozen
class AccessNumber:
    """A number to dial, in E.164 with plus, and the words in front of it, such as ``USA``."""

    name: str
    number: str = field(validator=validators.matches_re(r"\+[1-9][0-9]{5,14}"))


@frozen
class SheetStyle:
    access_numbers: Sequence[AccessNumber] = field(
        validator=[validators.min_len(1), validators.max_len(4)]
    )
    """The first one is in the code that a telephone's camera dials."""
    title: str = ""
    """In the place of the card group's name."""
    note: str = ""
    """One line at the foot, such as the number of customer care."""
    accent: str = field(default="blue", validator=validators.in_(tuple(ACCENTS)))
    paper: str = field(default="A4", validator=validators.in_(tuple(_PAGE)))


def print_sheet(cards: Iterable[PrintedCard], style: SheetStyle) -> tuple[bytes, int]:
    """The PDF, and how many cards are in it.

    Raises ValueError for none, too many, or letters that the fonts of this machine lack.
    """
    pdf = FPDF(unit="mm", format=_PAGE[style.paper])
    try:
        count = _draw(pdf, cards, style)
        return bytes(pdf.output()), count
    finally:
        close_fonts(pdf)


def _draw(pdf: FPDF, cards: Iterable[PrintedCard], style: SheetStyle) -> int:
    width, height = _PAGE[style.paper]
    pdf.set_auto_page_break(False)
    pdf.set_margin(0)
    pdf.set_title("Cards")
    left, top = (width - _COLUMNS * _WIDTH) / 2, (height - _ROWS * _HEIGHT) / 2
    code = _code(style.access_numbers[0].number)
    count = 0
    for count, card in enumerate(cards, start=1):
        if count > MOST_CARDS:
            raise ValueError(f"a sheet has {MOST_CARDS} cards at most: print a part of the lot")
        place = (count - 1) % (_COLUMNS * _ROWS)
        if place == 0:
            pdf.add_page()
            _crop_marks(pdf, left, top)
        row, column = divmod(place, _COLUMNS)
        _card(pdf, left + column * _WIDTH, top + row * _HEIGHT, card, style, code)
    if not count:
        raise ValueError("there is no card to print")
    return count


def grouped(digits: str) -> str:
    """Digits in groups of three and four that a person can read aloud: 471 100 0000."""
    threes = -len(digits) % 4
    if 3 * threes > len(digits):
        return digits
    parts = [digits[at : at + 3] for at in range(0, 3 * threes, 3)]
    parts += [digits[at : at + 4] for at in range(3 * threes, len(digits), 4)]
    return " ".join(parts)


def _code(number: str) -> Sequence[Sequence[bool]]:
    """A QR code (ISO/IEC 18004) that dials a number (RFC 3966), as rows of dark modules."""
    made = segno.make(f"tel:{number}", error="m", micro=False)
    return [[bool(module) for module in row] for row in made.matrix]


def _card(pdf: FPDF, x: float, y: float, card: PrintedCard, style: SheetStyle, code: Any) -> None:
    accent = ACCENTS[style.accent]
    band = 11.5
    pdf.set_fill_color(*accent)
    pdf.rect(x, y, _WIDTH, band, style="F")
    title, value = letters(style.title or card.group), _value(card.face_value)
    value_width = _fit(pdf, value, "B", 14, 30)
    pdf.set_text_color(255, 255, 255)
    _put(pdf, x + _WIDTH - 5 - value_width, y + band / 2, value)
    _fit(pdf, title, "B", 13, _WIDTH - 15 - value_width)
    _put(pdf, x + 5, y + band / 2, title)

    _label(pdf, x + 5, y + 16.4, "CARD NUMBER")
    number = grouped(card.number)
    _fit(pdf, number, "B", 13.5, 50, "Courier")
    pdf.set_text_color(*_INK)
    _put(pdf, x + 5, y + 21.2, number)

    pdf.set_fill_color(*_PANEL)
    pdf.set_draw_color(*_LINE)
    pdf.set_line_width(0.2)
    pdf.rect(x + 5, y + 25.6, 51, 11.6, style="DF", round_corners=True, corner_radius=1.6)
    _label(pdf, x + 7.2, y + 28.3, "PIN")
    pin = grouped(card.pin)
    _fit(pdf, pin, "B", 15, 46.5, "Courier")
    pdf.set_text_color(*_INK)
    _put(pdf, x + 7.2, y + 33.3, pin)

    _dial(pdf, x, y, style)
    _draw_code(pdf, x + _WIDTH - 5 - 21, y + 15.4, 21, code)
    pdf.set_text_color(*_SOFT)
    scan = "Scan to call"
    width = _fit(pdf, scan, "", 6, 21)
    _put(pdf, x + _WIDTH - 5 - 21 + (21 - width) / 2, y + 38.6, scan)
    _foot(pdf, x, y, card, style)


def _dial(pdf: FPDF, x: float, y: float, style: SheetStyle) -> None:
    lines = style.access_numbers
    step = min(4.3, 9.6 / len(lines))
    size = 8.5 if len(lines) < 3 else 7
    for at, access in enumerate(lines):
        middle = y + 41.4 + at * step
        name = letters(access.name)
        pdf.set_text_color(*_SOFT)
        width = _fit(pdf, name, "", size, 24) + 1.5 if name else 0
        _put(pdf, x + 5, middle, name)
        pdf.set_text_color(*_INK)
        number = _spoken(access.number)
        _fit(pdf, number, "B", size, 50 - width)
        _put(pdf, x + 5 + width, middle, number)


def _foot(pdf: FPDF, x: float, y: float, card: PrintedCard, style: SheetStyle) -> None:
    pdf.set_text_color(*_SOFT)
    serial = letters(" / ".join(part for part in (card.lot, card.pack, card.place) if part))
    width = _fit(pdf, serial, "", 5, 34)
    _put(pdf, x + _WIDTH - 5 - width, y + _HEIGHT - 3.4, serial)
    note = letters(style.note)
    _fit(pdf, note, "", 5.5, _WIDTH - 12 - width)
    _put(pdf, x + 5, y + _HEIGHT - 3.4, note)


def _label(pdf: FPDF, x: float, middle: float, text: str) -> None:
    pdf.set_text_color(*_SOFT)
    pdf.set_font(BUILT_IN, "B", 5.2)
    pdf.set_char_spacing(0.5)
    _put(pdf, x, middle, text)
    pdf.set_char_spacing(0)


def _draw_code(pdf: FPDF, x: float, y: float, size: float, code: Any) -> None:
    """Drawn in runs of modules, so that it stays sharp at any size."""
    module = size / len(code)
    pdf.set_fill_color(*_INK)
    for row, modules in enumerate(code):
        begin = None
        for column, dark in enumerate([*modules, False]):
            if dark and begin is None:
                begin = column
            elif not dark and begin is not None:
                # A little overlap keeps viewers from showing hairlines between the rows.
                pdf.rect(
                    x + begin * module,
                    y + row * module,
                    (column - begin) * module,
                    module * 1.02,
                    style="F",
                )
                begin = None


def _crop_marks(pdf: FPDF, left: float, top: float) -> None:
    """Where to cut: outside the cards, so that none is left on them."""
    pdf.set_draw_color(0, 0, 0)
    pdf.set_line_width(0.1)
    right, bottom = left + _COLUMNS * _WIDTH, top + _ROWS * _HEIGHT
    for column in range(_COLUMNS + 1):
        x = left + column * _WIDTH
        pdf.line(x, top - _GAP - _MARK, x, top - _GAP)
        pdf.line(x, bottom + _GAP, x, bottom + _GAP + _MARK)
    for row in range(_ROWS + 1):
        y = top + row * _HEIGHT
        pdf.line(left - _GAP - _MARK, y, left - _GAP, y)
        pdf.line(right + _GAP, y, right + _GAP + _MARK, y)
    pdf.set_draw_color(*_LINE)
    for row in range(1, _ROWS):
        y = top + row * _HEIGHT
        pdf.line(left, y, right, y)
    pdf.line(left + _WIDTH, top, left + _WIDTH, bottom)


def _fit(pdf: FPDF, text: str, bold: str, size: float, most: float, family: str = "") -> float:
    """Chooses the largest font up to ``size`` in which the text is at most so wide."""
    family = family or font_for(pdf, text)
    pdf.set_font(family, bold, size)
    width = float(pdf.get_string_width(text))
    if width > most:
        pdf.set_font(family, bold, max(3.0, size * most / width))
        width = float(pdf.get_string_width(text))
    return width


def _put(pdf: FPDF, x: float, middle: float, text: str) -> None:
    # A capital letter is about 0.72 of the font's size high, a point is 0.3528 mm.
    pdf.text(x, middle + pdf.font_size_pt * 0.3528 * 0.36, text)


def _spoken(number: str) -> str:
    """As people of its country write it: 1-800-555-0100, +48 22 123 45 67."""
    parsed = phonenumbers.parse(number)
    written = phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.INTERNATIONAL)
    return written.removeprefix("+").replace(" ", "-") if parsed.country_code == 1 else written


def _value(face_value: str) -> str:
    """``10.00 USD`` as it stands on a card."""
    amount, _, unit = face_value.partition(" ")
    match unit:
        case "USD":
            return f"${amount}"
        case "MIN":
            return f"{amount.removesuffix('.00')} min"
        case _:
            return face_value
