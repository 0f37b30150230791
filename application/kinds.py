"""The kinds of streams in the ledger, and the ids that follow from what a stream is about."""

from __future__ import annotations

import re
from uuid import UUID, uuid5

from application.ids import time_ordered
from application.streams import Kind
from domain import (
    access_numbers,
    accounts,
    call_sessions,
    caller_ids,
    card_groups,
    cards,
    tariffs,
    top_ups,
)

ACCOUNTS = Kind("account", accounts.evolve)
ACCESS_NUMBERS = Kind("access number", access_numbers.evolve)
CALL_SESSIONS = Kind("call session", call_sessions.evolve)
CALLER_IDS = Kind("caller ID", caller_ids.evolve)
CARDS = Kind("card", cards.evolve)
CARD_GROUPS = Kind("card group", card_groups.evolve)
TARIFFS = Kind("tariff", tariffs.evolve)
TOP_UPS = Kind("top-up", top_ups.evolve)

CARD_NUMBER = "card-number"
PIN = "pin"
"""Claims: a card number and a PIN digest each belong to one card (unique system-wide)."""

_NAMED = UUID("6f6f4f0e-0d3c-4c0e-9a53-2f8f6f0f7c11")
_REFERENCE = re.compile(
    r"(?P<node>[a-z0-9]{1,16})-(?:[\w.]+-)?(?P<seconds>\d{9,11})\.\d{1,10}", re.ASCII
)


def access_number_id(number: str) -> UUID:
    return uuid5(_NAMED, f"access-number:{number}")


def caller_id_id(number: str) -> UUID:
    """A stream per caller ID (ADR 0005), so the store itself keeps two owners apart."""
    return uuid5(_NAMED, f"caller-id:{number}")


def card_group_id(name: str) -> UUID:
    return uuid5(_NAMED, f"card-group:{name}")


def tariff_id(name: str) -> UUID:
    return uuid5(_NAMED, f"tariff:{name}")


def hold_id(session_id: UUID, attempt: int) -> UUID:
    return uuid5(session_id, str(attempt))


def account_id_of_card(card_id: UUID) -> UUID:
    """Sorts right behind its card: the same time, another end."""
    return time_ordered(card_id.int >> 80, "account", str(card_id))


def session_id(reference: str) -> UUID:
    """The session that Asterisk calls ``<node>-<unique id>``, whoever names it.

    Raises ValueError for a reference of another form.
    """
    found = _REFERENCE.fullmatch(reference)
    if found is None:
        raise ValueError(
            f"the reference of a call is <node>-<Asterisk's unique id>, not {reference[:80]!r}"
        )
    return time_ordered(int(found["seconds"]) * 1000, "call", reference)
