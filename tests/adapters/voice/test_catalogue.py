"""A catalogue is read whole or refused with what is wrong in it."""

from __future__ import annotations

from pathlib import Path

import pytest

from adapters.voice.catalogue import CatalogueError, Sound, languages_in, read
from adapters.voice.template import LOCALE, TEMPLATE, entries, template
from tests.adapters.voice.catalogues import ENGLISH_RULE, POLISH_RULE, Text, write_catalogue

BALANCE = ("balance", "You have {amount}.")
MINUTE = ("minute", "{number} minute")


def problems(folder: Path, language: str = "xx") -> str:
    with pytest.raises(CatalogueError) as caught:
        read(language, folder)
    return "\n".join(caught.value.problems)


def test_the_template_lists_the_sentences_of_the_code() -> None:
    again = "write it anew with: python -m adapters.voice.template"
    assert TEMPLATE.read_bytes() == template(), again


def test_there_is_english() -> None:
    assert "en" in languages_in()


@pytest.mark.parametrize("language", languages_in())
def test_every_catalogue_that_comes_with_the_program_is_whole(language: str) -> None:
    assert read(language).texts


def test_every_text_has_a_place_of_its_own_in_the_catalogue() -> None:
    keys = [(entry.context, entry.text) for entry in entries()]
    assert len(keys) == len(set(keys))


def test_no_two_texts_share_a_sound() -> None:
    sentences = read("en").sentences.values()
    sounds = [p.name for pieces in sentences for p in pieces if isinstance(p, Sound)]
    assert len(sounds) == len(set(sounds))


def test_the_names_of_sounds_can_stand_in_a_list_of_files() -> None:
    for sound in read("en").texts:
        assert sound.removeprefix("talktime/").replace("-", "").isalnum()
        assert sound.isascii()


def test_english_can_be_reworded_in_its_catalogue(tmp_path: Path) -> None:
    write_catalogue(tmp_path, "en", {("welcome", "Welcome."): "Welcome to Blue Card."})
    assert read("en", tmp_path).texts["talktime/welcome"] == "Welcome to Blue Card."


@pytest.mark.parametrize(
    ("key", "text", "told"),
    [
        (BALANCE, None, "balance: 'You have {amount}.' is not in it"),
        (BALANCE, "", "is not translated"),
        (BALANCE, "You have money.", "needs {amount}, each once"),
        (BALANCE, "You have {amount}, {amount}.", "needs {amount}, each once"),
        (BALANCE, "You have {money}.", "needs {amount}, each once"),
        (BALANCE, "You have {amount", "in 'You have {amount'"),
        (BALANCE, "You have {amount:f}.", "a form that does not exist"),
        (BALANCE, "You have {amount!r}.", "a form that does not exist"),
        (("welcome", "Welcome."), "Hello {amount}.", "needs no values"),
        (("welcome", "Welcome."), "...", "has no words"),
        (("number", "4"), " ", "is not translated"),
        (MINUTE, ("{number} minute", ""), "is not translated"),
        (MINUTE, ("{number} minute", "minutes"), "needs {number}, each once"),
    ],
)
def test_a_catalogue_that_leaves_anything_unsaid_is_refused(
    tmp_path: Path, key: tuple[str, str], text: Text | None, told: str
) -> None:
    write_catalogue(tmp_path, "xx", {key: text})
    assert told in problems(tmp_path)


def test_every_problem_is_told_at_once(tmp_path: Path) -> None:
    write_catalogue(tmp_path, "xx", {BALANCE: None, ("welcome", "Welcome."): ""})
    assert len(problems(tmp_path).splitlines()) == 2


def test_a_fuzzy_translation_is_refused(tmp_path: Path) -> None:
    write_catalogue(tmp_path, "xx", fuzzy=(BALANCE,))
    assert "marked fuzzy" in problems(tmp_path)


def test_too_few_plural_forms_are_refused(tmp_path: Path) -> None:
    path = write_catalogue(tmp_path, "xx")
    path.write_text(path.read_text().replace(ENGLISH_RULE, POLISH_RULE))
    assert "minute: '{number} minute' is not translated" in problems(tmp_path)


def test_a_noun_without_its_plural_is_refused(tmp_path: Path) -> None:
    path = write_catalogue(tmp_path, "xx")
    plural = 'msgid_plural "{number} minutes"\nmsgstr[0] "{number} minute"\nmsgstr[1]'
    text = path.read_text()
    assert plural in text
    path.write_text(text.replace(plural, "msgstr"))
    assert "minute: '{number} minute' needs 2 plural forms" in problems(tmp_path)


def test_a_plural_rule_outside_its_forms_is_refused(tmp_path: Path) -> None:
    path = write_catalogue(tmp_path, "xx")
    path.write_text(path.read_text().replace("plural=(n != 1)", "plural=(n)"))
    assert "Plural-Forms" in problems(tmp_path)


def test_a_plural_form_that_serves_one_number_may_leave_it_out(tmp_path: Path) -> None:
    write_catalogue(tmp_path, "xx", {MINUTE: ("a minute", "{number} minutes")})
    assert read("xx", tmp_path).texts["talktime/minute-0"] == "a minute"


def test_a_number_word_that_cannot_name_a_file_is_refused(tmp_path: Path) -> None:
    write_catalogue(tmp_path, "xx", more={("number", "../200"): "two hundred"})
    assert "cannot name a sound file" in problems(tmp_path)


@pytest.mark.parametrize("language", ["..", "english", "e"])
def test_what_is_not_a_language_is_refused(language: str) -> None:
    with pytest.raises(CatalogueError, match="is not a language such as es"):
        read(language)


def test_a_missing_catalogue_is_told_with_the_ones_there_are() -> None:
    with pytest.raises(CatalogueError, match=r"no such file; languages here: .*en"):
        read("tlh", LOCALE)


@pytest.mark.parametrize("text", ["this is not a catalogue", "\xff\xfe"])
def test_what_is_no_catalogue_is_refused(tmp_path: Path, text: str) -> None:
    path = write_catalogue(tmp_path, "xx")
    path.write_bytes(text.encode("latin-1"))
    assert "is not a gettext catalogue" in problems(tmp_path)
