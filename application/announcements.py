"""Languages and sounds that an operator names: what is wrong is refused before anybody calls."""

from __future__ import annotations

import re

from domain.errors import SettingNotAllowed

_LANGUAGE = re.compile(r"[a-z]{2,3}([_-][A-Za-z]{2,4})?", re.ASCII)
_SOUND = re.compile(r"(?!.*\.\.)/?[A-Za-z0-9][A-Za-z0-9_./-]{0,199}", re.ASCII)


def check_language(language: str) -> None:
    """Raises SettingNotAllowed for anything but a code such as ``en`` or ``zh_CN``."""
    if not _LANGUAGE.fullmatch(language):
        raise SettingNotAllowed("language", language[:40], "a code such as en or zh_CN")


def check_first_announcement(sound: str | None) -> None:
    """Raises SettingNotAllowed for what Asterisk could not play, or would take for an option."""
    if sound is not None and not _SOUND.fullmatch(sound):
        accepted = "a path of letters, digits, _, - and ., without `..`"
        raise SettingNotAllowed("first announcement", sound[:80], accepted)
