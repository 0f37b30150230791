"""The kinds of streams in the ledger, and the ids that follow from what a stream is about."""

from __future__ import annotations

import re
from functools import lru_cache
from hashlib import sha256
from uuid import UUID, uuid5

from application.ids import time_ordered
from application.streams import Kind
from domain import (
    access_numbers,
    accounts,
    acts,
    adjustments,
    approvals,
    call_sessions,
    caller_ids,
    card_groups,
    cards,
    corrections,
    distributors,
    lots,
    machine_keys,
    people,
    pin_spaces,
    providers,
    routing,
    sealed_numbers,
    tariffs,
    top_ups,
    trunks,
)

ACCOUNTS = Kind("account", accounts.evolve)
ACTS = Kind("act", acts.evolve)
ACCESS_NUMBERS = Kind("access number", access_numbers.evolve)
CALL_SESSIONS = Kind("call session", call_sessions.evolve)
CALLER_IDS = Kind("caller ID", caller_ids.evolve)
CARDS = Kind("card", cards.evolve)
CARD_GROUPS = Kind("card group", card_groups.evolve)
CORRECTIONS = Kind("correction", corrections.evolve)
MACHINE_KEYS = Kind("machine keys", machine_keys.evolve)
PROVIDERS = Kind("provider", providers.evolve)
ROUTING = Kind("routing plan", routing.evolve)
STAFF = Kind("staff", people.evolve)
ADJUSTMENTS = Kind("adjustment", adjustments.evolve)
APPROVALS = Kind("approval", approvals.evolve)
DISTRIBUTION = Kind("distribution", distributors.evolve)
LOTS = Kind("lot", lots.evolve)
PIN_SPACES = Kind("PIN space", pin_spaces.evolve)
TARIFFS = Kind("tariff", tariffs.evolve)
TOP_UPS = Kind("top-up", top_ups.evolve)
TRUNKS = Kind("trunk", trunks.evolve)

DISTRIBUTION_ID = UUID("6f6f4f0e-0d3c-4c0e-9a53-2f8f6f0f7c12")
"""All distributors and their ranges are one stream."""

CARD_NUMBER = "card-number"
PIN = "pin"
"""Claims: a card number and a PIN digest each belong to one card (unique system-wide)."""
LOT_NAME = "lot"
"""A claim: the name of a lot."""
REQUEST = "request"
"""A claim: the id under which something was asked for, so that a repetition finds it again."""

_NAMED = UUID("6f6f4f0e-0d3c-4c0e-9a53-2f8f6f0f7c11")
_REFERENCE = re.compile(
    r"(?P<node>[a-z0-9]{1,16})-(?:[\w.]+-)?(?P<seconds>\d{9,11})\.\d{1,10}", re.ASCII
)

STAFF_ID = uuid5(_NAMED, "staff")
KEY_RING_ID = uuid5(_NAMED, "machine-keys")
"""The one stream of all people, and the one of all machine keys."""

ROUTING_ID = uuid5(_NAMED, "routing-plan")
"""The operator's one routing plan."""


def access_number_id(number: str) -> UUID:
    return uuid5(_NAMED, f"access-number:{number}")


def caller_id_id(sealed: str) -> UUID:
    """A stream per caller ID (ADR 0005), so the store itself keeps two owners apart.

    It follows from the person and not from the number, which could be found by trying all numbers.
    Raises ValueError for a number that is not sealed.
    """
    return uuid5(_NAMED, f"caller-id:{sealed_numbers.read(sealed).person_id}")


def card_group_id(name: str) -> UUID:
    return uuid5(_NAMED, f"card-group:{name}")


def provider_id(name: str) -> UUID:
    return uuid5(_NAMED, f"provider:{name}")


def pin_space_id(length: int) -> UUID:
    """How many PINs of a length are in use is counted in one stream, so the cap is exact."""
    return uuid5(_NAMED, f"pin-space:{length}")


def card_id_of_lot(lot_id: UUID, place: int) -> UUID:
    """The card in a place of a lot, counted from 0.

    A UUID version 8 (RFC 9562): the lot's time, then 20 bits of the place, the rest from the
    SHA-256 of the lot. So the cards of a lot lie behind one another in their order, and making
    them again makes the same ones.
    """
    if not 0 <= place < 1 << 20:
        raise ValueError(f"a place in a lot is 0 to {(1 << 20) - 1}, not {place}")
    return UUID(int=_lot_base(lot_id) | (place >> 8) << 64 | (place & 0xFF) << 54)


def lot_mark(card_id: UUID) -> UUID:
    """What all cards of one lot have in common, and no other card has: the id of its first one."""
    return UUID(int=card_id.int & ~(0xFFF << 64 | 0xFF << 54))


def place_in_lot(card_id: UUID) -> int:
    """The place of a card in its lot. Of a card of no lot this means nothing."""
    return (card_id.int >> 64 & 0xFFF) << 8 | card_id.int >> 54 & 0xFF


@lru_cache(maxsize=64)
def _lot_base(lot_id: UUID) -> int:
    rest = int.from_bytes(sha256(b"lot" + lot_id.bytes).digest()[:7], "big") & _END
    return lot_id.int >> 80 << 80 | 0x8 << 76 | 0b10 << 62 | rest


def tariff_id(name: str) -> UUID:
    return uuid5(_NAMED, f"tariff:{name}")


def trunk_id(name: str) -> UUID:
    return uuid5(_NAMED, f"trunk:{name}")


def correction_id(name: str) -> UUID:
    """A correction of many charges is named by a person: the same name is the same correction."""
    return uuid5(_NAMED, f"correction:{name}")


def distributor_id(name: str) -> UUID:
    return uuid5(_NAMED, f"distributor:{name}")


def hold_id(session_id: UUID, attempt: int) -> UUID:
    return uuid5(session_id, str(attempt))


def account_id_of_card(card_id: UUID) -> UUID:
    """Lies beside its card, so that a lot that becomes active writes to few pages of an index."""
    return _beside(card_id, b"account")


def face_value_id_of_card(card_id: UUID) -> UUID:
    """The top-up that gives a card its face value, at its first activation."""
    return _beside(card_id, b"face value")


def _beside(stream_id: UUID, what: bytes) -> UUID:
    """The id with another end: the last 54 bits are of a SHA-256."""
    end = int.from_bytes(sha256(what + stream_id.bytes).digest()[:7], "big") & _END
    return UUID(int=stream_id.int & ~_END | end)


_END = (1 << 54) - 1


def session_id(reference: str) -> UUID:
    """The session that Asterisk calls ``<node>-<unique id>``, whoever names it.

    Raises ValueError for a reference of another form.
    """
    found = _REFERENCE.fullmatch(reference)
    if found is None:
        raise ValueError(
            "the reference of a call is <node>-<Asterisk's unique id>, such as"
            f" pbx1-1763765000.42, not {reference[:80]!r}"
        )
    return time_ordered(int(found["seconds"]) * 1000, "call", reference)
