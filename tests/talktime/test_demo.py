"""The demo: a small operator to try everything on, the same one when it is started again."""

from __future__ import annotations

from pathlib import Path

import pytest

from adapters.agi.server import FastAgiServer
from adapters.phone.asterisk_side import AsteriskSide
from adapters.phone.script import ScriptedLine
from application.speech import Prompt
from talktime import demo
from talktime.sealing import sealing
from talktime.settings import load
from talktime.system import running


def test_a_newcomer_can_call_with_a_card_of_the_demo(tmp_path: Path) -> None:
    settings, key = demo.prepare(tmp_path, agi_port=0, http_port=0)
    assert len(key) >= 32
    with running(settings) as system:
        (number, pin), *others = demo.set_up(system, tmp_path)
        assert len(others) == 2
        line = ScriptedLine.of(f"{number}#", f"{pin}#", "48774417880#", "talk 60", "0#", "busy")
        with FastAgiServer(("127.0.0.1", 0), {"card": system.answer}) as server:
            side = AsteriskSide(line).run(*server.address)
        assert [leg.number for leg in side.legs] == ["48774417880", "18005550199"]
        assert Prompt.LOGIN_FAILED.sound not in line.heard
        system.catch_up()
        (call,) = system.views.calls(None, 10)
        assert call.charged is not None
        assert call.charged.micros == 29_000


def test_started_again_the_demo_keeps_its_cards_and_keys(tmp_path: Path) -> None:
    settings, key = demo.prepare(tmp_path, agi_port=0, http_port=0)
    with running(settings) as system:
        cards = demo.set_up(system, tmp_path)
    again, same_key = demo.prepare(tmp_path, agi_port=0, http_port=0)
    assert (again, same_key) == (settings, key)
    with running(again) as system:
        assert demo.set_up(system, tmp_path) == cards
        assert len(system.views.cards(None, 100)) == len(cards)
        assert system.administration.group(demo.GROUP)


def test_a_demo_that_was_interrupted_is_finished_the_next_time(tmp_path: Path) -> None:
    settings, _ = demo.prepare(tmp_path, agi_port=0, http_port=0)
    with running(settings) as system:
        system.administration = _Interrupted(system.administration)  # type: ignore[assignment]
        with pytest.raises(KeyboardInterrupt):
            demo.set_up(system, tmp_path)
    with running(settings) as system:
        assert len(demo.set_up(system, tmp_path)) == 3
        assert system.administration.group(demo.GROUP)


class _Interrupted:
    """Somebody presses Ctrl-C before the card group is made."""

    def __init__(self, administration: object) -> None:
        self._administration = administration

    def __getattr__(self, name: str) -> object:
        if name == "create_group":
            raise KeyboardInterrupt
        return getattr(self._administration, name)


def test_every_other_command_finds_the_demo_by_its_settings_file(tmp_path: Path) -> None:
    folder = tmp_path / 'a "quoted" folder'
    settings, _ = demo.prepare(folder, agi_port=4573, http_port=8080)
    assert load(folder / demo.SETTINGS, {}) == settings


def test_the_log_of_the_demo_can_be_sealed_and_checked(tmp_path: Path) -> None:
    settings, _ = demo.prepare(tmp_path, agi_port=0, http_port=0)
    with running(settings) as system:
        demo.set_up(system, tmp_path)
        assert sealing(settings.seals, system.seals, system.clock).run() == 1
        assert system.seals.newest_note() == (tmp_path / "checkpoints").read_text().rstrip() + "\n"


def test_the_demos_secrets_are_for_its_owner_alone(tmp_path: Path) -> None:
    demo.prepare(tmp_path, agi_port=0, http_port=0)
    for name in ("pin.key", "api.key", "seal.key"):
        assert (tmp_path / name).stat().st_mode & 0o077 == 0
