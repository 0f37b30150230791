"""A trunk: one line to a provider, how many calls it carries at once, and how it wants numbers."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import assert_never

from attrs import Attribute, field, frozen, validators
from attrs import evolve as changed

from domain.decks import LONGEST_PREFIX
from domain.errors import AlreadyExists
from domain.providers import check_name

MOST_CAPACITY = 100_000
MOST_PRIORITY = 1_000
MOST_TRANSLATIONS = 100
_LONGEST_PREPENDED = 16


def _digits(longest: int) -> Callable[[object, Attribute[str], object], None]:
    def check(_: object, field_: Attribute[str], value: object) -> None:
        if not isinstance(value, str) or not re.fullmatch(f"[0-9]{{0,{longest}}}", value):
            raise ValueError(f"{field_.name} is at most {longest} digits, not {value!r}")

    return check


def _number(low: int, high: int, default: int) -> int:
    checks = [validators.instance_of(int), validators.ge(low), validators.le(high)]
    return field(default=default, validator=checks)


@frozen
class Translation:
    """How numbers that begin with ``match`` are sent: so many digits off, others in front.

    ``Translation("48", 2, "0")`` sends 48221234567 as 0221234567, ``Translation("", 0, "00")``
    sends everything with 00 in front.
    """

    match: str = field(validator=_digits(LONGEST_PREFIX))
    strip: int = _number(0, LONGEST_PREFIX, 0)
    prepend: str = field(default="", validator=_digits(_LONGEST_PREPENDED))

    def __attrs_post_init__(self) -> None:
        # A digit that is not named is never taken off: two numbers would become one.
        if self.strip > len(self.match):
            raise ValueError(
                f"strip is at most the {len(self.match)} digits of match, not {self.strip}"
            )

    def apply(self, digits: str) -> str:
        return self.prepend + digits[self.strip :]


def _translations(_: object, __: object, value: object) -> None:
    if not isinstance(value, tuple) or not all(isinstance(each, Translation) for each in value):
        raise ValueError(f"translations are a tuple of Translation, not {value!r}")
    if len(value) > MOST_TRANSLATIONS:
        raise ValueError(f"translations are at most {MOST_TRANSLATIONS}, not {len(value)}")
    if len({each.match for each in value}) != len(value):
        raise ValueError("translations match different prefixes, and one comes twice")


@frozen
class TrunkTerms:
    """How calls go out through a trunk. Of trunks that cost the same, the lowest ``priority`` is
    tried first."""

    provider: str
    capacity: int = _number(1, MOST_CAPACITY, 30)
    """Calls at once."""
    priority: int = _number(0, MOST_PRIORITY, 100)
    translations: tuple[Translation, ...] = field(default=(), validator=_translations)
    caller_id: str | None = field(
        default=None,
        validator=validators.optional(validators.matches_re(r"\+?[0-9]{3,15}")),
    )
    """The number to present; None presents the caller's own."""
    active: bool = field(default=True, validator=validators.instance_of(bool))


# Facts.


@frozen
class TrunkAdded:
    """``name`` is that of the PJSIP endpoint."""

    name: str
    terms: TrunkTerms
    by: str
    why: str


@frozen
class TrunkChanged:
    terms: TrunkTerms
    by: str
    why: str


TrunkFact = TrunkAdded | TrunkChanged

# State and decisions.


@frozen
class Trunk:
    name: str
    terms: TrunkTerms

    def change(self, terms: TrunkTerms, by: str, why: str) -> list[TrunkFact]:
        return [] if terms == self.terms else [TrunkChanged(terms, by, why)]


def translated(translations: Sequence[Translation], digits: str) -> str:
    """The digits to send for the digits of an E.164 number: by the longest match, whatever the
    order; without a match they go as they are."""
    fitting = [each for each in translations if digits.startswith(each.match)]
    if not fitting:
        return digits
    return max(fitting, key=lambda each: len(each.match)).apply(digits)


def add(trunk: Trunk | None, name: str, terms: TrunkTerms, by: str, why: str) -> list[TrunkFact]:
    if trunk is None:
        return [TrunkAdded(check_name("trunk", name), terms, by, why)]
    if trunk.terms != terms:
        raise AlreadyExists("trunk", name)
    return []


def evolve(trunk: Trunk | None, fact: TrunkFact) -> Trunk:
    if isinstance(fact, TrunkAdded):
        return Trunk(fact.name, fact.terms)
    assert trunk is not None, "a trunk begins with TrunkAdded"
    match fact:
        case TrunkChanged(terms):
            return changed(trunk, terms=terms)
        case _:
            assert_never(fact)
