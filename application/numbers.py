"""Telephone numbers: what arrives and what is dialled, told in one way, E.164."""

from __future__ import annotations

import re
from functools import lru_cache

import phonenumbers
from phonenumbers import ValidationResult

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
def _possible(text: str, country: str | None) -> str | None:
    try:
        number = phonenumbers.parse(text, country)
    except phonenumbers.NumberParseException:
        return None
    # A number without its area code is possible in many places at once: it names nobody.
    if phonenumbers.is_possible_number_with_reason(number) != ValidationResult.IS_POSSIBLE:
        return None
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
