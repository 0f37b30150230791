"""Every sentence is there in every language, and Asterisk can play it."""

from __future__ import annotations

from pathlib import Path

import pytest

from adapters.voice import catalogue
from application.speech import Prompt, Tone
from domain.access_numbers import AccessTerms
from tests.end_to_end.callers import OnLine
from tests.end_to_end.conftest import Line
from tests.end_to_end.rig.agi_script import Script
from tests.end_to_end.rig.asterisk import Rig
from tests.end_to_end.rig.scenario import await_bye, hangup, wait
from tests.end_to_end.system import Service

pytestmark = pytest.mark.asterisk

LANGUAGES = catalogue.languages_in()
BEHIND_THE_END = 1_000_000_000
"""A place in a sound, in samples, at which it is opened and over at once."""


def test_asterisk_finds_every_sound_of_every_language(rendered_prompts: Path) -> None:
    missing: list[tuple[str, str]] = []

    def conversation(script: Script) -> None:
        script.result("ANSWER")
        for language in LANGUAGES:
            script.set("CHANNEL(language)", language)
            for sound in (*catalogue.read(language).texts, *(tone.sound for tone in Tone)):
                if script.result(f'STREAM FILE {sound} "" {BEHIND_THE_END}') != "0":
                    missing.append((language, sound))
        script.done()

    with Rig(sounds=rendered_prompts) as rig:
        told = Line(rig).call(conversation, await_bye())
    assert told.outcome.saw("BYE in")
    assert missing == []


def test_a_caller_is_spoken_to_in_the_language_of_the_access_number(service: Service) -> None:
    callers = []
    for ordinal, language in enumerate(LANGUAGES):
        number = f"1800555020{ordinal}"
        service.office.access_numbers.add(number, AccessTerms(language=language))
        callers.append(OnLine(service, wait(2), hangup(), access=number))
    for caller in callers:
        assert caller.leave().ok
    spoken = [
        line.rpartition("language '")[2].rstrip("')")
        for line in service.rig.log().splitlines()
        if f"Playing '{Prompt.WELCOME.sound}." in line
    ]
    assert sorted(spoken) == sorted(LANGUAGES)
