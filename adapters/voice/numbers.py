"""Numbers as a language says them: which number words, in which order.

The words from 0 to 99 are the catalogue's, each a sound of its own, so that "twenty-one" or
"quatre-vingt-onze" is recorded in one breath. A grammar only composes what is larger.

A language that composes large numbers in another way gets a function here and a line in
``GRAMMARS``. The function answers with the msgids of number words; words that only this language
needs ("200" for the Spanish "doscientos", "wan" for the Chinese ten thousand) are added to its
catalogue under the context ``number`` and need no change anywhere else.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

Grammar = Callable[[int], tuple[str, ...]]
"""From a whole number, 0 to LARGEST, to the msgids of its words in the order they are said."""

SCALES = ((10**12, "trillion"), (10**9, "billion"), (10**6, "million"), (1000, "thousand"))

LARGEST = 10**15 - 1
"""Anything larger is said as this: less than there is, as with every rounding of speech."""

WORDS = (*(str(n) for n in range(100)), "hundred", *(name for _, name in reversed(SCALES)))
"""The number words that every catalogue has."""


def by_hundreds(number: int) -> tuple[str, ...]:
    """One hundred twenty-three thousand four hundred: groups of three digits, nothing between."""
    if number < 100:
        return (str(number),)
    for size, name in (*SCALES, (100, "hundred")):
        if number >= size:
            many, rest = divmod(number, size)
            return (*by_hundreds(many), name, *(by_hundreds(rest) if rest else ()))
    raise AssertionError(number)  # pragma: no cover - 100 and above is at least one hundred


GRAMMARS: Mapping[str, Grammar] = MappingProxyType({"en": by_hundreds})
"""The grammar of each language; one without an entry is spoken ``by_hundreds``."""


def words_of(number: int, language: str) -> tuple[str, ...]:
    """The msgids of the words of a whole number from 0, in the order they are said."""
    return GRAMMARS.get(language, by_hundreds)(min(number, LARGEST))
