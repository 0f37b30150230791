"""What is said of a call, in sounds and in words."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.voice.catalogue import read
from adapters.voice.voice import CatalogueVoice, load
from application.speech import (
    CURRENCIES,
    Balance,
    Digits,
    Prompt,
    Sentence,
    TimeLeft,
    Tone,
    Voice,
)
from domain.money import Money, parse
from tests.adapters.voice.catalogues import POLISH_RULE, Text, write_catalogue

VOICE: Voice = load()
KNOWN = {*read("en").texts, *(tone.sound for tone in Tone)}

SENTENCES: st.SearchStrategy[Sentence] = st.one_of(
    st.sampled_from(Prompt),
    st.sampled_from(Tone),
    st.builds(
        Balance,
        st.builds(
            Money,
            st.integers(-(10**6), 10**22),
            st.sampled_from((*CURRENCIES, "KWD", "MIN")),
        ),
    ),
    st.builds(TimeLeft, st.integers(-1, 10**9)),
    st.builds(Digits, st.text("0123456789", min_size=1, max_size=32)),
)


def heard(voice: Voice, *sentences: Sentence, language: str = "en") -> str:
    sounds = voice.say(*sentences, language=language)
    return " ".join(voice.text_of(sound, language) for sound in sounds)


@given(SENTENCES)
def test_whatever_is_said_there_is_a_sound_for_it(sentence: Sentence) -> None:
    sounds = VOICE.say(sentence, language="en")
    assert sounds
    assert KNOWN.issuperset(sounds)


@given(SENTENCES)
def test_what_is_said_fits_into_one_command_to_asterisk(sentence: Sentence) -> None:
    # AGI's buffer is 2,048 characters; a prompt and its values are asked for in one command.
    assert len("&".join(VOICE.say(sentence, language="en"))) < 1000


@pytest.mark.parametrize("prompt", Prompt)
def test_a_prompt_is_one_sound_and_reads_as_its_words(prompt: Prompt) -> None:
    assert VOICE.say(prompt, language="en") == (prompt.sound,)
    assert VOICE.text_of(prompt.sound, "en") == prompt.text


@pytest.mark.parametrize(
    ("sentence", "words"),
    [
        (Balance(parse("4.25", "USD")), "You have four dollars and twenty-five cents"),
        (Balance(parse("1.01", "GBP")), "You have one pound and one penny"),
        (Balance(parse("0.25", "EUR")), "You have twenty-five cents"),
        (Balance(parse("0", "USD")), "You have zero dollars"),
        (Balance(parse("12.05", "KWD")), "You have twelve point zero five units"),
        (Balance(parse("60", "MIN")), "You have sixty minutes"),
        (TimeLeft(125 * 60 + 59), "You can talk for one hundred twenty-five minutes"),
        (TimeLeft(60), "You can talk for one minute"),
        (TimeLeft(59), "You can talk for fifty-nine seconds"),
        (Digits("112"), "one one two"),
        (Tone.BEEP, "(beep)"),
    ],
)
def test_values_are_said_within_their_sentence(sentence: Sentence, words: str) -> None:
    assert heard(VOICE, sentence) == words


def test_an_amount_is_composed_of_our_own_sounds() -> None:
    assert VOICE.say(Balance(parse("4.25", "USD")), language="en") == (
        "talktime/balance",
        "talktime/n-4",
        "talktime/dollar-1",
        "talktime/whole-and-part",
        "talktime/n-25",
        "talktime/cent-1",
    )


def test_sentences_follow_one_another() -> None:
    sounds = VOICE.say(Prompt.BUSY, TimeLeft(60), Prompt.ENTER_DESTINATION, language="en")
    assert sounds[0] == Prompt.BUSY.sound
    assert sounds[-1] == Prompt.ENTER_DESTINATION.sound


def test_a_sound_that_is_not_ours_reads_as_its_name() -> None:
    assert VOICE.text_of("custom/easter", "en") == "[custom/easter]"


@pytest.fixture
def polish(tmp_path: Path) -> CatalogueVoice:
    """A language that says the value first, and has three plural forms."""
    write_catalogue(tmp_path, "en")
    dollar = ("{number:m} dolar", "{number} dolary", "{number} dolarów")
    changes: dict[tuple[str, str], Text | None] = {
        ("balance", "You have {amount}."): "{amount} masz na koncie.",
        ("whole-and-part", "{whole} and {part}"): "Razem {part} ponad {whole} to wszystko",
        ("dollar", "{number} dollar"): dollar,
        ("minute", "{number} minute"): ("minuta", "minuty: {number}", "{number} minut"),
    }
    more = {("number:m", "1"): "jeden", ("number:m", "hundred"): "sto"}
    write_catalogue(tmp_path, "pl", changes, rule=POLISH_RULE, more=more)
    return load(tmp_path)


@pytest.mark.parametrize(
    ("amount", "words"),
    [
        ("1", "jeden dolar masz na koncie"),
        ("2", "2 dolary masz na koncie"),
        ("5", "5 dolarów masz na koncie"),
        ("22.03", "Razem 3 cents ponad 22 dolary to wszystko masz na koncie"),
    ],
)
def test_word_order_and_plurals_are_the_translations(
    polish: CatalogueVoice, amount: str, words: str
) -> None:
    said = heard(polish, Balance(parse(amount, "USD")), language="pl")
    assert said.rstrip(".") == words


def test_a_form_may_say_its_number_within_its_noun(polish: CatalogueVoice) -> None:
    assert heard(polish, TimeLeft(60), language="pl") == "You can talk for minuta"
    assert heard(polish, TimeLeft(120), language="pl") == "You can talk for minuty: 2"


def test_pieces_of_a_sentence_are_numbered_where_there_are_several(polish: CatalogueVoice) -> None:
    sounds = polish.say(Balance(parse("1.01", "USD")), language="pl")
    assert sounds[0] == "talktime/whole-and-part-1"
    assert sounds[-2:] == ("talktime/whole-and-part-3", "talktime/balance")


def test_the_default_language_comes_first(polish: CatalogueVoice, tmp_path: Path) -> None:
    assert polish.languages() == ("en", "pl")
    assert load(tmp_path, default="pl").languages() == ("pl", "en")


@pytest.mark.parametrize(
    ("wanted", "spoken"),
    [
        ("pl", "pl"),
        ("pl-PL", "pl"),
        ("pl_PL", "pl"),
        ("tlh", "en"),
        ("", "en"),
        (None, "en"),
    ],
)
def test_a_language_that_is_not_there_is_spoken_as_its_nearest_or_the_default(
    polish: CatalogueVoice, wanted: str | None, spoken: str
) -> None:
    assert polish.language_for(wanted) == spoken


def test_an_unknown_language_is_spoken_in_the_default_one(polish: CatalogueVoice) -> None:
    sentence = Balance(parse("1.01", "USD"))
    assert polish.say(sentence, language="tlh") == polish.say(sentence, language="en")
