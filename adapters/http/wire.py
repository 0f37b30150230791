"""How things look in JSON: money as exact decimals, times in UTC, and never a PIN or its digest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from enum import Enum
from typing import Annotated, Any, TypeVar
from uuid import UUID

import attrs
import msgspec
from msgspec import Meta, Struct

from domain.call_sessions import Evidence
from domain.money import Money, parse

MOST_RECORDS = 500
"""Records in one batch from an Asterisk."""

_KEPT_BACK = frozenset({"pin", "pin_digest", "key_digest"})
S = TypeVar("S", bound=Struct)
_LATEST_MS = 99_999_999_999_999

Text = Annotated[str, Meta(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]*\Z")]
Name = Annotated[str, Meta(min_length=1, max_length=100, pattern=r"^[^\x00-\x1f\x7f]*\Z")]
Digits = Annotated[str, Meta(min_length=4, max_length=20, pattern=r"^[0-9]*\Z")]
Reference = Annotated[str, Meta(max_length=100, pattern=r"^[a-z0-9][A-Za-z0-9._-]*\Z")]
Milliseconds = Annotated[int, Meta(ge=0, le=_LATEST_MS)]
AttemptNumber = Annotated[int, Meta(ge=1, le=999_999)]


class MoneyTold(Struct, frozen=True, forbid_unknown_fields=True):
    """``{"amount": "12.50", "unit": "USD"}``: text, because a JSON number is a float to many."""

    amount: Annotated[
        str,
        Meta(
            max_length=32,
            pattern=r"^-?[0-9]{1,13}(\.[0-9]{1,6})?\Z",
            description="A plain decimal with at most six places.",
        ),
    ]
    unit: Annotated[
        str, Meta(max_length=8, pattern=r"^[A-Z]{3}\Z", description="ISO 4217, or MIN: minutes.")
    ]

    def __post_init__(self) -> None:
        self.money()

    def money(self) -> Money:
        return parse(self.amount, self.unit)


class LegSent(
    Struct, frozen=True, forbid_unknown_fields=True, tag_field="type", tag="leg", kw_only=True
):
    """A dialled leg has ended; times in milliseconds since 1970 by the Asterisk that dialled."""

    reference: Reference
    attempt: AttemptNumber
    leg: AttemptNumber
    answered_ms: Milliseconds | None
    ended_ms: Milliseconds | None
    cause: Annotated[int, Meta(ge=0, le=999)] | None
    unique_id: Annotated[str, Meta(min_length=1, max_length=150)]
    evidence: Evidence = Evidence.LEG_RECORD


class CallEndSent(
    Struct, frozen=True, forbid_unknown_fields=True, tag_field="type", tag="call end", kw_only=True
):
    """The caller's channel is gone, and every leg record it left was sent before this."""

    reference: Reference
    reason: Text = "caller's channel ended"


class SightingSent(
    Struct, frozen=True, forbid_unknown_fields=True, tag_field="type", tag="sighting", kw_only=True
):
    """A leg was seen up, ``seconds`` after it was answered."""

    reference: Reference
    attempt: AttemptNumber
    answered_ms: Milliseconds
    seconds: Annotated[int, Meta(ge=0, le=864_000)]


RecordSent = LegSent | CallEndSent | SightingSent


class BatchSent(Struct, frozen=True, forbid_unknown_fields=True):
    records: Annotated[list[RecordSent], Meta(min_length=1, max_length=MOST_RECORDS)]


def to_wire(value: object) -> Any:
    """What JSON can say of a row or a fact.

    Money becomes ``{"amount", "unit"}``, a time RFC 3339 in UTC; PINs and their digests are kept
    back wherever they are. Raises TypeError for what has no form in JSON.
    """
    match value:
        case None | bool() | int():
            return value
        case Enum():
            return value.value
        case str():
            return value
        case Money():
            amount, _, unit = str(value).partition(" ")
            return {"amount": amount, "unit": unit}
        case UUID():
            return str(value)
        case datetime():
            return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
        case date():
            return value.isoformat()
        case Struct():
            return msgspec.to_builtins(value)
        case Mapping():
            return {str(to_wire(name)): _kept_back(str(name), each) for name, each in value.items()}
        case Sequence() | frozenset() | set():
            return [to_wire(each) for each in value]
        case _:
            kind: Any = type(value)
            if not attrs.has(kind):
                raise TypeError(f"{kind.__name__} has no form in JSON")
            names = (each.name for each in attrs.fields(kind))
            return {name: _kept_back(name, getattr(value, name)) for name in names}


def _kept_back(name: str, value: object) -> Any:
    return "kept back" if name in _KEPT_BACK else to_wire(value)


def told(money: Money) -> MoneyTold:
    amount, _, unit = str(money).partition(" ")
    return MoneyTold(amount, unit)


def tell(kind: type[S], source: object, **more: object) -> S:
    """An answer made of the attributes of the same names of a row or a state, and of ``more``."""
    fields = kind.__struct_fields__
    known = {name: _told(getattr(source, name)) for name in fields if name not in more}
    return kind(**known, **more)


def _told(value: object) -> object:
    match value:
        case Money():
            return told(value)
        case datetime():
            return value.astimezone(UTC)
        case tuple() | frozenset():
            return [_told(each) for each in value]
        case _:
            return value


def encode(value: object) -> bytes:
    return msgspec.json.encode(value)
