"""What the keys at the destination prompt mean: a number, a star code, the operator, or nothing."""

from __future__ import annotations

import re
from collections.abc import Callable
from enum import Enum, auto
from typing import Any

from attrs import Attribute, field, frozen

from adapters.agi.telephone import Keys

_STAR_CODE = re.compile(r"\*[0-9]{1,6}", re.ASCII)
_SHORT_CODE = re.compile(r"[1-9][0-9]{1,3}", re.ASCII)
_HANGUP_KEYS = re.compile(r"\*|#[0-9]{0,3}#|\*[0-9]{1,3}\*?|##", re.ASCII)


class Meaning(Enum):
    NOTHING = auto()
    NUMBER = auto()
    REDIAL = auto()
    OPERATOR = auto()
    BALANCE = auto()
    CALLER_ID = auto()
    START_OVER = auto()
    UNFINISHED = auto()
    INVALID = auto()


def _form(pattern: re.Pattern[str], accepted: str) -> Callable[[Any, Attribute[str], str], None]:
    def check(_: object, attribute: Attribute[str], value: str) -> None:
        if not pattern.fullmatch(value):
            raise ValueError(f"{attribute.name} is {accepted}, not {value!r}")

    return check


@frozen
class Codes:
    """What the caller may key besides numbers. Raises ValueError for codes that collide.

    A short code has at most four digits, so it can never be a telephone number.
    """

    caller_id: str = field(default="*32", validator=_form(_STAR_CODE, "* and 1 to 6 digits"))
    redial: str = field(default="*0", validator=_form(_STAR_CODE, "* and 1 to 6 digits"))
    balance: str = field(
        default="111",
        validator=_form(_SHORT_CODE, "2 to 4 digits, the first not 0"),
    )
    hang_up: str = field(
        default="*",
        validator=_form(_HANGUP_KEYS, "* or a combination such as ## or #1#"),
    )
    """Ends the destination's leg only; the one code that is heard during a call."""

    def __attrs_post_init__(self) -> None:
        codes = {"caller_id": self.caller_id, "redial": self.redial, "balance": self.balance}
        for name, code in codes.items():
            for other, another in codes.items():
                if name < other and code == another:
                    raise ValueError(f"{name} and {other} are both {code}: codes must differ")


def meaning(keys: Keys, codes: Codes) -> Meaning:
    """A star code may end with ``#`` or with silence; a number only with ``#``, because a caller
    who stops to think must not be connected to half a number."""
    number = keys.number
    if not keys.digits:
        return Meaning.NOTHING
    if number.startswith("*"):
        return {codes.caller_id: Meaning.CALLER_ID, codes.redial: Meaning.REDIAL}.get(
            number, Meaning.INVALID
        )
    if not number:
        return Meaning.START_OVER
    if not (number.isascii() and number.isdigit()):
        return Meaning.INVALID
    if not keys.finished:
        return Meaning.UNFINISHED
    if number == "0":
        return Meaning.OPERATOR
    if number == codes.balance:
        return Meaning.BALANCE
    return Meaning.INVALID if number.startswith("0") else Meaning.NUMBER
