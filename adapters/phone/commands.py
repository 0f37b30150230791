"""What the platform asks of Asterisk, read the way Asterisk reads it."""

from __future__ import annotations

from collections.abc import Mapping

from attrs import frozen


@frozen
class Dialled:
    """What Dial was asked to do, read from its argument."""

    number: str
    trunk: str
    ring_seconds: int
    limit_ms: int | None
    warn_ms: int | None
    caller_id: str | None
    reference: str
    attempt: str
    leg: str


def seconds_of(milliseconds: int) -> str:
    """Seconds since 1970 with milliseconds, as STRFTIME(,UTC,%s.%3q) gives them."""
    return f"{milliseconds // 1000}.{milliseconds % 1000:03d}"


def split(line: str) -> list[str]:
    """A command's words as Asterisk splits them: quotes group, a backslash takes the next sign."""
    words: list[str] = []
    word: list[str] = []
    quoted = escaped = begun = False
    for sign in line:
        if escaped:
            word.append(sign)
            escaped = False
        elif sign == "\\":
            escaped = begun = True
        elif sign == '"':
            quoted, begun = not quoted, True
        elif sign in " \t" and not quoted:
            if begun:
                words.append("".join(word))
            word, begun = [], False
        else:
            word.append(sign)
            begun = True
    if begun:
        words.append("".join(word))
    return words


def read_dial(argument: str) -> Dialled:
    """The parts of `<channel>,<ring seconds>,<options>`, with or without the leg's name."""
    channel, _, rest = argument.partition(",")
    ring, _, options = rest.partition(",")
    number, _, trunk = channel.partition("/")[2].partition("@")
    found = _options(options)
    limits = found.get("L", "").split(":")
    name = found.get("b", "").partition("(")[2].rstrip(")").split("^")
    reference, attempt, leg = name if len(name) == 3 else ("", "", "")
    return Dialled(
        number,
        trunk,
        int(ring) if ring else 60,
        int(limits[0]) if limits[0] else None,
        int(limits[1]) if len(limits) > 1 and limits[1] else None,
        found.get("f"),
        reference,
        attempt,
        leg,
    )


def _options(text: str) -> Mapping[str, str]:
    """Dial's options: a letter, and what stands in the brackets behind it."""
    found: dict[str, str] = {}
    at = 0
    while at < len(text):
        letter, at = text[at], at + 1
        found[letter] = ""
        if text[at : at + 1] != "(":
            continue
        depth, begin = 0, at + 1
        while at < len(text):
            depth += {"(": 1, ")": -1}.get(text[at], 0)
            at += 1
            if not depth:
                break
        found[letter] = text[begin : at - 1]
    return found
