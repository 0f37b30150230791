"""One language's words, read from its gettext catalogue and cut into sounds."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from gettext import c2py
from pathlib import Path
from string import Formatter

from attrs import field, frozen
from babel.messages.catalog import Catalog
from babel.messages.pofile import PoFileError, read_po

from adapters.voice.numbers import words_of
from adapters.voice.template import LOCALE, NUMBER, Entry, entries, name_of
from application.speech import FOLDER, Count, Frame

FILE = Path("LC_MESSAGES") / "talktime.po"

_LANGUAGE = re.compile(r"[a-z]{2,3}(_[A-Z]{2})?")
_WORD = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_FORM = re.compile(r"[a-z]*")

_SAMPLE = 1000
"""Plural rules of all languages repeat within so many numbers."""


class CatalogueError(ValueError):
    """A catalogue that cannot be spoken; ``problems`` names every reason, one a line."""

    def __init__(self, where: Path, problems: list[str]) -> None:
        self.problems = tuple(problems)
        super().__init__(f"{where} cannot be spoken:\n" + "\n".join(f"- {p}" for p in problems))


@frozen
class Sound:
    """A piece of a sentence that is one sound file."""

    name: str


@frozen
class Value:
    """The place of a value in a sentence, with the form of the number words it asks for."""

    name: str
    form: str = ""


Piece = Sound | Value


@frozen
class LanguageCatalogue:
    """All that is said in one language."""

    language: str
    texts: Mapping[str, str]
    """The words of each sound."""
    sentences: Mapping[str, tuple[Piece, ...]]
    """The pieces of each sentence, by its name; of a counted noun also by plural form."""
    plural_form: Callable[[int], int] = field(eq=False, repr=False)
    """Which plural form a number asks for."""

    def frame(self, frame: Frame, **values: tuple[str, ...]) -> tuple[str, ...]:
        """The sounds of a sentence with these values in their places."""
        return _filled(self.sentences[name_of(frame.name)], values)

    def count(self, count: Count) -> tuple[str, ...]:
        """The sounds of a number with its noun, in the plural form that the number asks for."""
        form = self.plural_form(count.number)
        pieces = self.sentences[f"{name_of(count.of.name)}-{form}"]
        forms = [piece.form for piece in pieces if isinstance(piece, Value)]
        number = self.number(count.number, forms[0]) if forms else ()
        return _filled(pieces, {"number": number})

    def number(self, number: int, form: str = "") -> tuple[str, ...]:
        """The sounds of a whole number from 0, each word in this form where it has it."""
        words = words_of(number, self.language)
        variants = (number_sound(word, form) for word in words)
        plain = (number_sound(word) for word in words)
        return tuple(v if v in self.texts else p for v, p in zip(variants, plain, strict=True))

    def digits(self, digits: str) -> tuple[str, ...]:
        """The sounds of digits, read one by one."""
        return tuple(number_sound(digit) for digit in digits)


def _filled(pieces: tuple[Piece, ...], values: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
    sounds: list[str] = []
    for piece in pieces:
        sounds += (piece.name,) if isinstance(piece, Sound) else values[piece.name]
    return tuple(sounds)


def number_sound(word: str, form: str = "") -> str:
    """The sound of a number word: ``talktime/n-4``, in a form ``talktime/n-f-4``."""
    return f"{FOLDER}/n-{form}-{word}" if form else f"{FOLDER}/n-{word}"


def languages_in(folder: Path = LOCALE) -> tuple[str, ...]:
    """The languages that have a catalogue in a folder, in alphabetical order."""
    return tuple(sorted(file.parent.parent.name for file in folder.glob(f"*/{FILE}")))


def read(language: str, folder: Path = LOCALE) -> LanguageCatalogue:
    """A language's catalogue, whole. Raises CatalogueError for one that is missing, is not a
    catalogue, or leaves anything unsaid: half a sentence is worse than none."""
    path = folder / language / FILE
    if not _LANGUAGE.fullmatch(language):
        raise CatalogueError(path, [f"{language!r} is not a language such as es or pt_BR"])
    try:
        with path.open("rb") as file:
            catalog = read_po(file, abort_invalid=True)
    except FileNotFoundError:
        there = ", ".join(languages_in(folder)) or "none"
        raise CatalogueError(path, [f"there is no such file; languages here: {there}"]) from None
    except (PoFileError, UnicodeDecodeError) as error:
        raise CatalogueError(path, [f"it is not a gettext catalogue: {error}"]) from error
    reading = _Reading(catalog)
    if reading.problems:
        raise CatalogueError(path, reading.problems)
    return LanguageCatalogue(language, reading.texts, reading.sentences, reading.plural_form)


class _Reading:
    """Cuts a catalogue into sounds and notes whatever is wrong with it."""

    def __init__(self, catalog: Catalog) -> None:
        self.catalog = catalog
        self.texts: dict[str, str] = {}
        self.sentences: dict[str, tuple[Piece, ...]] = {}
        self.problems: list[str] = []
        self.plural_form: Callable[[int], int] = lambda number: 0
        self.served = [0] * catalog.num_plurals
        """How many of the first thousand numbers each plural form serves."""
        self._read_plural_rule()
        for entry in entries():
            self._read(entry)
        self._read_further_numbers()

    def _read_plural_rule(self) -> None:
        try:
            self.plural_form = c2py(self.catalog.plural_expr)
            for number in range(_SAMPLE):
                self.served[self.plural_form(number)] += 1
        except (ValueError, IndexError) as error:
            self.problems.append(f"Plural-Forms in the head is not a rule for its forms: {error}")

    def _read(self, entry: Entry) -> None:
        title = f"{entry.context}: {entry.text!r}"
        message = self.catalog.get(entry.text, entry.context)
        if message is None:
            self.problems.append(f"{title} is not in it")
            return
        string = message.string or ""
        strings = (string,) if isinstance(string, str) else tuple(string)
        if message.fuzzy:
            self.problems.append(f"{title} is marked fuzzy: check the translation")
        elif not strings or not all(text.strip() for text in strings):
            self.problems.append(f"{title} is not translated")
        elif entry.several is None:
            name = number_sound(entry.text) if entry.context == NUMBER else entry.context
            self._cut(title, name.removeprefix(f"{FOLDER}/"), strings[0], _values(entry.text))
        elif len(strings) != self.catalog.num_plurals:
            self.problems.append(f"{title} needs {self.catalog.num_plurals} plural forms")
        else:
            for form, text in enumerate(strings):
                name, alone = f"{entry.context}-{form}", self.served[form] == 1
                self._cut(title, name, text, _values(entry.text), may_omit=alone)

    def _read_further_numbers(self) -> None:
        for message in self.catalog:
            context, _, form = (message.context or "").partition(":")
            word, text = message.id, message.string
            if context != NUMBER or not isinstance(word, str) or not isinstance(text, str):
                continue
            if number_sound(word, form) in self.texts or not text.strip():
                continue
            if not _WORD.fullmatch(word) or not _FORM.fullmatch(form):
                self.problems.append(f"{message.context}: {word!r} cannot name a sound file")
            elif not message.fuzzy:
                self._cut(f"{message.context}: {word!r}", _bare(word, form), text, set())

    def _cut(
        self, title: str, name: str, text: str, wanted: set[str], *, may_omit: bool = False
    ) -> None:
        try:
            parts = list(_parts(text))
        except ValueError as error:
            self.problems.append(f"{title}: {error} in {text!r}")
            return
        values = [part.name for part in parts if isinstance(part, Value)]
        if sorted(values) != sorted(wanted) and not (may_omit and not values):
            needs = ", ".join(f"{{{value}}}" for value in sorted(wanted)) or "no values"
            self.problems.append(f"{title} needs {needs}, each once, not {text!r}")
        spoken = sum(isinstance(part, str) for part in parts)
        if not spoken and not values:
            self.problems.append(f"{title} has no words: {text!r}")
        pieces: list[Piece] = []
        for part in parts:
            if isinstance(part, Value):
                pieces.append(part)
                continue
            index = sum(isinstance(piece, Sound) for piece in pieces) + 1
            sound = f"{FOLDER}/{name}" if spoken == 1 else f"{FOLDER}/{name}-{index}"
            self.texts[sound] = part
            pieces.append(Sound(sound))
        self.sentences[name] = tuple(pieces)


def _bare(word: str, form: str) -> str:
    return number_sound(word, form).removeprefix(f"{FOLDER}/")


def _parts(text: str) -> Iterator[str | Value]:
    """The spoken stretches and the values of a text; stretches of signs alone are left out."""
    for stretch, value, form, conversion in Formatter().parse(text):
        if any(sign.isalnum() for sign in stretch):
            yield stretch.strip()
        if value is None:
            continue
        if conversion or not _FORM.fullmatch(form or "") or (form and value != "number"):
            raise ValueError(f"the value {{{value}}} has a form that does not exist")
        yield Value(value, form or "")


def _values(text: str) -> set[str]:
    return {value for _, value, _, _ in Formatter().parse(text) if value is not None}
