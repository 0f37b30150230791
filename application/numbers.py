"""Telephone numbers: what arrives and what is dialled, told in one way, E.164."""

from __future__ import annotations

import re
from functools import lru_cache

import phonenumbers
from attrs import frozen
from phonenumbers import PhoneNumberType, ValidationResult

from domain.caller_ids import RECEIVED
from domain.errors import NumberNotDialable

_DIALLED = re.compile(r"[1-9][0-9]{4,14}", re.ASCII)
_E164 = re.compile(r"\+[1-9][0-9]{4,14}", re.ASCII)


def destination(dialled: str) -> str:
    """The E.164 number that a caller means by digits: country code first, no prefix before it.

    Raises NumberNotDialable for digits that are no possible number of any country.
    """
    if not _DIALLED.fullmatch(dialled):
        raise NumberNotDialable(dialled[:20])
    number = "+" + dialled
    if not _possible(number, None):
        raise NumberNotDialable(dialled)
    return number


def is_e164(number: str) -> bool:
    return _E164.fullmatch(number) is not None


def caller_id(received: str | None, country: str) -> str | None:
    """The E.164 number a caller ID stands for, or None if it cannot stand in for a PIN.

    Only ``^\\+?\\d+$`` as received is usable (seed: MOR, PINless dialing). A number without a
    plus sign is read as one of ``country``, and if it cannot be one, as one with a country code.
    """
    if not received or not RECEIVED.fullmatch(received):
        return None
    if received.startswith("+"):
        return received if _E164.fullmatch(received) else None
    if (national := _possible(received, country)) is not None:
        return national
    number = "+" + received
    return number if _E164.fullmatch(number) else None


@lru_cache(maxsize=50_000)
@frozen
class Reading:
    """One way in which a carrier may understand a number.

    ``premium_in`` is the country code if it is of premium rate there.
    """

    digits: str
    premium_in: str | None


@lru_cache(maxsize=10_000)
def readings(number: str) -> tuple[Reading, ...]:
    """Everything an E.164 number may mean on its way, so that no spelling evades a blocked range.

    As it stands; as its country writes it, without a trunk prefix between country code and number;
    and, if it is no valid number, without zeros there. A carrier ignores digits too many, so an
    invalid number is of premium rate if what it begins with is. Raises ValueError for anything but
    a number in E.164.
    """
    digits = number.removeprefix("+")
    if not _E164.fullmatch("+" + digits):
        raise ValueError(f"a number in E.164 is + and 5 to 15 digits, not {number[:20]!r}")
    parsed = _parsed(digits)
    if parsed is None:
        return (Reading(digits, None),)
    code = str(parsed.country_code)
    told = [digits, code + phonenumbers.national_significant_number(parsed)]
    if not phonenumbers.is_valid_number(parsed):
        told.append(code + digits[len(code) :].lstrip("0"))
    return tuple(
        Reading(each, code if _is_premium(each, len(code)) else None)
        for each in dict.fromkeys(told)
    )


_SHORTEST_PREMIUM = 3
"""Digits of a national number below which nothing is looked for."""


def _is_premium(digits: str, code_length: int) -> bool:
    for length in range(len(digits), code_length + _SHORTEST_PREMIUM, -1):
        parsed = _parsed(digits[:length])
        kind = PhoneNumberType.UNKNOWN if parsed is None else phonenumbers.number_type(parsed)
        if kind != PhoneNumberType.UNKNOWN:
            return kind == PhoneNumberType.PREMIUM_RATE
    return False


def _parsed(digits: str) -> phonenumbers.PhoneNumber | None:
    try:
        return phonenumbers.parse("+" + digits)
    except phonenumbers.NumberParseException:
        return None


def _possible(text: str, country: str | None) -> str | None:
    try:
        number = phonenumbers.parse(text, country)
    except phonenumbers.NumberParseException:
        return None
    # A number without its area code is possible in many places at once: it names nobody.
    if phonenumbers.is_possible_number_with_reason(number) != ValidationResult.IS_POSSIBLE:
        return None
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
