"""Letters of print sheets: the fonts every PDF reader has, and DejaVu Sans for what they lack."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from pathlib import Path

from fpdf import FPDF
from fpdf.fonts import TTFFont

BUILT_IN = "Helvetica"
WIDER = "DejaVuSans"

FOLDERS: Sequence[Path] = tuple(
    Path("/usr/share/fonts") / name
    for name in ("truetype/dejavu", "dejavu-sans-fonts", "dejavu", "TTF")
)
"""Where Debian, Fedora, Alpine and Arch have it."""

_RIGHT_TO_LEFT = ("R", "AL")


def letters(text: str) -> str:
    """The text with letters and their accents in one piece, on one line."""
    return " ".join(unicodedata.normalize("NFC", text).split())


def font_for(pdf: FPDF, text: str, folders: Sequence[Path] = FOLDERS) -> str:
    """A font of the document that has every letter of the text.

    Raises ValueError for letters that it would lack: a card with a gap in its name is worse than
    none.
    """
    if _is_latin(text):
        return BUILT_IN
    if WIDER.lower() not in pdf.fonts:
        for style, ending in (("", ""), ("B", "-Bold")):
            pdf.add_font(WIDER, style, _file(text, f"{WIDER}{ending}.ttf", folders))
    font = pdf.fonts[WIDER.lower()]
    assert isinstance(font, TTFFont), "it was read from a file"
    lacking = {
        each
        for each in text
        if ord(each) not in font.cmap or unicodedata.bidirectional(each) in _RIGHT_TO_LEFT
    }
    if lacking:
        raise ValueError(
            f"{' '.join(sorted(lacking))} in {text!r} cannot be printed: Latin, Greek and Cyrillic"
            " letters can, and others of the font DejaVu Sans that are written from left to right"
        )
    return WIDER


def close_fonts(pdf: FPDF) -> None:
    """Closes the files that letters were read from; the document leaves them open."""
    for font in pdf.fonts.values():
        if isinstance(font, TTFFont):
            font.close()


def _file(text: str, name: str, folders: Sequence[Path]) -> Path:
    for folder in folders:
        if (file := folder / name).is_file():
            return file
    raise ValueError(
        f"to print {text!r} takes the font DejaVu Sans (Debian: apt-get install"
        " fonts-dejavu-core); without it a text is of the letters of Western Europe (Latin-1)"
    )


def _is_latin(text: str) -> bool:
    return all(each.isprintable() and ord(each) < 256 for each in text)
