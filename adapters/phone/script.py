"""A caller who follows a script: the keys for each question, and what becomes of each dialled leg.

One line of the script is one thing the caller or the far end does, in the order in which the
platform asks for it. A line that is empty or begins with `;` says nothing.

    4711#        keys for the next question, with the # that ends them; without a # the caller
                 falls silent after the last key
    silence      no key at all for the next question
    talk 60      the next leg is answered, and the far end hangs up after 60 seconds
    talk 60 *    ... and the caller ends the leg by the hang-up keys
    talk 60 hangup   ... and the caller hangs up the telephone
    busy, noanswer, congestion, unavailable, rejected, cancel   what else becomes of the next leg
    hangup       the caller hangs up at the next question or while the next leg rings

After the last line the caller hangs up.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence

from attrs import define, evolve, frozen

from adapters.phone.asterisk_side import (
    ANSWERS,
    BUSY,
    CANCELLED,
    CONGESTION,
    NO_ANSWER,
    REJECTED,
    UNAVAILABLE,
    HangsUp,
    Talk,
)
from adapters.phone.commands import Dialled

MOST_TALK_SECONDS = 86_400

_TALK = re.compile(r"talk ([0-9]{1,5}(?:\.[0-9]{1,3})?)(?: (\*|hangup))?")
_KEYS = re.compile(r"[0-9*]*#?")
_WORDS = {
    "busy": BUSY,
    "noanswer": NO_ANSWER,
    "congestion": CONGESTION,
    "unavailable": UNAVAILABLE,
    "rejected": REJECTED,
    "cancel": CANCELLED,
}


class ScriptError(ValueError):
    """A line of the script that means nothing, or that does not fit what the platform asks."""


@frozen
class Step:
    """One line of a script: exactly one of `keys`, `talk` and `hangs_up`."""

    number: int
    text: str
    keys: str | None = None
    talk: Talk | None = None
    hangs_up: bool = False


def parse_talk(text: str) -> Talk | None:
    """What `talk 60`, `busy` and so on mean; None for what is nothing of the kind."""
    if (word := _WORDS.get(text)) is not None:
        return word
    if (found := _TALK.fullmatch(text)) is None:
        return None
    whole, _, fraction = found[1].partition(".")
    if int(whole) > MOST_TALK_SECONDS:
        return None
    milliseconds = int(whole) * 1000 + int(fraction.ljust(3, "0"))
    return evolve(ANSWERS, talk_ms=milliseconds, caller_hangs_up=found[2] == "hangup")


def parse_script(lines: Iterable[str]) -> list[Step]:
    """The steps of a script. Raises ScriptError with the line's number and what is accepted."""
    steps = []
    for number, line in enumerate(lines, 1):
        text = " ".join(line.split())
        if not text or text.startswith(";"):
            continue
        if text == "hangup":
            steps.append(Step(number, text, hangs_up=True))
        elif text == "silence":
            steps.append(Step(number, text, keys=""))
        elif _KEYS.fullmatch(text):
            steps.append(Step(number, text, keys=text))
        elif (talk := parse_talk(text)) is not None:
            steps.append(Step(number, text, talk=talk))
        else:
            raise ScriptError(
                f"line {number}: {text!r} is none of: keys such as 4711#, silence, "
                f"talk <seconds> [* or hangup] (at most {MOST_TALK_SECONDS}), "
                f"{', '.join(_WORDS)}, hangup"
            )
    return steps


def _nothing(_: str) -> None:
    return


@define
class ScriptedLine:
    """A `Line` that follows a script. `heard` is every sound that was played, in order."""

    steps: list[Step]
    heard: list[str]
    tell: Callable[[str], None] = _nothing
    """Told what the caller or the far end does, in words."""

    @classmethod
    def of(cls, *lines: str) -> ScriptedLine:
        """A line that follows these script lines."""
        return cls(parse_script(lines), [])

    def hears(self, sounds: Sequence[str], *, interruptible: bool) -> str | None:
        """The caller listens to the end."""
        self.heard += sounds
        return None

    def keys(self, sounds: Sequence[str], most: int, milliseconds: int) -> tuple[str, bool]:
        """The keys of the next line. Raises ScriptError when it is about a leg."""
        self.heard += sounds
        step = self._next()
        if step.keys is None:
            raise ScriptError(
                f"line {step.number}: {step.text!r} is about a dialled leg, "
                "but a question was asked: keys, silence or hangup are accepted"
            )
        self.tell(f"keys {step.keys}" if step.keys else "silence")
        return step.keys.rstrip("#"), step.keys.endswith("#")

    def dials(self, leg: Dialled) -> Talk:
        """What the next line says of the leg. Raises ScriptError when it is about keys."""
        step = self._next()
        if step.talk is None:
            raise ScriptError(
                f"line {step.number}: {step.text!r} answers a question, but a leg "
                "was dialled: talk, busy, noanswer, ... or hangup are accepted"
            )
        self.tell(step.text)
        return step.talk

    def _next(self) -> Step:
        if not self.steps:
            self.tell("hangs up: the script is at its end")
            raise HangsUp
        step = self.steps.pop(0)
        if step.hangs_up:
            self.tell("hangs up")
            raise HangsUp
        return step
