"""How things look to people: amounts, times, durations, statuses, and the texts of fields."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime
from enum import Enum
from typing import Any
from uuid import UUID

from adapters.http.wire import MoneyTold, told
from domain.money import Money

NOTHING = "—"

_TWO_PLACES = 2

TONES: Mapping[str, str] = {
    # of cards
    "generated": "grey",
    "printed": "grey",
    "shipped": "blue",
    "active": "green",
    "on hold": "amber",
    "used": "green",
    "empty": "grey",
    "cancelled": "red",
    "void": "red",
    # of attempts, approvals and other things
    "open": "blue",
    "settled": "green",
    "disputed": "red",
    "ended": "grey",
    "enabled": "green",
    "disabled": "red",
    "revoked": "red",
    "waiting": "amber",
    "approved": "green",
    "done": "green",
    "refused": "red",
    "sold": "green",
    "in force": "green",
    "draft": "amber",
    "published": "green",
    "to come": "blue",
    "in use": "green",
    "closed": "red",
    # of lots and what is done behind the door
    "being made": "blue",
    "made": "green",
    "being exported": "amber",
    "exported": "grey",
    "running": "blue",
    "declined": "red",
    "expired": "grey",
}
"""The colours of statuses; a status that is not here is grey."""


def tone(status: object) -> str:
    return TONES.get(str(getattr(status, "value", status)).lower(), "grey")


def money(value: object) -> str:
    """``1,234.50 USD``: at least two places of a currency, more only where they say something."""
    if value is None:
        return NOTHING
    amount, unit = _parts(value)
    sign, digits = ("−", amount[1:]) if amount.startswith("-") else ("", amount)
    whole, _, fraction = digits.partition(".")
    fraction = fraction.rstrip("0")
    if unit != "MIN":
        fraction = fraction.ljust(_TWO_PLACES, "0")
    text = f"{sign}{int(whole):,}" + (f".{fraction}" if fraction else "")
    return f"{text} {'min' if unit == 'MIN' else unit}"


def is_negative(value: object) -> bool:
    return value is not None and _parts(value)[0].startswith("-")


def _parts(value: object) -> tuple[str, str]:
    match value:
        case Money():
            value = told(value)
            return value.amount, value.unit
        case MoneyTold(amount=amount, unit=unit):
            return amount, unit
        case {"amount": str() as amount, "unit": str() as unit}:
            return amount, unit
        case _:
            raise TypeError(f"{type(value).__name__} is no money")


def moment(value: object) -> str:
    """``22 Nov 2026, 02:09:08`` in UTC, as the top of every page says."""
    when = _when(value)
    return when.strftime("%-d %b %Y, %H:%M:%S") if when else NOTHING


def day(value: object) -> str:
    when = _when(value)
    return when.strftime("%-d %b %Y") if when else NOTHING


def _when(value: object) -> datetime | None:
    match value:
        case datetime():
            return value.astimezone(UTC)
        case date():
            return datetime(value.year, value.month, value.day, tzinfo=UTC)
        case str() if value:
            return datetime.fromisoformat(value).astimezone(UTC)
        case _:
            return None


def duration(seconds: object) -> str:
    """``1:02:03``, or ``2:03`` below an hour."""
    if not isinstance(seconds, int):
        return NOTHING
    hours, rest = divmod(seconds, 3600)
    minutes, left = divmod(rest, 60)
    return f"{hours}:{minutes:02}:{left:02}" if hours else f"{minutes}:{left:02}"


def number(value: object) -> str:
    return f"{value:,}" if isinstance(value, int) else NOTHING if value is None else str(value)


def plain(value: object) -> str:
    """Any value of an answer, as people read it."""
    match value:
        case None | "":
            return NOTHING
        case bool():
            return "yes" if value else "no"
        case Enum():
            return str(value.value)
        case Money() | MoneyTold():
            return money(value)
        case {"amount": _, "unit": _}:
            return money(value)
        case datetime():
            return moment(value)
        case list() | tuple() | frozenset():
            return ", ".join(plain(each) for each in value) or NOTHING
        case _:
            return str(value)


def words(name: object) -> str:
    """``card-status-changed`` as ``Card status changed``."""
    text = str(name).replace("-", " ").replace("_", " ").strip()
    return text[:1].upper() + text[1:]


def as_input(value: Any) -> str:
    """A value as the text of its field."""
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case Enum():
            return str(value.value)
        case Money() | MoneyTold():
            return _parts(value)[0]
        case {"amount": str() as amount}:
            return amount
        case datetime():
            return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M")
        case UUID():
            return str(value)
        case list() | tuple():
            return ", ".join(as_input(each) for each in value)
        case _:
            return str(value)


def moment_input(value: object) -> str:
    """A moment as a field for one takes it, to the second, in UTC."""
    when = _when(value)
    return when.strftime("%Y-%m-%dT%H:%M:%S") if when else ""


def field_error(detail: str) -> str:
    """What is wrong with a field, without the path that programs find it by."""
    path, colon, what = detail.partition(": ")
    what = what if colon and path.startswith("$") else detail
    for pattern, sentence in _TOLD:
        what = pattern.sub(sentence, what)
    what = what.strip().rstrip(".")
    return f"{what[:1].upper()}{what[1:]}."


_TOLD = (
    (re.compile(r"Expected `str` matching regex .*"), "This is not written as it has to be"),
    (re.compile(r"Expected `str` of length >= 1\b"), "Fill this in"),
    (re.compile(r"Expected `str` of length >= (\d+)"), r"At least \1 characters"),
    (re.compile(r"Expected `str` of length <= (\d+)"), r"At most \1 characters"),
    (re.compile(r"Expected `array` of length >= 1\b"), "Name at least one"),
    (re.compile(r"Expected `array` of length <= (\d+)"), r"At most \1 of them"),
    (re.compile(r"Expected `int` >= (-?\d+)"), r"At least \1"),
    (re.compile(r"Expected `int` <= (-?\d+)"), r"At most \1"),
    (re.compile(r"Object missing required field `(\w+)`"), r"Fill in \1"),
    (re.compile(r"Invalid enum value (.*)"), r"\1 is not one of the choices"),
    (re.compile(r"Invalid RFC3339 encoded datetime"), "A day and a time, such as 2026-12-31T00:00"),
    (re.compile(r"Invalid UUID"), "This is no id"),
    (re.compile(r"`"), ""),
)
"""Sentences for what the typed requests say of a field."""

FILTERS = {
    "field_error": field_error,
    "money": money,
    "negative": is_negative,
    "moment": moment,
    "input": moment_input,
    "day": day,
    "duration": duration,
    "number": number,
    "plain": plain,
    "words": words,
    "tone": tone,
}
"""The filters of the templates."""
