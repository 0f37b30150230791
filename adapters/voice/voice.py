"""What the caller hears, composed from the catalogues: the Voice of the application."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import assert_never

from attrs import field, frozen

from adapters.voice.catalogue import LanguageCatalogue, languages_in, read
from adapters.voice.template import LOCALE
from application.speech import (
    Amount,
    Balance,
    Digits,
    Frame,
    Prompt,
    Sentence,
    TimeLeft,
    Tone,
    amount_of,
    time_of,
)

_TONES = {tone.sound: tone.value for tone in Tone}


MOST_REMEMBERED = 10_000
"""Sentences whose sounds are remembered: the same few are said in every call."""


@frozen
class CatalogueVoice:
    """Speaks every language that has a catalogue."""

    default: str
    catalogues: Mapping[str, LanguageCatalogue]
    _said: dict[tuple[str, Sentence], tuple[str, ...]] = field(factory=dict, init=False, eq=False)

    def languages(self) -> tuple[str, ...]:
        return (self.default, *(name for name in self.catalogues if name != self.default))

    def language_for(self, wanted: str | None) -> str:
        asked = (wanted or "").replace("-", "_")
        for language in (asked, asked.partition("_")[0]):
            if language in self.catalogues:
                return language
        return self.default

    def say(self, *sentences: Sentence, language: str) -> tuple[str, ...]:
        spoken = self.language_for(language)
        said: list[str] = []
        for sentence in sentences:
            sounds = self._said.get((spoken, sentence))
            if sounds is None:
                sounds = _sounds(sentence, self.catalogues[spoken])
                if len(self._said) >= MOST_REMEMBERED:
                    self._said.clear()
                self._said[spoken, sentence] = sounds
            said.extend(sounds)
        return tuple(said)

    def text_of(self, sound: str, language: str) -> str:
        if sound in _TONES:
            return f"({_TONES[sound]})"
        texts = self.catalogues[self.language_for(language)].texts
        return texts.get(sound, f"[{sound}]")


def load(folder: Path = LOCALE, *, default: str = "en") -> CatalogueVoice:
    """The voice of all catalogues in a folder. Raises CatalogueError when one of them, or the
    default, cannot be spoken."""
    languages = dict.fromkeys((default, *languages_in(folder)))
    return CatalogueVoice(default, {language: read(language, folder) for language in languages})


def _sounds(sentence: Sentence, catalogue: LanguageCatalogue) -> tuple[str, ...]:
    match sentence:
        case Prompt() | Tone():
            return (sentence.sound,)
        case Balance(money):
            return catalogue.frame(Frame.BALANCE, amount=_amount(amount_of(money), catalogue))
        case TimeLeft(seconds):
            return catalogue.frame(Frame.TIME_LEFT, time=catalogue.count(time_of(seconds)))
        case Digits(digits):
            return catalogue.digits(digits)
        case _:  # pragma: no cover - mypy proves that every sentence is handled
            assert_never(sentence)


def _amount(amount: Amount, catalogue: LanguageCatalogue) -> tuple[str, ...]:
    if amount.decimals:
        whole = catalogue.number(amount.whole.number)
        digits = catalogue.digits(amount.decimals)
        return catalogue.frame(Frame.DECIMAL, whole=whole, digits=digits)
    whole = catalogue.count(amount.whole)
    if amount.part is None:
        return whole
    return catalogue.frame(Frame.WHOLE_AND_PART, whole=whole, part=catalogue.count(amount.part))
